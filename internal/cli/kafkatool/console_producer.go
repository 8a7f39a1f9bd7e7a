package kafkatool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/cli/properties"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kgo"
)

// parting is how long a producer that is told to stop may take to send what it has.
const parting = 30 * time.Second

const lineReaderClass = "org.apache.kafka.tools.LineMessageReader"

func consoleProducerParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "topic", Arg: "topic", Help: "REQUIRED: the topic to produce to."},
		{Name: "command-property", Arg: "key=value", Repeated: true, Help: "A property of the producer; wins over --command-config."},
		{Name: "producer-property", Arg: "key=value", Repeated: true, Instead: "command-property"},
		{Name: "producer.config", Arg: "file", Instead: "command-config"},
		{Name: "sync", Help: "Wait for each record before the next one is read."},
		{Name: "compression-codec", Arg: "codec", Optional: true, Help: "none, gzip, snappy, lz4 or zstd; without a value gzip."},
		{Name: "reader-property", Arg: "key=value", Repeated: true,
			Help: "How lines are read: parse.key, key.separator (tab), parse.headers, headers.delimiter (tab), headers.separator (comma), " +
				"headers.key.separator (colon), null.marker, ignore.error. A whole line is headers, key and value in this order."},
		{Name: "property", Arg: "key=value", Repeated: true, Instead: "reader-property"},
		{Name: "reader-config", Arg: "file", Help: "A file with such properties."},
		{Name: "line-reader", Arg: "class", Default: lineReaderClass, Help: "The reader of lines; there is this one."},
		{Name: "request-required-acks", Arg: "acks", Default: "-1", Help: "Which replicas must have a record: -1 or all, 1, 0."},
		{Name: "request-timeout-ms", Arg: "ms", Type: option.Int, Default: "1500", Help: "How long replicas may take."},
		{Name: "message-send-max-retries", Arg: "n", Type: option.Int, Default: "3", Help: "How often a record is tried again."},
		{Name: "retry-backoff-ms", Arg: "ms", Type: option.Long, Default: "100", Help: "How long to wait before that."},
		{Name: "timeout", Arg: "ms", Type: option.Long, Default: "1000", Help: "How long records wait for others to share a batch with (linger.ms). Less if not given."},
		{Name: "batch-size", Arg: "bytes", Type: option.Int, Default: "16384", Help: "How large batches are meant to be."},
		{Name: "max-partition-memory-bytes", Arg: "bytes", Type: option.Int, Default: "16384", Help: "The same; wins."},
		{Name: "max-memory-bytes", Arg: "bytes", Type: option.Long, Default: "33554432", Help: "How much may wait to be sent."},
		{Name: "max-block-ms", Arg: "ms", Type: option.Long, Default: "60000", Help: "Has no effect: reading waits while sending is behind."},
		{Name: "metadata-expiry-ms", Arg: "ms", Type: option.Long, Default: "300000", Help: "How old metadata may become."},
		{Name: "socket-buffer-size", Arg: "bytes", Type: option.Int, Default: "102400", Help: "Has no effect: the system chooses."},
	}}
}

// producerOptions are the options that stand for a property of the producer, used where given.
var producerOptions = map[string]string{
	"timeout": "linger.ms", "request-required-acks": "acks", "request-timeout-ms": "request.timeout.ms",
	"message-send-max-retries": "retries", "retry-backoff-ms": "retry.backoff.ms", "max-memory-bytes": "buffer.memory",
	"metadata-expiry-ms": "metadata.max.age.ms",
}

func runConsoleProducer(c *call) error {
	reader, err := c.lineReader()
	if err != nil {
		return err
	}
	props, err := c.consoleProducerProperties()
	if err != nil {
		return err
	}
	cl, err := c.producer(props, c.Value("topic"))
	if err != nil {
		return err
	}
	defer cl.Close()
	p := &consoleProducer{call: c, cl: cl, reader: reader}
	err = p.loop()
	// What was read before an error or Ctrl-C is still sent.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), parting)
	defer cancel()
	if flushed := cl.Flush(ctx); err == nil && flushed != nil {
		err = fmt.Errorf("could not send everything within %s", parting)
	}
	if err == nil && p.failed.Load() {
		err = errTold
	}
	if err == nil {
		err = c.ctx.Err()
	}
	return err
}

func (c *call) lineReader() (*lineReader, error) {
	for _, pair := range [][2]string{{"reader-property", "property"}, {"command-property", "producer-property"}, {"command-config", "producer.config"}} {
		if c.Has(pair[0]) && c.Has(pair[1]) {
			return nil, misused("Options --%s and --%s cannot be specified together.", pair[0], pair[1])
		}
	}
	if err := c.Missing("topic"); err != nil {
		return nil, misuse{err.Error()}
	}
	if class := c.Value("line-reader"); class != lineReaderClass && !strings.HasSuffix(class, "LineMessageReader") {
		return nil, fmt.Errorf("there is no line reader %s; readers in Java cannot be loaded", class)
	}
	props := map[string]string{}
	if path := c.Value("reader-config"); path != "" {
		file, err := properties.Read(path)
		if err != nil {
			return nil, fmt.Errorf("cannot read the file of --reader-config: %w", err)
		}
		props = file
	}
	maps.Copy(props, option.Pairs(append(c.Values("property"), c.Values("reader-property")...)))
	return newLineReader(c.Value("topic"), props)
}

func (c *call) consoleProducerProperties() (map[string]string, error) {
	props, err := c.properties(sources{files: []string{"producer.config", "command-config"}, pairs: []string{"producer-property", "command-property"}})
	if err != nil {
		return nil, err
	}
	if err := c.requireBootstrap(props); err != nil {
		return nil, err
	}
	if props["client.id"] == "" {
		props["client.id"] = "console-producer"
	}
	for name, key := range producerOptions {
		if c.Has(name) {
			props[key] = c.Value(name)
		}
	}
	for _, name := range []string{"batch-size", "max-partition-memory-bytes"} {
		if c.Has(name) {
			props["batch.size"] = c.Value(name)
		}
	}
	if c.Has("compression-codec") {
		props["compression.type"] = c.Value("compression-codec")
		if props["compression.type"] == "" {
			props["compression.type"] = "gzip"
		}
	} else if props["compression.type"] == "" {
		props["compression.type"] = "none"
	}
	return props, nil
}

// consoleProducer is one run: a goroutine reads lines, the loop sends records.
type consoleProducer struct {
	*call
	cl     *kgo.Client
	reader *lineReader
	failed atomic.Bool
}

// loop ends with the input, with an error, or with the context; then it returns nil at once, even
// though the reading goroutine still waits for a line that nobody will use.
func (p *consoleProducer) loop() error {
	lines, ended := make(chan string), make(chan error, 1)
	go func() {
		s := scanLines(p.in)
		for s.Scan() {
			select {
			case lines <- s.Text():
			case <-p.ctx.Done():
				return
			}
		}
		ended <- s.Err()
	}()
	for {
		p.prompt()
		select {
		case line := <-lines:
			if err := p.send(line); err != nil {
				return err
			}
		case err := <-ended:
			return err
		case <-p.ctx.Done():
			return nil
		}
	}
}

func (p *consoleProducer) prompt() {
	if p.terminal {
		p.printf(">")
		p.out.Flush()
	}
}

func (p *consoleProducer) send(line string) error {
	rec, err := p.reader.record(line)
	if err != nil {
		return err
	}
	if p.Has("sync") {
		return p.cl.ProduceSync(p.ctx, rec).FirstErr()
	}
	p.cl.Produce(context.WithoutCancel(p.ctx), rec, p.acked)
	return nil
}

// acked tells of records that could not be sent, and goes on, as Kafka's tool.
func (p *consoleProducer) acked(r *kgo.Record, err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	p.failed.Store(true)
	key := "null"
	if r.Key != nil {
		key = fmt.Sprintf("%d bytes", len(r.Key))
	}
	value := "null"
	if r.Value != nil {
		value = fmt.Sprintf("%d bytes", len(r.Value))
	}
	p.warnf("Error when sending message to topic %s with key: %s, value: %s with error: %s", r.Topic, key, value, kclient.Message(err))
}
