package messages

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	dialWithin   = 10 * time.Second
	answerWithin = 60 * time.Second       // of a valid message, on a busy machine
	heldAfter    = 150 * time.Millisecond // a damaged one may ask the broker to wait
	maxAnswer    = 64 << 20
	windowValid  = 32
	windowBad    = 16
)

// conn is a connection with frames of answers.
type conn struct {
	net.Conn
	r *bufio.Reader
}

// dial comes from any loopback address, since closed connections occupy their ports for a while.
func dial(addr string, rng *rand.Rand) (*conn, error) {
	d := net.Dialer{Timeout: dialWithin, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+rng.IntN(250)), byte(1+rng.IntN(250)))}}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

// drop closes with a reset, which frees the port at once.
func (c *conn) drop() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// answer reads one answer.
func (c *conn) answer(within time.Duration) (correlation int32, body []byte, err error) {
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		return 0, nil, err
	}
	var head [8]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int32(binary.BigEndian.Uint32(head[:]))
	if n < 4 || n > maxAnswer {
		return 0, nil, fmt.Errorf("an answer of %d bytes", n)
	}
	body = make([]byte, n-4)
	_, err = io.ReadFull(c.r, body)
	return int32(binary.BigEndian.Uint32(head[4:])), body, err
}

// sentinel is the valid request that follows each damaged one: its answer says that the connection lives.
func (r *random) sentinel(correlation int32) []byte {
	q := kmsg.NewPtrApiVersionsRequest()
	return r.frame(q, correlation)
}

// isTimeout tells a deadline from a connection that was closed.
func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
