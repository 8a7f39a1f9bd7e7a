package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSixCommands types the six commands of Kafka's first minute, letter for letter, in a clean checkout: they build
// the binary, and a message goes through. It is the one test that needs port 9092.
func TestSixCommands(t *testing.T) {
	needSignals(t)
	if testing.Short() || raceEnabled {
		t.Skip("it builds the binary from a clean checkout; not with -short or -race")
	}
	for _, tool := range []string{"git", "tar", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("it needs %s", tool)
		}
	}
	ln, err := net.Listen("tcp", "localhost:9092")
	if err != nil {
		t.Skipf("port 9092 is taken on this machine: %v", err)
	}
	ln.Close()
	dir := t.TempDir()
	if out, err := exec.Command("sh", "-c", fmt.Sprintf("cd .. && git archive HEAD | tar x -C '%s'", dir)).CombinedOutput(); err != nil {
		t.Skipf("there is no git checkout to take one from: %v: %s", err, out)
	}
	env := append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir(), "THALWEG=")
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} { // what has been compiled and downloaded may be used
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	typed := func(line string) *exec.Cmd {
		cmd := exec.Command("sh", "-c", "exec "+line)
		cmd.Dir, cmd.Env = dir, env
		return cmd
	}
	want := func(line, stdin, want string) {
		t.Helper()
		cmd := typed(line)
		cmd.Stdin = strings.NewReader(stdin)
		if got := string(command(t, cmd)); !strings.Contains(got, want) {
			t.Errorf("%s prints %q", line, got)
		}
	}

	want("bin/zookeeper-server-start.sh config/zookeeper.properties", "", "No ZooKeeper is needed")
	built := time.Now()
	// With --version the script only builds: what follows is timed with the binary at hand.
	want("bin/kafka-topics.sh --version", "", "4.")
	t.Logf("build: %v", time.Since(built).Round(time.Millisecond))

	begun := time.Now()
	server := typed("bin/kafka-server-start.sh config/server.properties")
	greeting := &output{ready: make(chan string, 1)}
	server.Stdout, server.Stderr = greeting, greeting
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill() })
	waitFor(t, "the server", func() bool { return strings.Contains(greeting.String(), "\ntry: ") })
	if !strings.Contains(greeting.String(), "listening on PLAINTEXT://localhost:9092\ndata in ") || strings.Contains(greeting.String(), "no effect") {
		t.Errorf("the server says %s", greeting.String())
	}
	want("bin/kafka-topics.sh --create --topic test-topic --bootstrap-server localhost:9092 --partitions 1 --replication-factor 1", "", "Created topic test-topic.")
	want("bin/kafka-topics.sh --list --bootstrap-server localhost:9092", "", "test-topic\n")
	want("bin/kafka-console-producer.sh --topic test-topic --bootstrap-server localhost:9092", "hello\n世界\n", "")
	out := &output{ready: make(chan string, 1)}
	consumer := typed("bin/kafka-console-consumer.sh --topic test-topic --from-beginning --bootstrap-server localhost:9092")
	consumer.Stdout = out
	if err := consumer.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "both messages", func() bool { return out.String() == "hello\n世界\n" })
	t.Logf("from the start of the server to the last message: %v", time.Since(begun).Round(time.Millisecond))
	_ = consumer.Process.Signal(os.Interrupt)
	_ = consumer.Wait() // ended by a signal, as Kafka's
	if data, err := filepath.Glob(filepath.Join(dir, "thalweg-data", "test-topic-0", "*.log")); err != nil || len(data) != 1 {
		t.Errorf("the data is in %v, %v", data, err)
	}
	_ = server.Process.Signal(syscall.SIGTERM)
	if err := server.Wait(); err != nil || !strings.Contains(greeting.String(), "stopped cleanly") {
		t.Errorf("%v; the server says %s", err, greeting.String())
	}
}

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for begun := time.Now(); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > clientWithin {
			t.Fatalf("%s: not within %v", what, clientWithin)
		}
	}
}
