package broker_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// numbered is a request with a correlation id.
func numbered(req kmsg.Request, correlation int32) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("raw")).AppendRequest(nil, req, correlation)
}

// renumber gives a frame another correlation id.
func renumber(frame []byte, correlation int32) []byte {
	out := bytes.Clone(frame)
	binary.BigEndian.PutUint32(out[8:], uint32(correlation))
	return out
}

// next reads one answer and returns its correlation id, or why there is none.
func (c *rawClient) next() (correlation int32, err error) {
	if _, err := io.ReadFull(c.conn, c.buf[:8]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint32(c.buf)) - 4
	_, err = io.ReadFull(c.conn, c.buf[8:8+n])
	return int32(binary.BigEndian.Uint32(c.buf[4:])), err
}

// wantClosed reads the end of the connection, in whatever form it comes, and not one byte before.
func (c *rawClient) wantClosed(what string) {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, err := c.conn.Read(c.buf[:1])
	if n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("%s: read %d bytes, %v; want the connection closed", what, n, err)
	}
}

// wantAlive shows that the connection serves.
func (c *rawClient) wantAlive(what string) {
	c.t.Helper()
	c.send(renumber(versionsFrame(), 4711))
	if got, err := c.next(); got != 4711 || err != nil {
		c.t.Fatalf("%s: answer %d, %v", what, got, err)
	}
}

func versionsFrame() []byte {
	req := kmsg.NewPtrApiVersionsRequest()
	req.SetVersion(0)
	return numbered(req, 1)
}

func metadataFrame() []byte {
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(9)
	return numbered(req, 1)
}

// pipeline sends frames, numbered from 0, without waiting for answers, and reads an answer for each, in order.
func (c *rawClient) pipeline(n int, frameOf func(i int) []byte) {
	c.t.Helper()
	sent := make(chan error, 1)
	go func() {
		for i := range n {
			if _, err := c.conn.Write(renumber(frameOf(i), int32(i))); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for i := range n {
		if got, err := c.next(); int(got) != i || err != nil {
			c.t.Fatalf("answer %d where %d was due: %v", got, i, err)
		}
	}
	if err := <-sent; err != nil {
		c.t.Fatal(err)
	}
}

// TestPoint001PipelinedAnswersLeaveInOrder: 10,000 requests without waiting, slow ones (acks=all on a flushed topic, a fetch
// that waits) between fast ones (SURFACE 1 in the form of decision 7: only Produce may overlap Produce).
func TestPoint001PipelinedAnswersLeaveInOrder(t *testing.T) {
	b := brokertest.Start(t)
	c := dialRaw(t, b.Addr())
	id := createTopic(t, c, "orders")
	all, one := produceFrame(t, "orders", id, 9, -1, 1, 100), produceFrame(t, "orders", id, 9, 1, 1, 100)
	fetch, waits := fetchFrame("orders", id, 12, 0, 1, 0), fetchFrame("orders", id, 12, 1<<40, 1, 1)
	versions, meta := versionsFrame(), metadataFrame()
	kinds := [][]byte{all, one, all, all, versions, one, fetch, meta, all, waits}
	c.pipeline(10_000, func(i int) []byte { return kinds[i*7%10] })
}

// TestPoint002UnknownKeyOrVersionCloses, without an answer; a version of ApiVersions from the future is answered in version 0
// and the connection stays.
func TestPoint002UnknownKeyOrVersionCloses(t *testing.T) {
	b := brokertest.Start(t)
	head := func(key, version int16) []byte {
		f := binary.BigEndian.AppendUint32(nil, 10)
		f = binary.BigEndian.AppendUint16(f, uint16(key))
		f = binary.BigEndian.AppendUint16(f, uint16(version))
		return append(f, 0, 0, 0, 9, 0xff, 0xff)
	}
	for _, kv := range [][2]int16{{1000, 0}, {-1, 0}, {93, 0}, {4, 0}, {0, 2}, {0, 99}, {3, 14}, {3, -1}, {1, 3}} {
		c := dialRaw(t, b.Addr())
		c.send(head(kv[0], kv[1]))
		c.wantClosed(fmt.Sprintf("key %d version %d", kv[0], kv[1]))
	}
	c := dialRaw(t, b.Addr())
	c.send(append(head(18, 99), 0)[:14])
	resp := kmsg.NewPtrApiVersionsResponse()
	if err := resp.ReadFrom(c.receive()); err != nil || resp.ErrorCode != kerr.UnsupportedVersion.Code {
		t.Errorf("%+v, %v", resp, err)
	}
	c.wantAlive("after a version from the future")
}

// TestPoint003ApiVersionsOnTheWire: bad client software is INVALID_REQUEST and the connection stays.
func TestPoint003ApiVersionsOnTheWire(t *testing.T) {
	c := dialRaw(t, brokertest.Start(t).Addr())
	req := kmsg.NewPtrApiVersionsRequest()
	req.SetVersion(3)
	req.ClientSoftwareName, req.ClientSoftwareVersion = "not a name", "1"
	if resp := ask[*kmsg.ApiVersionsResponse](c, req, false); resp.ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("error %d", resp.ErrorCode)
	}
	req.ClientSoftwareName = "a-name"
	if resp := ask[*kmsg.ApiVersionsResponse](c, req, false); resp.ErrorCode != 0 || len(resp.ApiKeys) < 20 { // SURFACE 5: header v0
		t.Errorf("%+v", resp)
	}
}

// TestPoint006FramesThatClose: sizes that cannot be, and headers that are cut off, close the connection without an answer
// and hurt nobody else.
func TestPoint006FramesThatClose(t *testing.T) {
	b := brokertest.Start(t, brokertest.WithProperty("socket.request.max.bytes", "100000"))
	other := dialRaw(t, b.Addr())
	other.wantAlive("before")
	size := func(n int32, rest ...byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(n)), rest...)
	}
	for name, bytes := range map[string][]byte{
		"negative size":              size(-1),
		"smallest size":              size(-1 << 31),
		"largest size":               size(1<<31 - 1),
		"one over the limit":         size(100_001, 0, 0, 0, 9, 0, 0, 0, 1, 0xff, 0xff),
		"size zero":                  size(0),
		"a key alone":                size(2, 0, 18),
		"no correlation id":          size(4, 0, 18, 0, 0),
		"half a correlation id":      size(6, 0, 18, 0, 0, 0, 0),
		"client id out of frame":     size(10, 0, 18, 0, 0, 0, 0, 0, 1, 0, 99),
		"text of another protocol":   []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"the start of a TLS session": {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3},
	} {
		c := dialRaw(t, b.Addr())
		c.send(bytes)
		c.wantClosed(name)
		for range 3 { // into the void: errors are the client's own
			_, _ = c.conn.Write(versionsFrame())
		}
		other.wantAlive(name)
	}
	other.send(size(10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xfe)) // a client id of size -2 is null, as in Kafka
	if got, err := other.next(); got != 1 || err != nil {
		t.Errorf("answer %d, %v", got, err)
	}
}

// TestPoint007AcksZeroHasNoAnswer; if it fails the connection is closed, after the answers to what came before.
func TestPoint007AcksZeroHasNoAnswer(t *testing.T) {
	b := brokertest.Start(t)
	c := dialRaw(t, b.Addr())
	id := createTopic(t, c, "orders")
	c.send(produceFrame(t, "orders", id, 9, 0, 3, 10))
	c.send(renumber(versionsFrame(), 77))
	if got, err := c.next(); got != 77 || err != nil {
		t.Fatalf("answer %d, %v", got, err)
	}
	fetched := checkFetched(t, 12, c.call(fetchFrame("orders", id, 12, 0, 1<<20, 1000)))
	if len(fetched) == 0 {
		t.Error("the records are not there")
	}
	c.send(renumber(versionsFrame(), 78))
	c.send(produceFrame(t, "nosuch", [16]byte{}, 9, 0, 1, 10))
	if got, err := c.next(); got != 78 || err != nil {
		t.Fatalf("answer %d, %v", got, err)
	}
	c.wantClosed("after acks=0 to a topic that is not there")
}

// setQuota sets a quota of a client id and waits until it is in force.
func setQuota(t *testing.T, b *brokertest.Broker, clientID, key string, value float64) {
	t.Helper()
	c := dialRaw(t, b.Addr())
	req := kmsg.NewPtrAlterClientQuotasRequest()
	req.SetVersion(1)
	entry := kmsg.NewAlterClientQuotasRequestEntry()
	entity := kmsg.NewAlterClientQuotasRequestEntryEntity()
	entity.Type, entity.Name = "client-id", &clientID
	op := kmsg.NewAlterClientQuotasRequestEntryOp()
	op.Key, op.Value = key, value
	entry.Entity, entry.Ops = append(entry.Entity, entity), append(entry.Ops, op)
	req.Entries = append(req.Entries, entry)
	if resp := ask[*kmsg.AlterClientQuotasResponse](c, req, true); resp.Entries[0].ErrorCode != 0 {
		t.Fatalf("%+v", resp)
	}
}

// shortWindow makes burst and throttle times those of one second.
var shortWindow = brokertest.WithProperty("quota.window.num", "2")

// TestPoint008ThrottledProduceIsAnsweredThenMuted: over TCP, through the quota API: the answer comes at once and tells the
// time, the next request of the connection is answered only after it, and another client id is not concerned.
func TestPoint008ThrottledProduceIsAnsweredThenMuted(t *testing.T) {
	b := brokertest.Start(t, shortWindow)
	c := dialRaw(t, b.Addr())
	id := createTopic(t, c, "orders")
	setQuota(t, b, "raw", "producer_byte_rate", 10_000)
	f := produceFrame(t, "orders", id, 9, 1, 1, 30_000) // three seconds' worth, of which one is free
	began := time.Now()
	resp := kmsg.NewPtrProduceResponse()
	resp.SetVersion(9)
	if err := resp.ReadFrom(c.call(f)[1:]); err != nil {
		t.Fatal(err)
	}
	answered := time.Since(began)
	throttle := time.Duration(resp.ThrottleMillis) * time.Millisecond
	if p := resp.Topics[0].Partitions[0]; p.ErrorCode != 0 || throttle < 2*time.Second || throttle > 2100*time.Millisecond {
		t.Fatalf("error %d, throttled by %v", p.ErrorCode, throttle)
	}
	if answered >= throttle {
		t.Errorf("answered after %v, throttled by %v", answered, throttle)
	}
	calm := dialRaw(t, b.Addr())
	calm.wantAlive("another connection")
	if d := time.Since(began); d >= throttle {
		t.Errorf("another connection was answered after %v", d)
	}
	c.wantAlive("after the throttle")
	if d := time.Since(began); d < throttle {
		t.Errorf("the next request was answered after %v, throttled by %v", d, throttle)
	}
}

// TestPoint008MutedConnectionsNoticeShutdown: throttled for hours, and the broker stops at once all the same.
func TestPoint008MutedConnectionsNoticeShutdown(t *testing.T) {
	b := brokertest.Start(t, shortWindow)
	c := dialRaw(t, b.Addr())
	id := createTopic(t, c, "orders")
	setQuota(t, b, "raw", "producer_byte_rate", 1)
	checkProduced(t, 9, c.call(produceFrame(t, "orders", id, 9, 1, 1, 30_000)))
	c.send(versionsFrame())
	began := time.Now()
	b.Stop()
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("the broker stopped after %v", d)
	}
	c.wantClosed("at shutdown")
}

// TestPoint009ThrottledFetchOverTCP is empty and tells the time.
func TestPoint009ThrottledFetchOverTCP(t *testing.T) {
	b := brokertest.Start(t, shortWindow)
	c := dialRaw(t, b.Addr())
	id := createTopic(t, c, "orders")
	checkProduced(t, 9, c.call(produceFrame(t, "orders", id, 9, -1, 1, 20_000)))
	setQuota(t, b, "raw", "consumer_byte_rate", 1000)
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(12)
	if err := resp.ReadFrom(c.call(fetchFrame("orders", id, 12, 0, 1<<20, 500))[1:]); err != nil {
		t.Fatal(err)
	}
	if len(resp.Topics) != 0 || resp.ErrorCode != 0 || resp.ThrottleMillis < 19_000 || resp.ThrottleMillis > 20_000 {
		t.Errorf("%+v", resp)
	}
}

// TestFramesByteByByte: frames that arrive one byte at a time are served like others.
func TestFramesByteByByte(t *testing.T) {
	b := brokertest.Start(t)
	c := dialRaw(t, b.Addr())
	id := createTopic(t, c, "orders")
	stream := bytes.Join([][]byte{
		renumber(versionsFrame(), 1), renumber(produceFrame(t, "orders", id, 9, -1, 1, 10), 2),
		renumber(fetchFrame("orders", id, 12, 0, 1<<20, 10), 3), renumber(metadataFrame(), 4),
	}, nil)
	if tcp, ok := c.conn.(*net.TCPConn); !ok || tcp.SetNoDelay(true) != nil {
		t.Fatal("no TCP connection without delay")
	}
	for i := range stream {
		c.send(stream[i : i+1])
	}
	for want := range int32(4) {
		if got, err := c.next(); got != want+1 || err != nil {
			t.Fatalf("answer %d, %v; want %d", got, err, want+1)
		}
	}
}

// TestHalfCloseWhileAnswersPend: a client that has said all it has to say still gets every answer, then the end.
func TestHalfCloseWhileAnswersPend(t *testing.T) {
	b := brokertest.Start(t)
	c := dialRaw(t, b.Addr())
	id := createTopic(t, c, "orders")
	const n = 200
	all, waits := produceFrame(t, "orders", id, 9, -1, 1, 10), fetchFrame("orders", id, 12, n*1000, 1, 5)
	for i := range int32(n) {
		f := all
		if i%10 == 9 {
			f = waits
		}
		c.send(renumber(f, i))
	}
	if err := c.conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for want := range int32(n) {
		if got, err := c.next(); got != want || err != nil {
			t.Fatalf("answer %d, %v; want %d", got, err, want)
		}
	}
	c.wantClosed("after the last answer")
}

// openConnections is how many connections the broker serves.
func openConnections(t *testing.T, b *brokertest.Broker) int {
	return int(sample(t, scrape(t, b), "kafka_server_socket_server_metrics_connection_count", "listener", "PLAINTEXT"))
}

// TestLongPollOfAClientThatLeaves: while a fetch waits nobody reads its connection; a client that goes away is noticed
// within seconds all the same, and one that has only said its last gets its answer early.
func TestLongPollOfAClientThatLeaves(t *testing.T) {
	b := brokertest.Start(t, withMetrics())
	c := dialRaw(t, b.Addr())
	id := createTopic(t, c, "orders")
	const clients = 20
	wait := fetchFrame("orders", id, 12, 0, 1<<20, 300_000)
	var gone []*rawClient
	for range clients {
		g := dialRaw(t, b.Addr())
		g.wantAlive("before")
		g.send(wait)
		gone = append(gone, g)
	}
	if n := openConnections(t, b); n != clients+1 {
		t.Fatalf("%d connections", n)
	}
	for _, g := range gone[1:] {
		_ = g.conn.Close()
	}
	half := gone[0]
	if err := half.conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if got, err := half.next(); got != 1 || err != nil {
		t.Errorf("answer %d, %v", got, err)
	}
	half.wantClosed("after its answer")
	for openConnections(t, b) > 1 {
		if d := time.Since(began); d > 30*time.Second {
			t.Fatalf("%d connections after %v", openConnections(t, b), d)
		}
	}
}
