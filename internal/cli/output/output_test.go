package output

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func example() *Table {
	t := New("name", ">records", "leader_isr", "seen")
	t.Add("orders", int64(12), []int32{1, 2}, time.UnixMilli(0))
	t.Add("订单\n", nil, []int32(nil), 90*time.Second)
	return t
}

func TestTable(t *testing.T) {
	f := func(as Format, want string) {
		t.Helper()
		var b bytes.Buffer
		if err := example().Write(&b, as); err != nil || b.String() != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", as, err, b.String(), want)
		}
	}
	f(AsTable, "NAME    RECORDS  LEADER ISR  SEEN\norders       12  1,2         1970-01-01T00:00:00.000Z\n订单\\n        -  -           1m 30s\n")
	f(AsPlain, "orders\t12\t1,2\t1970-01-01T00:00:00.000Z\n订单\\n\t-\t-\t1m 30s\n")
	f(AsJSON, `[
  {
    "name": "orders",
    "records": 12,
    "leader_isr": [
      1,
      2
    ],
    "seen": 0
  },
  {
    "name": "订单\n",
    "records": null,
    "leader_isr": [],
    "seen": 90000
  }
]
`)
}

// A cell must not break the line that it is in, nor write to the terminal.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\nb", "\x1b[2J", "\xff\xfe", "\u2028", "é", "\xed\xa0\x80x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if got == "" || strings.IndexFunc(got, unprintable) >= 0 {
			t.Errorf("%q becomes %q", s, got)
		}
		if text, err := json.Marshal(Object{{"k", s}}); err != nil || !json.Valid(text) {
			t.Errorf("%q: %s, %v", s, text, err)
		}
	})
}

func TestUnits(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	f(Bytes(0), "0 B")
	f(Bytes(1536), "1.5 KiB")
	f(Bytes(-3<<20), "-3.0 MiB")
	f(Bytes(1<<62), "4.0 EiB")
	f(Count(0), "0")
	f(Count(999), "999")
	f(Count(-1234567), "-1,234,567")
	f(Duration(45*time.Millisecond), "45ms")
	f(Duration(12345*time.Millisecond), "12.3s")
	f(Duration(-61*time.Second), "-1m 1s")
	f(Duration(25*time.Hour+time.Minute), "25h 1m")
	f(Duration(50*time.Hour), "2d 2h")
}

func TestFormats(t *testing.T) {
	for _, f := range Formats {
		if got, err := ParseFormat(f, nil); err != nil || string(got) != f {
			t.Errorf("%s: %s, %v", f, got, err)
		}
	}
	if got, err := ParseFormat("", &bytes.Buffer{}); err != nil || got != AsPlain {
		t.Errorf("in a pipe: %s, %v", got, err)
	}
	if _, err := ParseFormat("xml", nil); err == nil {
		t.Error("xml is taken")
	}
}

// A line appears after a second, says how much is left, and goes away.
func TestProgress(t *testing.T) {
	at := time.Unix(0, 0)
	var b bytes.Buffer
	p := newProgress(&b, "records", 2000, func() time.Time { return at })
	p.Add(500, 1<<20)
	if b.Len() > 0 {
		t.Errorf("at once: %q", b.String())
	}
	at = at.Add(time.Second)
	p.Add(500, 1<<20)
	p.Add(0, 0)
	p.Clear()
	p.Clear()
	if want := "\r\x1b[K1,000 of 2,000 records (50 %), 1,000/s, 2.0 MiB/s, 1.0s left\r\x1b[K"; b.String() != want {
		t.Errorf("%q", b.String())
	}
	quiet := NewProgress(&b, "records", 0, func() time.Time { return at })
	before := b.Len()
	at = at.Add(time.Hour)
	quiet.Add(7, 7)
	quiet.Clear()
	if b.Len() != before || quiet.line(at.Add(time.Second)) != "7 records, 0/s, 0 B/s" {
		t.Errorf("%q", b.String()[before:])
	}
}
