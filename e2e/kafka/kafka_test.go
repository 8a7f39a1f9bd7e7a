package kafka

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestKafka starts a broker and lets tools talk to it, in one JVM and as a process.
func TestKafka(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	home := Need(t)
	b, err := home.Start(t.Context(), t.TempDir(), map[string]string{"num.partitions": "3"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Kill)
	s, err := home.Shell(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := func(want Result, tool, stdin string, args ...string) {
		t.Helper()
		got, err := s.Run(tool, stdin, append([]string{"--bootstrap-server", b.Addr}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		if got.Code != want.Code || got.Out != want.Out || !strings.Contains(got.Err, want.Err) {
			t.Errorf("%s %v\ngave %+v\nwant %+v", tool, args, got, want)
		}
	}
	f(Result{Out: "Created topic a.\n"}, "kafka-topics", "", "--create", "--topic", "a")
	f(Result{}, "kafka-console-producer", "one\ntwo\n", "--topic", "a")
	f(Result{Out: "one\ntwo\n", Err: "Processed a total of 2 messages"},
		"kafka-console-consumer", "", "--topic", "a", "--from-beginning", "--max-messages", "2")
	f(Result{Code: 1, Err: "Option"}, "kafka-topics", "", "--nonsense")
	testTaken(t, home, b)
	if err := s.Close(); err != nil {
		t.Error(err)
	}

	cmd, err := home.Tool(t.Context(), "kafka-topics", "--bootstrap-server", b.Addr, "--list")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), "a\n") {
		t.Errorf("kafka-topics --list: %v, %q", err, out)
	}
	if err := b.Stop(); err != nil {
		t.Error(err)
	}
}

// testTaken: a broker whose port is somebody else's does not pass for started because that one answers, and comes up elsewhere.
func testTaken(t *testing.T, home Home, other *Broker) {
	t.Helper()
	free, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	b, err := home.start(t.Context(), dir, []string{other.Addr, free[0]}, nil, nil)
	if !errors.Is(err, errPortTaken) {
		if err == nil {
			b.Kill()
		}
		t.Fatalf("on a port that is taken: %v", err)
	}
	if text := err.Error(); !strings.Contains(text, "processor time") || !strings.Contains(text, "Address already in use") {
		t.Errorf("what it says of that: %s", text)
	}
	if b, err = home.Start(t.Context(), dir, nil); err != nil {
		t.Fatalf("after that, on another port: %v", err)
	}
	if text := b.Output(); !strings.Contains(text, "Kafka Server started") {
		t.Errorf("what it prints ends with %s", text)
	}
	b.Kill()
}

// TestOutput: the end of what is printed is kept.
func TestOutput(t *testing.T) {
	var o output
	for i := range 20_000 {
		fmt.Fprintf(&o, "line %d\n", i)
		if len(o.text) > 2*outputBytes {
			t.Fatalf("%d bytes are kept", len(o.text))
		}
	}
	if text := o.String(); len(text) != outputBytes || !strings.HasSuffix(text, "line 19998\nline 19999\n") {
		t.Errorf("%d bytes, at the end %q", len(text), text[max(0, len(text)-40):])
	}
}
