package command

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/twmb/franz-go/pkg/kadm"
)

func clusterCommand(e Env) *cobra.Command {
	cmd := family(&cobra.Command{Use: "cluster", Short: "see how a cluster is"}, clusterStatus(e))
	e.clusterFlags(cmd)
	outputFlag(cmd)
	timeoutFlag(cmd)
	return cmd
}

func clusterStatus(e Env) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "show brokers and partitions, and what is wrong with them",
		Long: `Shows the brokers of a cluster with what they lead and hold, and counts the partitions that are in trouble: offline
(without a leader) and under-replicated (with fewer replicas in sync than there should be). It exits with 1 if any partition is
offline.`,
		Example: "thalweg cluster status\nthalweg cluster status -o json",
		Args:    exactly(0, "nothing"),
		RunE:    e.run(runClusterStatus),
	}
}

// clusterFacts is what is shown of a cluster.
type clusterFacts struct {
	kadm.Metadata
	brokers            *output.Table
	topics, partitions int
	offline, under     []string // topic-partition
}

// maxNamed bounds the partitions in trouble that are named to a person.
const maxNamed = 20

func runClusterStatus(c *call, _ []string) error {
	adm, err := c.admin()
	if err != nil {
		return err
	}
	m, err := settledMetadata(c.ctx, adm)
	if err != nil {
		return failed(err, "describe the cluster")
	}
	sizes, err := adm.DescribeAllLogDirs(c.ctx, nil)
	if err != nil {
		sizes = nil // some clusters do not tell, or not to everybody
	}
	f := clusterFacts{Metadata: m}
	f.count(sizes)
	if err := f.write(c); err != nil {
		return err
	}
	if len(f.offline) > 0 {
		return fmt.Errorf("%s offline; start the brokers that hold replicas", plural(int64(len(f.offline)), "partition"))
	}
	return nil
}

const (
	// settleWithin is how long partitions may be without a leader, with brokers there that could lead them, before they
	// count as offline: the logs of a topic that was just created are being opened.
	settleWithin = 10 * time.Second
	settleAgain  = 50 * time.Millisecond
)

// settledMetadata is the cluster's metadata, asked for again while partitions are about to get a leader.
func settledMetadata(ctx context.Context, adm *kadm.Client) (kadm.Metadata, error) {
	for until := time.Now().Add(settleWithin); ; {
		m, err := adm.Metadata(ctx)
		if err != nil || !unsettled(m) || time.Now().After(until) {
			return m, err
		}
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-time.After(settleAgain):
		}
	}
}

// unsettled reports whether a partition has no leader although a broker is there whose replica is in sync.
func unsettled(m kadm.Metadata) bool {
	alive := func(id int32) bool {
		return slices.ContainsFunc(m.Brokers, func(b kadm.BrokerDetail) bool { return b.NodeID == id })
	}
	for _, t := range m.Topics {
		for _, p := range t.Partitions {
			if p.Leader < 0 && slices.ContainsFunc(p.ISR, alive) {
				return true
			}
		}
	}
	return false
}

func (f *clusterFacts) count(sizes kadm.DescribedAllLogDirs) {
	leads, holds := map[int32]int{}, map[int32]int{}
	for _, t := range f.Topics.Sorted() {
		f.topics++
		for _, p := range t.Partitions.Sorted() {
			f.partitions++
			leads[p.Leader]++
			for _, r := range p.Replicas {
				holds[r]++
			}
			name := fmt.Sprintf("%s-%d", t.Topic, p.Partition)
			switch {
			case p.Leader < 0:
				f.offline = append(f.offline, name)
			case len(p.ISR) < len(p.Replicas):
				f.under = append(f.under, name)
			}
		}
	}
	f.brokers = output.New(">id", "address", "rack", "controller", ">leads", ">holds", ">bytes")
	slices.SortFunc(f.Brokers, func(a, b kadm.BrokerDetail) int { return cmp.Compare(a.NodeID, b.NodeID) })
	for _, b := range f.Brokers {
		var rack, size any
		if b.Rack != nil {
			rack = *b.Rack
		}
		if dirs, ok := sizes[b.NodeID]; ok && dirs.Error() == nil {
			size = dirs.Size()
		}
		f.brokers.Add(b.NodeID, fmt.Sprintf("%s:%d", b.Host, b.Port), rack, b.NodeID == f.Controller, leads[b.NodeID], holds[b.NodeID], size)
	}
}

func (f *clusterFacts) write(c *call) error {
	switch c.format {
	case output.AsJSON:
		return output.WriteJSON(c.Out, output.Object{{Key: "cluster_id", Value: f.Cluster}, {Key: "controller", Value: f.Controller}, {Key: "topics", Value: f.topics},
			{Key: "partitions", Value: f.partitions}, {Key: "offline", Value: f.offline}, {Key: "under_replicated", Value: f.under}, {Key: "brokers", Value: f.brokers.Objects()}})
	case output.AsPlain:
		return f.brokers.Write(c.Out, c.format)
	}
	fmt.Fprintf(c.Out, "cluster %s, %s, %s, %s\n", output.Text(f.Cluster), plural(int64(len(f.Brokers)), "broker"), plural(int64(f.topics), "topic"), plural(int64(f.partitions), "partition"))
	for i := range f.brokers.Rows {
		row := f.brokers.Rows[i]
		if size, ok := row[len(row)-1].(int64); ok {
			row[len(row)-1] = output.Bytes(size)
		}
	}
	if err := f.brokers.Write(c.Out, c.format); err != nil {
		return err
	}
	for _, trouble := range []struct {
		what  string
		which []string
	}{{"offline", f.offline}, {"under-replicated", f.under}} {
		if n := len(trouble.which); n > 0 {
			shown := trouble.which[:min(n, maxNamed)]
			fmt.Fprintf(c.Out, "%s: %s", trouble.what, output.Text(shown))
			if n > len(shown) {
				fmt.Fprintf(c.Out, " and %d more", n-len(shown))
			}
			fmt.Fprintln(c.Out)
		}
	}
	if len(f.offline)+len(f.under) == 0 {
		fmt.Fprintln(c.Out, "every partition has a leader and all its replicas in sync")
	}
	return nil
}
