package kafkatool

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *call) describeTopics(cl *cluster) error {
	names, err := c.topicsToDescribe(cl)
	if err != nil || len(names) == 0 {
		return err
	}
	topics, err := cl.describe(c.ctx, names, int32(c.Number("partition-size-limit-per-response")))
	if err != nil {
		return err
	}
	if err := cl.addConfigs(c.ctx, topics); err != nil {
		return err
	}
	if err := cl.addReassignments(c.ctx, topics); err != nil {
		return err
	}
	live, err := c.liveBrokers(cl)
	if err != nil {
		return err
	}
	for i := range topics {
		c.printTopic(&topics[i], live)
	}
	return nil
}

// topicsToDescribe: an id wins over a name.
func (c *call) topicsToDescribe(cl *cluster) ([]string, error) {
	if !c.Has("topic-id") {
		return c.existing(cl)
	}
	id, err := parseTopicID(c.Value("topic-id"))
	if err != nil {
		return nil, err
	}
	if id == [16]byte{} {
		return c.existing(cl)
	}
	resp, err := cl.metadata(c.ctx, nil)
	if err != nil {
		return nil, err
	}
	for _, t := range resp.Topics {
		if t.TopicID == id && t.Topic != nil && !(c.Has("exclude-internal") && t.IsInternal) {
			return []string{*t.Topic}, nil
		}
	}
	if c.Has("if-exists") {
		return nil, nil
	}
	return nil, fmt.Errorf("TopicId '%s' does not exist as expected", c.Value("topic-id"))
}

func parseTopicID(text string) (id [16]byte, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(raw) != len(id) {
		return id, fmt.Errorf("Input string `%s` decoded as %d bytes, which is not equal to the expected 16 bytes of a base64-encoded UUID", text, len(raw))
	}
	return [16]byte(raw), nil
}

func (c *call) liveBrokers(cl *cluster) (ids []int32, err error) {
	resp, err := cl.metadata(c.ctx, []string{})
	if err != nil {
		return nil, err
	}
	for _, b := range resp.Brokers {
		ids = append(ids, b.NodeID)
	}
	return ids, nil
}

func (c *call) printTopic(t *topic, live []int32) {
	reports := false
	for _, r := range topicReports {
		reports = reports || c.Has(r)
	}
	overrides := overridden(t.configs)
	if len(t.partitions) > 0 && !reports && (!c.Has("topics-with-overrides") || len(overrides) > 0) {
		c.printf("Topic: %s", t.name)
		if t.id != [16]byte{} {
			c.printf("\tTopicId: %s", base64.RawURLEncoding.EncodeToString(t.id[:]))
		}
		c.printf("\tPartitionCount: %d\tReplicationFactor: %d\tConfigs: %s\n",
			len(t.partitions), t.partitions[0].factor(), strings.Join(overrides, ","))
	}
	if c.Has("topics-with-overrides") {
		return
	}
	minISR := minISR(t.configs)
	for _, p := range t.partitions {
		if !reports || c.reported(&p, minISR, live) {
			c.printPartition(t.name, &p)
		}
	}
}

// overridden renders the configs that are not defaults: those of the topic and of the broker's file.
func overridden(configs []kmsg.DescribeConfigsResponseResourceConfig) (pairs []string) {
	for _, cfg := range configs {
		if cfg.Source == kmsg.ConfigSourceDefaultConfig {
			continue
		}
		value := "null"
		if cfg.Value != nil {
			value = *cfg.Value
		}
		pairs = append(pairs, cfg.Name+"="+value)
	}
	return pairs
}

func minISR(configs []kmsg.DescribeConfigsResponseResourceConfig) int {
	for _, cfg := range configs {
		if cfg.Name == "min.insync.replicas" && cfg.Value != nil {
			if n, err := strconv.Atoi(*cfg.Value); err == nil {
				return n
			}
		}
	}
	return 1
}

// factor is the replication factor, without the replicas that are being added.
func (p *partition) factor() int {
	if !p.reassigning {
		return len(p.replicas)
	}
	return len(p.replicas) - len(p.adding)
}

// reported reports whether one of the filters wants the partition.
func (c *call) reported(p *partition, minISR int, live []int32) bool {
	leaderless := p.leader < 0
	return c.Has("under-replicated-partitions") && p.factor() > len(p.isr) ||
		c.Has("unavailable-partitions") && (leaderless || !slices.Contains(live, p.leader)) ||
		c.Has("under-min-isr-partitions") && (leaderless || len(p.isr) < minISR) ||
		c.Has("at-min-isr-partitions") && len(p.isr) == minISR
}

func (c *call) printPartition(name string, p *partition) {
	leader := "none"
	if p.leader >= 0 {
		leader = strconv.Itoa(int(p.leader))
	}
	c.printf("\tTopic: %s\tPartition: %d\tLeader: %s\tReplicas: %s\tIsr: %s", name, p.id, leader, joinIDs(p.replicas, ","), joinIDs(p.isr, ","))
	if p.reassigning {
		c.printf("\tAdding Replicas: %s\tRemoving Replicas: %s", joinIDs(p.adding, ","), joinIDs(p.removing, ","))
	}
	if p.hasElr {
		c.printf("\tElr: %s\tLastKnownElr: %s\n", joinIDs(p.elr, ","), joinIDs(p.lastElr, ","))
		return
	}
	c.printf("\tElr: N/A\tLastKnownElr: N/A\n")
}
