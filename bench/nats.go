package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// What the usual client, nats.go, has as defaults.
const (
	natsPending = 4000 // messages published and not acknowledged
	natsPull    = 500  // messages asked for by a consumer; again when half of them have come
)

// natsWork is the work of P1, P3 and F2 as JetStream does it: each record is a message.
func natsWork() map[string]Work {
	publish := func(p *producing, part int) Work {
		return Work{run: func(ctx context.Context, s *stage) (Sample, error) {
			n := max(1, s.scaled(p.batches)*p.shape.records/part)
			return s.publishInto(ctx, n, p.shape.value)
		}}
	}
	f := catchUp()
	n := func(s *stage) int { return max(1, s.scaled(f.batches)*f.shape.records) }
	return map[string]Work{
		"P1": publish(bulk(), 1),
		"P3": publish(bulkSmall(), 4), // a record is a message: it takes fifty times as long
		"F2": {
			setup: func(ctx context.Context, s *stage) error {
				if err := s.stream(ctx, "CREATE"); err != nil {
					return err
				}
				return s.publish(ctx, n(s), f.shape.value)
			},
			run: func(ctx context.Context, s *stage) (Sample, error) {
				return s.consume(ctx, f.connections, n(s), f.shape.value)
			},
			clear: func(ctx context.Context, s *stage) error { return s.stream(ctx, "DELETE") },
		},
	}
}

// publishInto accounts for messages of one size that are published into a new stream, which is deleted.
func (s *stage) publishInto(ctx context.Context, n, size int) (Sample, error) {
	if err := s.stream(ctx, "CREATE"); err != nil {
		return Sample{}, err
	}
	if err := warm(int64(n*size) + int64(n*size)/8); err != nil {
		return Sample{}, err
	}
	sample, err := s.counted(n, size, func(int) error { return s.publish(ctx, n, size) })
	sample.Note = fmt.Sprintf("each record is a message, published without waiting, at most %d unacknowledged", natsPending)
	if err != nil {
		return sample, err
	}
	return sample, s.stream(ctx, "DELETE")
}

// consume accounts for consumers that each read the whole stream.
func (s *stage) consume(ctx context.Context, consumers, n, size int) (Sample, error) {
	sample, err := s.counted(n*consumers, size, func(int) error {
		errs := make([]error, consumers)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = s.pull(ctx, n) })
		}
		wg.Wait()
		return errors.Join(errs...)
	})
	sample.Note = fmt.Sprintf("consumers that pull %d messages at a time and acknowledge nothing", natsPull)
	return sample, err
}

// natsConn is a connection to a NATS server.
type natsConn struct {
	net.Conn
	in    *bufio.Reader
	write sync.Mutex // of whole commands
	stop  func() bool
}

// dialNATS connects. The connection is closed when ctx ends.
func dialNATS(ctx context.Context, addr string) (*natsConn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &natsConn{Conn: conn, in: bufio.NewReaderSize(conn, readBuffer)}
	c.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(flowWithin)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := c.send([]byte(`CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"lang":"bench","version":"1"}` + "\r\nPING\r\n")); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	for {
		line, err := c.in.ReadSlice('\n')
		switch {
		case err != nil:
			return nil, errors.Join(err, c.Close())
		case bytes.HasPrefix(line, []byte("PONG")):
			return c, nil
		case bytes.HasPrefix(line, []byte("-ERR")):
			return nil, errors.Join(fmt.Errorf("nats: %s", line), c.Close())
		}
	}
}

// Close implements net.Conn.
func (c *natsConn) Close() error {
	c.stop()
	return c.Conn.Close()
}

func (c *natsConn) send(commands []byte) error {
	c.write.Lock()
	defer c.write.Unlock()
	_, err := c.Write(commands)
	return err
}

// next reads one message and returns its payload, which is valid until the next call.
func (c *natsConn) next(buf []byte) ([]byte, error) {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		switch {
		case bytes.HasPrefix(line, []byte("MSG ")):
			return c.payload(line, buf)
		case bytes.HasPrefix(line, []byte("PING")):
			if err := c.send([]byte("PONG\r\n")); err != nil {
				return nil, err
			}
		case bytes.HasPrefix(line, []byte("HMSG ")), bytes.HasPrefix(line, []byte("-ERR")): // a status: nobody listens, or a pull has ended
			return nil, fmt.Errorf("nats: %s", line)
		}
	}
}

// payload reads what follows a line "MSG subject sid [reply] size".
func (c *natsConn) payload(line, buf []byte) ([]byte, error) {
	line = bytes.TrimSpace(line)
	size, err := strconv.Atoi(string(line[bytes.LastIndexByte(line, ' ')+1:]))
	if err != nil || size+2 > len(buf) {
		return nil, fmt.Errorf("nats: a message of %d bytes, %w", size, err)
	}
	_, err = io.ReadFull(c.in, buf[:size+2])
	return buf[:size], err
}

// natsReply is what answers of JetStream have in common.
type natsReply struct {
	Name  string `json:"name"`
	Error *struct {
		Description string `json:"description"`
	} `json:"error"`
}

// ask sends a request and reads the answer. Nothing else may come on the connection.
func (c *natsConn) ask(subject string, payload []byte) (natsReply, error) {
	inbox := "_INBOX.ask." + strconv.FormatInt(time.Now().UnixNano(), 36)
	request := fmt.Sprintf("SUB %s 9\r\nUNSUB 9 1\r\nPUB %s %s %d\r\n%s\r\n", inbox, subject, inbox, len(payload), payload)
	if err := c.send([]byte(request)); err != nil {
		return natsReply{}, err
	}
	text, err := c.next(make([]byte, 64<<10))
	if err != nil {
		return natsReply{}, err
	}
	var reply natsReply
	if err := json.Unmarshal(text, &reply); err != nil {
		return reply, err
	}
	if reply.Error != nil {
		return reply, fmt.Errorf("nats: %s: %s", subject, reply.Error.Description)
	}
	return reply, nil
}

// stream creates or deletes the stage's stream.
func (s *stage) stream(ctx context.Context, what string) error {
	c, err := dialNATS(ctx, s.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if what == "DELETE" {
		_, err := c.ask("$JS.API.STREAM.DELETE."+s.topicName, nil)
		return err
	}
	config, err := json.Marshal(map[string]any{"name": s.topicName, "subjects": []string{s.topicName}, "storage": "file", "retention": "limits",
		"max_msgs": -1, "max_bytes": -1, "discard": "old", "num_replicas": 1})
	if err != nil {
		return err
	}
	_, err = c.ask("$JS.API.STREAM."+what+"."+s.topicName, config)
	return err
}

// natsTogether is how many messages one write has at most.
const natsTogether = 64

// publish publishes n messages, and returns when all are acknowledged.
func (s *stage) publish(ctx context.Context, n, size int) error {
	c, err := dialNATS(ctx, s.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.send([]byte("SUB _INBOX.ack 1\r\n")); err != nil {
		return err
	}
	message := fmt.Appendf(nil, "PUB %s _INBOX.ack %d\r\n%s\r\n", s.topicName, size, shape{value: size}.text())
	messages := bytes.Repeat(message, natsTogether)
	var acked atomic.Int64
	came, failed := make(chan struct{}, 1), make(chan error, 1)
	go func() { failed <- c.acknowledged(n, &acked, came) }()
	for sent := 0; sent < n; {
		room := min(n-sent, natsPending-(sent-int(acked.Load())))
		if room == 0 || room < natsTogether && room < n-sent {
			select {
			case <-came:
				continue
			case err := <-failed:
				return errors.Join(err, errors.New("nats: the acknowledgements have ended"))
			}
		}
		room = min(room, natsTogether)
		if err := c.send(messages[:room*len(message)]); err != nil {
			return err
		}
		sent += room
	}
	return <-failed
}

// acknowledged reads n acknowledgements.
func (c *natsConn) acknowledged(n int, acked *atomic.Int64, came chan<- struct{}) error {
	buf := make([]byte, 64<<10)
	for range n {
		text, err := c.next(buf)
		if err != nil {
			return err
		}
		if bytes.Contains(text, []byte(`"error"`)) {
			return fmt.Errorf("nats: publish: %s", text)
		}
		acked.Add(1)
		select {
		case came <- struct{}{}:
		default:
		}
	}
	return nil
}

// pull reads n messages of the stream, from the first one on, with a consumer of its own.
func (s *stage) pull(ctx context.Context, n int) error {
	c, err := dialNATS(ctx, s.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	config, err := json.Marshal(map[string]any{"stream_name": s.topicName, "config": map[string]any{"deliver_policy": "all", "ack_policy": "none",
		"replay_policy": "instant", "mem_storage": true, "num_replicas": 1, "inactive_threshold": int64(time.Minute)}})
	if err != nil {
		return err
	}
	consumer, err := c.ask("$JS.API.CONSUMER.CREATE."+s.topicName, config)
	if err != nil {
		return err
	}
	inbox := "_INBOX.pull." + consumer.Name
	if err := c.send([]byte("SUB " + inbox + " 1\r\n")); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for have, asked := 0, 0; have < n; have++ {
		if asked-have <= natsPull/2 && asked < n {
			more := min(natsPull, n-asked)
			body := fmt.Sprintf(`{"batch":%d,"expires":%d}`, more, int64(time.Minute))
			if err := c.send(fmt.Appendf(nil, "PUB $JS.API.CONSUMER.MSG.NEXT.%s.%s %s %d\r\n%s\r\n", s.topicName, consumer.Name, inbox, len(body), body)); err != nil {
				return err
			}
			asked += more
		}
		if _, err := c.next(buf); err != nil {
			return fmt.Errorf("after %d messages: %w", have, err)
		}
	}
	return nil
}
