package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestInterrupted ends commands of a real process with Ctrl-C: exit code 130, and not a word of complaint.
func TestInterrupted(t *testing.T) {
	needSignals(t)
	t.Parallel()
	n := startNode(t)
	n.works(t, "interrupted")
	for _, args := range [][]string{{"consume", "interrupted", "-f", "-o", "plain"}, {"produce", "interrupted"}} {
		read, write, err := os.Pipe() // standard input that never ends
		if err != nil {
			t.Fatal(err)
		}
		defer write.Close()
		cmd := exec.Command(binary(t), append(args, "-b", n.addr)...)
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir(), "HOME="+t.TempDir())
		out, errs := &output{ready: make(chan string, 1)}, &output{ready: make(chan string, 1)}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = read, out, errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		if args[0] == "consume" {
			waitFor(t, "the records", func() bool { return strings.Count(out.String(), "\n") >= 10 })
		} else {
			if _, err := fmt.Fprintln(write, "typed"); err != nil {
				t.Fatal(err)
			}
			// It has been read when the topic has one record more.
			waitFor(t, "the record", func() bool {
				got := command(t, exec.Command(binary(t), "topic", "describe", "interrupted", "-b", n.addr))
				return strings.Contains(string(got), "\t11\t")
			})
		}
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 || errs.String() != "" {
			t.Errorf("%v: exit %d, %q", args, code, errs.String())
		}
	}
}

// TestHeadIsQuiet lets the reader of a pipe go away early.
func TestHeadIsQuiet(t *testing.T) {
	needSignals(t)
	t.Parallel()
	n := startNode(t)
	write := exec.Command(binary(t), "produce", "many", "-q", "-b", n.addr)
	write.Stdin = strings.NewReader(strings.Repeat(strings.Repeat("x", 999)+"\n", 5000))
	command(t, write)
	for _, args := range []string{"consume many", "consume many -o json", "consume many --follow"} {
		begun := time.Now()
		cmd := exec.Command("sh", "-c", fmt.Sprintf("'%s' %s -b %s | head -n 2 | wc -l", binary(t), args, n.addr))
		out, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "2" {
			t.Errorf("%s: %q, %v", args, out, err)
		}
		if took := time.Since(begun); took > clientWithin {
			t.Errorf("%s: took %v", args, took)
		}
	}
}

// TestCompletionLoads sources the script in bash, where there is one, and completes the name of a topic.
func TestCompletionLoads(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	t.Parallel()
	n := startNode(t)
	n.works(t, "completed")
	script := fmt.Sprintf(`set -e
thalweg() { '%s' "$@"; }
source <(thalweg completion bash)
complete -p thalweg
thalweg __complete topic describe -b %s comp 2>/dev/null`, binary(t), n.addr)
	got := string(command(t, exec.Command(bash, "--norc", "-c", script)))
	if !strings.Contains(got, "thalweg") || !strings.Contains(got, "\ncompleted\n") {
		t.Errorf("%s", got)
	}
}
