package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/cli/kafkatool"
)

var bin = filepath.Join("..", "..", "bin")

// Every tool has its two scripts, every script for one shell has its twin for the other, and both
// name the same tool.
func TestScripts(t *testing.T) {
	for _, tool := range kafkatool.Tools() {
		for _, path := range []string{filepath.Join(bin, tool.Name+".sh"), filepath.Join(bin, "windows", tool.Name+".bat")} {
			text, err := os.ReadFile(path)
			if err != nil || !bytes.Contains(text, []byte(" "+tool.Name+" ")) {
				t.Errorf("%s: it does not run %s (%v)", path, tool.Name, err)
			}
		}
	}
	scripts, err := filepath.Glob(filepath.Join(bin, "*.sh"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range scripts {
		twin := filepath.Join(bin, "windows", strings.TrimSuffix(filepath.Base(path), ".sh")+".bat")
		text, err := os.ReadFile(twin)
		if err != nil {
			t.Error(err)
		}
		if bytes.Count(text, []byte("\r\n")) != bytes.Count(text, []byte("\n")) {
			t.Errorf("%s: cmd.exe wants lines that end in CR LF", twin)
		}
	}
}

// The scripts find the binary from any directory and through symbolic links, and pass arguments on
// as they are.
func TestScriptsThroughLinks(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil || os.PathSeparator == '\\' {
		t.Log("there is no POSIX shell here; the .bat files do this work")
		return
	}
	dir := t.TempDir()
	fake := filepath.Join(dir, "thalweg")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\nfor a in \"$@\"; do echo \"[$a]\"; done\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	abs, err := filepath.Abs(filepath.Join(bin, "kafka-topics.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"first": abs, "second": "first"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(sh, filepath.Join(dir, "second"), "--topic", "a b", "*")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "THALWEG="+fake)
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "[kafka-topics]\n[--topic]\n[a b]\n[*]\n" {
		t.Errorf("%s, %v", out, err)
	}
}
