package foreign

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The same figures as in the other programs.
const (
	mostWaiting = 5000
	tick        = 10 * time.Millisecond
)

var franzCodecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

// franzProducer is one producer of franz-go with default options: idempotence, acks=all.
type franzProducer struct {
	Spec
	client  int64
	cl      *kgo.Client
	sink    func(Event)
	waiting atomic.Int64
}

func startFranz(ctx context.Context, name string, s Spec, sink func(Event)) (*Writer, error) {
	ctx, stop := context.WithCancel(ctx)
	w := &Writer{Name: name, stop: stop, done: make(chan struct{})}
	var mu sync.Mutex
	one := func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		sink(e)
	}
	var all sync.WaitGroup
	for i, codec := range s.Codecs {
		cl, err := kgo.NewClient(kgo.SeedBrokers(s.Servers), kgo.ClientID("franz-go-"+codec),
			kgo.ProducerBatchCompression(franzCodecs[codec]), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			stop()
			return nil, err
		}
		p := &franzProducer{Spec: s, client: s.FirstClient + int64(i), cl: cl, sink: one}
		all.Go(func() { p.run(ctx) })
	}
	go func() {
		all.Wait()
		close(w.done)
	}()
	return w, nil
}

// flushWithin bounds the wait for outcomes at the end.
const flushWithin = time.Minute

func (p *franzProducer) run(ctx context.Context) {
	defer p.cl.Close()
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	begin, next := time.Now(), int64(0)
	for ctx.Err() == nil {
		due := int64(time.Since(begin).Seconds() * float64(p.Rate))
		due = min(due, next+mostWaiting-p.waiting.Load())
		for ; next < due; next++ {
			p.send(next)
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
	defer cancel()
	if err := p.cl.Flush(ctx); err != nil {
		p.sink(Event{Kind: Fatal, Text: fmt.Sprintf("client %d: %v", p.client, err)})
	}
}

func (p *franzProducer) send(n int64) {
	value := valueOf(p.client, n)
	topics := int64(len(p.Topics))
	e := Event{Kind: Sent, Value: value, Topic: int(n % topics), Partition: int32(n / topics % int64(p.Partitions))}
	p.sink(e)
	p.waiting.Add(1)
	r := &kgo.Record{Topic: p.Topics[e.Topic], Partition: e.Partition, Value: Payload(value)}
	p.cl.Produce(context.Background(), r, func(r *kgo.Record, err error) {
		p.waiting.Add(-1)
		switch {
		case err == nil:
			p.sink(Event{Kind: Acked, Value: value, Offset: r.Offset})
		case errors.Is(err, kgo.ErrMaxBuffered):
			p.sink(Event{Kind: Untold, Value: value, Text: err.Error()})
		default:
			p.sink(Event{Kind: Open, Value: value, Text: err.Error()})
		}
	})
}
