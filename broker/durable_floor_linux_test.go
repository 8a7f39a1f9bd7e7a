package broker_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/internal/vfs"
	"golang.org/x/sys/unix"
)

const (
	floorBatch  = 16<<10 + 300 // a batch of 16 KiB with the request around it: not a whole number of pages
	floorAnswer = 60
	floorConns  = 64
)

// BenchmarkFloor is the least that an answer to a batch of 16 KiB costs a process on this machine: a server of a hundred lines, without
// a protocol, checks or offsets, that does one thing more each time. 64 connections with a batch at a time each.
// µs/batch is processor time of the server's process, which is another one.
//
//	go test ./broker -run xxx -bench Floor -benchtime 60000x
func BenchmarkFloor(b *testing.B) {
	for _, what := range []string{"answer", "append", "commit"} {
		b.Run(what, func(b *testing.B) {
			addr, pid := startFloor(b, what)
			conns := make([]net.Conn, floorConns)
			for i := range conns {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				conns[i] = c
			}
			round := func(times int) {
				var wait sync.WaitGroup
				for _, c := range conns {
					wait.Go(func() {
						p := make([]byte, floorBatch)
						for range times {
							if _, err := c.Write(p); err != nil {
								b.Error(err)
								return
							}
							if _, err := io.ReadFull(c, p[:floorAnswer]); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wait.Wait()
			}
			round(10)
			each := max(b.N/floorConns, 1)
			before := timeOf(b, pid)
			b.ResetTimer()
			round(each)
			b.ReportMetric(float64(timeOf(b, pid)-before)/1e3/float64(each*floorConns), "µs/batch")
		})
	}
}

// startFloor runs this test binary as the server.
func startFloor(b *testing.B, what string) (addr string, pid int) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestFloorServer$")
	cmd.Env = append(os.Environ(), "FLOOR="+what, "FLOOR_DIR="+filepath.ToSlash(b.TempDir()))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line := make([]byte, 100)
	n, err := out.Read(line)
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(string(line[:n])), cmd.Process.Pid
}

func timeOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	const sched = 2 // the scheduler's own account: include/linux/posix-timers.h
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// TestFloorServer is the server of BenchmarkFloor, until it is killed.
func TestFloorServer(t *testing.T) {
	what, dir := os.Getenv("FLOOR"), os.Getenv("FLOOR_DIR")
	if what == "" {
		t.Skip("not a test")
	}
	f := &floor{t: t, what: what, wake: make(chan struct{}, 1)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if what == "commit" {
		ring := f.create(dir + "/ring")
		zeros := vfs.Aligned(bareBytes)
		if _, err := ring.WriteAt(zeros, 0); err != nil {
			t.Fatal(err)
		}
		if err := ring.Sync(); err != nil {
			t.Fatal(err)
		}
		if f.ring, err = vfs.OS().OpenDirect(dir + "/ring"); err != nil {
			t.Fatal(err)
		}
		go f.commits()
	}
	fmt.Println(l.Addr())
	for i := 0; ; i++ {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go f.serve(c, f.create(dir+"/segment-"+strconv.Itoa(i)))
	}
}

type floor struct {
	t    *testing.T
	what string
	ring vfs.File
	wake chan struct{}

	mu    sync.Mutex
	buf   []byte // what the next round writes
	owing []net.Conn
}

func (f *floor) create(name string) vfs.File {
	file, err := vfs.OS().Create(name)
	if err != nil {
		panic(err)
	}
	return file
}

func (f *floor) serve(c net.Conn, segment vfs.File) {
	p, answer := make([]byte, floorBatch), make([]byte, floorAnswer)
	for pos, out := int64(0), int64(0); ; {
		if _, err := io.ReadFull(c, p); err != nil {
			return
		}
		if f.what != "answer" {
			if _, err := segment.WriteAt(p, pos); err != nil {
				panic(err)
			}
			if pos += floorBatch; pos-out >= 1<<20 {
				segment.WriteOut(out, pos-out)
				out = pos
			}
		}
		if f.ring == nil {
			c.Write(answer)
			continue
		}
		f.mu.Lock()
		f.buf = append(f.buf, p...)
		f.owing = append(f.owing, c)
		f.mu.Unlock()
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// commits writes what has come meanwhile over written blocks, past the page cache, and answers.
func (f *floor) commits() {
	answer := make([]byte, floorAnswer)
	round := vfs.Aligned((floorConns*floorBatch + vfs.BlockSize) / vfs.BlockSize * vfs.BlockSize)
	var owing []net.Conn
	for pos := int64(0); ; {
		<-f.wake
		f.mu.Lock()
		n := copy(round, f.buf)
		owing = append(owing[:0], f.owing...)
		f.buf, f.owing = f.buf[:0], f.owing[:0]
		f.mu.Unlock()
		n = (n + vfs.BlockSize - 1) / vfs.BlockSize * vfs.BlockSize
		if pos+int64(n) > bareBytes {
			pos = 0
		}
		if _, err := f.ring.WriteAt(round[:n], pos); err != nil {
			panic(err)
		}
		if err := f.ring.SyncData(); err != nil {
			panic(err)
		}
		pos += int64(n)
		for _, c := range slices.Backward(owing) {
			c.Write(answer)
		}
	}
}
