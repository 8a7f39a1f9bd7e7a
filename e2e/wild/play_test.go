package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlay: a program passes if its processes say what they must and those that say nothing end well.
func TestPlay(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh here")
	}
	from := t.TempDir()
	for name, text := range map[string]string{
		"says": "echo localhost:9092; exec sleep 60", "silent": "echo more", "bad": "exit 3", "waits": "echo one; echo two; exec sleep 60",
	} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := func(fails string, steps ...step) {
		t.Helper()
		err := stage{t.TempDir(), "here:1"}.play(t.Context(), from, []string{"sh"}, steps)
		if fails == "" && err != nil || fails != "" && (err == nil || !strings.Contains(err.Error(), fails)) {
			t.Errorf("%v, want %q", err, fails)
		}
	}
	f("", step{file: "says", says: "here:1"})
	f("", step{file: "waits", says: "two", wait: true}, step{file: "silent"})
	f("bad", step{file: "bad"})
	f("did not print", step{file: "silent", says: "less"})
	f("did not print", step{file: "silent", says: "less", wait: true}, step{file: "silent"})
	f("bad", step{file: "waits", says: "never", wait: true}, step{file: "bad"})
}
