package kafkatool

import (
	"fmt"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// reassignActions that are not here yet; the broker of this repository does not move partitions.
var reassignActions = []string{"generate", "execute", "verify", "cancel"}

func reassignParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "bootstrap-controller", Arg: "HOST:PORT,...", Help: "Controllers to connect to; a node here is both, so --bootstrap-server does the same."},
		{Name: "list", Help: "List the partitions that are moving."},
		{Name: "generate", Help: "Refused: not available yet."},
		{Name: "execute", Help: "Refused: not available yet."},
		{Name: "verify", Help: "Refused: not available yet."},
		{Name: "cancel", Help: "Refused: not available yet."},
		{Name: "reassignment-json-file", Arg: "file", Help: "For the actions that are refused."},
		{Name: "topics-to-move-json-file", Arg: "file", Help: "For the actions that are refused."},
		{Name: "broker-list", Arg: "id,...", Help: "For the actions that are refused."},
		{Name: "disable-rack-aware", Help: "For the actions that are refused."},
		{Name: "additional", Help: "For the actions that are refused."},
		{Name: "preserve-throttles", Help: "For the actions that are refused."},
		{Name: "disallow-replication-factor-change", Help: "For the actions that are refused."},
		{Name: "throttle", Arg: "bytes/s", Type: option.Long, Default: "-1", Help: "For the actions that are refused."},
		{Name: "replica-alter-log-dirs-throttle", Arg: "bytes/s", Type: option.Long, Default: "-1", Help: "For the actions that are refused."},
		{Name: "timeout", Arg: "ms", Type: option.Long, Default: "10000", Help: "For the actions that are refused."},
	}}
}

func runReassign(c *call) error {
	if c.count(append([]string{"list"}, reassignActions...)) != 1 {
		return misused("Command must include exactly one action: --generate, --execute, --verify, --cancel, --list")
	}
	if c.Has("bootstrap-server") == c.Has("bootstrap-controller") {
		return misused("Please specify exactly one of --bootstrap-server or --bootstrap-controller")
	}
	for _, action := range reassignActions {
		if c.Has(action) {
			return fmt.Errorf("--%s is not available yet: partitions can be listed as they move, and not moved", action)
		}
	}
	cl, err := c.connectAny()
	if err != nil {
		return err
	}
	defer cl.Close()
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	if err := cl.need(req); err != nil {
		return err
	}
	req.Topics = nil
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err == nil {
		err = kclient.CodeMessage(resp.ErrorCode, resp.ErrorMessage)
	}
	if err != nil {
		return err
	}
	c.printReassignments(resp)
	return nil
}

func (c *call) printReassignments(resp *kmsg.ListPartitionReassignmentsResponse) {
	var lines []string
	for _, t := range resp.Topics {
		slices.SortFunc(t.Partitions, func(a, b kmsg.ListPartitionReassignmentsResponseTopicPartition) int {
			return int(a.Partition - b.Partition)
		})
		for _, p := range t.Partitions {
			line := fmt.Sprintf("%s-%d: replicas: %s.", t.Topic, p.Partition, joinIDs(p.Replicas, ","))
			if len(p.AddingReplicas) > 0 {
				line += fmt.Sprintf(" adding: %s.", joinIDs(p.AddingReplicas, ","))
			}
			if len(p.RemovingReplicas) > 0 {
				line += fmt.Sprintf(" removing: %s.", joinIDs(p.RemovingReplicas, ","))
			}
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		c.printf("No partition reassignments found.\n")
		return
	}
	c.printf("Current partition reassignments:\n%s\n", strings.Join(lines, "\n"))
}
