package kafkatool

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// adminTimeoutMs is how long the cluster may take for creating, altering or deleting.
const adminTimeoutMs = 60_000

func runTopics(c *call) error {
	if err := c.checkTopics(); err != nil {
		return err
	}
	err := c.topics()
	if err == nil || c.ctx.Err() != nil {
		return err
	}
	var m misuse
	if errors.As(err, &m) {
		return err
	}
	c.printf("Error while executing topic command : %s\n", kclient.Message(err))
	return errTold
}

// unparsedTopics: this tool tells of wrong words in one line, and of wrong values as of a failure.
func unparsedTopics(c *call, e option.Error) error {
	if e.Value {
		c.printf("Error while executing topic command : %s\n", e.Text)
		return errTold
	}
	return e
}

func (c *call) topics() error {
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	switch {
	case c.Has("create"):
		return c.createTopic(cl)
	case c.Has("alter"):
		return c.alterTopics(cl)
	case c.Has("list"):
		return c.listTopics(cl)
	case c.Has("describe"):
		return c.describeTopics(cl)
	}
	return c.deleteTopics(cl)
}

func (c *call) listTopics(cl *cluster) error {
	names, err := cl.topicNames(c.ctx, c.Value("topic"), c.Has("exclude-internal"))
	if err != nil {
		return err
	}
	c.printf("%s\n", strings.Join(names, "\n"))
	return nil
}

func (c *call) createTopic(cl *cluster) error {
	t, err := c.newTopic()
	if err != nil {
		return err
	}
	if strings.ContainsAny(t.Topic, "._") {
		c.printf("WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. To avoid issues it is best to use either, but not both.\n")
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = adminTimeoutMs
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err != nil {
		return err
	}
	for _, r := range resp.Topics {
		err := kclient.CodeMessage(r.ErrorCode, r.ErrorMessage)
		if errors.Is(err, kerr.TopicAlreadyExists) && c.Has("if-not-exists") {
			return nil
		}
		if err != nil {
			return err
		}
	}
	c.printf("Created topic %s.\n", t.Topic)
	return nil
}

// newTopic is the topic to create: -1 for what the cluster decides.
func (c *call) newTopic() (kmsg.CreateTopicsRequestTopic, error) {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = c.Value("topic"), -1, -1
	names, values, err := c.topicConfigs()
	if err != nil {
		return t, err
	}
	for _, n := range names {
		cfg := kmsg.NewCreateTopicsRequestTopicConfig()
		cfg.Name, cfg.Value = n, kmsg.StringPtr(values[n])
		t.Configs = append(t.Configs, cfg)
	}
	if c.Has("replication-factor") {
		n := c.Number("replication-factor")
		if n < 1 || n > math.MaxInt16 {
			return t, fmt.Errorf("The replication factor must be between 1 and %d inclusive", math.MaxInt16)
		}
		t.ReplicationFactor = int16(n)
	}
	if c.Has("partitions") {
		if t.NumPartitions = int32(c.Number("partitions")); t.NumPartitions < 1 {
			return t, fmt.Errorf("The partitions must be greater than 0")
		}
	}
	assignment, err := parseAssignment(c.Value("replica-assignment"))
	for i, brokers := range assignment {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(i), brokers
		t.ReplicaAssignment = append(t.ReplicaAssignment, a)
	}
	return t, err
}

// parseAssignment reads --replica-assignment: the brokers of one partition between colons, the
// partitions between commas.
func parseAssignment(text string) (partitions [][]int32, err error) {
	if text == "" {
		return nil, nil
	}
	for i, list := range strings.Split(text, ",") {
		var brokers []int32
		for _, word := range strings.Split(list, ":") {
			id, err := strconv.ParseInt(strings.TrimSpace(word), 10, 32)
			if err != nil {
				return nil, fmt.Errorf("For input string: %q", word)
			}
			for _, b := range brokers {
				if b == int32(id) {
					return nil, fmt.Errorf("Partition replica lists may not contain duplicate entries: %d", id)
				}
			}
			brokers = append(brokers, int32(id))
		}
		if i > 0 && len(brokers) != len(partitions[0]) {
			return nil, fmt.Errorf("Partition %d has different replication factor: %s", i, javaList(brokers))
		}
		partitions = append(partitions, brokers)
	}
	return partitions, nil
}

// existing lists the topics that --topic names. None is an error unless --if-exists.
func (c *call) existing(cl *cluster) ([]string, error) {
	names, err := cl.topicNames(c.ctx, c.Value("topic"), c.Has("exclude-internal"))
	if err == nil && len(names) == 0 && c.Value("topic") != "" && !c.Has("if-exists") {
		err = fmt.Errorf("Topic '%s' does not exist as expected", c.Value("topic"))
	}
	return names, err
}

func (c *call) alterTopics(cl *cluster) error {
	assignment, err := parseAssignment(c.Value("replica-assignment"))
	if err != nil {
		return err
	}
	names, err := c.existing(cl)
	if err != nil || len(names) == 0 {
		return err
	}
	req := kmsg.NewPtrCreatePartitionsRequest()
	if err := cl.need(req); err != nil {
		return err
	}
	topics, err := cl.describe(c.ctx, names, int32(c.Number("partition-size-limit-per-response")))
	if err != nil {
		return err
	}
	req.TimeoutMillis = adminTimeoutMs
	for _, known := range topics {
		t := kmsg.NewCreatePartitionsRequestTopic()
		t.Topic, t.Count = known.name, int32(c.Number("partitions"))
		for i := len(known.partitions); i < len(assignment); i++ {
			a := kmsg.NewCreatePartitionsRequestTopicAssignment()
			a.Replicas = assignment[i]
			t.Assignment = append(t.Assignment, a)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err != nil {
		return err
	}
	for _, r := range resp.Topics {
		if err := kclient.CodeMessage(r.ErrorCode, r.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) deleteTopics(cl *cluster) error {
	names, err := c.existing(cl)
	if err != nil || len(names) == 0 {
		return err
	}
	req := kmsg.NewPtrDeleteTopicsRequest()
	if err := cl.need(req); err != nil {
		return err
	}
	req.TimeoutMillis = adminTimeoutMs
	req.TopicNames = names
	for _, n := range names {
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = kmsg.StringPtr(n)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err != nil {
		return err
	}
	for _, r := range resp.Topics {
		if err := kclient.CodeMessage(r.ErrorCode, r.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

// javaList renders as java.util.List does.
func javaList(ids []int32) string { return "[" + joinIDs(ids, ", ") + "]" }

func joinIDs(ids []int32, separator string) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(int(id))
	}
	return strings.Join(words, separator)
}
