package e2e

import (
	bigendian "encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// BenchmarkStart starts the real process on an empty directory and stops it again. It reports the
// time from fork to the first ApiVersions answer, and the resident memory right after it:
//
//	go test ./e2e -run '^$' -bench Start -benchtime 20x
func BenchmarkStart(b *testing.B) {
	bin := benchBinary(b)
	var first time.Duration
	var resident int64
	for i := range b.N {
		addr := benchAddress(b)
		cmd := exec.Command(bin, "server", "--override", "listeners=PLAINTEXT://"+addr,
			"--override", "log.dirs="+filepath.Join(b.TempDir(), strconv.Itoa(i)))
		began := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		firstAnswer(b, addr)
		first += time.Since(began)
		resident += residentBytes(b, cmd.Process.Pid)
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			b.Fatalf("stop: %v", err)
		}
	}
	b.ReportMetric(float64(first.Microseconds())/1000/float64(b.N), "ms-to-first-answer")
	b.ReportMetric(float64(resident)/float64(b.N)/(1<<20), "MiB-resident")
}

func benchBinary(b *testing.B) string {
	b.Helper()
	if bin := os.Getenv("THALWEG_BIN"); bin != "" {
		return bin
	}
	bin := filepath.Join(b.TempDir(), "thalweg")
	if out, err := exec.Command("go", "build", "-o", bin, "../cmd/thalweg").CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

func benchAddress(b *testing.B) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// firstAnswer asks for ApiVersions until somebody answers.
func firstAnswer(b *testing.B, addr string) {
	b.Helper()
	req := kmsg.NewPtrApiVersionsRequest()
	frame := kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)
	for deadline := time.Now().Add(readyWithin); time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			continue // not bound yet
		}
		head := make([]byte, 4)
		_, err = conn.Write(frame)
		if err == nil {
			_, err = io.ReadFull(conn, head)
		}
		if err == nil {
			_, err = io.CopyN(io.Discard, conn, int64(bigendian.BigEndian.Uint32(head)))
		}
		_ = conn.Close()
		if err == nil {
			return
		}
	}
	b.Fatalf("no answer within %v", readyWithin)
}

// residentBytes is the resident memory of a process, 0 where it cannot be told.
func residentBytes(b *testing.B, pid int) int64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb << 10
		}
	}
	return 0
}
