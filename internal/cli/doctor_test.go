package cli

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/doctor"
)

// healthy is a machine with nothing wrong, always the same.
type healthy struct{}

func (healthy) Exists(dir string) (bool, error) {
	switch {
	case strings.HasPrefix(dir, "/file"):
		return false, errors.New("it is not a directory")
	default:
		return !strings.HasPrefix(dir, "/new"), nil
	}
}
func (healthy) Space(dir string) (free, size uint64, err error) {
	if dir == "/full" {
		return 1 << 20, 100 << 30, nil
	}
	return 50 << 30, 100 << 30, nil
}
func (healthy) Write(dir string, _ int64) (time.Duration, error) {
	if dir == "/readonly" {
		return 0, errors.New("read-only file system")
	}
	return 64 * time.Millisecond, nil
}
func (healthy) Sync(string, int) ([]time.Duration, error) {
	return []time.Duration{time.Millisecond, 2 * time.Millisecond, 9 * time.Millisecond}, nil
}
func (healthy) OpenFiles() (uint64, bool)       { return 100_000, true }
func (healthy) Synchronised() (yes, known bool) { return true, true }
func (healthy) Now() time.Time                  { return time.UnixMilli(1_800_000_000_000) }
func (healthy) Newest(string) time.Time         { return time.Time{} }

var _ doctor.Machine = healthy{}

// A port that something else uses is told with its key, and so is an advertised address.
func TestDoctorFindsForeignPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	addr := ln.Addr().String()
	var out strings.Builder
	code, errs := with(t, t.Context(), strings.NewReader(""), &out, "doctor", "--override", "listeners=PLAINTEXT://"+addr, "-b", "127.0.0.1:1", "-o", "table")
	want := "port " + addr + ": is in use, and not by a broker\n         -> listeners names another port, or stop what uses this one\n"
	if code != 1 || !strings.Contains(out.String(), want) || !strings.Contains(errs, "not well: port "+addr+", cluster") {
		t.Errorf("exit %d, %s, %s", code, errs, out.String())
	}
	if code, errs := with(t, t.Context(), strings.NewReader(""), io.Discard, "doctor", "--cluster-only", "-b", "nowhere"); code != 1 || !strings.Contains(errs, "not HOST:PORT") {
		t.Errorf("exit %d, %s", code, errs)
	}
}
