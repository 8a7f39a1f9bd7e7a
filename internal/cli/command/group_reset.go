package command

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/thalweg-io/thalweg/internal/lag"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func groupReset(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "reset-offsets NAME",
		Aliases: []string{"reset"},
		Short:   "move the offsets of a group, so that it reads again or leaves something out",
		Long: `Moves the offsets of a group that has no members, in the topics given or else in all that it has committed
offsets for. --to takes what "thalweg consume --from" takes: start, end, an offset, -5 (so many before the end), 10m (that long ago)
or a time. --shift moves each offset by a number of records. No offset leaves its partition.`,
		Example:           "thalweg group reset-offsets billing --to start --dry-run\nthalweg group reset-offsets billing --topic orders:0,2 --shift -100",
		Args:              exactly(1, "the name of a group"),
		ValidArgsFunction: first(e.groupNames()),
		RunE:              e.run(runGroupReset),
	}
	f := cmd.Flags()
	f.String("to", "", "`WHERE` to go")
	f.Int64("shift", 0, "so many records forward, or back if negative")
	f.StringArrayP("topic", "t", nil, "only this `TOPIC`, or TOPIC:PARTITION,...")
	f.Bool("dry-run", false, "only show where it would stand")
	_ = cmd.RegisterFlagCompletionFunc("topic", e.topicNames())
	return cmd
}

func runGroupReset(c *call, args []string) error {
	shift, err := c.cmd.Flags().GetInt64("shift")
	if err != nil {
		return err
	}
	if c.given("to") == c.given("shift") {
		return Misuse("give either --to or --shift")
	}
	var to bound
	if c.given("to") {
		if to, err = parseBound(c.text("to"), c.Now()); err != nil {
			return Misuse("--to is %q, it must be start, end, an offset, a time or how long ago", c.text("to"))
		}
	}
	only, err := parsePlaces(c.list("topic"))
	if err != nil {
		return err
	}
	cl, adm, err := c.groups()
	if err != nil {
		return err
	}
	now, err := standsAt(c, cl, adm, args[0], only)
	if err != nil {
		return err
	}
	target, err := targets(c, adm, now, to, shift, c.given("shift"))
	if err != nil {
		return err
	}
	if !c.flag("dry-run") {
		if err := commit(c, adm, args[0], now, target); err != nil {
			return err
		}
	}
	return tellReset(c, now, target)
}

// parsePlaces reads TOPIC or TOPIC:PARTITION,...; a topic without partitions, nil in what is returned, is all of it, whatever
// else is said about it.
func parsePlaces(values []string) (map[string][]int32, error) {
	if len(values) == 0 {
		return nil, nil
	}
	only := map[string][]int32{}
	for _, v := range values {
		topic, list, some := strings.Cut(v, ":")
		if topic == "" {
			return nil, Misuse("--topic is %q, it must be TOPIC or TOPIC:PARTITION,...", v)
		}
		if !some {
			only[topic] = nil
			continue
		}
		for _, p := range strings.Split(list, ",") {
			n, err := strconv.ParseInt(p, 10, 32)
			if err != nil || n < 0 {
				return nil, Misuse("--topic is %q, it must be TOPIC or TOPIC:PARTITION,...", v)
			}
			if list, known := only[topic]; !known || list != nil {
				only[topic] = append(list, int32(n))
			}
		}
	}
	return only, nil
}

// standsAt is where a group without members stands in what is to be moved.
func standsAt(c *call, cl *kgo.Client, adm *kadm.Client, name string, only map[string][]int32) ([]lag.Partition, error) {
	f, err := c.group(adm, name)
	switch {
	case err == nil && f.members > 0:
		return nil, failed(kerr.NonEmptyGroup, "move the offsets of group %s", name)
	case err != nil && only == nil:
		return nil, failed(err, "move the offsets of group %s", name)
	}
	also := kadm.TopicsSet{}
	if len(only) > 0 { // a group that is not there yet is made by its first offsets
		details, err := described(c, adm, sortedKeys(only))
		if err != nil {
			return nil, err
		}
		for _, d := range details {
			for _, p := range only[d.Topic] {
				if _, ok := d.Partitions[p]; !ok {
					return nil, failed(kerr.UnknownTopicOrPartition, "find partition %d of topic %s", p, d.Topic)
				}
			}
			for _, p := range d.Partitions.Numbers() {
				also.Add(d.Topic, p)
			}
		}
	}
	all, err := c.measure(cl, name, lag.Options{Also: also})
	if err != nil {
		return nil, failed(err, "read the offsets of group %s", name)
	}
	return slices.DeleteFunc(all, func(p lag.Partition) bool {
		parts, ok := only[p.Topic]
		return only != nil && (!ok || len(parts) > 0 && !slices.Contains(parts, p.Partition))
	}), nil
}

// targets is where the group will stand, in the order of now.
func targets(c *call, adm *kadm.Client, now []lag.Partition, to bound, shift int64, shifts bool) ([]int64, error) {
	found := kadm.ListedOffsets{}
	topics := map[string]bool{}
	for _, p := range now {
		topics[p.Topic] = true
	}
	if to.kind == atTime && len(topics) > 0 {
		var err error
		if found, err = adm.ListOffsetsAfterMilli(c.ctx, to.at.UnixMilli(), sortedKeys(topics)...); err != nil {
			return nil, failed(err, "list offsets")
		}
	}
	out := make([]int64, len(now))
	for i, p := range now {
		if p.Err != nil || p.Start == lag.None || p.End == lag.None {
			return nil, failed(firstError(p.Err, kerr.LeaderNotAvailable), "find the offsets of partition %d of topic %s", p.Partition, p.Topic)
		}
		at := p.Committed + shift
		switch {
		case shifts && p.Committed == lag.None:
			return nil, fmt.Errorf("cannot shift partition %d of topic %s: nothing is committed there; --to start or --to end begins somewhere", p.Partition, p.Topic)
		case shifts:
		case to.kind == atStart:
			at = p.Start
		case to.kind == atEnd:
			at = p.End
		case to.kind == atOffset:
			at = to.offset
		case to.kind == beforeEnd:
			at = p.End - to.offset
		default:
			at = p.End
			if o, ok := found.Lookup(p.Topic, p.Partition); ok && o.Err == nil && o.Offset >= 0 {
				at = o.Offset
			}
		}
		out[i] = min(max(at, p.Start), p.End)
	}
	return out, nil
}

// commit commits the offsets as the group would.
func commit(c *call, adm *kadm.Client, group string, now []lag.Partition, target []int64) error {
	var offsets kadm.Offsets
	for i, p := range now {
		if p.Committed != target[i] {
			offsets.AddOffset(p.Topic, p.Partition, target[i], -1)
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	if err := c.patiently(func() error { return adm.CommitAllOffsets(c.ctx, group, offsets) }); err != nil {
		return failed(err, "move the offsets of group %s", group)
	}
	return nil
}

func tellReset(c *call, now []lag.Partition, target []int64) error {
	t := output.New("topic", ">partition", ">from", ">to", "outcome")
	for i, p := range now {
		done := would(c.flag("dry-run"), "moved")
		if p.Committed == target[i] {
			done = "unchanged"
		}
		t.Add(p.Topic, p.Partition, known(p.Committed), target[i], done)
	}
	return t.Write(c.Out, c.format)
}
