package kafkatool

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cluster is a client and what the cluster said it serves.
type cluster struct {
	*kgo.Client
	serves map[int16]bool // API keys
}

// Keys of APIs that a cluster may lack, and without which the tools still do something.
const (
	keyJoinGroup                 = 11
	keyDescribeConfigs           = 32
	keyListPartitionReassignment = 46
	keyDescribeCluster           = 60
	keyDescribeTopicPartitions   = 75
)

func newCluster(ctx context.Context, cl *kgo.Client) (*cluster, error) {
	resp, err := askVersions(ctx, cl)
	if err != nil {
		cl.Close()
		return nil, err
	}
	c := &cluster{Client: cl, serves: map[int16]bool{}}
	for _, k := range resp.ApiKeys {
		c.serves[k.ApiKey] = true
	}
	return c, nil
}

// askVersions asks a cluster, or one broker of it, what it serves.
func askVersions(ctx context.Context, to kmsg.Requestor) (*kmsg.ApiVersionsResponse, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "thalweg", Release
	resp, err := req.RequestWith(ctx, to)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	return resp, err
}

// need is an error if the cluster does not serve an API.
func (c *cluster) need(r kmsg.Request) error {
	if c.serves[r.Key()] {
		return nil
	}
	return fmt.Errorf("The cluster does not support %s", kmsg.NameForKey(r.Key()))
}

// metadata asks for topics; nil for all.
func (c *cluster) metadata(ctx context.Context, topics []string) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	if topics != nil {
		req.Topics = []kmsg.MetadataRequestTopic{}
	}
	for _, name := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	return req.RequestWith(ctx, c.Client)
}

// topicNames lists the topics that match a pattern (empty: all), sorted.
func (c *cluster) topicNames(ctx context.Context, pattern string, withoutInternal bool) ([]string, error) {
	include, err := includeList(pattern)
	if err != nil {
		return nil, err
	}
	resp, err := c.metadata(ctx, nil)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range resp.Topics {
		if t.Topic != nil && include.MatchString(*t.Topic) && !(withoutInternal && (t.IsInternal || internalTopic(*t.Topic))) {
			names = append(names, *t.Topic)
		}
	}
	slices.Sort(names)
	return names, nil
}

// internalTopic are the topics that Kafka's tools call internal.
func internalTopic(name string) bool {
	return name == "__consumer_offsets" || name == "__transaction_state" || name == "__share_group_state"
}

// includeList compiles what Kafka's tools accept for several topics: regular expressions separated
// by commas, perhaps between quotes. Go's expressions lack Java's look-around and back references.
func includeList(pattern string) (*regexp.Regexp, error) {
	text := strings.Trim(strings.TrimSpace(pattern), `"'`)
	text = strings.ReplaceAll(strings.ReplaceAll(text, " ", ""), ",", "|")
	if text == "" {
		text = ".*"
	}
	re, err := regexp.Compile("^(?:" + text + ")$")
	if err != nil {
		return nil, fmt.Errorf("%s is an invalid regex.", pattern)
	}
	return re, nil
}

// partition is a topic's partition as describing it shows it.
type partition struct {
	id, leader       int32
	replicas, isr    []int32
	elr, lastElr     []int32
	hasElr           bool
	adding, removing []int32
	reassigning      bool
	leaderEpoch      int32
}

// topic is a topic as describing it shows it.
type topic struct {
	name       string
	id         [16]byte
	partitions []partition
	configs    []kmsg.DescribeConfigsResponseResourceConfig
}

// describe reads topics with their partitions, sorted.
func (c *cluster) describe(ctx context.Context, names []string, pageSize int32) ([]topic, error) {
	if !c.serves[keyDescribeTopicPartitions] {
		return c.describeByMetadata(ctx, names)
	}
	var topics []topic
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit = pageSize
	for _, n := range names {
		t := kmsg.NewDescribeTopicPartitionsRequestTopic()
		t.Topic = n
		req.Topics = append(req.Topics, t)
	}
	for {
		resp, err := req.RequestWith(ctx, c.Client)
		if err != nil {
			return nil, err
		}
		for i := range resp.Topics {
			if topics, err = addPage(topics, &resp.Topics[i]); err != nil {
				return nil, err
			}
		}
		if resp.NextCursor == nil {
			break
		}
		next := kmsg.NewDescribeTopicPartitionsRequestCursor()
		next.Topic, next.Partition = resp.NextCursor.Topic, resp.NextCursor.Partition
		for len(req.Topics) > 0 && req.Topics[0].Topic < next.Topic {
			req.Topics = req.Topics[1:]
		}
		req.Cursor = &next
	}
	sortTopics(topics)
	return topics, nil
}

// addPage adds one topic's part of a page: the last topic may go on in the next page.
func addPage(topics []topic, t *kmsg.DescribeTopicPartitionsResponseTopic) ([]topic, error) {
	if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
		return nil, err
	}
	name := ""
	if t.Topic != nil {
		name = *t.Topic
	}
	if len(topics) == 0 || topics[len(topics)-1].name != name {
		topics = append(topics, topic{name: name, id: t.TopicID})
	}
	last := &topics[len(topics)-1]
	for _, p := range t.Partitions {
		last.partitions = append(last.partitions, partition{id: p.Partition, leader: p.LeaderID, replicas: p.Replicas,
			isr: p.ISR, elr: p.EligibleLeaderReplicas, lastElr: p.LastKnownELR, hasElr: p.EligibleLeaderReplicas != nil, leaderEpoch: p.LeaderEpoch})
	}
	return topics, nil
}

func (c *cluster) describeByMetadata(ctx context.Context, names []string) ([]topic, error) {
	resp, err := c.metadata(ctx, names)
	if err != nil {
		return nil, err
	}
	var topics []topic
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return nil, err
		}
		out := topic{id: t.TopicID}
		if t.Topic != nil {
			out.name = *t.Topic
		}
		for _, p := range t.Partitions {
			out.partitions = append(out.partitions, partition{id: p.Partition, leader: p.Leader, replicas: p.Replicas, isr: p.ISR, leaderEpoch: p.LeaderEpoch})
		}
		topics = append(topics, out)
	}
	sortTopics(topics)
	return topics, nil
}

func sortTopics(topics []topic) {
	slices.SortFunc(topics, func(a, b topic) int { return strings.Compare(a.name, b.name) })
	for _, t := range topics {
		slices.SortFunc(t.partitions, func(a, b partition) int { return int(a.id - b.id) })
	}
}

// addConfigs fills in the configs of topics, as far as the cluster tells them.
func (c *cluster) addConfigs(ctx context.Context, topics []topic) error {
	if !c.serves[keyDescribeConfigs] || len(topics) == 0 {
		return nil
	}
	req := kmsg.NewPtrDescribeConfigsRequest()
	for _, t := range topics {
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, t.name
		req.Resources = append(req.Resources, r)
	}
	resp, err := req.RequestWith(ctx, c.Client)
	if err != nil {
		return err
	}
	for _, r := range resp.Resources {
		if err := kclient.CodeMessage(r.ErrorCode, r.ErrorMessage); err != nil {
			return err
		}
		for i := range topics {
			if topics[i].name == r.ResourceName {
				topics[i].configs = r.Configs
			}
		}
	}
	return nil
}

// addReassignments fills in which partitions are moving.
func (c *cluster) addReassignments(ctx context.Context, topics []topic) error {
	if !c.serves[keyListPartitionReassignment] || len(topics) == 0 {
		return nil
	}
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	for _, t := range topics {
		r := kmsg.NewListPartitionReassignmentsRequestTopic()
		r.Topic = t.name
		for _, p := range t.partitions {
			r.Partitions = append(r.Partitions, p.id)
		}
		req.Topics = append(req.Topics, r)
	}
	resp, err := req.RequestWith(ctx, c.Client)
	if err == nil {
		err = kclient.CodeMessage(resp.ErrorCode, resp.ErrorMessage)
	}
	if errors.Is(err, kerr.ClusterAuthorizationFailed) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, r := range resp.Topics {
		for _, moving := range r.Partitions {
			if p := findPartition(topics, r.Topic, moving.Partition); p != nil {
				p.reassigning, p.adding, p.removing = true, moving.AddingReplicas, moving.RemovingReplicas
			}
		}
	}
	return nil
}

func findPartition(topics []topic, name string, id int32) *partition {
	for _, t := range topics {
		for i := range t.partitions {
			if t.name == name && t.partitions[i].id == id {
				return &t.partitions[i]
			}
		}
	}
	return nil
}
