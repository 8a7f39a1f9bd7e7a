package kafkatool

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func metadataQuorumParser() *option.Parser {
	return &option.Parser{Style: option.Sub, Positional: true, Commands: []string{"describe", "add-controller", "remove-controller"}, Options: []option.Option{
		{Name: "bootstrap-server", Arg: "HOST:PORT,...", Help: "The brokers to connect to first."},
		{Name: "bootstrap-controller", Arg: "HOST:PORT,...", Help: "Controllers to connect to; a node here is both, so --bootstrap-server does the same."},
		configOption(),
		{Name: "status", Help: "describe: the quorum as a whole."},
		{Name: "replication", Help: "describe: its members, and how far they have come."},
		{Name: "human-readable", Help: "describe --replication: how long ago, not when."},
		{Name: "controller-id", Short: "i", Arg: "id", Type: option.Int, Help: "remove-controller: the id of the node."},
		{Name: "controller-directory-id", Short: "d", Arg: "id", Help: "remove-controller: the id of its directory."},
		{Name: "dry-run", Help: "add-controller and remove-controller: only tell what would be done."},
		{Name: "unregister", Help: "remove-controller: forget the node, too."},
	}}
}

func runMetadataQuorum(c *call) error {
	if err := c.oneCommand(); err != nil {
		return err
	}
	if c.Has("bootstrap-server") == c.Has("bootstrap-controller") {
		return misused("one of the arguments --bootstrap-server --bootstrap-controller is required")
	}
	if c.Words[0] == "remove-controller" {
		return c.removeController()
	}
	if c.Words[0] == "add-controller" {
		return errors.New("add-controller is not available: it would read the files of a Kafka controller. A node of this broker joins by its own configuration")
	}
	switch {
	case c.Has("status") && c.Has("replication"):
		return errors.New("Only one of --status or --replication should be specified with describe sub-command")
	case c.Has("status") && c.Has("human-readable"):
		return errors.New("The option --human-readable is only supported along with --replication")
	case !c.Has("status") && !c.Has("replication"):
		return errors.New("One of --status or --replication must be specified with describe sub-command")
	}
	cl, err := c.connectAny()
	if err != nil {
		return err
	}
	defer cl.Close()
	q, err := c.quorum(cl)
	if err != nil {
		return err
	}
	if c.Has("status") {
		return c.quorumStatus(cl, q)
	}
	c.quorumReplication(q)
	return nil
}

// quorum is the metadata partition and the addresses of its voters.
type quorum struct {
	kmsg.DescribeQuorumResponseTopicPartition
	nodes []kmsg.DescribeQuorumResponseNode
}

func (c *call) quorum(cl *cluster) (q quorum, err error) {
	req := kmsg.NewPtrDescribeQuorumRequest()
	if err := cl.need(req); err != nil {
		return q, err
	}
	t := kmsg.NewDescribeQuorumRequestTopic()
	t.Topic = "__cluster_metadata"
	t.Partitions = append(t.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err == nil {
		err = kclient.CodeMessage(resp.ErrorCode, resp.ErrorMessage)
	}
	if err != nil {
		return q, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return q, errors.New("The answer of the cluster is not about the metadata partition")
	}
	q = quorum{resp.Topics[0].Partitions[0], resp.Nodes}
	return q, kclient.CodeMessage(q.ErrorCode, q.ErrorMessage)
}

// directoryID prints the id of a directory as Kafka does.
func directoryID(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

func (c *call) quorumStatus(cl *cluster, q quorum) error {
	resp, err := cl.metadata(c.ctx, []string{})
	if err != nil {
		return err
	}
	var leader *kmsg.DescribeQuorumResponseTopicPartitionReplicaState
	for i := range q.CurrentVoters {
		if q.CurrentVoters[i].ReplicaID == q.LeaderID {
			leader = &q.CurrentVoters[i]
		}
	}
	if leader == nil {
		return fmt.Errorf("Leader %d is not among the voters", q.LeaderID)
	}
	lag, lagMs := int64(0), int64(0)
	for _, v := range q.CurrentVoters {
		lag = max(lag, leader.LogEndOffset-v.LogEndOffset)
		if v.ReplicaID == leader.ReplicaID || lagMs < 0 {
			continue
		}
		if v.LastCaughtUpTimestamp < 0 {
			lagMs = -1
		} else {
			lagMs = max(lagMs, leader.LastCaughtUpTimestamp-v.LastCaughtUpTimestamp)
		}
	}
	c.printf("ClusterId:              %s\n", orNull(resp.ClusterID))
	c.printf("LeaderId:               %d\n", q.LeaderID)
	c.printf("LeaderEpoch:            %d\n", q.LeaderEpoch)
	c.printf("HighWatermark:          %d\n", q.HighWatermark)
	c.printf("MaxFollowerLag:         %d\n", lag)
	c.printf("MaxFollowerLagTimeMs:   %d\n", lagMs)
	c.printf("CurrentVoters:          [%s]\n", q.members(q.CurrentVoters))
	c.printf("CurrentObservers:       [%s]\n", q.members(q.Observers))
	return nil
}

// members is a list as JSON; a node without a directory's id has only its number.
func (q quorum) members(list []kmsg.DescribeQuorumResponseTopicPartitionReplicaState) string {
	var parts []string
	for _, m := range list {
		text := fmt.Sprintf(`{"id": %d`, m.ReplicaID)
		if m.ReplicaDirectoryID != [16]byte{} {
			text += fmt.Sprintf(`, "directoryId": "%s"`, directoryID(m.ReplicaDirectoryID))
		} else {
			text += `, "directoryId": null`
		}
		var endpoints []string
		for _, n := range q.nodes {
			if n.NodeID != m.ReplicaID {
				continue
			}
			for _, l := range n.Listeners {
				endpoints = append(endpoints, fmt.Sprintf(`"%s://%s:%d"`, l.Name, l.Host, l.Port))
			}
		}
		if len(endpoints) > 0 {
			text += `, "endpoints": [` + strings.Join(endpoints, ", ") + "]"
		}
		parts = append(parts, text+"}")
	}
	return strings.Join(parts, ", ")
}

func (c *call) quorumReplication(q quorum) {
	rows := [][]string{{"NodeId", "DirectoryId", "LogEndOffset", "Lag", "LastFetchTimestamp", "LastCaughtUpTimestamp", "Status"}}
	var end int64
	for _, v := range q.CurrentVoters {
		if v.ReplicaID == q.LeaderID {
			end = v.LogEndOffset
		}
	}
	when := func(ms int64) string {
		if !c.Has("human-readable") {
			return strconv.FormatInt(ms, 10)
		}
		if ms < 0 {
			return "unknown"
		}
		return fmt.Sprintf("%d ms ago", time.Now().UnixMilli()-ms)
	}
	add := func(list []kmsg.DescribeQuorumResponseTopicPartitionReplicaState, status string, wants func(id int32) bool) {
		for _, m := range list {
			if wants(m.ReplicaID) {
				rows = append(rows, []string{strconv.Itoa(int(m.ReplicaID)), directoryID(m.ReplicaDirectoryID), strconv.FormatInt(m.LogEndOffset, 10),
					strconv.FormatInt(end-m.LogEndOffset, 10), when(m.LastFetchTimestamp), when(m.LastCaughtUpTimestamp), status})
			}
		}
	}
	add(q.CurrentVoters, "Leader", func(id int32) bool { return id == q.LeaderID })
	add(q.CurrentVoters, "Follower", func(id int32) bool { return id != q.LeaderID })
	add(q.Observers, "Observer", func(int32) bool { return true })
	c.printTable(rows)
}

func (c *call) removeController() error {
	switch {
	case !c.Has("controller-directory-id"):
		return misused("argument --controller-directory-id/-d is required")
	case !c.Has("controller-id"):
		return misused("argument --controller-id/-i is required")
	}
	id := c.Number("controller-id")
	dir, err := base64.RawURLEncoding.DecodeString(c.Value("controller-directory-id"))
	if err != nil || len(dir) != 16 || id < 0 {
		return fmt.Errorf("Invalid controller-id %d or controller-directory-id %s", id, c.Value("controller-directory-id"))
	}
	if c.Has("dry-run") {
		c.printf("DRY RUN of removing KRaft controller %d with directory id %s\n", id, c.Value("controller-directory-id"))
		return nil
	}
	cl, err := c.connectAny()
	if err != nil {
		return err
	}
	defer cl.Close()
	req := kmsg.NewPtrRemoveRaftVoterRequest()
	if err := cl.need(req); err != nil {
		return err
	}
	req.VoterID = int32(id)
	copy(req.VoterDirectoryID[:], dir)
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err == nil {
		err = kclient.CodeMessage(resp.ErrorCode, resp.ErrorMessage)
	}
	if err == nil {
		c.printf("Removed KRaft controller %d with directory id %s\n", id, c.Value("controller-directory-id"))
	}
	return err
}
