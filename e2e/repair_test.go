package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRepair damages a log of a stopped broker: its partition is offline, the others serve. "log repair" is refused while the broker
// runs, does nothing unless told to, then says what is lost and cuts; the broker serves the rest.
func TestRepair(t *testing.T) {
	needSignals(t)
	dir := filepath.Join(t.TempDir(), "data")
	s := newSeveral(t, dir)
	for range 10 {
		if err := s.write("topic0"); err != nil {
			t.Fatal(err)
		}
	}
	s.stop()
	segment := filepath.Join(dir, "topic0-0", "00000000000000000000.log")
	content, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segment, int64(len(content)-10)); err != nil {
		t.Fatal(err)
	}
	repair := func(want string, code int, args ...string) {
		t.Helper()
		out, _ := exec.Command(binary(t), append([]string{"log", "repair", dir}, args...)...).CombinedOutput() // the exit code is judged
		if !strings.Contains(string(out), want) {
			t.Errorf("log repair %v says\n%s\nand not %q", args, out, want)
		}
		cmd := exec.Command(binary(t), "log", "repair", dir, "--dry-run")
		_ = cmd.Run() // what is left to do
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Errorf("after log repair %v there is left: exit code %d, not %d", args, got, code)
		}
	}
	s.start()
	s.offline([]string{"topic0"})
	s.serves([]string{"topic1"})
	repair("stop it first", 1, "--yes")
	s.stop()

	repair("say --yes", 1)
	now, err := os.ReadFile(segment)
	if err != nil || !slices.Equal(now, content[:len(content)-10]) {
		t.Fatalf("the segment has been changed: %v", err)
	}
	repair("lost: offsets 10 to 10", 0, "--yes")
	delete(s.acked["topic0"], 10)
	s.start()
	s.serves([]string{"topic0", "topic1"})
	if last := s.acked["topic0"][10]; last == "" {
		t.Errorf("the next record does not lie at offset 10: %v", s.acked["topic0"])
	}
	s.stop()
}
