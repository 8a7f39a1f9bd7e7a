package history

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

func rendered(t *testing.T, h *History, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteHTML(&b, h, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wellFormed parses the page as far as XML goes: every element is closed by its own tag.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	d.Entity = xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestHTML: the page of a history with an anomaly names it, has a timeline for each key and needs
// nothing else.
func TestHTML(t *testing.T) {
	m, recs := valid(1)
	g := &garden{m, m.rng, recs}
	if !plantLost(g) {
		t.Fatal("no place for a lost write")
	}
	f := g.sent(Fault, OK)
	f.note = "partition 1|2,3"
	h, r := check(t, g.recs)
	text := rendered(t, h, r)
	wellFormed(t, text)
	if n := strings.Count(text, "<svg "); n != testKeys {
		t.Errorf("%d timelines, want %d", n, testKeys)
	}
	for _, want := range []string{`class="invalid"`, "lost-write", r.Anomalies[0].Explanation, "partition 1|2,3", `class="mark"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	for _, not := range []string{"http:", "https:", "src=", "url(", "@import", "<script"} {
		if strings.Contains(text, not) {
			t.Errorf("the page has %q", not)
		}
	}
	if !bytes.Equal([]byte(text), []byte(rendered(t, h, r))) {
		t.Error("two pages of one history")
	}
	if empty := rendered(t, New(), &Report{}); strings.Contains(empty, "<table>") || !strings.Contains(empty, `class="valid"`) {
		t.Errorf("the page of an empty history is\n%s", empty)
	}
}

// TestHTMLEscapes: names and notes are text.
func TestHTMLEscapes(t *testing.T) {
	const evil = `</title><script>alert("1")</script>&`
	h := New()
	k := h.Key(evil, 0)
	for _, f := range []F{Send, Fault} {
		id := h.Invoke(1, Call{F: f})
		if f == Send {
			h.Acked(id, h.Send(id, k, 1), 3)
		}
		h.Complete(2, id, OK, evil)
	}
	r := report(t, h)
	if r.Valid() {
		t.Fatal("the value is unseen")
	}
	text := rendered(t, h, r)
	wellFormed(t, text)
	if strings.Contains(text, "<script") || strings.Count(text, "&lt;script&gt;") < 4 {
		t.Error("the page has a script, or lacks the text of one")
	}
}

// TestHTMLBounds: a large history makes a page of bounded size that still shows the anomaly.
func TestHTMLBounds(t *testing.T) {
	const keys, values = 200, 500
	h := New()
	now := int64(0)
	for k := range keys {
		k := h.Key("topic", int32(k))
		reads := h.Invoke(now, Call{F: Poll})
		h.Poll(reads)
		for v := range values {
			now++
			id := h.Invoke(now, Call{Process: Process(k), F: Send})
			h.Acked(id, h.Send(id, k, Value(v)), int64(v))
			h.Complete(now, id, OK, "")
			if k != keys-1 || v != values/2 {
				h.Read(reads, k, int64(v), Value(v))
			}
		}
		h.Complete(now, reads, OK, "")
	}
	r := report(t, h)
	if got := r.Counts[LostWrite].Violations; got != 1 || len(r.Kinds()) != 1 {
		t.Fatalf("want one lost write, have\n%s", r)
	}
	text := rendered(t, h, r)
	if len(text) > 16<<20 {
		t.Errorf("%d bytes", len(text))
	}
	if !strings.Contains(text, "136 more keys are not shown") || strings.Index(text, "<h3>topic/199") > strings.Index(text, "<h3>topic/0<") {
		t.Error("keys with anomalies do not come first")
	}
	if n := strings.Count(text, `class="mark"`); n != 1 {
		t.Errorf("%d rows are marked", n)
	}
}
