package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func groupCommand(e Env) *cobra.Command {
	cmd := family(&cobra.Command{Use: "group", Short: "list consumer groups, see how far behind they are, move and delete them"},
		groupLs(e), groupDescribe(e), groupReset(e), groupDelete(e))
	e.clusterFlags(cmd)
	outputFlag(cmd)
	timeoutFlag(cmd)
	return cmd
}

// groupNames completes the names of groups.
func (e Env) groupNames() completer {
	return e.names(func(ctx context.Context, adm *kadm.Client) ([]string, error) {
		all, err := adm.ListGroups(ctx)
		return all.Groups(), err
	})
}

// errNoGroups: the cluster does not serve consumer groups.
var errNoGroups = errors.New("the cluster does not serve consumer groups")

// groups reaches a cluster that serves consumer groups.
func (c *call) groups() (*kgo.Client, *kadm.Client, error) {
	cl, err := c.connect(kclient.Admin)
	if err != nil {
		return nil, nil, err
	}
	resp, err := kmsg.NewPtrApiVersionsRequest().RequestWith(c.ctx, cl)
	if err != nil {
		return nil, nil, failed(err, "ask the cluster what it serves")
	}
	for _, k := range resp.ApiKeys {
		if k.ApiKey == int16(kmsg.ListGroups) {
			return cl, kadm.NewClient(cl), nil
		}
	}
	return nil, nil, errNoGroups
}

func groupLs(e Env) *cobra.Command {
	return &cobra.Command{
		Use:               "ls [PATTERN]...",
		Aliases:           []string{"list"},
		Short:             "list groups",
		Long:              "Lists groups by name, with their state and the broker that coordinates them. A pattern may hold * and ?.",
		ValidArgsFunction: e.groupNames(),
		RunE: e.run(func(c *call, args []string) error {
			_, adm, err := c.groups()
			if err != nil {
				return err
			}
			all, err := adm.ListGroups(c.ctx)
			if err != nil {
				return failed(err, "list groups")
			}
			t := output.New("name", "state", "protocol", ">coordinator")
			for _, g := range all.Sorted() {
				if matches(args, g.Group) {
					t.Add(g.Group, g.State, g.ProtocolType, g.Coordinator)
				}
			}
			return t.Write(c.Out, c.format)
		})}
}

// groupFacts is what a cluster tells of a group, of either protocol.
type groupFacts struct {
	name, state string
	coordinator int32
	members     int
	assigned    kadm.TopicsSet
	reader      map[string]map[int32]string // who reads a partition: client id and host
}

// coordinatorPatience bounds how long a coordinator may take to be there: the first request for one makes the
// topic that it keeps offsets in.
const coordinatorPatience = 15 * time.Second

// patiently repeats a question while the coordinator of a group is on its way.
func (c *call) patiently(ask func() error) error {
	for deadline := c.Now().Add(coordinatorPatience); ; {
		err := ask()
		if !errors.Is(err, kerr.CoordinatorNotAvailable) && !errors.Is(err, kerr.CoordinatorLoadInProgress) && !errors.Is(err, kerr.NotCoordinator) || c.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
}

// group describes one group; kerr.GroupIDNotFound if there is none.
func (c *call) group(adm *kadm.Client, name string) (f groupFacts, err error) {
	err = c.patiently(func() error {
		f, err = c.describeGroup(adm, name)
		return err
	})
	return f, err
}

func (c *call) describeGroup(adm *kadm.Client, name string) (groupFacts, error) {
	all, err := adm.DescribeGroups(c.ctx, name)
	if err != nil {
		return groupFacts{}, err
	}
	g := all[name]
	if errors.Is(g.Err, kerr.GroupIDNotFound) || g.Err == nil && g.State == "Dead" {
		return c.newGroup(adm, name)
	}
	if g.Err != nil {
		return groupFacts{}, said(g.Err, g.ErrMessage)
	}
	f := groupFacts{name: name, state: g.State, coordinator: g.Coordinator.NodeID, members: len(g.Members), assigned: g.AssignedPartitions(), reader: map[string]map[int32]string{}}
	for _, m := range g.Members {
		as, ok := m.Assigned.AsConsumer()
		if !ok {
			continue
		}
		for _, t := range as.Topics {
			for _, p := range t.Partitions {
				f.reads(t.Topic, p, m.ClientID, m.ClientHost)
			}
		}
	}
	return f, nil
}

// newGroup is group for those of KIP-848, which Kafka describes in another way.
func (c *call) newGroup(adm *kadm.Client, name string) (groupFacts, error) {
	all, err := adm.DescribeConsumerGroups(c.ctx, name)
	g, ok := all[name]
	if c.ctx.Err() != nil {
		return groupFacts{}, c.ctx.Err()
	}
	if err != nil || !ok || g.Err != nil {
		return groupFacts{}, kerr.GroupIDNotFound // a cluster that does not know the request has no such group either
	}
	f := groupFacts{name: name, state: g.State, coordinator: g.Coordinator.NodeID, members: len(g.Members), assigned: g.AssignedPartitions(), reader: map[string]map[int32]string{}}
	for _, m := range g.Members {
		m.Assignment.Each(func(topic string, p int32) { f.reads(topic, p, m.ClientID, m.ClientHost) })
	}
	return f, nil
}

func (f *groupFacts) reads(topic string, p int32, client, host string) {
	if f.reader[topic] == nil {
		f.reader[topic] = map[int32]string{}
	}
	f.reader[topic][p] = fmt.Sprintf("%s@%s", client, host)
}

func groupDelete(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "delete NAME...",
		Aliases:           []string{"rm"},
		Short:             "delete groups with the offsets that they have committed",
		Long:              "Deletes groups with the offsets that they have committed. A person is asked first, a script is not.",
		Example:           "thalweg group delete billing --dry-run",
		Args:              atLeast(1, "the names of groups"),
		ValidArgsFunction: e.groupNames(),
		RunE:              e.run(runGroupDelete),
	}
	cmd.Flags().BoolP("yes", "y", false, "do not ask")
	cmd.Flags().Bool("dry-run", false, "only tell what would be deleted")
	return cmd
}

func runGroupDelete(c *call, args []string) error {
	_, adm, err := c.groups()
	if err != nil {
		return err
	}
	facts := map[string]groupFacts{}
	for _, name := range args {
		f, err := c.group(adm, name)
		if err == nil && f.members > 0 {
			err = kerr.NonEmptyGroup
		}
		if err != nil {
			return failed(err, "delete group %s", name)
		}
		facts[name] = f
	}
	if c.flag("dry-run") {
		return tellEach(c, args, func(name string) (change, error) {
			return change{"group", name, "would be deleted", facts[name].state}, nil
		})
	}
	if ok, err := c.confirmed("delete %s with all committed offsets", plural(int64(len(args)), "group")); !ok {
		return err
	}
	answers, err := adm.DeleteGroups(c.ctx, args...)
	if err != nil {
		return failed(err, "delete groups")
	}
	return tellEach(c, args, func(name string) (change, error) {
		if a := answers[name]; a.Err != nil {
			return change{}, failed(said(a.Err, a.ErrMessage), "delete group %s", name)
		}
		return change{kind: "group", name: name, done: "deleted"}, nil
	})
}
