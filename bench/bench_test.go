package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
)

func TestQuartiles(t *testing.T) {
	f := func(want Quartiles, values ...float64) {
		t.Helper()
		if got := quartiles(values); got != want {
			t.Errorf("%v: %+v, want %+v", values, got, want)
		}
	}
	f(Quartiles{7, 7, 7}, 7)
	f(Quartiles{1.25, 1.5, 1.75}, 2, 1)
	f(Quartiles{2, 3, 4}, 5, 1, 3, 2, 4)
}

// TestRatios: more than 1 is better, whichever way the unit goes; a turn is compared with the same turn.
func TestRatios(t *testing.T) {
	first, other := []Sample{{Requests: 10}, {Requests: 20}}, []Sample{{Requests: 20}, {Requests: 30}}
	less := measure{of: requests}
	if r := ratios(less, first, other); r[0] != 2 || r[1] != 1.5 {
		t.Error("less is better:", r)
	}
	less.more = true
	if r := ratios(less, first, other); r[0] != 0.5 || r[1] != 20.0/30 {
		t.Error("more is better:", r)
	}
}

// TestAnswerReader cuts a stream of answers at every place.
func TestAnswerReader(t *testing.T) {
	var stream []byte
	sizes := []int{0, 1, 4, prefixBytes - 1, prefixBytes, prefixBytes + 1, 1000}
	for i, n := range sizes {
		stream = binary.BigEndian.AppendUint32(stream, uint32(n))
		stream = append(stream, bytes.Repeat([]byte{byte(i)}, n)...)
	}
	for piece := 1; piece <= len(stream); piece++ {
		var a answerReader
		var got []int
		for rest := stream; len(rest) > 0; {
			n := min(piece, len(rest))
			err := a.read(rest[:n], func(prefix []byte, size int) error {
				if want := bytes.Repeat([]byte{byte(len(got))}, min(size, prefixBytes)); !bytes.Equal(prefix, want) {
					t.Errorf("pieces of %d: answer %d begins with %v", piece, len(got), prefix)
				}
				got = append(got, size)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if len(got) != len(sizes) {
			t.Fatalf("pieces of %d: %d answers", piece, len(got))
		}
	}
}

// TestWrongAnswers: what a broker refuses does not count as work.
func TestWrongAnswers(t *testing.T) {
	b := testBroker(t)
	s := &stage{Broker: b, scale: 1, policy: PolicyOS, topicName: "t"}
	p := &producing{shape: sized(1000, 100), acks: 1, connections: 1, window: 2, partitions: 1, batches: 10}
	records, err := p.shape.build()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.topic(t.Context(), "t", 1, PolicyOS); err != nil {
		t.Fatal(err)
	}
	run := func(change func(frame []byte, r produce)) error {
		r := newProduce("t", 1, bytes.Clone(records))
		change(r.frame, r)
		_, err := s.measure(t.Context(), p.flows(r, 10), 0)
		return err
	}
	if err := run(func([]byte, produce) {}); err != nil {
		t.Error("good batches:", err)
	}
	if err := run(func(frame []byte, r produce) { r.to(frame, 1) }); err == nil || !strings.Contains(err.Error(), "UNKNOWN_TOPIC") {
		t.Error("a partition that is not there:", err)
	}
	if err := run(func(frame []byte, _ produce) { frame[len(frame)-10] ^= 1 }); err == nil {
		t.Error("a damaged batch was taken")
	}
}

// testBroker is a broker in this process and in memory, whose processor time is therefore the driver's too.
func testBroker(t *testing.T) *Broker {
	t.Helper()
	if _, err := cpuOf(os.Getpid()); errors.Is(err, ErrSystem) {
		t.Skip(err)
	}
	b := &Broker{Name: "test", Addr: brokertest.Start(t).Addr(), PID: os.Getpid(), dir: t.TempDir(), end: func() error { return nil },
		plain: map[string]string{"flush.policy": "os"}, durable: map[string]string{"flush.policy": "group"}}
	if err := b.begin(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.admin.Close)
	return b
}

// TestRun lets two brokers do very little work of most scenarios and looks at the whole report.
func TestRun(t *testing.T) {
	maker := func(name string) Maker {
		return Maker{Name: name, About: "in the test", Start: func(_ context.Context, dir string, _ map[string]string) (*Broker, error) {
			b := *testBroker(t)
			b.Name = name
			return &b, os.MkdirAll(dir, 0o755)
		}}
	}
	report, err := Run(t.Context(), Options{Makers: []Maker{maker("a"), maker("b")}, Turns: 3, Scale: 0.001, Dir: t.TempDir(), Responder: testResponder(t),
		Only: regexp.MustCompile(`^(P1|P1d|P3|P5|P5b|P6|P7b|A1|P8|F1|F2|F2b|F2c|C2|F1t1|F1t4|L1a|L2|O1b|F5|G1|G2) `)})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range report.Rows {
		seen[r.ID] = true
		if r.Failed != "" {
			t.Errorf("%s: %s", r.ID, r.Failed)
			continue
		}
		if len(r.Cells) != 2 || r.Cells[0].Ratio != nil || (r.Cells[1].Ratio == nil) == !told(r.Unit) {
			t.Fatalf("%s: %+v", r.ID, r)
		}
		for _, c := range r.Cells {
			if c.Failed != "" || c.Value.Median <= 0 || c.Value.Q1 > c.Value.Median || c.Value.Median > c.Value.Q3 {
				t.Errorf("%s: %+v", r.ID, c)
			}
		}
	}
	if len(seen) != 22 {
		t.Errorf("scenarios: %v", seen)
	}
	if above := report.Above(); len(above) != 8 {
		t.Errorf("less a responder: %q", above)
	}
	curves := map[string]int{}
	for _, c := range report.Curves {
		curves[c.ID]++
		if last := c.Points[len(c.Points)-1]; last.Percentile != 100 || last.Microseconds <= 0 || c.Count <= 0 {
			t.Errorf("%s: %+v", c.ID, c)
		}
	}
	if want := map[string]int{"A1": 3, "L1a": 3, "L2": 2, "O1b": 2, "P8": 2}; !maps.Equal(curves, want) {
		t.Errorf("curves: %v, want %v", curves, want)
	}
	var page, doc bytes.Buffer
	if err := errors.Join(report.WriteMarkdown(&page), report.WriteJSON(&doc)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(page.String()), "\n")
	at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "| # |") })
	head := lines[at]
	for _, line := range lines[at:][:2+len(report.Rows)] {
		if strings.Count(line, "|") != strings.Count(head, "|") {
			t.Errorf("columns of %q differ from those of %q", line, head)
		}
	}
}

// told says which figures are not compared.
func told(unit string) bool { return unit == "late p99 µs" || unit == "new connections/s" }

// testResponder does nothing in this process.
func testResponder(t *testing.T) Maker {
	return responderMaker(func(ctx context.Context) (*Broker, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		ended := make(chan error, 1)
		go func() { ended <- Respond(ctx, l) }()
		return &Broker{Name: noopName, Addr: l.Addr().String(), PID: os.Getpid(), end: func() error { cancel(); return <-ended }}, nil
	})
}

// TestFailure: a scenario that cannot be measured is a row that says so.
func TestFailure(t *testing.T) {
	s := Maker{Name: "a", Start: func(_ context.Context, dir string, _ map[string]string) (*Broker, error) {
		b := testBroker(t)
		b.plain = map[string]string{"no.such.config": "x"}
		return b, os.MkdirAll(dir, 0o755)
	}}
	report, err := Run(t.Context(), Options{Makers: []Maker{s}, Turns: 2, Scale: 0.001, Dir: t.TempDir(), Only: regexp.MustCompile("^P1 ")})
	if err != nil || len(report.Rows) != 1 || !strings.Contains(report.Rows[0].Failed, "INVALID_CONFIG") {
		t.Fatalf("%v, %+v", err, report.Rows)
	}
	var page bytes.Buffer
	if err := report.WriteMarkdown(&page); err != nil || !strings.Contains(page.String(), "failed") {
		t.Errorf("%v\n%s", err, &page)
	}
}

// TestPeerFails: what the first broker did counts although the other one could not, and the report says which and why.
func TestPeerFails(t *testing.T) {
	maker := func(name string, configs map[string]string) Maker {
		return Maker{Name: name, Start: func(_ context.Context, dir string, _ map[string]string) (*Broker, error) {
			b := testBroker(t)
			b.Name = name
			b.plain = configs
			return b, os.MkdirAll(dir, 0o755)
		}}
	}
	none := maker("c", nil)
	none.Start = func(context.Context, string, map[string]string) (*Broker, error) { return nil, errors.New("no room") }
	blank := maker("d", nil)
	blank.Can = []string{"F2"}
	report, err := Run(t.Context(), Options{Makers: []Maker{maker("a", nil), maker("b", map[string]string{"no.such.config": "x"}), none, blank},
		Turns: 2, Scale: 0.001, Dir: t.TempDir(), Only: regexp.MustCompile("^P4 ")})
	if err != nil || len(report.Rows) != 1 {
		t.Fatalf("%v, %+v", err, report.Rows)
	}
	cells := report.Rows[0].Cells
	if len(cells) != 4 || cells[0].Value == nil || cells[0].Failed != "" {
		t.Fatalf("the one that works: %+v", cells)
	}
	for i, want := range []string{"", "INVALID_CONFIG", "did not start", ""} {
		if c := cells[i]; i > 0 && c.Value != nil || !strings.Contains(c.Failed, want) || (want == "") != (c.Failed == "") {
			t.Errorf("broker %d: %+v, want %q", i, c, want)
		}
	}
	if f := report.Failures(); len(f) != 2 || !strings.HasPrefix(f[0], "P4: b: ") {
		t.Errorf("failures: %q", f)
	}
	if texts := report.Rows[0].Texts(report.texts()); len(texts) != 3+4+3+3 || texts[4] != "failed" || texts[8] != "" {
		t.Errorf("texts: %q", texts)
	}
}

// TestBudget: time that is not used goes to those that come; a scenario is ended when it takes far longer than it was to; and
// when there is none left nothing begins any more.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget{total: 100 * time.Second, began: time.Now(), left: 10}
		if share := b.take(2); share != 20*time.Second {
			t.Error("a fifth of it:", share)
		}
		time.Sleep(4 * time.Second)
		if share := b.take(2); share != 24*time.Second || b.limit(share) != 72*time.Second+100*time.Second/limitPart {
			t.Error("a quarter of what is left:", share, b.limit(share))
		}
		time.Sleep(90 * time.Second)
		if share := b.take(6); share != 6*time.Second || b.limit(share) != 6*time.Second+100*time.Second/limitPart {
			t.Error("all that is left:", share, b.limit(share))
		}
		time.Sleep(time.Minute)
		if share := b.take(6); share != 0 || b.remaining() >= 0 {
			t.Error("nothing:", share, b.remaining())
		}
	})
}

// TestRunOutOfTime: the report says of every scenario that it was measured or why not, and is saved after each.
func TestRunOutOfTime(t *testing.T) {
	m := Maker{Name: "a", Start: func(_ context.Context, dir string, _ map[string]string) (*Broker, error) {
		return testBroker(t), os.MkdirAll(dir, 0o755)
	}}
	saved := 0
	o := Options{Makers: []Maker{m}, Turns: 2, Scale: 0.001, Dir: t.TempDir(), Only: regexp.MustCompile("^(P1|P4) "), Budget: time.Nanosecond,
		Save: func(*Report) error { saved++; return nil }}
	report, err := Run(t.Context(), o)
	if err != nil || len(report.Failures()) != 2 || saved != 0 {
		t.Errorf("%v, %q, saved %d times", err, report.Failures(), saved)
	}
	o.Budget = time.Hour
	if report, err = Run(t.Context(), o); err != nil || len(report.Failures()) != 0 || saved != 2 {
		t.Errorf("%v, %q, saved %d times", err, report.Failures(), saved)
	}
	if last := report.Spent[len(report.Spent)-1]; last.ID != "P4" || last.Turns != 2 || last.Seconds <= 0 || last.Share <= 0 {
		t.Errorf("%+v", last)
	}
}

// TestWarm gives back what it has touched.
func TestWarm(t *testing.T) {
	now, most, err := memoryOf(os.Getpid())
	if errors.Is(err, ErrSystem) {
		t.Skip(err)
	}
	if err := errors.Join(err, warm(512<<20)); err != nil {
		t.Fatal(err)
	}
	after, mostAfter, err := memoryOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if mostAfter-max(most, now) < 128<<20 || after-now > 128<<20 {
		t.Errorf("in memory before %d, at most %d; after %d, at most %d", now, most, after, mostAfter)
	}
}
