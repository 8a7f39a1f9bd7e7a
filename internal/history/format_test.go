package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

var formats = []struct {
	name  string
	write func(io.Writer, *History) error
	read  func(io.Reader) (*History, error)
}{
	{"json", WriteJSON, ReadJSON},
	{"edn", WriteEDN, ReadEDN},
}

func written(t testing.TB, write func(io.Writer, *History) error, h *History) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, h); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func report(t testing.TB, h *History) *Report {
	t.Helper()
	r, err := Check(h, Options{MaxPerKind: -1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRoundTrip: what is written and read again is the same file, the same in the other format,
// and gets the same verdict, with and without anomalies.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(60) {
		m, recs := valid(seed)
		g := &garden{m, m.rng, recs}
		if seed%2 == 0 {
			damage(g)
		}
		fault := g.sent(Fault, OK)
		fault.call.Process, fault.note = 0, "partition \"1|2\"\n, <3>"
		h := build(testKeys, g.recs)
		want := report(t, h)
		for _, f := range formats {
			file := written(t, f.write, h)
			back, err := f.read(bytes.NewReader(file))
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, f.name, err)
			}
			if again := written(t, f.write, back); !bytes.Equal(file, again) {
				t.Fatalf("seed %d, %s: written again it is another file:\n%s", seed, f.name, firstDifference(file, again))
			}
			if !bytes.Equal(written(t, WriteEDN, h), written(t, WriteEDN, back)) {
				t.Fatalf("seed %d: %s loses something that EDN has", seed, f.name)
			}
			if got := report(t, back); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, %s: after a round trip:\n%s\nbefore it:\n%s", seed, f.name, got, want)
			}
		}
	}
}

// damage changes micro-operations at random.
func damage(g *garden) {
	for range 10 {
		r := g.recs[g.rng.IntN(len(g.recs))]
		if len(r.mops) == 0 {
			continue
		}
		m := &r.mops[g.rng.IntN(len(r.mops))]
		switch {
		case m.kind == MopRead && g.rng.IntN(2) == 0:
			m.value = 1 + Value(g.rng.Int64N(int64(g.value[m.key])+1))
		case m.kind == MopRead || m.kind == MopSend:
			m.offset = int64(g.rng.IntN(len(g.logs[m.key])+2)) - 1
		}
	}
}

func firstDifference(a, b []byte) string {
	x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] + "\n" + y[i]
		}
	}
	return "one is longer"
}

// TestEventOrder: at one time, what returns stands before what is invoked (a process does one thing at
// a time), and what was invoked first returns first.
func TestEventOrder(t *testing.T) {
	h := New()
	a, b := h.Invoke(1, Call{Process: 1, F: Poll}), h.Invoke(2, Call{Process: 2, F: Poll})
	h.Complete(5, b, OK, "")
	h.Complete(5, a, OK, "")
	h.Complete(5, h.Invoke(5, Call{Process: 1, F: Poll}), OK, "")
	var got []string
	for line := range strings.Lines(string(written(t, WriteEDN, h))) {
		var index, time, process int
		var typ string
		if _, err := fmt.Sscanf(line, "{:index %d, :time %d, :type %s :f :poll, :process %d,", &index, &time, &typ, &process); err == nil {
			got = append(got, fmt.Sprint(process, typ, time))
		}
	}
	want := []string{"1:invoke,1", "2:invoke,2", "1:ok,5", "2:ok,5", "1:invoke,5", "1:ok,5"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("have %q, want %q", got, want)
	}
}

// jepsen is what Jepsen's kafka workload writes: records with tags, names that we do not know, a
// nemesis, pairing by process.
const jepsen = `
#jepsen.history.Op{:index 0, :time 100, :type :invoke, :process 0, :f :assign, :value [0 3]}
#jepsen.history.Op{:index 1, :time 200, :type :ok, :process 0, :f :assign, :value [0 3], :seek-to-beginning? true} ; comment
{:index 2, :time 300, :type :invoke, :process 1, :f :send, :value [[:send 3 17]]}
{:index 3, :time 300, :type :info, :process :nemesis, :f :start-partition, :value {"n1" #{"n2" "n3"}}}
{:index 4, :time 400, :type :invoke, :process 0, :f :debug-topic-partitions, :value [0 1]}
{:index 5, :time 400, :type :ok, :process 1, :f :send, :value [[:send 3 [8 17]]]}
{:index 6, :time 500, :type :invoke, :process 1, :f :txn, :value [[:send 3 18] [:poll]]}
{:index 7, :time 600, :type :info, :process 1, :f :txn, :value [[:send 3 18] [:poll]], :error [:timeout 1.5], :ext nil}
{:index 8, :time 700, :type :invoke, :process 0, :f :poll, :value [[:poll]]}
{:index 9, :time 800, :type :ok, :process 0, :f :poll, :value [[:poll {3 [[8 17] [9 18]], 0 []}]], :rebalance-log [{:keys [3], :type :revoked}] #_ ignored}
{:index 10, :time 900, :type :invoke, :process 0, :f :crash, :value nil}
{:index 11, :time 900, :type :info, :process 0, :f :crash, :value nil}
`

func TestJepsen(t *testing.T) {
	for _, text := range []string{jepsen, "[" + jepsen + "]"} {
		h, err := ReadEDN(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for id := range h.Len() {
			op := h.Op(OpID(id))
			got = append(got, op.F.String()+" "+op.Outcome.String())
		}
		want := []string{"assign ok", "send ok", "fault ok", "txn open", "poll ok", "crash open"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("have %q, want %q", got, want)
		}
		if tp := (TopicPartition{"t1", 1}); h.Keys()[h.KeyOf(h.Mops(1)[0])] != tp {
			t.Errorf("key 3 is %v, want %v", h.Keys()[h.KeyOf(h.Mops(1)[0])], tp)
		}
		if mops := h.Mops(4); len(mops) != 4 || mops[2].Offset != 9 || h.ValueOf(mops[2]) != 18 || mops[3].Kind != MopRebalanced {
			t.Errorf("the poll is %+v", mops)
		}
		if r := report(t, h); !r.Valid() {
			t.Errorf("not valid: %s", r)
		}
	}
}

func TestMalformed(t *testing.T) {
	const begin = `{"time":5,"type":"invoke","f":"send","process":1,"value":[["send",0,1]]}` + "\n"
	for _, c := range []struct{ name, text string }{
		{"no event", `7`},
		{"two values", `{} {}`},
		{"no type", `{"f":"send","process":1}`},
		{"no f", `{"type":"invoke","process":1}`},
		{"unknown f", `{"type":"invoke","f":"sned","process":1}`},
		{"unknown nemesis", `{"type":"info","f":"zap","process":"nemesis"}`},
		{"no process", `{"type":"invoke","f":"send"}`},
		{"large process", `{"type":"invoke","f":"send","process":4294967296}`},
		{"negative time", `{"time":-1,"type":"invoke","f":"send","process":1}`},
		{"fraction of time", `{"time":1.5,"type":"invoke","f":"send","process":1}`},
		{"returns first", `{"type":"ok","f":"send","process":1}`},
		{"invoked twice", begin + begin},
		{"time goes back", begin + `{"time":4,"type":"ok","f":"send","process":1}`},
		{"other f", begin + `{"time":6,"type":"ok","f":"poll","process":1}`},
		{"unknown type", begin + `{"time":6,"type":"yes","f":"send","process":1}`},
		{"fault of a client", `{"type":"invoke","f":"send","process":1,"op":0}` + "\n" + `{"type":"info","f":"fault-end","process":"nemesis","op":0}`},
		{"negative value", `{"type":"invoke","f":"send","process":1,"value":[["send",0,-1]]}`},
		{"negative key", `{"type":"invoke","f":"send","process":1,"value":[["send",-1,1]]}`},
		{"offset below -1", `{"type":"invoke","f":"send","process":1,"value":[["send",0,[-2,1]]]}`},
		{"unknown mop", `{"type":"invoke","f":"send","process":1,"value":[["recv",0,1]]}`},
		{"no mop", `{"type":"invoke","f":"send","process":1,"value":[7]}`},
		{"no pair", `{"type":"invoke","f":"poll","process":1,"value":[["poll",[[1,2,3]]]]}`},
		{"key twice", `{"type":"info","f":"keys","process":"nemesis","value":[[0,["a",0]],[0,["b",0]]]}`},
		{"no partition", `{"type":"info","f":"keys","process":"nemesis","value":[[0,["a",-1]]]}`},
		{"next format", `{"type":"info","f":"keys","process":"nemesis","format":2,"value":[]}`},
		{"too deep", strings.Repeat("[", 100) + strings.Repeat("]", 100)},
		{"cut", `{"type":`},
	} {
		if _, err := ReadJSON(strings.NewReader(c.text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", c.name, err)
		}
	}
	for _, text := range []string{"{", "{:a}", "[{}", "{:a \"", "#", "##", "\\a", strings.Repeat("[", 100), "{:a " + strings.Repeat("[", 50) + strings.Repeat("]", 50) + "}", "7", `{:a "\q"}`, `{:a "\uXXXX"}`} {
		if _, err := ReadEDN(strings.NewReader(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("EDN %q: %v, want ErrFormat", text, err)
		}
	}
}

// TestInputErrors: an error of the reader or writer below comes back as it is.
func TestInputErrors(t *testing.T) {
	_, recs := valid(1)
	h := build(testKeys, recs)
	broken := errors.New("broken")
	for _, f := range formats {
		text := written(t, f.write, h)
		for _, n := range []int{0, 5, len(text) / 2} {
			_, err := f.read(io.MultiReader(bytes.NewReader(text[:n]), iotest.ErrReader(broken)))
			if !errors.Is(err, broken) || errors.Is(err, ErrFormat) {
				t.Errorf("%s after %d bytes: %v", f.name, n, err)
			}
		}
		if err := f.write(failingWriter{broken}, h); !errors.Is(err, broken) {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func fuzzFormat(f *testing.F, write func(io.Writer, *History) error, read func(io.Reader) (*History, error)) {
	for seed := range uint64(3) {
		m := newModel(seed, 2, 2)
		f.Add(written(f, write, build(2, m.run(10))))
	}
	f.Add([]byte(jepsen))
	f.Add([]byte("{:process :nemesis :type :info :f :keys :value {0 [\"\x93\" 0]}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := read(bytes.NewReader(data))
		if err != nil {
			return
		}
		once := written(t, write, h)
		back, err := read(bytes.NewReader(once))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, once)
		}
		if again := written(t, write, back); !bytes.Equal(once, again) {
			t.Fatalf("not stable: %s", firstDifference(once, again))
		}
		r, err := Check(h, Options{})
		if err != nil {
			return
		}
		if err := WriteHTML(io.Discard, h, r); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzReadJSON(f *testing.F) { fuzzFormat(f, WriteJSON, ReadJSON) }
func FuzzReadEDN(f *testing.F)  { fuzzFormat(f, WriteEDN, ReadEDN) }
