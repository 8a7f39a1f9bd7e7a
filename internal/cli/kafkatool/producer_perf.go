package kafkatool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/twmb/franz-go/pkg/kgo"
)

// defaultTransaction is how long a transaction of the test lasts if only an id was given.
const defaultTransaction = 3 * time.Second

func producerPerfParser() *option.Parser {
	return &option.Parser{Style: option.Sub, Options: []option.Option{
		{Name: "bootstrap-server", Arg: "HOST:PORT,...", Help: "The brokers to connect to first; wins over bootstrap.servers among the properties."},
		{Name: "topic", Arg: "topic", Help: "REQUIRED: the topic to produce to."},
		{Name: "num-records", Arg: "n", Type: option.Long, Help: "REQUIRED: how many records."},
		{Name: "throughput", Arg: "n", Type: option.Float, Help: "REQUIRED: about how many records a second; -1 for no limit."},
		{Name: "record-size", Arg: "bytes", Type: option.Int, Help: "The size of values of random letters. One of this, --payload-file and --payload-monotonic is required."},
		{Name: "payload-file", Arg: "file", Help: "A file whose parts are the values, in random order."},
		{Name: "payload-delimiter", Arg: "text", Default: `\n`, Help: "What separates the parts of the file."},
		{Name: "payload-monotonic", Help: "The values are 0, 1, 2 and so on."},
		{Name: "command-property", Arg: "key=value", List: true, Help: "Properties of the producer; win over --command-config."},
		{Name: "producer-props", Arg: "key=value", List: true, Instead: "command-property"},
		configOption(),
		{Name: "producer.config", Arg: "file", Instead: "command-config"},
		{Name: "warmup-records", Arg: "n", Type: option.Long, Default: "0", Help: "The first records, which a second report leaves out."},
		{Name: "reporting-interval", Arg: "ms", Type: option.Long, Default: "5000", Help: "How often to report."},
		{Name: "transactional-id", Arg: "id", Help: "Produce in transactions, under this id."},
		{Name: "transaction-duration-ms", Arg: "ms", Type: option.Long, Help: "Produce in transactions that last so long (3000)."},
		{Name: "key-distribution", Arg: "how", Default: "none", Help: "none for null keys, range for 0 to n-1 again and again, random for random ones of these."},
		{Name: "record-key-range", Arg: "n", Type: option.Int, Help: "How many keys there are, for range and random."},
		{Name: "random-seed", Arg: "n", Type: option.Long, Default: "0", Help: "What random keys and values begin with: the same seed gives the same ones."},
		{Name: "print-metrics", Help: "Has no effect: there are no Java metrics to print."},
	}}
}

func runProducerPerf(c *call) error {
	if err := c.checkProducerPerf(); err != nil {
		return err
	}
	values, err := c.payloads()
	if err != nil {
		return err
	}
	props, err := c.producerPerfProperties()
	if err != nil {
		return err
	}
	cl, err := c.producer(props, c.Value("topic"), kgo.MaxBufferedRecords(1<<20))
	if err != nil {
		return err
	}
	p := &producerPerf{call: c, cl: cl, values: values, random: rand.New(rand.NewPCG(uint64(c.Number("random-seed")), 0)), transactional: props["transactional.id"] != "",
		txnMost: defaultTransaction, all: newPerfStats(c, " records sent", time.Now())}
	if c.Has("transaction-duration-ms") {
		p.txnMost = time.Duration(c.Number("transaction-duration-ms")) * time.Millisecond
	}
	if p.warmup = c.Number("warmup-records"); p.warmup > 0 {
		c.printf("Warmup first %d records. Steady state results will print after the complete test summary.\n", p.warmup)
	}
	err = p.loop()
	return errors.Join(err, p.finish())
}

func (c *call) checkProducerPerf() error {
	for _, name := range []string{"topic", "num-records", "throughput"} {
		if c.Missing(name) != nil {
			return misused("argument --%s is required", name)
		}
	}
	var payloads []string
	for _, name := range []string{"record-size", "payload-file", "payload-monotonic"} {
		if c.Has(name) {
			payloads = append(payloads, name)
		}
	}
	distribution := strings.ToLower(c.Value("key-distribution"))
	switch {
	case len(payloads) == 0:
		return misused("one of the arguments --record-size --payload-file --payload-monotonic is required")
	case len(payloads) > 1:
		return misused("argument --%s: not allowed with argument --%s", payloads[1], payloads[0])
	case c.Has("record-size") && c.Number("record-size") < 0:
		return misused("--record-size should be greater than or equal to zero.")
	case c.Number("num-records") <= 0:
		return misused("--num-records should be greater than zero.")
	case c.Has("warmup-records") && c.Number("warmup-records") >= c.Number("num-records"):
		return misused("The value for --warmup-records must be strictly fewer than the number of records in the test, --num-records.")
	case c.Has("transaction-duration-ms") && c.Number("transaction-duration-ms") <= 0:
		return misused("--transaction-duration-ms should be greater than zero.")
	case c.Has("reporting-interval") && c.Number("reporting-interval") <= 0:
		return misused("--reporting-interval should be greater than zero.")
	case !listed([]string{"none", "range", "random"}, distribution):
		return misused("argument --key-distribution: invalid choice: '%s' (choose from {none,range,random})", c.Value("key-distribution"))
	case distribution != "none" && !c.Has("record-key-range"):
		return misused("--record-key-range is required when --key-distribution is '%s'.", distribution)
	case c.Has("record-key-range") && c.Number("record-key-range") <= 0:
		return misused("--record-key-range should be greater than zero.")
	case c.Has("producer-props") && c.Has("command-property"):
		return misused("--producer-props and --command-property cannot be specified together.")
	case c.Has("producer.config") && c.Has("command-config"):
		return misused("--producer.config and --command-config cannot be specified together.")
	}
	return nil
}

// payloads reads the file of values; nil if there is none.
func (c *call) payloads() ([][]byte, error) {
	path := c.Value("payload-file")
	if path == "" {
		return nil, nil
	}
	if abs, err := filepath.Abs(path); err == nil {
		c.printf("Reading payloads from: %s\n", abs)
	}
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		return nil, errors.New("File does not exist or empty file provided.")
	}
	delimiter := c.Value("payload-delimiter")
	if delimiter == `\n` {
		delimiter = "\n"
	}
	values := bytes.Split(text, []byte(delimiter))
	for len(values) > 1 && len(values[len(values)-1]) == 0 {
		values = values[:len(values)-1] // as Java's split
	}
	c.printf("Number of records read: %d\n", len(values))
	return values, nil
}

func (c *call) producerPerfProperties() (map[string]string, error) {
	props, err := c.properties(sources{files: []string{"producer.config", "command-config"}})
	if err != nil {
		return nil, err
	}
	pairs := append(c.Values("producer-props"), c.Values("command-property")...)
	for _, pair := range pairs {
		if _, _, ok := strings.Cut(pair, "="); !ok {
			return nil, fmt.Errorf("Invalid property: %s", pair)
		}
	}
	maps.Copy(props, option.Pairs(pairs))
	if servers := c.Value("bootstrap-server"); servers != "" {
		props["bootstrap.servers"] = servers
	}
	if props["bootstrap.servers"] == "" {
		return nil, misused("At least one of --bootstrap-server, --command-property, --producer-props, --producer.config or --command-config must be specified.")
	}
	if props["client.id"] == "" {
		props["client.id"] = "perf-producer-client"
	}
	if id := c.Value("transactional-id"); id != "" {
		props["transactional.id"] = id
	} else if c.Has("transaction-duration-ms") && props["transactional.id"] == "" {
		props["transactional.id"] = fmt.Sprintf("performance-producer-%016x", rand.Uint64())
	}
	return props, nil
}

// producerPerf is one run.
type producerPerf struct {
	*call
	random        *rand.Rand // of keys and values
	cl            *kgo.Client
	values        [][]byte
	transactional bool
	txnMost       time.Duration
	txnSince      time.Time // of the open transaction; zero: none
	warmup        int64
	all, steady   *perfStats
}

func (p *producerPerf) loop() error {
	n, pace := p.Number("num-records"), throttle{p.Float("throughput"), time.Now()}
	for i := int64(0); i < n && p.ctx.Err() == nil; i++ {
		if err := p.transaction(); err != nil {
			return err
		}
		if p.warmup > 0 && i == p.warmup {
			p.steady = newPerfStats(p.call, " steady state records sent", time.Now())
			p.all.silence()
			p.printf("In steady state.\n")
		}
		p.send(i)
		pace.wait(p.ctx, i+1)
	}
	return nil
}

// transaction begins one, and ends the one before when it has lasted long enough.
func (p *producerPerf) transaction() error {
	if !p.transactional {
		return nil
	}
	if !p.txnSince.IsZero() && time.Since(p.txnSince) >= p.txnMost {
		if err := p.commit(); err != nil {
			return err
		}
	}
	if p.txnSince.IsZero() {
		p.txnSince = time.Now()
		return p.cl.BeginTransaction()
	}
	return nil
}

func (p *producerPerf) commit() error {
	p.txnSince = time.Time{}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), parting)
	defer cancel()
	if err := p.cl.Flush(ctx); err != nil {
		return err
	}
	return p.cl.EndTransaction(ctx, kgo.TryCommit)
}

func (p *producerPerf) send(i int64) {
	value := p.value(i)
	since, stats := time.Now(), []*perfStats{p.all}
	if p.steady != nil {
		stats = append(stats, p.steady)
	}
	p.cl.Produce(context.WithoutCancel(p.ctx), &kgo.Record{Topic: p.Value("topic"), Key: p.key(i), Value: value}, func(_ *kgo.Record, err error) {
		if err != nil {
			p.all.fail(err)
			return
		}
		for _, s := range stats {
			s.record(since, len(value))
		}
	})
}

// key is by --key-distribution.
func (p *producerPerf) key(i int64) []byte {
	n := p.Number("record-key-range")
	switch strings.ToLower(p.Value("key-distribution")) {
	case "range":
		return strconv.AppendInt(nil, i%n, 10)
	case "random":
		return strconv.AppendInt(nil, p.random.Int64N(n), 10)
	}
	return nil
}

func (p *producerPerf) value(i int64) []byte {
	switch {
	case p.values != nil:
		return p.values[p.random.IntN(len(p.values))]
	case p.Has("payload-monotonic"):
		return strconv.AppendInt(nil, i, 10)
	}
	value := make([]byte, p.Number("record-size"))
	for j := range value {
		value[j] = byte('A' + p.random.IntN(26))
	}
	return value
}

// finish waits for what was sent and prints the totals.
func (p *producerPerf) finish() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), 2*time.Minute)
	defer cancel()
	err := p.cl.Flush(ctx)
	if err == nil && !p.txnSince.IsZero() {
		err = p.commit()
	}
	p.cl.Close()
	p.all.total()
	if p.steady != nil {
		p.steady.total()
	}
	if err == nil && p.all.failures() > 0 {
		err = errTold
	}
	return err
}
