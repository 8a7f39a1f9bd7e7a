package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// plan says what is written to one topic, of one partition.
type plan struct {
	topic   string
	keys    int // from which each record draws one
	records int // for each run
	deletes int // of a hundred are tombstones
	value   int // bytes
	codec   kgo.CompressionCodec
	config  map[string]string
	rng     *rand.Rand

	at    map[int64]entry  // what was written, by offset
	table map[string]int64 // the newest offset of each key
}

// entry is a record: deleted is a tombstone.
type entry struct {
	key     string
	value   string
	deleted bool
	aborted bool
}

func (p *plan) create(ctx context.Context, c *kgo.Client) error {
	p.at, p.table = map[int64]entry{}, map[string]int64{}
	config := map[string]*string{}
	for k, v := range p.config {
		config[k] = &v
	}
	_, err := kadm.NewClient(c).CreateTopic(ctx, 1, 1, config, p.topic)
	return err
}

// batchOf is how many records are on their way at once.
const batchOf = 500

// write writes the records of one run.
func (p *plan) write(ctx context.Context, seeds string, opts ...kgo.Opt) error {
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(seeds), kgo.DefaultProduceTopic(p.topic), kgo.ProducerBatchCompression(p.codec)}, opts...)...)
	if err != nil {
		return err
	}
	defer c.Close()
	for done := 0; done < p.records; done += batchOf {
		if err := p.writeSome(ctx, c, min(batchOf, p.records-done), false); err != nil {
			return err
		}
	}
	return nil
}

// writeSome writes n records. aborted says that their transaction will be.
func (p *plan) writeSome(ctx context.Context, c *kgo.Client, n int, aborted bool) error {
	var batch []*kgo.Record
	for i := range n {
		r := &kgo.Record{Key: []byte("key-" + strconv.Itoa(p.rng.IntN(p.keys)))}
		if p.rng.IntN(100) >= p.deletes {
			r.Value = make([]byte, p.value)
			for j := range r.Value {
				r.Value[j] = 'a' + byte(p.rng.IntN(26)&(j%7))
			}
			copy(r.Value, fmt.Sprintf("%d/%d ", len(p.at), i))
		}
		batch = append(batch, r)
	}
	results := c.ProduceSync(ctx, batch...)
	if err := results.FirstErr(); err != nil {
		return err
	}
	for _, r := range batch {
		e := entry{string(r.Key), string(r.Value), r.Value == nil, aborted}
		p.at[r.Offset] = e
		if !aborted && r.Offset >= p.table[e.key] {
			p.table[e.key] = r.Offset
		}
	}
	return nil
}

// transactions writes n transactions, every third of which is aborted.
func (p *plan) transactions(ctx context.Context, seeds string, n int) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(seeds), kgo.DefaultProduceTopic(p.topic), kgo.ProducerBatchCompression(p.codec), kgo.TransactionalID("tx-"+p.topic))
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range n {
		aborted := i%3 == 0
		err := c.BeginTransaction()
		if err == nil {
			err = p.writeSome(ctx, c, p.records/n, aborted)
		}
		if err == nil {
			err = c.EndTransaction(ctx, kgo.TransactionEndTry(!aborted))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// size is that of the topic's log.
func (p *plan) size(ctx context.Context, c *kgo.Client) (int64, error) {
	var set kadm.TopicsSet
	set.Add(p.topic, 0)
	all, err := kadm.NewClient(c).DescribeAllLogDirs(ctx, set)
	if err != nil {
		return 0, err
	}
	var n int64
	all.Each(func(d kadm.DescribedLogDir) { n += d.Size() })
	return n, nil
}

// outcome is what is left of a topic.
type outcome struct {
	written, left, deleted int // records
	aborted                int // left of aborted transactions
}

func (o outcome) String() string {
	return fmt.Sprintf("%d records of %d are left, %d of them tombstones", o.left, o.written, o.deleted)
}

// read reads everything and compares.
func (p *plan) read(ctx context.Context, seeds string) (o outcome, err error) {
	c, err := kgo.NewClient(kgo.SeedBrokers(seeds), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{p.topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		return o, err
	}
	defer c.Close()
	ends, err := kadm.NewClient(c).ListEndOffsets(ctx, p.topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return o, err
	}
	end := int64(0)
	ends.Each(func(l kadm.ListedOffset) { end = l.Offset })
	o.written = len(p.at)
	newest := map[string]int64{}
	idle := time.Now()
	for next := int64(0); next < end; {
		poll, cancel := context.WithTimeout(ctx, 2*time.Second)
		fs := c.PollFetches(poll)
		cancel()
		if err := fs.Err0(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return o, err
		}
		if fs.NumRecords() == 0 {
			if time.Since(idle) > 6*time.Second { // what ends the log are markers
				break
			}
			continue
		}
		idle = time.Now()
		fs.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			e, ok := p.at[r.Offset]
			have := entry{string(r.Key), string(r.Value), r.Value == nil, e.aborted}
			if (!ok || have != e) && err == nil {
				err = fmt.Errorf("%s at %d: %.80v, but %.80v was written there", p.topic, r.Offset, have, e)
			}
			o.left++
			if have.deleted {
				o.deleted++
			}
			if e.aborted {
				o.aborted++
				return
			}
			newest[have.key] = r.Offset
		})
		if err != nil {
			return o, err
		}
	}
	return o, p.compare(newest)
}

// compare holds the newest offset of each key that was read against what was written. A tombstone may be gone.
func (p *plan) compare(newest map[string]int64) error {
	for key, at := range p.table {
		have, ok := newest[key]
		if ok && have == at || !ok && p.at[at].deleted {
			continue
		}
		return fmt.Errorf("%s: the newest record of %s is at %d (%.40v), but %d (there %v) was read", p.topic, key, at, p.at[at], have, ok)
	}
	for key := range maps.Keys(newest) {
		if _, ok := p.table[key]; !ok {
			return fmt.Errorf("%s: %s was never written", p.topic, key)
		}
	}
	return nil
}

// awaitSmaller waits until the topic's log is smaller than it was, by a share.
func (p *plan) awaitSmaller(ctx context.Context, c *kgo.Client, than int64, share float64) (int64, error) {
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		n, err := p.size(ctx, c)
		if err == nil && float64(n) < share*float64(than) {
			return n, nil
		}
		select {
		case <-ctx.Done():
			return n, fmt.Errorf("%s has %d bytes, as it had %d: nothing was compacted: %w", p.topic, n, than, errors.Join(ctx.Err(), err))
		case <-again.C:
		}
	}
}
