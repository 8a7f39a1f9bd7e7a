package judge

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/thalweg-io/thalweg/e2e/peer"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// codecs are all there are.
var codecs = []compress.Codec{compress.None, compress.Gzip, compress.Snappy, compress.LZ4, compress.Zstd}

// since is where the timestamps of records begin. Old ones would be deleted, and their producers forgotten.
var since = time.Now().Add(-time.Hour).UnixMilli()

// segmentBytes is the smallest that Apache Kafka 4 takes.
const segmentBytes = 1 << 20

// client talks to one run of a broker, with requests of its own making.
type client struct {
	*kgo.Client
	t   *testing.T
	ids map[string][16]byte
}

func connect(t *testing.T, b peer.Broker) *client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &client{cl, t, map[string][16]byte{}}
}

// create makes a topic of one partition and segments of a mebibyte.
func (c *client) create(topic string) {
	c.t.Helper()
	size := fmt.Sprint(segmentBytes)
	if _, err := kadm.NewClient(c.Client).CreateTopic(c.t.Context(), 1, 1, map[string]*string{"segment.bytes": &size}, topic); err != nil {
		c.t.Fatalf("create %s: %v", topic, err)
	}
}

// id waits until the topic has a leader and returns its id.
func (c *client) id(topic string) [16]byte {
	c.t.Helper()
	if id, ok := c.ids[topic]; ok {
		return id
	}
	for try := time.NewTicker(50 * time.Millisecond); ; {
		details, err := kadm.NewClient(c.Client).ListTopics(c.t.Context(), topic)
		if d := details[topic]; err == nil && d.Err == nil && len(d.Partitions) > 0 && d.Partitions[0].Err == nil && d.Partitions[0].Leader >= 0 {
			c.ids[topic] = d.ID
			return d.ID
		}
		select {
		case <-try.C:
		case <-c.t.Context().Done():
			c.t.Fatalf("%s has no leader: %v", topic, err)
		}
	}
}

// fill writes records with franz-go's idempotent producer until there are more than two segments: keys, nulls, headers,
// times that go up and down.
func (c *client) fill(addr, topic string, codec compress.Codec, transactional string) {
	c.t.Helper()
	kgoCodec := map[compress.Codec]kgo.CompressionCodec{compress.None: kgo.NoCompression(), compress.Gzip: kgo.GzipCompression(),
		compress.Snappy: kgo.SnappyCompression(), compress.LZ4: kgo.Lz4Compression(), compress.Zstd: kgo.ZstdCompression()}[codec]
	opts := []kgo.Opt{kgo.SeedBrokers(addr), kgo.ProducerBatchCompression(kgoCodec), kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(100_000), kgo.MetadataMinAge(50 * time.Millisecond)}
	if transactional != "" {
		opts = append(opts, kgo.TransactionalID(transactional))
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		c.t.Fatal(err)
	}
	defer cl.Close()
	rng := rand.New(rand.NewPCG(7, uint64(codec)))
	for round := range 40 {
		if transactional != "" {
			if err := cl.BeginTransaction(); err != nil {
				c.t.Fatal(err)
			}
		}
		var records []*kgo.Record
		for i := range 1 + rng.IntN(40) {
			records = append(records, record(rng, round*100+i))
		}
		if err := cl.ProduceSync(c.t.Context(), records...).FirstErr(); err != nil {
			c.t.Fatal(err)
		}
		if transactional != "" {
			if err := cl.EndTransaction(c.t.Context(), kgo.TransactionEndTry(round%3 != 1)); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

// record is incompressible enough to fill segments, and printable but for some.
func record(rng *rand.Rand, n int) *kgo.Record {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/ äöü深泓"
	letters := []rune(alphabet)
	text := make([]rune, 2000+rng.IntN(4000))
	for i := range text {
		text[i] = letters[rng.IntN(len(letters))]
	}
	r := &kgo.Record{Key: fmt.Appendf(nil, "key-%d", n), Value: []byte(string(text)), Timestamp: time.UnixMilli(since + int64(n)*10 - int64(rng.IntN(100)))}
	switch {
	case n%11 == 3:
		r.Key = nil
	case n%11 == 4:
		r.Key = []byte{}
	case n%11 == 5:
		r.Value = nil
	case n%11 == 6:
		r.Value = []byte{}
	case n%11 == 7: // no UTF-8, in the ways that decoders count differently
		r.Value = []byte("a\xffb\xe2\x82c\xf0\x9f\x92\xc3(\xed\xa0\x80\xf8\x88\x80\x80\x80\xc0\xaf\xe0\x80\xaf")
	}
	if n%3 == 0 {
		r.Headers = []kgo.RecordHeader{{Key: "trace", Value: []byte("1")}, {Key: "", Value: nil}}
	}
	return r
}

// ends returns the first and the next offset of a topic's partition.
func (c *client) ends(topic string) (first, end int64) {
	c.t.Helper()
	c.id(topic)
	adm := kadm.NewClient(c.Client)
	starts, err1 := adm.ListStartOffsets(c.t.Context(), topic)
	ends, err2 := adm.ListEndOffsets(c.t.Context(), topic)
	if err1 != nil || err2 != nil || starts.Error() != nil || ends.Error() != nil {
		c.t.Fatalf("offsets of %s: %v %v %v %v", topic, err1, err2, starts.Error(), ends.Error())
	}
	s, _ := starts.Lookup(topic, 0)
	e, _ := ends.Lookup(topic, 0)
	return s.Offset, e.Offset
}

// deleteRecords moves the beginning of a topic's partition.
func (c *client) deleteRecords(topic string, before int64) {
	c.t.Helper()
	resp, err := kadm.NewClient(c.Client).DeleteRecords(c.t.Context(), kadm.Offsets{topic: {0: {Topic: topic, At: before}}})
	if err != nil || resp.Error() != nil {
		c.t.Fatalf("delete records of %s: %v %v", topic, err, resp.Error())
	}
}

// batches fetches a partition from its first to its last batch, as the broker sends them.
func (c *client) batches(topic string) (first int64, all []batch.Batch) {
	c.t.Helper()
	first, end := c.ends(topic)
	for next := first; next < end; {
		p := c.fetch(topic, next)
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
			c.t.Fatalf("fetch %s at %d: %v", topic, next, err)
		}
		was := next
		for rest := p.RecordBatches; len(rest) > 0; {
			b, more, err := batch.Next(rest)
			if err != nil {
				break // the last one may be cut off
			}
			if err := b.CheckStructure(); err != nil {
				c.t.Fatalf("batch of %s at %d: %v", topic, b.BaseOffset(), err)
			}
			all, rest, next = append(all, b), more, b.NextOffset()
		}
		if next == was {
			c.t.Fatalf("fetch %s at %d of %d gave no batch", topic, next, end)
		}
	}
	return first, all
}

func (c *client) fetch(topic string, offset int64) kmsg.FetchResponseTopicPartition {
	c.t.Helper()
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = 1000, 1, 10<<20, -1
	part := kmsg.NewFetchRequestTopicPartition()
	part.FetchOffset, part.PartitionMaxBytes = offset, 10<<20
	req.Topics = append(req.Topics, kmsg.FetchRequestTopic{Topic: topic, TopicID: c.id(topic), Partitions: []kmsg.FetchRequestTopicPartition{part}})
	resp, err := req.RequestWith(c.t.Context(), c.Client)
	if err != nil || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		c.t.Fatalf("fetch %s at %d: %+v, %v", topic, offset, resp, err)
	}
	return resp.Topics[0].Partitions[0]
}

// producer is an idempotent producer that we drive batch by batch.
type producer struct {
	id    int64
	epoch int16
	next  int32 // sequence
}

func (c *client) newProducer() *producer {
	c.t.Helper()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionTimeoutMillis = 60_000
	resp, err := req.RequestWith(c.t.Context(), c.Client)
	if err != nil || resp.ErrorCode != 0 {
		c.t.Fatalf("producer id: %+v, %v", resp, err)
	}
	return &producer{id: resp.ProducerID, epoch: resp.ProducerEpoch}
}

// batch builds a batch of n records that begins at a sequence.
func (p *producer) batch(t *testing.T, codec compress.Codec, sequence int32, n int) batch.Batch {
	t.Helper()
	var b batch.Builder
	b.Reset(batch.BuilderOptions{Codec: codec, Level: compress.DefaultLevel, HasProducer: true, ProducerID: kafka.ProducerID(p.id),
		ProducerEpoch: kafka.ProducerEpoch(p.epoch), BaseSequence: sequence})
	for i := range n {
		s := sequence + int32(i)
		b.Append(since+100_000+int64(s), fmt.Appendf(nil, "p%d", p.id), fmt.Appendf(nil, "sequence %d of %s", s, codec), nil)
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return append(batch.Batch(nil), out...)
}

// send produces a batch with acks=all.
func (c *client) send(topic string, b batch.Batch) (offset int64, err error) {
	c.t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 10_000
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: topic, TopicID: c.id(topic), Partitions: []kmsg.ProduceRequestTopicPartition{{Records: b}}}}
	resp, err := req.RequestWith(c.t.Context(), c.Client)
	if err != nil || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		c.t.Fatalf("produce to %s: %+v, %v", topic, resp, err)
	}
	p := resp.Topics[0].Partitions[0]
	return p.BaseOffset, kerr.ErrorForCode(p.ErrorCode)
}

// goOn appends a batch of n records as the producer's next one, and has it repeated and a gap refused. It returns where it lies.
func (c *client) goOn(topic string, p *producer, codec compress.Codec, n int) int64 {
	c.t.Helper()
	b := p.batch(c.t, codec, p.next, n)
	first, err := c.send(topic, b)
	if err != nil {
		c.t.Fatalf("producer %+v of %s goes on: %v", *p, topic, err)
	}
	if again, err := c.send(topic, b); err != nil || again != first {
		c.t.Errorf("producer %+v of %s repeats a batch: at %d, %v; it is at %d", *p, topic, again, err, first)
	}
	if _, err := c.send(topic, p.batch(c.t, codec, p.next+int32(n)+1, 1)); err != kerr.OutOfOrderSequenceNumber {
		c.t.Errorf("producer %+v of %s leaves a gap: %v", *p, topic, err)
	}
	p.next += int32(n)
	return first
}

// repeat sends the producer's last batch once more, which must be known, at its place.
func (c *client) repeat(topic string, p *producer, codec compress.Codec, n int, want int64) {
	c.t.Helper()
	if at, err := c.send(topic, p.batch(c.t, codec, p.next-int32(n), n)); err != nil || at != want {
		c.t.Errorf("producer %+v of %s repeats its last batch after the move: at %d, %v; it is at %d", *p, topic, at, err, want)
	}
}
