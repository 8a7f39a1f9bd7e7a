package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os/exec"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// resetKey is the key of the one request to a responder that no broker has: it forgets what it was given, and learns how many bytes a
// batch has.
const resetKey = 0x7fff

// nothingBytes are what a responder's answers have in front of records: zeros, which say that nothing went wrong.
const nothingBytes = prefixBytes

// noopName is what a responder is called in results.
const noopName = "no-op"

// responder is no broker: it answers the rig's prepared Produce and Fetch requests at once, and keeps nothing but a count. What
// is measured with it is the driver, the sockets and the scheduler.
type responder struct {
	mu struct {
		sync.Mutex
		batches, size int
		more          chan struct{} // closed when there is another one
	}
}

// Respond answers on all connections of a listener until ctx ends.
func Respond(ctx context.Context, l net.Listener) error {
	r := &responder{}
	r.mu.more = make(chan struct{})
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go r.serve(ctx, conn) // ends with the connection, which ends with the process
	}
}

func (r *responder) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	in := bufio.NewReaderSize(conn, readBuffer)
	var frame, answer []byte
	for {
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint32(size[:]))
		if n < 8 || n > 8<<20 {
			return
		}
		if n > len(frame) {
			frame = make([]byte, n)
		}
		if _, err := io.ReadFull(in, frame[:n]); err != nil {
			return
		}
		answer = r.answer(frame[:n], answer[:0])
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// answer appends what a request, behind its size, is answered with.
func (r *responder) answer(frame, answer []byte) []byte {
	records := 0
	switch int16(binary.BigEndian.Uint16(frame)) {
	case resetKey:
		r.reset(int(binary.BigEndian.Uint32(frame[4:])))
	case int16(kmsg.Produce):
		r.add()
	case int16(kmsg.Fetch):
		// Its offset is not looked up: a consumer asks for what comes after what it had, and there is one consumer.
		records = r.take()
	}
	answer = binary.BigEndian.AppendUint32(answer, uint32(nothingBytes+records))
	return append(answer, make([]byte, nothingBytes+records)...)
}

func (r *responder) reset(size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.batches, r.mu.size = 0, size
}

func (r *responder) add() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.batches++
	close(r.mu.more)
	r.mu.more = make(chan struct{})
}

// take waits until there are batches and returns how many bytes they have.
func (r *responder) take() int {
	for {
		r.mu.Lock()
		n, more := r.mu.batches*r.mu.size, r.mu.more
		r.mu.batches = 0
		r.mu.Unlock()
		if n > 0 {
			return n
		}
		<-more
	}
}

// Responder makes processes that run Respond: the command must, and print where as a broker of ours does.
func Responder(command ...string) Maker {
	return responderMaker(func(ctx context.Context) (*Broker, error) {
		p, err := startProcess(ctx, noopName, exec.Command(command[0], command[1:]...), readyLine)
		if err != nil {
			return nil, err
		}
		return p.broker(noopName, ""), nil
	})
}

func responderMaker(start func(context.Context) (*Broker, error)) Maker {
	m := Maker{Name: noopName, About: "answers at once and does nothing", Own: map[string]Work{}}
	for _, s := range scenarios() {
		if s.noop != nil {
			m.Own[s.id] = Work{run: s.noop}
		}
	}
	m.Start = func(ctx context.Context, _ string, _ map[string]string) (*Broker, error) {
		b, err := start(ctx)
		if err == nil {
			b.ping = func(ctx context.Context) error { return b.reset(ctx, 0) }
		}
		return b, err
	}
	return m
}

// reset makes a responder forget, and tells it the size of a batch.
func (b *Broker) reset(ctx context.Context, size int) error {
	frame := binary.BigEndian.AppendUint32(nil, 8)
	frame = binary.BigEndian.AppendUint16(frame, resetKey)
	frame = binary.BigEndian.AppendUint16(frame, 0)
	frame = binary.BigEndian.AppendUint32(frame, uint32(size))
	answer, err := exchange(ctx, b.Addr, frame)
	if err == nil && len(answer) != nothingBytes {
		err = errors.New("that is not the responder")
	}
	return err
}
