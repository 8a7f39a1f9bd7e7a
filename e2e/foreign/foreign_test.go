package foreign

import (
	"os/exec"
	"strings"
	"testing"
)

// TestEvents: a line means what the package's comment says, and anything else is refused.
func TestEvents(t *testing.T) {
	f := func(line string, want Event) {
		t.Helper()
		if got, err := parseEvent(line); err != nil || got != want {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
	f("s 17 1 3", Event{Kind: Sent, Value: 17, Topic: 1, Partition: 3})
	f("a 17 1005", Event{Kind: Acked, Value: 17, Offset: 1005})
	f("o 17 it timed out", Event{Kind: Open, Value: 17, Text: "it timed out"})
	f("n 17 queue full", Event{Kind: Untold, Value: 17, Text: "queue full"})
	f("f no more", Event{Kind: Fatal, Text: "no more"})
	for _, line := range []string{"", "s", "s 17", "s 17 1", "s x 1 3", "a 17", "a 17 x", "q 17 1", "ss 17 1 3"} {
		if e, err := parseEvent(line); err == nil {
			t.Errorf("%q passed as %+v", line, e)
		}
	}
}

// TestPayload: a record's bytes name it, and no other bytes pass.
func TestPayload(t *testing.T) {
	for _, n := range []int64{0, 1, 399, 400, 12345} {
		value := valueOf(7, n)
		p := Payload(value)
		if got, err := ValueIn(p); err != nil || got != value || ClientOf(got) != 7 {
			t.Errorf("%d: %d, %v", value, got, err)
		}
		p[len(p)-1] ^= 1
		if got, err := ValueIn(p); err == nil {
			t.Errorf("spoiled bytes of %d passed as %d", value, got)
		}
	}
	for _, p := range []string{"", " ", "17", "-17 ", "x "} {
		if got, err := ValueIn([]byte(p)); err == nil {
			t.Errorf("%q passed as %d", p, got)
		}
	}
}

// TestPayloadInPython: the program's bytes are the same.
func TestPayloadInPython(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3 here")
	}
	text, err := sources.ReadFile("python/writer.py")
	if err != nil {
		t.Fatal(err)
	}
	_, function, _ := strings.Cut(string(text), "\ndef payload(value):")
	function, _, _ = strings.Cut(function, "\n\n\n")
	script := "import sys\ndef payload(value):" + function + "\nsys.stdout.buffer.write(payload(7 << 40 | 12345))\n"
	got, err := exec.CommandContext(t.Context(), "python3", "-c", script).Output()
	if err != nil || string(got) != string(Payload(valueOf(7, 12345))) {
		t.Errorf("%q, %v", got, err)
	}
}
