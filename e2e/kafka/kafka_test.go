package kafka

import (
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
