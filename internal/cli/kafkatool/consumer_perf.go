package kafkatool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kgo"
)

func consumerPerfParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "topic", Arg: "topic", Help: "The topic to read."},
		{Name: "include", Arg: "regex", Help: "Or a regular expression of topics to read."},
		{Name: "num-records", Arg: "n", Type: option.Long, Help: "REQUIRED: how many records."},
		{Name: "messages", Arg: "n", Type: option.Long, Instead: "num-records"},
		{Name: "group", Arg: "group", Help: "The consumer group (perf-consumer- and a number)."},
		{Name: "from-latest", Help: "Begin with what comes next instead of the oldest record."},
		{Name: "fetch-size", Arg: "bytes", Type: option.Int, Default: "1048576", Help: "How much to fetch of a partition at once."},
		{Name: "socket-buffer-size", Arg: "bytes", Type: option.Int, Default: "2097152", Help: "Has no effect: the system chooses."},
		{Name: "command-property", Arg: "key=value", Repeated: true, Help: "A property of the consumer; wins over --command-config."},
		{Name: "consumer.config", Arg: "file", Instead: "command-config"},
		{Name: "timeout", Arg: "ms", Type: option.Long, Optional: true, Default: "10000", Help: "How long to wait for the next record."},
		{Name: "reporting-interval", Arg: "ms", Type: option.Long, Default: "5000", Help: "How often to report in detail."},
		{Name: "date-format", Arg: "format", Default: "yyyy-MM-dd HH:mm:ss:SSS", Help: "How times are printed, as Java's SimpleDateFormat."},
		{Name: "show-detailed-stats", Help: "Report in every interval instead of at the end."},
		{Name: "hide-header", Help: "Without the line of column names."},
		{Name: "print-metrics", Help: "Has no effect: there are no Java metrics to print."},
	}}
}

func runConsumerPerf(c *call) error {
	if err := c.checkConsumerPerf(); err != nil {
		return err
	}
	format, err := javaDateFormat(c.Value("date-format"))
	if err != nil {
		return err
	}
	props, err := c.properties(sources{files: []string{"consumer.config", "command-config"}, pairs: []string{"command-property"}})
	if err != nil {
		return err
	}
	if err := c.requireBootstrap(props); err != nil {
		return err
	}
	for key, value := range map[string]string{"client.id": "perf-consumer-client", "max.partition.fetch.bytes": c.Value("fetch-size"),
		"check.crcs": "false", "auto.offset.reset": map[bool]string{true: "latest", false: "earliest"}[c.Has("from-latest")]} {
		if props[key] == "" {
			props[key] = value
		}
	}
	r := &consumerPerf{call: c, format: format, wanted: c.Number("messages") + c.Number("num-records"), timeout: 10 * time.Second, joined: make(chan time.Time, 1)}
	if c.Has("timeout") && c.Value("timeout") != "" {
		r.timeout = time.Duration(c.Number("timeout")) * time.Millisecond
	}
	opts, err := c.consumerPerfOptions(props, r)
	if err != nil {
		return err
	}
	if r.cl, err = c.dial(kclient.Consumer, props, opts...); err != nil {
		return err
	}
	defer r.cl.CloseAllowingRebalance()
	return r.run()
}

func (c *call) checkConsumerPerf() error {
	if err := c.Missing("bootstrap-server"); err != nil {
		return misuse{err.Error()}
	}
	switch {
	case c.Has("topic") == c.Has("include"):
		return misused("Exactly one of the following arguments is required: [topic], [include]")
	case c.Has("messages") == c.Has("num-records"):
		return misused("Exactly one of the following arguments is required: [messages], [num-records]")
	case c.Has("consumer.config") && c.Has("command-config"):
		return misused("Options --command-config and --consumer.config cannot be specified together.")
	}
	return nil
}

// consumerPerfOptions: in a group, as Kafka's tool, where the cluster has groups.
func (c *call) consumerPerfOptions(props map[string]string, r *consumerPerf) (opts []kgo.Opt, err error) {
	if c.Has("include") {
		opts = append(opts, kgo.ConsumeRegex(), kgo.ConsumeTopics("^(?:"+c.Value("include")+")$"))
	} else {
		opts = append(opts, kgo.ConsumeTopics(c.Value("topic")))
	}
	served, err := c.servesGroups(props)
	if err != nil || !served {
		if c.Has("group") && err == nil {
			c.warnf("This cluster does not serve consumer groups: reading all partitions on our own, without group %s.", c.Value("group"))
		}
		return opts, err
	}
	group := c.Value("group")
	if group == "" {
		group = fmt.Sprintf("perf-consumer-%d", rand.IntN(100_000))
	}
	member, err := kclient.GroupOptions(group, props)
	return append(append(opts, member...), kgo.OnPartitionsAssigned(r.assigned)), err
}

// consumerPerf is one run.
type consumerPerf struct {
	*call
	cl      *kgo.Client
	format  string
	wanted  int64
	timeout time.Duration

	start       time.Time
	joined      chan time.Time // when the first assignment was there; made before the client, which tells on a goroutine of its own
	join        time.Duration
	count, size int64

	since            time.Time // of the present interval
	lastCount, lastS int64
}

func (r *consumerPerf) assigned(context.Context, *kgo.Client, map[string][]int32) {
	select {
	case r.joined <- time.Now():
	default:
	}
}

func (r *consumerPerf) run() error {
	if !r.Has("hide-header") {
		first := "start.time, end.time"
		if r.Has("show-detailed-stats") {
			first = "time, threadId"
		}
		r.printf("%s, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n", first)
		r.out.Flush()
	}
	r.start = time.Now()
	r.since = r.start
	if err := r.consume(); err != nil {
		return err
	}
	end := time.Now()
	if r.count < r.wanted && r.ctx.Err() == nil {
		r.printf("WARNING: Exiting before consuming the expected number of records: timeout (%d ms) exceeded. You can use the --timeout option to increase the timeout.\n", r.timeout.Milliseconds())
	}
	if !r.Has("show-detailed-stats") {
		r.summary(end)
	}
	return nil
}

func (r *consumerPerf) consume() error {
	for r.count < r.wanted {
		ctx, cancel := context.WithTimeout(r.ctx, r.timeout)
		fetches := r.cl.PollRecords(ctx, int(min(r.wanted-r.count, pollMost)))
		timedOut := ctx.Err() != nil
		cancel()
		if err := firstFatal(fetches); err != nil {
			return err
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			r.count++
			r.size += int64(len(rec.Key) + len(rec.Value))
		})
		if now := time.Now(); now.Sub(r.since) >= time.Duration(r.Number("reporting-interval"))*time.Millisecond && fetches.NumRecords() > 0 {
			r.interval(now)
		}
		if timedOut && fetches.NumRecords() == 0 {
			return nil
		}
	}
	return nil
}

// firstFatal leaves out that waiting has ended.
func firstFatal(f kgo.Fetches) (fatal error) {
	f.EachError(func(_ string, _ int32, err error) {
		if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			fatal = err
		}
	})
	return fatal
}

const mebibyte = 1 << 20

func (r *consumerPerf) joinTime() time.Duration {
	select {
	case at := <-r.joined:
		r.join = max(at.Sub(r.start), 0)
	default:
	}
	return r.join
}

func (r *consumerPerf) interval(now time.Time) {
	if r.Has("show-detailed-stats") {
		first := r.join == 0
		join := r.joinTime()
		if !first {
			join = 0
		}
		ms := float64(now.Sub(r.since).Milliseconds())
		fetch := now.Sub(r.since).Milliseconds() - join.Milliseconds()
		mb, n := float64(r.size-r.lastS)/mebibyte, float64(r.count-r.lastCount)
		r.printf("%s, %d, %.4f, %.4f, %d, %.4f, %d, %d, %.4f, %.4f\n", formatTime(now, r.format), 0, float64(r.size)/mebibyte, 1000*mb/ms, r.count,
			n/ms*1000, join.Milliseconds(), fetch, perSecond(mb, fetch), perSecond(n, fetch))
		r.out.Flush()
	}
	r.since, r.lastCount, r.lastS = now, r.count, r.size
}

func perSecond(amount float64, ms int64) float64 {
	if ms <= 0 {
		return 0
	}
	return 1000 * amount / float64(ms)
}

func (r *consumerPerf) summary(end time.Time) {
	ms := max(1, end.Sub(r.start).Milliseconds())
	join := r.joinTime().Milliseconds()
	mb, n := float64(r.size)/mebibyte, float64(r.count)
	r.printf("%s, %s, %.4f, %.4f, %d, %.4f, %d, %d, %.4f, %.4f\n", formatTime(r.start, r.format), formatTime(end, r.format),
		mb, perSecond(mb, ms), r.count, perSecond(n, ms), join, ms-join, perSecond(mb, ms-join), perSecond(n, ms-join))
}

// milliseconds stands for them in a format: Go's know fractions only after a dot.
const milliseconds = "\x00"

func formatTime(t time.Time, format string) string {
	return strings.ReplaceAll(t.Format(format), milliseconds, fmt.Sprintf("%03d", t.UnixMilli()%1000))
}

// javaDateFormat translates the letters of Java's SimpleDateFormat that make up dates and times.
func javaDateFormat(format string) (string, error) {
	words := map[string]string{"yyyy": "2006", "yy": "06", "MM": "01", "dd": "02", "HH": "15", "mm": "04", "ss": "05"}
	var b strings.Builder
	for i := 0; i < len(format); {
		n := 1
		for i+n < len(format) && format[i+n] == format[i] {
			n++
		}
		run := format[i : i+n]
		letter := format[i] >= 'a' && format[i] <= 'z' || format[i] >= 'A' && format[i] <= 'Z'
		switch word, ok := words[run]; {
		case ok:
			b.WriteString(word)
		case run == "SSS":
			b.WriteString(milliseconds)
		case letter:
			return "", fmt.Errorf("Illegal pattern character '%c'", format[i])
		default:
			b.WriteString(run)
		}
		i += n
	}
	return b.String(), nil
}
