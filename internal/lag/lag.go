package lag

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// None is a committed offset, an end or a lag that there is not.
const None = -1

// Of is the lag of a partition; ok is false if nothing is committed or the end is not known.
func Of(committed, end int64) (lag int64, ok bool) {
	if committed < 0 || end < 0 {
		return 0, false
	}
	return end - committed, true
}

// Partition is where a group stands in a partition.
type Partition struct {
	Topic     string
	Partition int32
	Committed int64 // None: nothing is
	Start     int64 // the first offset; None if it is not known
	End       int64 // the visible end; None if it is not known
	Metadata  string
	// Waiting is how old the first record is that has not been read; 0 if there is none. Only with Times.
	Waiting time.Duration
	// WaitingKnown is false if Waiting could not be told.
	WaitingKnown bool
	// Err says why offsets are not known.
	Err error
}

// Lag is the partition's lag; ok is false if it is not known.
func (p Partition) Lag() (int64, bool) { return Of(p.Committed, p.End) }

// Options say what to measure.
type Options struct {
	// Committed takes the last stable offset for the visible end: for groups that read committed records only.
	Committed bool
	// Times measures the lag in time, too.
	Times bool
	// Now is the present. Only with Times.
	Now time.Time
	// Also are partitions to show even if nothing is committed there: those that members read.
	Also kadm.TopicsSet
}

// Measure measures where a group stands in every partition that it has committed an offset for, and in those of
// Options.Also, sorted. Errors are of the cluster as a whole, kerr.GroupIDNotFound from some
// clusters for a group that there is not; those of a partition are in its Err.
func Measure(ctx context.Context, cl *kgo.Client, group string, o Options) ([]Partition, error) {
	adm := kadm.NewClient(cl)
	committed, err := adm.FetchOffsets(ctx, group)
	if err != nil && (!errors.Is(err, kerr.GroupIDNotFound) || len(o.Also) == 0) {
		return nil, err
	}
	var all []Partition
	topics := map[string]bool{}
	committed.Each(func(r kadm.OffsetResponse) {
		all = append(all, Partition{Topic: r.Topic, Partition: r.Partition, Committed: r.At, Metadata: r.Metadata, Err: r.Err})
		topics[r.Topic] = true
	})
	o.Also.Each(func(topic string, p int32) {
		if _, ok := committed.Lookup(topic, p); !ok {
			all = append(all, Partition{Topic: topic, Partition: p, Committed: None})
			topics[topic] = true
		}
	})
	slices.SortFunc(all, func(a, b Partition) int {
		if c := strings.Compare(a.Topic, b.Topic); c != 0 {
			return c
		}
		return int(a.Partition - b.Partition)
	})
	if err := addEnds(ctx, adm, all, topics, o.Committed); err != nil {
		return nil, err
	}
	if !o.Times {
		return all, nil
	}
	return all, addWaiting(ctx, cl, all, topics, o)
}

// addEnds asks for the first offsets and the visible ends.
func addEnds(ctx context.Context, adm *kadm.Client, all []Partition, topics map[string]bool, committed bool) error {
	if len(all) == 0 {
		return nil // no names would mean all topics
	}
	names := sorted(topics)
	starts, err := adm.ListStartOffsets(ctx, names...)
	if err != nil {
		return err
	}
	list := adm.ListEndOffsets
	if committed {
		list = adm.ListCommittedOffsets
	}
	ends, err := list(ctx, names...)
	if err != nil {
		return err
	}
	for i := range all {
		p := &all[i]
		p.Start, p.End = None, None
		if s, ok := starts.Lookup(p.Topic, p.Partition); ok && s.Err == nil {
			p.Start = s.Offset
		}
		e, ok := ends.Lookup(p.Topic, p.Partition)
		switch {
		case ok && e.Err == nil:
			p.End = e.Offset
		case ok && p.Err == nil:
			p.Err = e.Err
		case p.Err == nil:
			p.Err = kerr.UnknownTopicOrPartition
		}
	}
	return nil
}

func sorted(set map[string]bool) (list []string) {
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
