package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/thalweg-io/thalweg/internal/cli/record"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kgo"
)

// maxBuffered bounds the records that are sent and not yet acknowledged.
const maxBuffered = 10_000

func produceCommand(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "produce TOPIC [VALUE]...",
		Short: "write records to a topic",
		Long: `Writes records to a topic: the values given, or else what standard input holds.

--input says how standard input is read: text is a record per line; json is a record per line as "thalweg
consume -o json" writes it, with key, value, headers, timestamp and partition; --format is a layout like '%k:%v\n'
(%k key, %v value, %h{%k=%v } headers, %p partition, %d timestamp, %K and %V lengths, \t \n).

A record without a partition goes where its key leads, as with Kafka's own clients. It stops at the first record that
cannot be written, and says how many were.`,
		Example: "thalweg produce greetings hello\nthalweg produce orders -k 17 -H source=web '{\"total\":5}'\n" +
			"printf 'a:1\\nb:2\\n' | thalweg produce orders --key-separator :\n" +
			"thalweg consume orders -o json | thalweg produce orders-copy --input json",
		Args:              atLeast(1, "the name of a topic"),
		ValidArgsFunction: first(e.topicNames()),
		RunE:              e.run(runProduce),
	}
	e.clusterFlags(cmd)
	outputFlag(cmd)
	f := cmd.Flags()
	f.StringP("key", "k", "", "the key of every record")
	f.StringArrayP("header", "H", nil, "a header of every record, `KEY=VALUE`")
	f.Int32P("partition", "p", record.AnyPartition, "the partition of every record")
	f.Lookup("partition").DefValue = "0"
	f.StringP("input", "i", "text", "`KIND` of input: text or json")
	f.String("format", "", "a `LAYOUT` to read the input with")
	f.String("key-separator", "", "what stands between key and value in a line of text, as `:`")
	f.Bool("null", false, "a text that is empty is null, which deletes its key from a compacted topic")
	f.Bool("spread", false, "leave out the partitions of json records: their keys lead them")
	f.String("acks", "all", "who must have a record: `all` replicas in sync, 1 (the leader) or 0")
	f.StringP("compression", "z", "", "`CODEC`: none, gzip, snappy, lz4 or zstd")
	f.BoolP("quiet", "q", false, "do not tell where the records went")
	f.Bool("dry-run", false, "read everything and write nothing")
	for flag, values := range produceWords {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

// produceWords are what some options may be.
var produceWords = map[string][]string{"input": {"text", "json"}, "acks": {"all", "1", "0"}, "compression": {"none", "gzip", "snappy", "lz4", "zstd"}}

func runProduce(c *call, args []string) error {
	in, err := newSource(c, args[1:])
	if err != nil {
		return err
	}
	for flag, values := range produceWords {
		if v := c.text(flag); v != "" && !slices.Contains(values, v) {
			return Misuse("--%s is %q, it must be %s", flag, v, strings.Join(values, ", "))
		}
	}
	props, err := c.properties()
	if err != nil {
		return err
	}
	if c.given("acks") || props["acks"] == "" {
		props["acks"] = c.text("acks")
	}
	if z := c.text("compression"); z != "" {
		props["compression.type"] = z
	}
	p := &producing{c: c, topic: args[0], places: map[int32]*place{}}
	p.progress = output.NewProgress(c.Err, "records", 0, c.Now)
	if c.flag("dry-run") {
		return p.dry(in)
	}
	cl, err := c.connectTo(kclient.Producer, props, kgo.AllowAutoTopicCreation(), kgo.MaxBufferedRecords(maxBuffered),
		kgo.RecordPartitioner(partitioner{kgo.StickyKeyPartitioner(nil)}))
	if err != nil {
		return err
	}
	if output.Terminal(c.In) && len(args) == 1 {
		fmt.Fprintln(c.Err, "one record a line; Ctrl-D ends")
	}
	return p.run(cl, in)
}

// place is what went to one partition.
type place struct{ first, last, records int64 }

// producing is one run of produce.
type producing struct {
	c        *call
	topic    string
	progress *output.Progress

	mu     sync.Mutex
	places map[int32]*place
	read   int64 // records read
	acked  int64
	err    error // the first
}

// source yields records until io.EOF.
type source interface {
	next() (*kgo.Record, error)
}

// run sends what the source yields, and waits for all answers. Reading is a goroutine of its own: standard input may keep
// it for ever, and Ctrl-C ends the command all the same.
func (p *producing) run(cl *kgo.Client, in source) error {
	// sending goes on after Ctrl-C for what has been handed over; a record that cannot be written ends it.
	sending, stop := context.WithCancel(context.WithoutCancel(p.c.ctx))
	defer stop()
	reading, enough := context.WithCancel(p.c.ctx)
	defer enough()
	records := make(chan *kgo.Record)
	ended := make(chan error, 1)
	go func() { ended <- feed(reading, in, records) }() // ends with the input, with reading, or with the process
	for more := true; more; {
		select {
		case r := <-records:
			p.send(sending, cl, r, stop)
		case err := <-ended:
			p.fail(err)
			more = false
		case <-p.c.ctx.Done():
			more = false
		case <-sending.Done():
			more = false
		}
	}
	last := p.c.ctx
	if last.Err() != nil {
		var cancel context.CancelFunc
		last, cancel = context.WithTimeout(sending, kclient.Patience)
		defer cancel()
	}
	p.fail(cl.Flush(last))
	return p.tell()
}

// feed hands on what the source yields; nil at its end.
func feed(ctx context.Context, in source, records chan<- *kgo.Record) error {
	for {
		r, err := in.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case records <- r:
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *producing) send(ctx context.Context, cl *kgo.Client, r *kgo.Record, stop func()) {
	r.Topic = p.topic
	p.read++
	n := p.read
	cl.Produce(ctx, r, func(r *kgo.Record, err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if err == nil {
			p.addLocked(r)
			return
		}
		if strings.Contains(err.Error(), "invalid record partitioning") { // kgo has no name for it
			err = errNoPartition
		}
		if p.err == nil && ctx.Err() == nil {
			p.err = failed(err, "write record %d to %s", n, where(r))
			stop()
		}
	})
}

// errNoPartition: a record names a partition that the topic does not have.
var errNoPartition = errors.New("the topic has no such partition; --spread lets keys lead the records")

func where(r *kgo.Record) string {
	if r.Partition < 0 {
		return "topic " + r.Topic
	}
	return fmt.Sprintf("topic %s, partition %d", r.Topic, r.Partition)
}

func (p *producing) addLocked(r *kgo.Record) {
	p.acked++
	p.progress.Add(1, int64(len(r.Key)+len(r.Value)))
	at, ok := p.places[r.Partition]
	if !ok {
		at = &place{first: r.Offset, last: r.Offset}
		p.places[r.Partition] = at
	}
	at.first, at.last = min(at.first, r.Offset), max(at.last, r.Offset)
	at.records++
}

// fail keeps the first error.
func (p *producing) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil && err != nil && !errors.Is(err, context.Canceled) {
		p.err = err
	}
}

// tell says where the records went, and what went wrong.
func (p *producing) tell() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress.Clear()
	err := p.err
	if err == nil {
		err = p.c.ctx.Err()
	}
	if !p.c.flag("quiet") {
		if err := p.table().Write(p.c.Out, p.c.format); err != nil {
			return err
		}
	}
	if err == nil || p.acked == 0 || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w (but %s written)", err, plural(p.acked, "record"))
}

func (p *producing) table() *output.Table {
	t := output.New("topic", ">partition", ">first_offset", ">last_offset", ">records")
	for _, id := range sortedKeys(p.places) {
		at := p.places[id]
		if p.c.text("acks") == "0" { // nobody tells offsets
			t.Add(p.topic, id, nil, nil, at.records)
			continue
		}
		t.Add(p.topic, id, at.first, at.last, at.records)
	}
	return t
}

// dry reads everything and writes nothing.
func (p *producing) dry(in source) error {
	var bytes int64
	for p.c.ctx.Err() == nil {
		r, err := in.next()
		if err == io.EOF {
			return changes{{"topic", p.topic, "would be written to", plural(p.read, "record") + ", " + output.Bytes(bytes)}}.write(p.c)
		}
		if err != nil {
			return err
		}
		p.read++
		bytes += int64(len(r.Key) + len(r.Value))
	}
	return p.c.ctx.Err()
}

// partitioner sends a record that names a partition there, and others where their keys lead them.
type partitioner struct{ keys kgo.Partitioner }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{p.keys.ForTopic(topic)}
}

type topicPartitioner struct{ kgo.TopicPartitioner }

func (t topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || t.TopicPartitioner.RequiresConsistency(r)
}

func (t topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return t.TopicPartitioner.Partition(r, n)
}

// OnNewBatch lets records without a key go on to another partition.
func (t topicPartitioner) OnNewBatch() {
	if s, ok := t.TopicPartitioner.(kgo.TopicPartitionerOnNewBatch); ok {
		s.OnNewBatch()
	}
}
