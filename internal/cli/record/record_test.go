package record

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestLines(t *testing.T) {
	f := func(r kgo.Record, want string) {
		t.Helper()
		got := string(Append(nil, &r))
		if got != want+"\n" {
			t.Errorf("%s", got)
		}
		same(t, &r, []byte(got))
	}
	at := time.UnixMilli(1_800_000_000_000)
	f(kgo.Record{Topic: "t", Partition: 3, Offset: 7, Timestamp: at, Key: []byte("k"), Value: []byte("v")},
		`{"topic":"t","partition":3,"offset":7,"timestamp":1800000000000,"key":"k","value":"v","headers":[]}`)
	f(kgo.Record{Topic: "t", Timestamp: time.UnixMilli(-1), Value: []byte{}},
		`{"topic":"t","partition":0,"offset":0,"timestamp":-1,"key":null,"value":"","headers":[]}`)
	f(kgo.Record{Topic: "t", Timestamp: at, Key: []byte("\"\\\n\u2028é\x7f"), Value: []byte{0xff, 0}, Headers: []kgo.RecordHeader{{Key: "a"}, {Key: "a", Value: []byte{}}, {Key: "", Value: []byte{0xfe}}, {Key: "\xff", Value: []byte("<&>")}}},
		`{"topic":"t","partition":0,"offset":0,"timestamp":1800000000000,"key":"\"\\\n\u2028é`+"\x7f"+`","value_base64":"/wA=","headers":[{"key":"a","value":null},{"key":"a","value":""},{"key":"","value_base64":"/g=="},{"key_base64":"/w==","value":"<&>"}]}`)
}

// same wants that a line is read to the record that was written.
func same(t *testing.T, r *kgo.Record, text []byte) {
	t.Helper()
	back, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if !back.Timestamp.Equal(r.Timestamp) {
		t.Errorf("timestamp %v became %v", r.Timestamp, back.Timestamp)
	}
	back.Timestamp = r.Timestamp
	if !reflect.DeepEqual(back, r) {
		t.Errorf("%+v became %+v", r, back)
	}
}

func TestRefusedLines(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if r, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
	f(``, "not complete")
	f(`{"key":"a"`, "not complete")
	f(`[]`, "cannot be a JSON array")
	f(`{"kee":"a"}`, `unknown field "kee"`)
	f(`{"value":1}`, `"value" cannot be a JSON number`)
	f(`{"value":{}}`, `"value" cannot be a JSON object`)
	f(`{"value":"a","value_base64":"YQ=="}`, "twice")
	f(`{"value_base64":"*"}`, "base64")
	f(`{"partition":-1}`, "partition is -1")
	f(`{"partition":2147483648}`, "partition")
	f(`{"headers":[{"value":"x"}]}`, "no key")
	f(`{} {}`, "more than one")
	f("{\"key\":\"\xff\"}", "UTF-8")
}

func TestMissingMembers(t *testing.T) {
	r, err := Parse([]byte(`{"value":"v","key":null}`))
	if err != nil || r.Key != nil || r.Partition != AnyPartition || !r.Timestamp.IsZero() || string(r.Value) != "v" || r.Headers != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// Whatever bytes a record holds, it comes back.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("k"), []byte("v"), "h", []byte("x"), int64(5), int32(1), byte(0))
	f.Add([]byte{0xff}, []byte("\x00\"\\"), "\xff", []byte{}, int64(-1), int32(0), byte(7))
	f.Fuzz(func(t *testing.T, key, value []byte, h string, hv []byte, ts int64, p int32, nulls byte) {
		if p < 0 {
			p = -(p + 1)
		}
		r := &kgo.Record{Topic: "t", Partition: p, Offset: 9, Timestamp: time.UnixMilli(ts), Key: key, Value: value, Headers: []kgo.RecordHeader{{Key: h, Value: hv}, {Key: h}}}
		for i, b := range []*[]byte{&r.Key, &r.Value, &r.Headers[0].Value} {
			if nulls>>i&1 == 1 {
				*b = nil
			} else if *b == nil {
				*b = []byte{}
			}
		}
		same(t, r, Append(nil, r))
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"topic":"t","partition":3,"key":"k","headers":[{"key":"a","value_base64":"/w=="}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err != nil || r.Partition == AnyPartition || strings.ToValidUTF8(r.Topic, "") != r.Topic {
			return
		}
		if len(r.Headers) == 0 {
			r.Headers = nil
		}
		same(t, r, Append(nil, r))
	})
}

func TestFilter(t *testing.T) {
	r := &kgo.Record{Key: []byte("order-7"), Value: nil, Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("abc")}, {Key: "null"}}}
	f := func(want bool, key, value string, headers ...string) {
		t.Helper()
		filter, err := NewFilter(key, value, headers)
		if err != nil || filter.Wants(r) != want {
			t.Errorf("%v, %v", filter.Wants(r), err)
		}
	}
	f(true, "", "")
	f(true, "^order-", "")
	f(false, "^x", "")
	f(false, "", ".*") // null is not even empty
	f(true, "", "", "trace")
	f(true, "", "", "trace=^a", "null")
	f(false, "", "", "trace=^b")
	f(false, "", "", "null=")
	f(false, "", "", "other")
	for _, bad := range [][]string{{"(", ""}, {"", "("}, {"", "", "h=("}} {
		if _, err := NewFilter(bad[0], bad[1], bad[2:]); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}
