package kafkatool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// latencyPoll is how long a record is waited for.
const latencyPoll = time.Minute

func e2eLatencyParser() *option.Parser {
	return &option.Parser{Positional: true, Options: []option.Option{
		{Name: "bootstrap-server", Arg: "HOST:PORT,...", Help: "REQUIRED: The brokers to connect to first."},
		{Name: "topic", Arg: "topic", Help: "REQUIRED: The topic, which is made if it is not there."},
		{Name: "num-records", Arg: "n", Type: option.Int, Help: "REQUIRED: How many records, one after the other."},
		{Name: "producer-acks", Arg: "acks", Help: "REQUIRED: 1 or all."},
		{Name: "record-size", Arg: "bytes", Type: option.Int, Help: "REQUIRED: The size of values."},
		{Name: "record-key-size", Arg: "bytes", Type: option.Int, Default: "0", Help: "The size of keys; 0 for none."},
		{Name: "num-headers", Arg: "n", Type: option.Int, Default: "0", Help: "How many headers a record has."},
		{Name: "record-header-key-size", Arg: "bytes", Type: option.Int, Default: "0", Help: "The size of their keys."},
		{Name: "record-header-size", Arg: "bytes", Type: option.Int, Default: "0", Help: "The size of their values; -1 for null."},
		configOption(),
	}}
}

// positionalLatency are the options in the order of the words that the tool once took.
var positionalLatency = []string{"bootstrap-server", "topic", "num-records", "producer-acks", "record-size", "command-config"}

func runE2ELatency(c *call) error {
	if len(c.args) > 0 && !strings.HasPrefix(c.args[0], "-") {
		if n := len(c.Words); n < 5 || n > 6 {
			return fmt.Errorf("Invalid number of arguments. Expected 5 or 6 positional arguments, but got %d. Usage: bootstrap-server topic num-records producer-acks record-size [optional] command-config", n)
		}
		c.warnf("WARNING: Positional argument usage is deprecated and will be removed in Apache Kafka 5.0. Please use named arguments instead: --bootstrap-server, --topic, --num-records, --producer-acks, --record-size, --command-config")
		var args []string
		for i, word := range c.Words {
			args = append(args, "--"+positionalLatency[i], word)
		}
		set, err := c.tool.parser().Parse(args)
		if err != nil {
			return c.unparsed(err)
		}
		c.Set = set
	}
	if err := c.Missing(positionalLatency[:5]...); err != nil {
		return misuse{err.Error()}
	}
	for _, name := range []string{"record-size", "record-key-size", "num-headers", "record-header-key-size"} {
		if c.Number(name) < 0 {
			return misused("Value for --%s must be a non-negative integer.", name)
		}
	}
	if acks := c.Value("producer-acks"); acks != "1" && acks != "all" {
		return misused("Invalid value for --producer-acks. Latency testing requires synchronous acknowledgement. Please use '1' or 'all'.")
	}
	l, err := c.connectLatency()
	if err != nil {
		return err
	}
	defer l.producer.Close()
	defer l.consumer.Close()
	return l.run()
}

// latency is one run: a record is sent, read, and only then the next one sent.
type latency struct {
	*call
	producer, consumer *kgo.Client
	rng                *rand.Rand
}

func (c *call) connectLatency() (*latency, error) {
	l := &latency{call: c, rng: rand.New(rand.NewPCG(0, 0))}
	props, err := c.properties(sources{files: []string{"command-config"}})
	if err != nil {
		return nil, err
	}
	props["bootstrap.servers"] = c.Value("bootstrap-server")
	if err := l.makeTopic(props); err != nil {
		return nil, err
	}
	consumer := map[string]string{"fetch.min.bytes": "1"} // which Kafka's tool gets by not waiting
	producer := map[string]string{"linger.ms": "0", "acks": c.Value("producer-acks")}
	for key, value := range props {
		for _, own := range []map[string]string{consumer, producer} {
			if _, set := own[key]; !set {
				own[key] = value
			}
		}
	}
	if c.Value("producer-acks") == "1" {
		producer["enable.idempotence"] = "false"
	}
	if l.producer, err = c.producer(producer, c.Value("topic")); err != nil {
		return nil, err
	}
	if l.consumer, err = l.atTheEnd(consumer); err != nil {
		l.producer.Close()
	}
	return l, err
}

func (l *latency) makeTopic(props map[string]string) error {
	cl, err := l.dial(kclient.Admin, props)
	if err != nil {
		return err
	}
	defer cl.Close()
	adm, topic := kadm.NewClient(cl), l.Value("topic")
	all, err := adm.ListTopicsWithInternal(l.ctx)
	if err != nil || all.Has(topic) {
		return err
	}
	l.printf("Topic \"%s\" does not exist. Will create topic with 1 partition(s) and replication factor = 1\n", topic)
	if _, err := adm.CreateTopic(l.ctx, 1, 1, nil, topic); err != nil {
		l.printf("Creation of topic %s failed\n", topic)
		return err
	}
	return nil
}

// atTheEnd is a consumer of all partitions from their ends on.
func (l *latency) atTheEnd(props map[string]string) (*kgo.Client, error) {
	ends, err := kadm.NewClient(l.producer).ListEndOffsets(l.ctx, l.Value("topic"))
	if err = errors.Join(err, ends.Error()); err != nil {
		return nil, err
	}
	from := map[string]map[int32]kgo.Offset{}
	ends.Each(func(o kadm.ListedOffset) {
		if from[o.Topic] == nil {
			from[o.Topic] = map[int32]kgo.Offset{}
		}
		from[o.Topic][o.Partition] = kgo.NewOffset().At(o.Offset)
	})
	return l.dial(kclient.Consumer, props, kgo.ConsumePartitions(from))
}

func (l *latency) run() error {
	n := int(l.Number("num-records"))
	var total time.Duration
	ms := make([]int64, 0, n)
	for i := range n {
		r := l.record()
		begin := time.Now()
		if err := l.producer.ProduceSync(l.ctx, r).FirstErr(); err != nil {
			return err
		}
		if err := l.read(r); err != nil {
			return err
		}
		elapsed := time.Since(begin)
		if i%1000 == 0 {
			l.printf("%d\t%s\n", i, javaFloat(float64(elapsed.Nanoseconds())/1e6, 64))
			l.out.Flush()
		}
		total += elapsed
		ms = append(ms, elapsed.Milliseconds())
	}
	if n == 0 {
		return errors.New("Index 0 out of bounds for length 0")
	}
	l.printf("Avg latency: %.4f ms\n", float64(total.Nanoseconds())/float64(n)/1e6)
	slices.Sort(ms)
	at := func(f float64) int64 { return ms[int(float64(n)*f)] }
	l.printf("Percentiles: 50th = %d, 99th = %d, 99.9th = %d\n", at(0.5), at(0.99), at(0.999))
	return nil
}

// record has a letter many times in each of its parts.
func (l *latency) record() *kgo.Record {
	letters := func(option string) []byte {
		if l.Number(option) < 0 {
			return nil
		}
		return bytes.Repeat([]byte{byte('A' + l.rng.IntN(26))}, int(l.Number(option)))
	}
	r := &kgo.Record{Topic: l.Value("topic"), Value: letters("record-size")}
	if l.Number("record-key-size") > 0 {
		r.Key = letters("record-key-size")
	}
	for range l.Number("num-headers") {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: string(letters("record-header-key-size")), Value: letters("record-header-size")})
	}
	return r
}

// read wants the record that was sent, and no other one.
func (l *latency) read(sent *kgo.Record) error {
	ctx, cancel := context.WithTimeout(l.ctx, latencyPoll)
	defer cancel()
	fetches := l.consumer.PollFetches(ctx)
	if l.ctx.Err() != nil {
		return l.ctx.Err()
	}
	records := fetches.Records()
	if err := fetches.Err(); err != nil && len(records) == 0 && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	switch {
	case len(records) == 0:
		return fmt.Errorf("poll() timed out before finding a result (timeout:[%d])", latencyPoll.Milliseconds())
	case !bytes.Equal(records[0].Value, sent.Value):
		return fmt.Errorf("The message value read [%s] did not match the message value sent [%s]", javaText(records[0].Value), javaText(sent.Value))
	case !bytes.Equal(records[0].Key, sent.Key):
		return fmt.Errorf("The message key read [%s] did not match the message key sent [%s]", javaText(records[0].Key), javaText(sent.Key))
	case len(records) != 1:
		return fmt.Errorf("Only one result was expected during this test. We found [%d]", len(records))
	}
	return nil
}
