package kafkatool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/cli/properties"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func consoleConsumerParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "topic", Arg: "topic", Help: "The topic to read."},
		{Name: "include", Arg: "regex", Help: "Or a regular expression of topics to read."},
		{Name: "from-beginning", Help: "Begin with the oldest record instead of what comes next."},
		{Name: "partition", Arg: "n", Type: option.Int, Help: "Read only this partition."},
		{Name: "offset", Arg: "offset", Default: "latest", Help: "Where to begin in --partition: a number, earliest or latest."},
		{Name: "max-messages", Arg: "n", Type: option.Int, Help: "End after so many records."},
		{Name: "timeout-ms", Arg: "ms", Type: option.Long, Help: "End when nothing has come for so long."},
		{Name: "group", Arg: "group", Help: "The consumer group to be a member of."},
		{Name: "isolation-level", Arg: "level", Default: "read_uncommitted", Help: "read_committed leaves out records of transactions that were not committed."},
		{Name: "command-property", Arg: "key=value", Repeated: true, Help: "A property of the consumer; wins over --command-config."},
		{Name: "consumer-property", Arg: "key=value", Repeated: true, Instead: "command-property"},
		{Name: "consumer.config", Arg: "file", Instead: "command-config"},
		{Name: "formatter", Arg: "class", Default: "org.apache.kafka.tools.consumer.DefaultMessageFormatter", Help: "DefaultMessageFormatter, LoggingMessageFormatter or NoOpMessageFormatter."},
		{Name: "formatter-property", Arg: "key=value", Repeated: true,
			Help: "What is printed: print.timestamp, print.partition, print.offset, print.epoch, print.delivery, print.headers, print.key, print.value (true or false), " +
				"key.separator, line.separator, headers.separator, null.literal, key.deserializer, value.deserializer, headers.deserializer."},
		{Name: "property", Arg: "key=value", Repeated: true, Instead: "formatter-property"},
		{Name: "formatter-config", Arg: "file", Help: "A file with such properties."},
		{Name: "key-deserializer", Arg: "class", Help: "How keys are read: one of Kafka's deserializers."},
		{Name: "value-deserializer", Arg: "class", Help: "How values are read: one of Kafka's deserializers."},
		{Name: "skip-message-on-error", Help: "Leave out records that cannot be printed."},
		{Name: "enable-systest-events", Help: "Print shutdown_complete at the end."},
	}}
}

func runConsoleConsumer(c *call) error {
	if err := c.checkConsumer(); err != nil {
		return err
	}
	f, err := c.formatter()
	if err != nil {
		return err
	}
	props, err := c.consumerProperties()
	if err != nil {
		return err
	}
	opts, group, err := c.consumerOptions(props)
	if err != nil {
		return err
	}
	cl, err := c.dial(kclient.Consumer, props, opts...)
	if err != nil {
		return err
	}
	r := &consoleConsumer{call: c, cl: cl, formatter: f, group: group, left: -1, told: map[string]bool{}}
	if c.Has("max-messages") {
		r.left = int(c.Number("max-messages"))
	}
	err = r.loop()
	r.close()
	if err == nil {
		err = c.ctx.Err() // Ctrl-C is told by the exit code
	}
	return err
}

// checkConsumer refuses what Kafka's tool refuses, in its order.
func (c *call) checkConsumer() error {
	for _, pair := range [][2]string{{"formatter-property", "property"}, {"command-property", "consumer-property"}, {"command-config", "consumer.config"}} {
		if c.Has(pair[0]) && c.Has(pair[1]) {
			return misused("Options --%s and --%s cannot be specified together.", pair[0], pair[1])
		}
	}
	switch {
	case c.Has("topic") == c.Has("include"):
		return misused("Exactly one of the following arguments is required: [topic], [include]")
	case c.Has("partition") && !c.Has("topic"):
		return misused("The topic is required when partition is specified.")
	case c.Has("partition") && c.Has("from-beginning") && c.Has("offset"):
		return misused("Options from-beginning and offset cannot be specified together.")
	case !c.Has("partition") && c.Has("offset"):
		return misused("The partition is required when offset is specified.")
	}
	if err := c.Missing("bootstrap-server"); err != nil {
		return misuse{err.Error()}
	}
	return nil
}

func (c *call) formatter() (formatter, error) {
	props := map[string]string{}
	if path := c.Value("formatter-config"); path != "" {
		file, err := properties.Read(path)
		if err != nil {
			return nil, fmt.Errorf("cannot read the file of --formatter-config: %w", err)
		}
		props = file
	}
	for _, name := range []string{"key", "value"} {
		if class := c.Value(name + "-deserializer"); class != "" {
			props[name+".deserializer"] = class
		}
	}
	maps.Copy(props, option.Pairs(append(c.Values("property"), c.Values("formatter-property")...)))
	for _, name := range []string{"key.deserializer", "value.deserializer", "headers.deserializer"} {
		if class, ok := props[name]; ok {
			if _, known := findDeserializer(class); !known {
				c.warnf("there is no deserializer %s; bytes are printed as they are", class)
			}
		}
	}
	return newFormatter(c.Value("formatter"), props)
}

func (c *call) consumerProperties() (map[string]string, error) {
	props, err := c.properties(sources{files: []string{"consumer.config", "command-config"}, pairs: []string{"consumer-property", "command-property"}})
	if err != nil {
		return nil, err
	}
	if err := c.requireBootstrap(props); err != nil {
		return nil, err
	}
	if props["client.id"] == "" {
		props["client.id"] = "console-consumer"
	}
	reset := "latest"
	if c.Has("from-beginning") {
		reset = "earliest"
	}
	switch given, ok := props["auto.offset.reset"]; {
	case !ok:
		props["auto.offset.reset"] = reset
	case c.Has("from-beginning") && given != reset:
		c.warnf("Can't simultaneously specify --from-beginning and 'auto.offset.reset=%s', please remove one option", given)
		return nil, errTold
	}
	if c.Has("isolation-level") || props["isolation.level"] == "" {
		props["isolation.level"] = c.Value("isolation-level")
	}
	return props, nil
}

// consumerOptions decides what is read from where: one partition, the topics as a member of a
// group, or the topics' partitions on its own account. The last is what Kafka's tool amounts to
// without --group: it is then a group of its own that commits nothing.
func (c *call) consumerOptions(props map[string]string) (opts []kgo.Opt, group string, err error) {
	group, err = c.groupID(props)
	if err != nil {
		return nil, "", err
	}
	if c.Has("partition") {
		offset, err := c.startOffset()
		p := int32(c.Number("partition"))
		return []kgo.Opt{kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.Value("topic"): {p: offset}})}, "", err
	}
	if c.Has("include") {
		if _, err := includeList(c.Value("include")); err != nil {
			return nil, "", err
		}
		opts = append(opts, kgo.ConsumeRegex(), kgo.ConsumeTopics("^(?:"+c.Value("include")+")$"))
	} else {
		opts = append(opts, kgo.ConsumeTopics(c.Value("topic")))
		if props["allow.auto.create.topics"] != "false" {
			opts = append(opts, kgo.AllowAutoTopicCreation())
		}
	}
	if group == "" {
		return opts, "", nil
	}
	if served, err := c.servesGroups(props); err != nil || !served {
		if err == nil {
			c.warnf("This cluster does not serve consumer groups: reading all partitions on our own, and committing no offsets for group %s.", group)
		}
		return opts, "", err
	}
	member, err := kclient.GroupOptions(group, props)
	return append(opts, member...), group, err
}

// servesGroups asks the cluster.
func (c *call) servesGroups(props map[string]string) (bool, error) {
	only := map[string]string{}
	for k, v := range props {
		if k == "bootstrap.servers" || k == "security.protocol" || strings.HasPrefix(k, "sasl.") || strings.HasPrefix(k, "ssl.") {
			only[k] = v
		}
	}
	cl, _, err := kclient.Reach(c.ctx, kclient.Admin, only)
	if err != nil {
		return false, err
	}
	defer cl.Close()
	cluster, err := newCluster(c.ctx, cl)
	if err != nil {
		return false, err
	}
	return cluster.serves[keyJoinGroup], nil
}

func (c *call) groupID(props map[string]string) (string, error) {
	group := props["group.id"]
	if given := c.Value("group"); given != "" {
		if group != "" && group != given {
			return "", misused("The group ids provided in different places (directly using '--group', via '--command-property', or via '--command-config') do not match. Detected group ids: '%s', '%s'", given, group)
		}
		group = given
	}
	if group != "" && c.Has("partition") {
		return "", misused("Options group and partition cannot be specified together.")
	}
	return group, nil
}

func (c *call) startOffset() (kgo.Offset, error) {
	text := c.Value("offset")
	if !c.Has("offset") && c.Has("from-beginning") {
		text = "earliest"
	}
	switch strings.ToLower(text) {
	case "earliest":
		return kgo.NewOffset().AtStart(), nil
	case "latest":
		return kgo.NewOffset().AtEnd(), nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return kgo.Offset{}, misused("The provided offset value '%s' is incorrect. Valid values are 'earliest', 'latest', or a non-negative long.", text)
	}
	return kgo.NewOffset().At(n), nil
}

// consoleConsumer is one run.
type consoleConsumer struct {
	*call
	cl        *kgo.Client
	formatter formatter
	group     string
	left      int // records still wanted; negative: no limit
	count     int
	told      map[string]bool // what was warned of
}

// pollMost bounds the records of one poll, so that output flows.
const pollMost = 10_000

// loop reads until --max-messages, --timeout-ms, an error, or the context's end, which is no error.
func (r *consoleConsumer) loop() error {
	for r.left != 0 {
		n := pollMost
		if r.left > 0 {
			n = min(n, r.left)
		}
		fetches, timedOut := r.poll(n)
		if timedOut || fetches.IsClientClosed() || r.ctx.Err() != nil && fetches.NumRecords() == 0 {
			return nil
		}
		if err := r.errorsOf(fetches); err != nil {
			return err
		}
		if err := r.print(fetches.Records()); err != nil {
			return err
		}
		if err := r.out.Flush(); err != nil {
			r.warnf("Unable to write to standard out, closing consumer.")
			return nil
		}
	}
	return nil
}

// poll waits for records; timedOut when there were none for --timeout-ms.
func (r *consoleConsumer) poll(n int) (f kgo.Fetches, timedOut bool) {
	ctx := r.ctx
	if r.Has("timeout-ms") && r.Number("timeout-ms") >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(r.Number("timeout-ms"))*time.Millisecond)
		defer cancel()
	}
	f = r.cl.PollRecords(ctx, n)
	return f, f.NumRecords() == 0 && r.ctx.Err() == nil && ctx.Err() != nil
}

// errorsOf tells of each error once and goes on with those that may go away.
func (r *consoleConsumer) errorsOf(fetches kgo.Fetches) (fatal error) {
	fetches.EachError(func(topic string, p int32, err error) {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return
		}
		text := kclient.Message(err)
		if topic != "" {
			text = fmt.Sprintf("%s-%d: %s", topic, p, text)
		}
		if !kerr.IsRetriable(err) {
			fatal = errors.New(text)
		} else if !r.told[text] {
			r.told[text] = true
			r.warnf("%s", text)
		}
	})
	return fatal
}

func (r *consoleConsumer) print(records []*kgo.Record) error {
	for _, rec := range records {
		r.count++
		if r.left > 0 {
			r.left--
		}
		if err := r.formatter.write(r.out, rec); err != nil {
			if !r.Has("skip-message-on-error") {
				return err
			}
			r.warnf("Error processing message, skipping this message: %v", err)
		}
		if r.group != "" {
			r.cl.MarkCommitRecords(rec)
		}
	}
	return nil
}

// close commits what was printed, leaves and says how much it was.
func (r *consoleConsumer) close() {
	r.out.Flush()
	if r.group != "" {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), parting)
		defer cancel()
		if err := r.cl.CommitMarkedOffsets(ctx); err != nil {
			r.warnf("could not commit offsets: %s", kclient.Message(err))
		}
	}
	r.cl.CloseAllowingRebalance()
	r.warnf("Processed a total of %d messages", r.count)
	if r.Has("enable-systest-events") {
		r.printf("shutdown_complete\n")
	}
}
