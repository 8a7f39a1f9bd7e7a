package history

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// lostValues is a history in which n values are lost.
func lostValues(n int) *History {
	h := New()
	k := h.Key("t", 0)
	for v := range n + 1 {
		id := h.Invoke(int64(v), Call{F: Send})
		h.Acked(id, h.Send(id, k, Value(v)), int64(v))
		h.Complete(int64(v), id, OK, "")
	}
	id := h.Invoke(int64(n), Call{F: Poll})
	h.Poll(id)
	h.Read(id, k, int64(n), Value(n))
	h.Complete(int64(n), id, OK, "")
	return h
}

// TestBounds: what is listed is bounded, what is counted is not.
func TestBounds(t *testing.T) {
	for _, c := range []struct{ max, want int }{{0, 32}, {5, 5}, {-1, 100}} {
		r, err := Check(lostValues(100), Options{MaxPerKind: c.max})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Anomalies) != c.want || r.Counts[LostWrite].Violations != 100 {
			t.Errorf("MaxPerKind %d: %d listed and %d counted", c.max, len(r.Anomalies), r.Counts[LostWrite].Violations)
		}
		for i, a := range r.Anomalies {
			if a.Where.Offset != int64(i) {
				t.Errorf("anomaly %d is at offset %d", i, a.Where.Offset)
			}
		}
	}
}

func TestReport(t *testing.T) {
	r, err := Check(lostValues(1), Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := "operation 0 sent 0, which belongs at offset 0; offset 1 was read, and nobody read 0"
	if got, want := r.String(), "lost-write: 1\n  t/0: "+text+"\n"; got != want {
		t.Errorf("have %q, want %q", got, want)
	}
	got, err := json.Marshal(r)
	want := `{"valid":false,"counts":{"lost-write":{"violations":1,"allowed":0}},"anomalies":[{"kind":"lost-write",` +
		`"where":{"topic":"t","partition":0,"offset":0,"value":0},"ops":[0],"explanation":"` + text + `"}]}`
	if err != nil || string(got) != want {
		t.Errorf("%v\nhave %s\nwant %s", err, got, want)
	}
	if r, _ := Check(New(), Options{}); r.String() != "valid\n" {
		t.Errorf("an empty history is %q", r)
	}
}

func TestSentTwice(t *testing.T) {
	h := New()
	id := h.Invoke(0, Call{F: Send})
	h.Send(id, h.Key("t", 0), 1)
	h.Send(id, h.Key("t", 0), 1)
	if _, err := Check(h, Options{}); !errors.Is(err, ErrHistory) {
		t.Errorf("%v, want ErrHistory", err)
	}
}

// TestRecorderMistakes: a recorder that contradicts itself is stopped at once.
func TestRecorderMistakes(t *testing.T) {
	for name, f := range map[string]func(*History){
		"time goes back":    func(h *History) { h.Invoke(5, Call{}); h.Invoke(4, Call{}) },
		"returns before":    func(h *History) { h.Complete(4, h.Invoke(5, Call{}), OK, "") },
		"returns twice":     func(h *History) { id := h.Invoke(0, Call{}); h.Complete(1, id, OK, ""); h.Complete(1, id, OK, "") },
		"reads afterwards":  func(h *History) { id := h.Invoke(0, Call{}); h.Complete(1, id, OK, ""); h.Poll(id) },
		"acks what it read": func(h *History) { id := h.Invoke(0, Call{}); h.Poll(id); h.Acked(id, 0, 1) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "BUG: ") {
					t.Errorf("%s: %q", name, text)
				}
			}()
			f(New())
		}()
	}
}

// TestDocumentation: the example in the description of the format is one.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/format/history.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```\n")
	h, err := ReadJSON(strings.NewReader(blocks[1]))
	if err != nil {
		t.Fatal(err)
	}
	var json, edn strings.Builder
	if err := errors.Join(WriteJSON(&json, h), WriteEDN(&edn, h)); err != nil {
		t.Fatal(err)
	}
	if json.String() != strings.Replace(blocks[1], `"time":0`, `"time":10`, 1) {
		t.Errorf("written it is\n%s", json.String())
	}
	for line := range strings.Lines(blocks[3]) {
		if !strings.Contains(edn.String(), line) {
			t.Errorf("in EDN it lacks\n%s\nit is\n%s", line, edn.String())
		}
	}
	for k := range NumKinds {
		if !strings.Contains(string(text), k.String()) {
			t.Errorf("%s is not described", k)
		}
	}
}
