package command

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// bound is one end of a range, the same for all partitions.
type bound struct {
	kind   boundKind
	offset int64     // atOffset; beforeEnd: how many before it
	at     time.Time // atTime
}

type boundKind int

const (
	atStart boundKind = iota
	atEnd
	atOffset
	beforeEnd
	atTime
)

// bounds are where to begin and where to stop.
type bounds struct {
	from, to bound
	follow   bool // there is no end
	commit   bool // the end is that of committed transactions
}

func parseBounds(c *call) (b bounds, err error) {
	if b.from, err = parseBound(c.text("from"), c.Now()); err != nil {
		return b, Misuse("--from is %q, it must be start, end, an offset, a time or how long ago", c.text("from"))
	}
	if b.to, err = parseBound(c.text("to"), c.Now()); err != nil {
		return b, Misuse("--to is %q, it must be start, end, an offset, a time or how long ago", c.text("to"))
	}
	b.follow, b.commit = c.flag("follow"), c.flag("committed")
	if b.follow && c.given("to") {
		return b, Misuse("--follow goes on for ever and --to stops; one of them")
	}
	return b, nil
}

// layouts of times, in the zone of the user unless they name one.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999", "2006-01-02T15:04", "2006-01-02 15:04:05.999", "2006-01-02 15:04", "2006-01-02"}

// parseBound reads one end of a range.
func parseBound(text string, now time.Time) (bound, error) {
	switch text {
	case "start", "earliest", "beginning":
		return bound{kind: atStart}, nil
	case "end", "latest":
		return bound{kind: atEnd}, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if strings.HasPrefix(text, "-") {
			return bound{kind: beforeEnd, offset: -n}, nil
		}
		return bound{kind: atOffset, offset: n}, nil
	}
	if ms, ok := strings.CutPrefix(text, "@"); ok {
		n, err := strconv.ParseInt(ms, 10, 64)
		return bound{kind: atTime, at: time.UnixMilli(n)}, err
	}
	if ago, err := parseSpan(text); err == nil {
		return bound{kind: atTime, at: now.Add(-ago)}, nil
	}
	for _, l := range layouts {
		if at, err := time.ParseInLocation(l, text, time.Local); err == nil {
			return bound{kind: atTime, at: at}, nil
		}
	}
	return bound{}, strconv.ErrSyntax
}

// parseSpan is time.ParseDuration that also knows days.
func parseSpan(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		return 0, strconv.ErrRange
	}
	return d, err
}

// span is what is wanted of one partition: from next up to end, which is exclusive.
type span struct {
	next, end int64
	follow    bool
}

func (s *span) done() bool { return !s.follow && s.next >= s.end }

// resolve asks the cluster what the bounds are in each partition.
func (b bounds) resolve(c *call, adm *kadm.Client, details []kadm.TopicDetail, parts []int32) (map[string]map[int32]*span, error) {
	var topics []string
	for _, d := range details {
		topics = append(topics, d.Topic)
	}
	starts, err := adm.ListStartOffsets(c.ctx, topics...)
	if err != nil {
		return nil, failed(err, "list offsets")
	}
	ends, err := b.ends(c.ctx, adm, topics)
	if err != nil {
		return nil, failed(err, "list offsets")
	}
	from, err := b.from.offsets(c.ctx, adm, topics, starts, ends)
	if err != nil {
		return nil, failed(err, "list offsets")
	}
	to, err := b.to.offsets(c.ctx, adm, topics, starts, ends)
	if err != nil {
		return nil, failed(err, "list offsets")
	}
	out := map[string]map[int32]*span{}
	for _, d := range details {
		out[d.Topic] = map[int32]*span{}
		for _, p := range parts {
			if _, ok := d.Partitions[p]; !ok {
				return nil, failed(kerr.UnknownTopicOrPartition, "read partition %d of topic %s, which has %s", p, d.Topic, plural(int64(len(d.Partitions)), "partition"))
			}
		}
		for _, p := range d.Partitions.Numbers() {
			if len(parts) > 0 && !slices.Contains(parts, p) {
				continue
			}
			first, _ := starts.Lookup(d.Topic, p)
			last, _ := ends.Lookup(d.Topic, p)
			if err := firstError(first.Err, last.Err); err != nil {
				return nil, failed(err, "find the offsets of partition %d of topic %s", p, d.Topic)
			}
			s := &span{follow: b.follow}
			s.next = min(max(from(d.Topic, p), first.Offset), last.Offset)
			s.end = min(to(d.Topic, p), last.Offset)
			out[d.Topic][p] = s
		}
	}
	return out, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (b bounds) ends(ctx context.Context, adm *kadm.Client, topics []string) (kadm.ListedOffsets, error) {
	if b.commit {
		return adm.ListCommittedOffsets(ctx, topics...)
	}
	return adm.ListEndOffsets(ctx, topics...)
}

// offsets returns what a bound is in each partition.
func (b bound) offsets(ctx context.Context, adm *kadm.Client, topics []string, starts, ends kadm.ListedOffsets) (func(string, int32) int64, error) {
	of := func(l kadm.ListedOffsets, t string, p int32) int64 {
		o, _ := l.Lookup(t, p)
		return o.Offset
	}
	switch b.kind {
	case atStart:
		return func(t string, p int32) int64 { return of(starts, t, p) }, nil
	case atEnd:
		return func(t string, p int32) int64 { return of(ends, t, p) }, nil
	case atOffset:
		return func(string, int32) int64 { return b.offset }, nil
	case beforeEnd:
		return func(t string, p int32) int64 { return of(ends, t, p) - b.offset }, nil
	}
	found, err := adm.ListOffsetsAfterMilli(ctx, b.at.UnixMilli(), topics...)
	if err != nil {
		return nil, err
	}
	return func(t string, p int32) int64 { // past all records, kadm gives the end
		o, ok := found.Lookup(t, p)
		if !ok || o.Err != nil || o.Offset < 0 {
			return of(ends, t, p)
		}
		return o.Offset
	}, nil
}

// askForEnds finishes partitions in which nothing more will come: after compaction, or when the last
// records are of aborted transactions, no record needs to stand just before the end.
func (w *consuming) askForEnds() error {
	for topic, ps := range w.ranges {
		for p, s := range ps {
			if s.done() {
				continue
			}
			leader, _, err := w.cl.PartitionLeader(topic, p)
			if err != nil {
				continue // it is asked again after the next pause
			}
			at := kclient.Place{Topic: topic, TopicID: w.ids[topic], Partition: p, Leader: leader, Offset: s.next}
			seen, err := kclient.Peek(w.c.ctx, w.cl, at, w.c.flag("committed"))
			if err != nil {
				continue
			}
			if nothing := seen.Record == nil && max(seen.Next, seen.End) >= s.end; nothing || seen.Record != nil && seen.Record.Offset >= s.end {
				s.next = s.end
				w.finish(topic, p)
			}
		}
	}
	return w.c.ctx.Err()
}
