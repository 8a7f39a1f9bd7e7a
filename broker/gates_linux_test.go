package broker_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/thalweg-io/thalweg/broker"
	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/thalweg-io/thalweg/internal/vfs"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// These are gates on cost that no load of the machine can move: counts, and bytes of the heap. bench measures time.

// quietClient talks over a socket of its own by sendto and recvfrom, which the kernel does not count among a process's
// reads and writes, and without the runtime's poller.
type quietClient struct {
	t   testing.TB
	fd  int
	buf []byte
}

func dialQuiet(t testing.TB, addr string) *quietClient {
	t.Helper()
	at, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: at.Port, Addr: [4]byte(at.IP.To4())}); err != nil {
		t.Fatal(err)
	}
	return &quietClient{t: t, fd: fd, buf: make([]byte, 64<<10)}
}

// call sends requests, side by side, and takes so many answers, throwing them away.
func (c *quietClient) call(requests []byte, answers int) {
	c.t.Helper()
	for len(requests) > 0 {
		n, err := unix.SendmsgN(c.fd, requests, nil, nil, 0)
		if err != nil {
			c.t.Fatal(err)
		}
		requests = requests[n:]
	}
	for range answers {
		c.take(c.buf[:4])
		for left := int(binary.BigEndian.Uint32(c.buf)); left > 0; {
			n := min(left, len(c.buf))
			c.take(c.buf[:n])
			left -= n
		}
	}
}

func (c *quietClient) take(p []byte) {
	c.t.Helper()
	for len(p) > 0 {
		n, _, err := unix.Recvfrom(c.fd, p, 0)
		if err != nil || n == 0 {
			c.t.Fatalf("receive: %d bytes, %v", n, err)
		}
		p = p[n:]
	}
}

// fileCalls is how many system calls of this process have read or written: read, pread, write, pwrite; sendfile counts as two.
func fileCalls(t testing.TB) (n int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		var one int
		if k, _ := fmt.Sscanf(line, "syscr: %d", &one); k == 1 {
			n += one
		}
		if k, _ := fmt.Sscanf(line, "syscw: %d", &one); k == 1 {
			n += one
		}
	}
	return n
}

// TestSystemCallsPerRequest counts what reaches the kernel: a read, a write of the log or a read of it, and a write of
// the answer, shared by requests that are sent together. The quorum and the syncer do things by the clock; a request that costs a call
// more does so in every round. The system sizes the send buffer, or a large answer takes as many calls as its reader lets it wait.
func TestSystemCallsPerRequest(t *testing.T) {
	b := brokertest.Start(t, brokertest.WithDir(t.TempDir()), brokertest.WithProperty("socket.send.buffer.bytes", "-1"))
	c, raw := dialQuiet(t, b.Addr()), dialRaw(t, b.Addr())
	id := createTopic(t, raw, "calls", "flush.policy", "os")
	small := produceFrame(t, "calls", id, 13, 1, 1, 100)
	big := produceFrame(t, "calls", id, 13, 1, 64, 1000)
	for range 32 {
		checkProduced(t, 13, raw.call(big))
	}
	n := len(checkFetched(t, 13, raw.call(fetchFrame("calls", id, 13, 64, 1, 500))))
	f := func(name string, requests []byte, answers, most int) {
		t.Run(name, func(t *testing.T) {
			const calls = 50
			least := math.MaxInt
			for i := 0; i < 40 && least > most*calls+2; i++ {
				before := fileCalls(t)
				for range calls {
					c.call(requests, answers)
				}
				least = min(least, fileCalls(t)-before)
			}
			if least > most*calls+2 { // reading the count takes two
				t.Errorf("at least %d calls in %d times %d requests, want %d each time", least, calls, answers, most)
			}
		})
	}
	f("produce 100 B", small, 1, 3)
	f("produce 64 KiB", big, 1, 4) // its first read does not know how long it is
	f("16 produces of 100 B together", repeated(small, 16), 16, 1+16+1)
	// Three look at headers of batches, to find the first and the last one.
	f("fetch 64 KiB", fetchFrame("calls", id, 13, 64, int32(n), 500), 1, 6)
	f("fetch 1 MiB", fetchFrame("calls", id, 13, 64, int32(16*n), 500), 1, 16)
}

// switches is how often threads of this process, but for one, have given up their processor because they had nothing to do.
func switches(t testing.TB, but int) (n int) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if task.Name() == strconv.Itoa(but) {
			continue
		}
		text, err := os.ReadFile("/proc/self/task/" + task.Name() + "/status")
		if err != nil {
			continue // it has ended
		}
		for line := range strings.Lines(string(text)) {
			var one int
			if k, _ := fmt.Sscanf(line, "voluntary_ctxt_switches: %d", &one); k == 1 {
				n += one
			}
		}
	}
	return n
}

// TestContextSwitchesPerRequest counts how often threads of the broker go to sleep for a request: the one that waits for the connection, and
// those of the runtime that looked for something to do. A request that is handed over to another goroutine, or an answer that is
// written by one, costs more of them in every round. The client's thread is not counted.
func TestContextSwitchesPerRequest(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector is slow, and the runtime's threads look for work meanwhile")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	client := unix.Gettid()
	b := brokertest.Start(t, brokertest.WithDir(t.TempDir()))
	c, raw := dialQuiet(t, b.Addr()), dialRaw(t, b.Addr())
	id := createTopic(t, raw, "switches", "flush.policy", "os")
	small := produceFrame(t, "switches", id, 13, 1, 1, 100)
	n := len(checkFetched(t, 13, call(t, raw, small, fetchFrame("switches", id, 13, 0, 1, 500))))
	f := func(name string, requests []byte, answers int, most float64) {
		const calls = 200
		least := math.Inf(1)
		for i := 0; i < 40 && least > most; i++ {
			before := switches(t, client)
			for range calls {
				c.call(requests, answers)
			}
			least = min(least, float64(switches(t, client)-before)/calls)
		}
		if least > most {
			t.Errorf("%s: at least %.2f times a call, want %.2f", name, least, most)
		} else {
			t.Logf("%s: %.2f times a call", name, least)
		}
	}
	// One sleeps until there is something to read; the runtime may wake another one to look for work, which finds none.
	f("produce 100 B", small, 1, 3)
	f("16 produces of 100 B together", repeated(small, 16), 16, 6)
	f("fetch 100 B", fetchFrame("switches", id, 13, 0, int32(n), 500), 1, 3)
}

func call(t *testing.T, c *rawClient, first, then []byte) []byte {
	t.Helper()
	checkProduced(t, 13, c.call(first))
	return c.call(then)
}

func repeated(frame []byte, n int) (all []byte) {
	for range n {
		all = append(all, frame...)
	}
	return all
}

// TestIdleConnectionCosts: one goroutine and little memory for each connection that has said hello and is silent.
func TestIdleConnectionCosts(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const conns, most = 500, 9 << 10 // bytes of heap and stack
	b := brokertest.Start(t)
	request := frame(apiVersions())
	dialQuiet(t, b.Addr()).call(request, 1)
	before, goroutines := heapAndStacks(), runtime.NumGoroutine()
	clients := make([]*quietClient, conns)
	for i := range clients {
		clients[i] = dialQuiet(t, b.Addr())
		clients[i].call(request, 1)
		clients[i].buf = nil // not the broker's
	}
	if n := runtime.NumGoroutine() - goroutines; n > conns+5 {
		t.Errorf("%d goroutines for %d connections", n, conns)
	}
	if per := int(heapAndStacks()-before) / conns; per > most {
		t.Errorf("%d bytes for a connection, want at most %d", per, most)
	} else {
		t.Logf("%d bytes for a connection", per)
	}
	runtime.KeepAlive(clients)
}

func apiVersions() *kmsg.ApiVersionsRequest {
	req := kmsg.NewPtrApiVersionsRequest()
	req.SetVersion(3)
	req.ClientSoftwareName, req.ClientSoftwareVersion = "raw", "1"
	return req
}

func heapAndStacks() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// TestIdlePartitionCosts: what a partition takes that nobody has written to: memory, and no open file. Metadata, look-up by name and id,
// replica and log are in it.
func TestIdlePartitionCosts(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const partitions, most = 2000, 2600 // bytes of heap and stack
	b := brokertest.Start(t, brokertest.WithDir(t.TempDir()))
	c := dialRaw(t, b.Addr())
	idlePartitions(t, c, "first", 100)
	before, files := heapAndStacks(), openFiles(t)
	idlePartitions(t, c, "more", partitions)
	per := int(heapAndStacks()-before) / partitions
	runtime.KeepAlive(c) // or its buffer is missing from what was there before
	t.Logf("%d bytes for a partition", per)
	if per > most {
		t.Errorf("%d bytes for a partition, want at most %d", per, most)
	}
	if n := openFiles(t) - files; n > 20 {
		t.Errorf("%d more open files with %d partitions", n, partitions)
	}
}

// idlePartitions makes a topic and waits until each of its partitions tells where it ends.
func idlePartitions(t *testing.T, c *rawClient, topic string, n int) {
	t.Helper()
	create := kmsg.NewPtrCreateTopicsRequest()
	create.SetVersion(7)
	create.TimeoutMillis = 60_000
	made := kmsg.NewCreateTopicsRequestTopic()
	made.Topic, made.NumPartitions, made.ReplicationFactor = topic, int32(n), 1
	create.Topics = append(create.Topics, made)
	c.call(frame(create))
	ends := kmsg.NewPtrListOffsetsRequest()
	ends.SetVersion(7)
	ends.ReplicaID = -1
	asked := kmsg.NewListOffsetsRequestTopic()
	asked.Topic = topic
	for i := range n {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = int32(i), -1
		asked.Partitions = append(asked.Partitions, p)
	}
	ends.Topics = append(ends.Topics, asked)
	for deadline := time.Now().Add(time.Minute); ; {
		resp := kmsg.NewPtrListOffsetsResponse()
		resp.SetVersion(7)
		if err := resp.ReadFrom(c.call(frame(ends))[1:]); err != nil {
			t.Fatal(err)
		}
		missing := n
		for _, p := range resp.Topics[0].Partitions {
			if p.ErrorCode == 0 && p.Offset == 0 {
				missing--
			}
		}
		if missing == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d partitions of %s are not served", missing, n, topic)
		}
	}
}

// openFiles is how many descriptors the process has.
func openFiles(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// TestStartOpensFewFiles: a start with nothing to recover opens few files, and few more for each partition.
func TestStartOpensFewFiles(t *testing.T) {
	opens := func(partitions int) int {
		var n atomic.Int64
		fs := vfs.NewMem()
		start := func() *broker.Broker {
			l, err := broker.ParseListener("PLAINTEXT://127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			b, err := broker.New(broker.Config{NodeID: 1, LogDirs: []string{"/data"}, Listeners: []broker.Listener{l}, FS: fs})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			return b
		}
		b := start()
		c := dialRaw(t, b.Listeners()[0].Address())
		for i := range partitions {
			createTopic(t, c, fmt.Sprintf("t%d", i))
		}
		if err := b.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		fs.SetHook(func(op vfs.Op, _ string) {
			switch op {
			case vfs.OpCreate, vfs.OpOpen, vfs.OpOpenReadWrite:
				n.Add(1)
			}
		})
		b = start()
		fs.SetHook(nil)
		if err := b.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		return int(n.Load())
	}
	none, some := opens(0), opens(20)
	t.Logf("%d opens without partitions, %d with 20", none, some)
	if none > 30 || some > none+20*7 {
		t.Errorf("%d opens without partitions, %d with 20", none, some)
	}
}
