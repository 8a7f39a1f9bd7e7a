package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDaemon starts a server in the background as Kafka's script does, finds its logs, and stops it by its node id,
// for which its process is found through /proc.
func TestDaemon(t *testing.T) {
	t.Parallel()
	dir, id := t.TempDir(), strconv.Itoa(700_000_000+os.Getpid())
	logs := filepath.Join(dir, "logs")
	start := exec.Command(binary(t), "server", "-daemon", "--override", "listeners=PLAINTEXT://127.0.0.1:0", "--override", "log.dirs="+filepath.Join(dir, "data"), "--override", "node.id="+id)
	start.Env = append(os.Environ(), "LOG_DIR="+logs)
	said := string(command(t, start))
	m := regexp.MustCompile(`process (\d+); log in (\S+)`).FindStringSubmatch(said)
	if m == nil || m[2] != logs || !strings.Contains(said, "listening on PLAINTEXT://127.0.0.1:") {
		t.Fatalf("it says %s", said)
	}
	pid, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	command(t, exec.Command(binary(t), "kafka-server-stop", "--node-id="+id))
	for begun := time.Now(); syscall.Kill(pid, 0) == nil; time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > stopWithin {
			t.Fatal("it still runs")
		}
	}
	for _, name := range []string{"server.log", "kafkaServer.out"} {
		if text, err := os.ReadFile(filepath.Join(logs, name)); err != nil || !strings.Contains(string(text), "stopped cleanly") {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}
