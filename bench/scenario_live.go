package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"

	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// liveScenarios are consumers that wait for what producers write.
func liveScenarios() []scenario {
	list := []scenario{}
	for _, n := range []int{1, 4, 16} {
		t := &tailing{shape: sized(16<<10, 1<<10), consumers: n, batches: 24 << 10}
		list = append(list, scenario{id: fmt.Sprintf("F1t%d", n), title: fmt.Sprintf("produce 16 KiB batches with %d consumers at the tail; GiB in and out", n), policy: PolicyOS, full: n == 4, run: t.run,
			measures: []measure{perGiB(0, 0)}})
	}
	for i, rate := range []int{1000, 10_000} {
		p := &paced{rate: rate, seconds: 16}
		list = append(list, scenario{id: "L1" + string(rune('a'+i)), pinned: true, noop: p.nothing, takes: 50, title: fmt.Sprintf("produce to consume, %d records of 1 KiB a second, from the intended time", rate), policy: PolicyOS, run: p.run,
			measures: []measure{extra("p50 µs", 0, 0), extra("p99 µs", 0, 0), extra("p99.9 µs", 0, 0), extra("max µs", 0, 0), lateness(), {unit: "CPU µs/record", of: perRequest(0, 0).of}}})
	}
	return append(list, scenario{id: "F5", title: "round: 10 of 1,000 partitions get a record, one fetch of a session gets them", policy: PolicyOS, late: true, full: true, takes: 25,
		setup: func(ctx context.Context, s *stage) error {
			return s.topic(ctx, s.topicName, sessionPartitions, s.policy)
		}, run: sessionRounds,
		clear:    func(ctx context.Context, s *stage) error { return s.delete(ctx, s.topicName) },
		measures: []measure{{unit: "CPU µs/round", of: perRequest(0, 0).of}}})
}

// tailing is one producer, and consumers that have read everything before it writes.
type tailing struct {
	shape     shape
	consumers int
	batches   int
}

func (t *tailing) run(ctx context.Context, s *stage) (Sample, error) {
	records, err := t.shape.build()
	if err != nil {
		return Sample{}, err
	}
	if err := s.topic(ctx, s.topicName, 1, s.policy); err != nil {
		return Sample{}, err
	}
	n := s.scaled(t.batches)
	p := &producing{shape: t.shape, connections: 1, window: 5, partitions: 1}
	flows := p.flows(newProduce(s.topicName, 1, records), n)
	request := newFetch(s.topicName, 1<<20, 500)
	for range t.consumers {
		flows = append(flows, tail(request, len(records), t.shape.records, flows[0].count))
	}
	sample, err := s.measure(ctx, flows, int64(n*len(records)))
	if err != nil {
		return sample, err
	}
	sample.Requests = int64(flows[0].count)
	sample.Records = sample.Requests * int64(t.shape.records)
	sample.Bytes = sample.Requests * t.shape.bytes() * int64(1+t.consumers)
	return sample, s.drop(ctx, s.topicName)
}

// tail is a consumer that reads batches of one size until it has so many.
func tail(request fetch, size, records, batches int) *flow {
	have := 0
	f := &flow{frame: append([]byte(nil), request.frame...), window: 1}
	f.more = func() bool { return have < batches }
	f.patch = func(frame []byte, _ int) { request.at(frame, 0, int64(have)*int64(records)) }
	f.check = func(_ int, prefix []byte, got int) error {
		if err := request.check(prefix); err != nil {
			return err
		}
		have += got / size // what is not records is much smaller than a batch
		return nil
	}
	return f
}

// paced is a producer that follows a schedule whatever becomes of its records, and a consumer.
type paced struct{ rate, seconds int }

// run tells how long records take from the time they should have been sent until the consumer has them. The i-th record has
// offset i, so that nothing need be written into them.
func (p *paced) run(ctx context.Context, s *stage) (sample Sample, err error) {
	shape := shape{records: 1, value: 1 << 10}
	records, err := shape.build()
	if err != nil {
		return sample, err
	}
	if err := s.topic(ctx, s.topicName, 1, s.policy); err != nil {
		return sample, err
	}
	if sample, err = p.measured(ctx, s, records); err != nil {
		return sample, err
	}
	return sample, s.drop(ctx, s.topicName)
}

// nothing is the same with a responder that does nothing.
func (p *paced) nothing(ctx context.Context, s *stage) (Sample, error) {
	records, err := shape{records: 1, value: 1 << 10}.build()
	if err != nil {
		return Sample{}, err
	}
	if err := s.reset(ctx, len(records)); err != nil {
		return Sample{}, err
	}
	return p.measured(ctx, s, records)
}

func (p *paced) measured(ctx context.Context, s *stage, records []byte) (sample Sample, err error) {
	n := int(float64(p.rate) * s.lasting(p.seconds).Seconds())
	run := pacing{n: n, interval: time.Second / time.Duration(p.rate), latency: newHistogram(), late: newHistogram()}
	sample, err = s.account(func() error {
		return run.both(ctx, s.Addr, newProduce(s.topicName, 1, records), newFetch(s.topicName, 1<<20, 500), len(records))
	})
	if err != nil {
		return sample, err
	}
	sample.Requests, sample.Records = int64(n), int64(n)
	sample.latency = run.latency
	sample.Extra = percentiles(run.latency)
	sample.Extra["late p99 µs"] = microseconds(run.late.ValueAtQuantile(99))
	return sample, nil
}

// pacing is one run of a paced producer and its consumer.
type pacing struct {
	n             int
	interval      time.Duration
	latency, late *hdrhistogram.Histogram
	begin         time.Time
}

func (p *pacing) both(ctx context.Context, addr string, in produce, out fetch, size int) error {
	return p.run(ctx, addr, []*flow{{frame: in.frame, window: 1}, {frame: out.frame, window: 1}},
		func(conns []net.Conn) error { return p.send(conns[0], in.frame) },
		func(conns []net.Conn) error {
			return p.answered(conns[0], func(_ int, prefix []byte) error { return in.check(prefix) })
		},
		func(conns []net.Conn) error { return p.consume(conns[1], out, size) })
}

// run connects, sets the time of the first request, and has the parts done side by side, until all have ended or ctx has.
func (p *pacing) run(ctx context.Context, addr string, flows []*flow, parts ...func(conns []net.Conn) error) error {
	g, err := connect(ctx, addr, flows)
	if err != nil {
		return err
	}
	defer g.close()
	stop := context.AfterFunc(ctx, g.close)
	defer stop()
	p.begin = time.Now().Add(50 * time.Millisecond)
	errs := make([]error, len(parts))
	var wg sync.WaitGroup
	for i, part := range parts {
		wg.Go(func() { errs[i] = part(g.conns) })
	}
	wg.Wait()
	return errors.Join(ctx.Err(), errors.Join(errs...))
}

// produce is the producer alone; what is taken is the time from when a request should have been sent until it is acknowledged.
func (p *pacing) produce(ctx context.Context, addr string, in produce) error {
	return p.run(ctx, addr, []*flow{{frame: in.frame, window: 1}},
		func(conns []net.Conn) error { return p.send(conns[0], in.frame) },
		func(conns []net.Conn) error {
			return p.answered(conns[0], func(i int, prefix []byte) error {
				_ = p.latency.RecordValue(int64(time.Since(p.begin.Add(time.Duration(i) * p.interval))))
				return in.check(prefix)
			})
		})
}

// send sends by the clock, on a thread of its own: timers of the runtime are as coarse as a millisecond.
func (p *pacing) send(conn net.Conn, frame []byte) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for i := range p.n {
		at := p.begin.Add(time.Duration(i) * p.interval)
		for d := time.Until(at); d > 0; d = time.Until(at) {
			sleepPrecisely(d)
		}
		_ = p.late.RecordValue(int64(time.Since(at)))
		if _, err := conn.Write(frame); err != nil {
			return err
		}
	}
	return nil
}

// answered looks at the answer to each request.
func (p *pacing) answered(conn net.Conn, check func(i int, prefix []byte) error) error {
	buf := make([]byte, readBuffer)
	var a answerReader
	for done := 0; done < p.n; {
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		if err := a.read(buf[:n], func(prefix []byte, _ int) error { done++; return check(done-1, prefix) }); err != nil {
			return err
		}
	}
	return nil
}

func (p *pacing) consume(conn net.Conn, out fetch, size int) error {
	have := 0
	buf := make([]byte, 2<<20)
	frame := append([]byte(nil), out.frame...)
	var a answerReader
	for have < p.n {
		out.at(frame, 0, int64(have))
		if _, err := conn.Write(frame); err != nil {
			return err
		}
		for ended := false; !ended; {
			n, err := conn.Read(buf)
			if err != nil {
				return err
			}
			now := time.Now()
			err = a.read(buf[:n], func(prefix []byte, got int) error {
				ended = true
				for range got / size {
					_ = p.latency.RecordValue(int64(now.Sub(p.begin.Add(time.Duration(have) * p.interval))))
					have++
				}
				return out.check(prefix)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

const sessionPartitions, sessionActive = 1000, 10

// sessionRounds lets one consumer of many partitions, of which few get something, fetch in a session.
func sessionRounds(ctx context.Context, s *stage) (Sample, error) {
	c, err := newSession(ctx, s)
	if err != nil {
		return Sample{}, err
	}
	defer c.conn.Close()
	rounds := s.scaled(4000)
	sample, err := s.account(func() error {
		for i := range rounds {
			if err := c.round(ctx, i); err != nil {
				return fmt.Errorf("round %d: %w", i, err)
			}
		}
		return nil
	})
	sample.Requests = int64(rounds)
	return sample, err
}

// session is a consumer that fetches in a session, and the producer beside it.
type session struct {
	conn    net.Conn
	topic   string
	id      int32
	epoch   int32
	offsets [sessionPartitions]int64
	records []byte
	buf     []byte
}

// newSession opens a session over all partitions, from their ends on.
func newSession(ctx context.Context, s *stage) (*session, error) {
	records, err := shape{records: 1, value: 100}.build()
	if err != nil {
		return nil, err
	}
	c := &session{topic: s.topicName, records: records, buf: make([]byte, 1<<20)}
	ends, err := s.admin.ListEndOffsets(ctx, s.topicName)
	if err != nil {
		return nil, err
	}
	all := make([]int32, sessionPartitions)
	for i := range all {
		all[i] = int32(i)
		c.offsets[i] = ends[s.topicName][int32(i)].Offset
	}
	var d net.Dialer
	if c.conn, err = d.DialContext(ctx, "tcp", s.Addr); err != nil {
		return nil, err
	}
	if err := c.conn.SetDeadline(time.Now().Add(flowWithin)); err != nil {
		return nil, err
	}
	_, err = c.fetch(all, 0)
	return c, err
}

// round gives some partitions a record each, and fetches until all of them have come.
func (c *session) round(ctx context.Context, i int) error {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(produceVersion)
	req.Acks, req.TimeoutMillis = 1, 30_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = c.topic
	active := make([]int32, sessionActive)
	for j := range active {
		active[j] = int32((i + j*97) % sessionPartitions)
		rp := kmsg.NewProduceRequestTopicPartition()
		rp.Partition, rp.Records = active[j], c.records
		rt.Partitions = append(rt.Partitions, rp)
	}
	req.Topics = append(req.Topics, rt)
	answer, err := c.exchange(frameOf(req))
	if err != nil {
		return err
	}
	resp := kmsg.NewPtrProduceResponse()
	resp.SetVersion(produceVersion)
	if err := resp.ReadFrom(answer[answerHeader:]); err != nil {
		return err
	}
	for _, p := range resp.Topics[0].Partitions {
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
			return err
		}
	}
	var known []int32
	for got := 0; got < sessionActive; {
		n, err := c.fetch(known, 500)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		got += n
		known = active
	}
	_, err = c.fetch(active, 0) // tells where it goes on
	return err
}

// fetch asks for what the session has, with news of some partitions, and returns how many had records.
func (c *session) fetch(news []int32, waitMs int32) (got int, err error) {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(fetchVersion)
	req.MaxBytes, req.MinBytes, req.MaxWaitMillis = 1<<20, 1, waitMs
	req.SessionID, req.SessionEpoch = c.id, c.epoch
	if len(news) > 0 {
		rt := kmsg.NewFetchRequestTopic()
		rt.Topic = c.topic
		for _, p := range news {
			rp := kmsg.NewFetchRequestTopicPartition()
			rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = p, c.offsets[p], 1<<20
			rt.Partitions = append(rt.Partitions, rp)
		}
		req.Topics = append(req.Topics, rt)
	}
	answer, err := c.exchange(frameOf(req))
	if err != nil {
		return 0, err
	}
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(fetchVersion)
	if err := resp.ReadFrom(answer[answerHeader:]); err != nil {
		return 0, err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return 0, err
	}
	if c.id = resp.SessionID; c.id == 0 {
		return 0, errors.New("the broker gives no session")
	}
	c.epoch++
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return got, err
			}
			if len(p.RecordBatches) > 0 {
				got++
				c.offsets[p.Partition] = int64(binary.BigEndian.Uint64(p.RecordBatches)) + int64(len(p.RecordBatches)/len(c.records))
			}
		}
	}
	return got, nil
}

func (c *session) exchange(frame []byte) ([]byte, error) {
	if _, err := c.conn.Write(frame); err != nil {
		return nil, err
	}
	return receive(c.conn, c.buf)
}
