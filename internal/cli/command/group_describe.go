package command

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/thalweg-io/thalweg/internal/lag"
	"github.com/twmb/franz-go/pkg/kgo"
)

func groupDescribe(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe NAME...",
		Short: "show how far behind groups are",
		Long: `Shows for each partition where a group stands: the offset that it has committed, the end that it can see, the lag
between them in records, and how long the oldest unread record has been waiting. A group that has committed nothing in a
partition has no lag there, "-".`,
		Example:           "thalweg group describe billing\nthalweg group describe billing --committed -o json",
		Args:              atLeast(1, "the names of groups"),
		ValidArgsFunction: e.groupNames(),
		RunE:              e.run(runGroupDescribe),
	}
	cmd.Flags().Bool("committed", false, "the end for a group that reads only records of committed transactions")
	cmd.Flags().Bool("no-times", false, "do not look how long records have been waiting, which costs a fetch a partition")
	return cmd
}

// standing is a group and where it stands.
type standing struct {
	groupFacts
	table *output.Table
	lag   int64 // of all partitions where it is known
}

func runGroupDescribe(c *call, args []string) error {
	cl, adm, err := c.groups()
	if err != nil {
		return err
	}
	var all []standing
	for _, name := range args {
		f, err := c.group(adm, name)
		if err != nil {
			return failed(err, "describe group %s", name)
		}
		parts, err := c.measure(cl, name, lag.Options{Committed: c.flag("committed"), Times: !c.flag("no-times"), Now: c.Now(), Also: f.assigned})
		if err != nil {
			return failed(err, "measure the lag of group %s", name)
		}
		s := standing{groupFacts: f}
		s.add(parts)
		all = append(all, s)
	}
	return writeGroups(c, all)
}

// measure is lag.Measure, which waits for the coordinator.
func (c *call) measure(cl *kgo.Client, name string, o lag.Options) (parts []lag.Partition, err error) {
	err = c.patiently(func() error {
		parts, err = lag.Measure(c.ctx, cl, name, o)
		return err
	})
	return parts, err
}

func (s *standing) add(parts []lag.Partition) {
	s.table = output.New("topic", ">partition", ">committed", ">end", ">lag", ">waiting", "reader", "error")
	for _, p := range parts {
		var behind, waiting, problem any
		if n, ok := p.Lag(); ok {
			behind = n
			s.lag += n
		}
		if p.WaitingKnown {
			waiting = p.Waiting
		}
		if p.Err != nil {
			problem = p.Err.Error()
		}
		var reader any
		if r, ok := s.reader[p.Topic][p.Partition]; ok {
			reader = r
		}
		s.table.Add(p.Topic, p.Partition, known(p.Committed), known(p.End), behind, waiting, reader, problem)
	}
}

// known is an offset, nil if there is none.
func known(offset int64) any {
	if offset == lag.None {
		return nil
	}
	return offset
}

func writeGroups(c *call, all []standing) error {
	switch c.format {
	case output.AsJSON:
		list := []output.Object{}
		for _, s := range all {
			list = append(list, output.Object{{Key: "name", Value: s.name}, {Key: "state", Value: s.state}, {Key: "coordinator", Value: s.coordinator},
				{Key: "members", Value: s.members}, {Key: "lag", Value: s.lag}, {Key: "partitions", Value: s.table.Objects()}})
		}
		return output.WriteJSON(c.Out, list)
	case output.AsPlain:
		t := output.New("group", "topic", ">partition", ">committed", ">end", ">lag", ">waiting", "reader", "error")
		for _, s := range all {
			for _, row := range s.table.Rows {
				t.Add(append([]any{s.name}, row...)...)
			}
		}
		return t.Write(c.Out, c.format)
	}
	for i, s := range all {
		if i > 0 {
			fmt.Fprintln(c.Out)
		}
		fmt.Fprintf(c.Out, "group %s, %s, %s, coordinator %d, lag %s\n", s.name, s.state, plural(int64(s.members), "member"), s.coordinator, output.Count(s.lag))
		if err := s.table.WithoutEmpty("error").Write(c.Out, c.format); err != nil {
			return err
		}
	}
	return nil
}
