package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/thalweg-io/thalweg/internal/cli/record"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func consumeCommand(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "consume TOPIC...",
		Short: "read records of topics",
		Long: `Reads the records that are there, and ends; with --follow it goes on with those to come until Ctrl-C.

With --group it is a member of a consumer group: it reads what the group gives it from where the group stands, or from --from where the
group has committed nothing, commits what it has shown, and leaves the group at the end. -X takes what is to be said about the member:
group.protocol=consumer (KIP-848), group.remote.assignor, group.instance.id, partition.assignment.strategy, max.poll.interval.ms.

--from and --to take
  start, end        the first offset of each partition, and the one after the last
  42                an offset
  -5                so many before the end of each partition
  10m               that long ago (also 30s, 2h, 7d)
  2026-11-29, 2026-11-29T10:00:00Z, @1800000000000
                    a time: of day, with zone, or in milliseconds since 1970
--to is exclusive. A time is a place in each partition: the first record that is not older.

A terminal gets a table, a pipe the values, a line each. -o json writes whole records, a line each, that "thalweg
produce --input json" takes without loss. --format is a layout like '%t[%p]@%o %d{strftime[%F]} %k=%v\n' (%h{%k=%v } headers,
%v{hex}, %v{base64}, %V length).`,
		Example: "thalweg consume greetings\nthalweg consume orders --group billing --follow\nthalweg consume orders --follow --from end --key '^eu-'\n" +
			"thalweg consume orders --from 1h --header source=web -o json\n" +
			"thalweg consume orders -p 0 --from 100 --to 200 --format '%o %k %v\\n'",
		Args:              atLeast(1, "the names of topics"),
		ValidArgsFunction: e.topicNames(),
		RunE:              e.run(runConsume),
	}
	e.clusterFlags(cmd)
	outputFlag(cmd)
	f := cmd.Flags()
	f.BoolP("follow", "f", false, "go on with records to come")
	f.String("from", "start", "`WHERE` to begin")
	f.String("to", "end", "`WHERE` to stop")
	f.StringP("group", "g", "", "read as a member of a `GROUP`, and commit what was read")
	f.Int64P("max", "n", 0, "stop after so many records")
	f.Int32SliceP("partition", "p", nil, "only these `PARTITIONS`: 0,2")
	f.String("key", "", "only records whose key matches an `EXPRESSION`")
	f.String("value", "", "only records whose value matches an `EXPRESSION`")
	f.StringArray("header", nil, "only records with a header, `KEY` or KEY=EXPRESSION")
	f.String("format", "", "a `LAYOUT` to write records with")
	f.Bool("committed", false, "without records of transactions that are open or aborted")
	return cmd
}

// consuming is one run of consume.
type consuming struct {
	c        *call
	cl       *kgo.Client
	ids      map[string]kadm.TopicID
	ranges   map[string]map[int32]*span
	member   *membership // with --group
	open     int         // partitions that have not reached their end
	filter   record.Filter
	max      int64
	shown    int64
	out      *bufio.Writer
	write    func(*kgo.Record) error
	progress *output.Progress
}

func runConsume(c *call, topics []string) error {
	headers, err := c.cmd.Flags().GetStringArray("header")
	if err != nil {
		return err
	}
	filter, err := record.NewFilter(c.text("key"), c.text("value"), headers)
	if err != nil {
		return Misuse("%v", err)
	}
	w := &consuming{c: c, ids: map[string]kadm.TopicID{}, filter: filter, out: bufio.NewWriterSize(c.Out, 64<<10)}
	if w.max, err = c.cmd.Flags().GetInt64("max"); err != nil || w.max < 0 {
		return Misuse("--max is %s, it must be 1 or more", c.text("max"))
	}
	bounds, err := parseBounds(c)
	if err != nil {
		return err
	}
	group := c.text("group")
	if group != "" {
		if err := c.checkGroup(); err != nil {
			return err
		}
	}
	if w.write, err = w.writer(len(topics) > 1); err != nil {
		return err
	}
	if err := w.find(topics, bounds); err != nil {
		return err
	}
	if group != "" {
		if err := w.join(group, bounds); err != nil {
			return w.end(err)
		}
		return w.end(w.readAsMember())
	}
	if w.open == 0 {
		return w.end(nil)
	}
	return w.end(w.read())
}

// find reaches the cluster and learns which offsets are wanted.
func (w *consuming) find(topics []string, b bounds) error {
	opts := []kgo.Opt{kgo.KeepControlRecords(), kgo.FetchMaxWait(500 * time.Millisecond)}
	if b.commit {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	var err error
	if w.cl, err = w.c.connect(kclient.Consumer, opts...); err != nil {
		return err
	}
	parts, err := w.c.cmd.Flags().GetInt32Slice("partition")
	if err != nil {
		return err
	}
	adm := kadm.NewClient(w.cl)
	details, err := described(w.c, adm, topics)
	if err != nil {
		return err
	}
	for _, d := range details {
		w.ids[d.Topic] = d.ID
	}
	if w.ranges, err = b.resolve(w.c, adm, details, parts); err != nil {
		return err
	}
	var total int64
	for _, ps := range w.ranges {
		for _, s := range ps {
			if !s.done() {
				w.open++
				total += s.end - s.next
			}
		}
	}
	if w.c.flag("follow") || output.Terminal(w.c.Out) {
		total = 0
	}
	if w.max > 0 {
		total = min(total, w.max)
	}
	progress := w.c.Err
	if output.Terminal(w.c.Out) {
		progress = nil // the records themselves show it
	}
	w.progress = output.NewProgress(progress, "records", total, w.c.Now)
	return nil
}

// read fetches until everything wanted has been seen.
func (w *consuming) read() error {
	from := map[string]map[int32]kgo.Offset{}
	for topic, ps := range w.ranges {
		from[topic] = map[int32]kgo.Offset{}
		for p, s := range ps {
			if !s.done() {
				from[topic][p] = kgo.NewOffset().At(s.next)
			}
		}
	}
	w.cl.AddConsumePartitions(from)
	for w.open > 0 {
		if err := w.poll(); err != nil {
			return err
		}
	}
	return nil
}

// idle is how long nothing may come before it is asked whether anything will.
const idle = 2 * time.Second

// poll takes what has come, and shows it.
func (w *consuming) poll() error {
	ctx, cancel := context.WithTimeout(w.c.ctx, idle)
	defer cancel()
	fetches := w.cl.PollFetches(ctx)
	if err := w.c.ctx.Err(); err != nil {
		return err
	}
	if err := fetchError(fetches); err != nil {
		return err
	}
	for it := fetches.RecordIter(); !it.Done() && w.open > 0; {
		if err := w.take(it.Next()); err != nil {
			return err
		}
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	if fetches.NumRecords() == 0 && !w.c.flag("follow") {
		return w.askForEnds()
	}
	return nil
}

// fetchError is the first error that will not pass by itself.
func fetchError(fetches kgo.Fetches) (first error) {
	fetches.EachError(func(topic string, partition int32, err error) {
		if first != nil || errors.Is(err, context.DeadlineExceeded) || kerr.IsRetriable(err) && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return
		}
		first = failed(err, "read partition %d of topic %s", partition, topic)
	})
	return first
}

// take shows a record if it is wanted, and notes how far its partition has come.
func (w *consuming) take(r *kgo.Record) error {
	s := w.ranges[r.Topic][r.Partition]
	if s.done() || r.Offset < s.next {
		return nil
	}
	inside := s.follow || r.Offset < s.end
	s.next = r.Offset + 1
	if s.done() {
		w.finish(r.Topic, r.Partition)
	}
	w.progress.Add(1, int64(len(r.Key)+len(r.Value)))
	if !inside || r.Attrs.IsControl() || !w.filter.Wants(r) {
		return nil
	}
	if err := w.write(r); err != nil {
		return err
	}
	if w.shown++; w.shown == w.max {
		w.open = 0
	}
	return nil
}

// finish fetches no more of a partition.
func (w *consuming) finish(topic string, partition int32) {
	w.cl.PauseFetchPartitions(map[string][]int32{topic: {partition}})
	w.open--
}

// end flushes what has been written.
func (w *consuming) end(err error) error {
	if w.progress != nil {
		w.progress.Clear()
	}
	if flushErr := w.out.Flush(); err == nil {
		err = flushErr
	}
	if output.Terminal(w.c.Out) && (err == nil || w.c.ctx.Err() != nil) {
		fmt.Fprintf(w.c.Err, "%s\n", plural(w.shown, "record"))
	}
	return err
}
