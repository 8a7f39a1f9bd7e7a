package judge

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/thalweg-io/thalweg/e2e/peer"
	"github.com/thalweg-io/thalweg/e2e/trial"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// holder takes the lock of a directory in the way of Apache Kafka's log manager, says whether it has it, and keeps it until its
// standard input ends.
const holder = `
public class Holder {
    public static void main(String[] dir) throws Exception {
        var channel = java.nio.channels.FileChannel.open(java.nio.file.Path.of(dir[0], ".lock"),
            java.nio.file.StandardOpenOption.CREATE, java.nio.file.StandardOpenOption.READ, java.nio.file.StandardOpenOption.WRITE);
        System.out.println(channel.tryLock() == null ? "taken" : "mine");
        System.in.read();
    }
}
`

// TestLock: of a Java process and a Thalweg only one has a directory.
func TestLock(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Java")
	}
	kafka.Need(t)
	source := filepath.Join(t.TempDir(), "Holder.java")
	if err := os.WriteFile(source, []byte(holder), 0o644); err != nil {
		t.Fatal(err)
	}
	hold := func(dir string) (said string, end func()) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "java", "-Xmx64m", source, dir)
		cmd.Stderr = os.Stderr
		in, err1 := cmd.StdinPipe()
		out, err2 := cmd.StdoutPipe()
		if err1 != nil || err2 != nil || cmd.Start() != nil {
			t.Fatal(err1, err2)
		}
		said, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(said), func() {
			in.Close()
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		}
	}
	bin := peer.Build(t)
	b := peer.Thalweg(t, bin, settings)
	b.Start(t)
	said, end := hold(b.Dir())
	end()
	if said != "taken" {
		t.Errorf("a Java process beside a running Thalweg: the lock is %s", said)
	}
	b.Stop(t)

	if said, end = hold(b.Dir()); said != "mine" {
		t.Errorf("a Java process after Thalweg has stopped: the lock is %s", said)
	}
	if err := trial.NewBroker(bin, b.Dir()).Start(); err == nil || !strings.Contains(err.Error(), vfs.ErrLocked.Error()) {
		t.Errorf("Thalweg in a directory that a Java process has: %v", err)
	}
	end()
	b.Start(t)
	b.Stop(t)
}
