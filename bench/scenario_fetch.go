package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// fetching is raw connections that read a log of equal batches from the beginning to the end.
type fetching struct {
	shape       shape
	maxBytes    int // of an answer
	connections int // each reads the whole log
	batches     int // in the log, at scale 1
}

func fetchScenarios() []scenario {
	kib := sized(16<<10, 1<<10)
	return []scenario{
		(&fetching{shape: kib, maxBytes: 64 << 10, connections: 4, batches: 32 << 10}).
			scenario("F1", "catch up from the page cache, 4 consumers, answers of 64 KiB", perGiB(0.35, 0.42), throughput("MB/s", megabytes)),
		catchUp().
			scenario("F2", "catch up from the page cache, 4 consumers, answers of 1 MiB", perGiB(0.3, 0.42), throughput("MB/s", megabytes)),
		inFull((&fetching{shape: sized(16<<10, 100), maxBytes: 256 << 10, connections: 4, batches: 32 << 10}).
			scenario("F2b", "catch up, 100 B records, answers of 256 KiB", perMillion(0.027, 0))),
		(&fetching{shape: shape{records: 1, value: 100}, maxBytes: 1, connections: 16, batches: 8000}).
			scenario("F2c", "fetch one batch of one 100 B record, 16 consumers", perRequest(0, 0), throughput("requests/s", requests)),
	}
}

// catchUp is the work of F2.
func catchUp() *fetching {
	return &fetching{shape: sized(16<<10, 1<<10), maxBytes: 1 << 20, connections: 4, batches: 32 << 10}
}

func (f *fetching) scenario(id, title string, measures ...measure) scenario {
	return scenario{id: id, title: title, policy: PolicyOS, setup: f.setup, run: f.run, measures: measures,
		clear: func(ctx context.Context, s *stage) error { return s.drop(ctx, s.topicName) }}
}

// setup writes the log.
func (f *fetching) setup(ctx context.Context, s *stage) error {
	records, err := f.shape.build()
	if err != nil {
		return err
	}
	if err := s.topic(ctx, s.topicName, 1, s.policy); err != nil {
		return err
	}
	p := &producing{shape: f.shape, connections: 1, window: 5, partitions: 1}
	_, err = s.measure(ctx, p.flows(newProduce(s.topicName, 1, records), f.answers(s, len(records))*f.perAnswer(len(records))), 0)
	return err
}

// perAnswer is how many batches of a size fit into an answer.
func (f *fetching) perAnswer(size int) int { return max(1, f.maxBytes/size) }

// answers is how many of them the whole log makes.
func (f *fetching) answers(s *stage, size int) int {
	return max(1, s.scaled(f.batches)/f.perAnswer(size))
}

// run reads it with all connections. Each answer has as many whole batches as fit.
func (f *fetching) run(ctx context.Context, s *stage) (Sample, error) {
	records, err := f.shape.build()
	if err != nil {
		return Sample{}, err
	}
	perAnswer, count := f.perAnswer(len(records)), f.answers(s, len(records))
	// Room for exactly those: a broker may fill an answer up with half a batch, which nobody can use.
	request := newFetch(s.topicName, int32(perAnswer*len(records)), 500)
	size, err := firstAnswer(ctx, s.Addr, request.frame, perAnswer*len(records))
	if err != nil {
		return Sample{}, err
	}
	flows := make([]*flow, f.connections)
	for i := range flows {
		flows[i] = &flow{frame: append([]byte(nil), request.frame...), window: 1, count: count,
			patch: func(frame []byte, i int) { request.at(frame, 0, int64(i*perAnswer*f.shape.records)) },
			check: func(_ int, _ []byte, got int) error {
				if got != size {
					return fmt.Errorf("an answer of %d bytes and not %d", got, size)
				}
				return nil
			}}
	}
	sample, err := s.measure(ctx, flows, 0)
	sample.Requests = int64(count * f.connections)
	sample.Records = sample.Requests * int64(perAnswer*f.shape.records)
	sample.Bytes = sample.Requests * int64(perAnswer) * f.shape.bytes()
	return sample, err
}

// firstAnswer fetches once, looks at everything and returns the size of the answer.
func firstAnswer(ctx context.Context, addr string, frame []byte, want int) (int, error) {
	answer, err := exchange(ctx, addr, frame)
	if err != nil {
		return 0, err
	}
	records, err := fetched(answer)
	if err == nil && len(records) != want {
		err = fmt.Errorf("%w: %d bytes and not %d", errShort, len(records), want)
	}
	return len(answer), err
}

// exchange sends one request on a connection of its own and returns the answer behind its size.
func exchange(ctx context.Context, addr string, frame []byte) ([]byte, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	deadline := time.Now().Add(time.Minute)
	if at, ok := ctx.Deadline(); ok && at.Before(deadline) {
		deadline = at
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if _, err := conn.Write(frame); err != nil {
		return nil, err
	}
	return receive(conn, nil)
}

// receive reads one answer and returns what is behind its size, in the buffer if that is large enough.
func receive(conn net.Conn, buf []byte) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(size[:]))
	if n > len(buf) {
		buf = make([]byte, n)
	}
	_, err := io.ReadFull(conn, buf[:n])
	return buf[:n], err
}
