package bench

import (
	"context"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// producing is produce traffic of raw connections into a topic of its own.
type producing struct {
	shape       shape
	acks        int16
	connections int
	window      int // requests in flight on each
	partitions  int
	batches     int // of all connections together, at scale 1
	// own says that each connection has a partition of its own; else all go round all partitions.
	own bool
	// latency says that the time of each request is taken. Only with a window of 1.
	latency bool
}

func produceScenarios() []scenario {
	small := shape{records: 1, value: 100}
	list := []scenario{
		bulk().
			scenario("P1", "produce 1 KiB records, 64 KiB batches", PolicyOS, perGiB(0.51, 0.65), throughput("MB/s", megabytes)),
		(&producing{shape: sized(16<<10, 1<<10), acks: 1, connections: 4, window: 5, partitions: 1, batches: 48 << 10}).
			scenario("P1b", "produce 1 KiB records, 16 KiB batches, 4 connections", PolicyOS, perGiB(0.63, 0.85)),
		bulkSmall().
			scenario("P3", "produce 100 B records, 64 KiB batches", PolicyOS, perMillion(0.059, 0.09), throughput("MB/s", megabytes)),
		(&producing{shape: sized(1<<20, 10<<10), acks: 1, connections: 1, window: 5, partitions: 1, batches: 1 << 10}).
			scenario("P4", "produce 10 KiB records, 1 MiB batches", PolicyOS, perGiB(0.53, 0)),
		(&producing{shape: shape{records: 10, value: 200}, acks: -1, connections: 100, window: 1, partitions: 12, batches: 100_000}).
			scenario("P5", "produce 2 KiB batches, 100 producers, 12 partitions", PolicyOS, perRequest(5, 0), throughput("requests/s", requests)),
		(&producing{shape: small, acks: 1, connections: 16, window: 5, partitions: 16, batches: 150_000, own: true}).
			scenario("P5b", "produce one 100 B record per request, 16 connections × 5", PolicyOS, perRequest(2.9, 4.5), throughput("requests/s", requests)),
	}
	for _, policy := range []string{PolicyOS, PolicyGroup} {
		id := "A1"
		p := &producing{shape: small, acks: 1, connections: 1, window: 1, partitions: 1, batches: 20_000, own: true, latency: true}
		p50 := extra("p50 µs", 20, 35)
		if policy == PolicyGroup {
			id, p50, p.batches = "A1d", extra("p50 µs", 550, 0), 4000
		}
		s := p.scenario(id, "acknowledge one 100 B record, one at a time", policy, p50, extra("p99 µs", 0, 0), extra("p99.9 µs", 0, 0), extra("max µs", 0, 0), perRequest(0, 0))
		s.pinned = true
		if policy == PolicyOS {
			s.noop = p.nothing
		}
		list = append(list, s)
	}
	list = append(list, compressed("P6", compress.LZ4), inFull(compressed("P6b", compress.Zstd)))
	for i, n := range []int{1, 16, 256, 1000, 5000} {
		s := (&producing{shape: sized(16<<10, 1<<10), acks: 1, connections: 4, window: 5, partitions: n, batches: 32 << 10}).
			scenario("P7"+string(rune('a'+i)), "produce 16 KiB batches, partitions: "+strconv.Itoa(n), PolicyOS, perGiB(0, 0))
		s.takes, s.full, s.late = usualTime+float64(n)/50, n == 1 || n >= 1000, n >= 1000 // partitions are made and removed
		list = append(list, s)
	}
	for _, policy := range []string{PolicyGroup, PolicyOS} {
		id, p := "P8", &producing{shape: sized(16<<10, 1<<10), acks: -1, connections: 64, window: 1, partitions: 64, batches: 20_000, own: true, latency: true}
		cost := measure{unit: "CPU µs/commit", limit: 23, goal: 35, of: perRequest(0, 0).of}
		if policy == PolicyOS {
			id, cost.limit, cost.goal = "P8b", 0, 0
		}
		made := p.scenario(id, "commit: 64 connections = 64 partitions, a 16 KiB batch at a time each", policy,
			cost, throughput("commits/s", requests), extra("p50 µs", 0, 0), extra("p99 µs", 0, 0), extra("p99.9 µs", 0, 0), extra("max µs", 0, 0))
		made.full = policy == PolicyOS
		list = append(list, made)
	}
	return append(list, (&producing{shape: sized(64<<10, 1<<10), acks: -1, connections: 4, window: 5, partitions: 4, batches: 8 << 10, own: true}).
		scenario("P1d", "produce 1 KiB records, 64 KiB batches, 4 connections = 4 partitions", PolicyGroup, perGiB(3.5, 0), throughput("MB/s", megabytes)))
}

// bulk and bulkSmall are the work of P1 and P3.
func bulk() *producing {
	return &producing{shape: sized(64<<10, 1<<10), acks: 1, connections: 1, window: 5, partitions: 1, batches: 16 << 10}
}

func bulkSmall() *producing {
	return &producing{shape: sized(64<<10, 100), acks: 1, connections: 1, window: 5, partitions: 1, batches: 12 << 10}
}

// compressed is P1 with compressed batches; bytes are those before compression.
func compressed(id string, codec compress.Codec) scenario {
	s := sized(64<<10, 1<<10)
	s.codec = codec
	p := &producing{shape: s, acks: 1, connections: 1, window: 5, partitions: 1, batches: 8 << 10}
	return p.scenario(id, "produce 1 KiB records, 64 KiB batches, "+codec.String(), PolicyOS, perGiB(0, 0))
}

func (p *producing) scenario(id, title, policy string, measures ...measure) scenario {
	made := scenario{id: id, title: title, policy: policy, run: p.run, measures: measures}
	if p.partitions >= manyFiles {
		made.setup = func(ctx context.Context, s *stage) error { return s.topic(ctx, s.topicName, p.partitions, s.policy) }
		made.run = p.produce
		made.clear = func(ctx context.Context, s *stage) error { return s.delete(ctx, s.topicName) }
	}
	return made
}

// manyFiles is from how many partitions on a topic is made once for all turns: to create and remove them takes longer than the work.
const manyFiles = 64

// run makes a topic, lets the connections produce into it, and deletes it.
func (p *producing) run(ctx context.Context, s *stage) (Sample, error) {
	if err := s.topic(ctx, s.topicName, p.partitions, s.policy); err != nil {
		return Sample{}, err
	}
	sample, err := p.produce(ctx, s)
	if err != nil {
		return sample, err
	}
	return sample, s.drop(ctx, s.topicName)
}

// nothing lets the connections produce into a responder that does nothing.
func (p *producing) nothing(ctx context.Context, s *stage) (Sample, error) {
	if err := s.reset(ctx, 0); err != nil {
		return Sample{}, err
	}
	return p.produce(ctx, s)
}

// produce lets the connections produce into the topic.
func (p *producing) produce(ctx context.Context, s *stage) (Sample, error) {
	records, err := p.shape.build()
	if err != nil {
		return Sample{}, err
	}
	flows := p.flows(newProduce(s.topicName, p.acks, records), s.scaled(p.batches))
	var total int
	for _, f := range flows {
		total += f.count
	}
	sample, err := s.measure(ctx, flows, int64(total)*int64(len(records)))
	if err != nil {
		return sample, err
	}
	sample.Requests, sample.Records, sample.Bytes = int64(total), int64(total)*int64(p.shape.records), int64(total)*p.shape.bytes()
	if p.latency {
		sample.latency = newHistogram()
		for _, f := range flows {
			sample.latency.Merge(f.latency)
		}
		sample.Extra = percentiles(sample.latency)
	}
	return sample, nil
}

// flows share the work out among the connections.
func (p *producing) flows(request produce, batches int) []*flow {
	flows := make([]*flow, p.connections)
	for c := range flows {
		f := &flow{frame: request.frame, window: p.window, count: max(p.window, batches/p.connections)}
		f.check = func(_ int, answer []byte, _ int) error { return request.check(answer) }
		switch {
		case p.own:
			f.frame = append([]byte(nil), request.frame...)
			request.to(f.frame, c%p.partitions)
		case p.partitions > 1:
			f.patch = func(frame []byte, i int) { request.to(frame, (i*p.connections+c)%p.partitions) }
		}
		if p.latency {
			f.latency = newHistogram()
		}
		flows[c] = f
	}
	return flows
}

// newHistogram takes times of up to an hour in nanoseconds, to three digits.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1000, int64(time.Hour), 3) }

func percentiles(h *hdrhistogram.Histogram) map[string]float64 {
	return map[string]float64{"p50 µs": microseconds(h.ValueAtQuantile(50)), "p99 µs": microseconds(h.ValueAtQuantile(99)),
		"p99.9 µs": microseconds(h.ValueAtQuantile(99.9)), "max µs": microseconds(h.Max())}
}
