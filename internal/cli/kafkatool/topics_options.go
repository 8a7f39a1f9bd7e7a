package kafkatool

import (
	"fmt"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
)

// bootstrapOption and configOption are part of nearly every tool.
func bootstrapOption() option.Option {
	return option.Option{Name: "bootstrap-server", Arg: "HOST:PORT,...", Help: "The brokers to connect to first."}
}

func configOption() option.Option {
	return option.Option{Name: "command-config", Arg: "file", Help: "A properties file for the client."}
}

func topicsParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "list", Help: "List topics."},
		{Name: "create", Help: "Create a topic."},
		{Name: "delete", Help: "Delete topics."},
		{Name: "alter", Help: "Give topics more partitions."},
		{Name: "describe", Help: "Show topics and their partitions."},
		{Name: "topic", Arg: "topic", Help: "The topic; except for --create, a regular expression or several, separated by commas."},
		{Name: "topic-id", Arg: "topic-id", Help: "The id of the topic to describe."},
		{Name: "config", Arg: "name=value", Repeated: true, Help: "A config of the topic that is created. kafka-configs changes those of existing topics."},
		{Name: "delete-config", Arg: "name", Repeated: true, Help: "No longer has an effect, as in Kafka 4: use kafka-configs."},
		{Name: "partitions", Arg: "n", Type: option.Int, Help: "How many partitions the topic is to have. With more of them, keys may go elsewhere than before."},
		{Name: "replication-factor", Arg: "n", Type: option.Int, Help: "How many replicas each partition of a created topic has."},
		{Name: "replica-assignment", Arg: "id:id,...", Help: "The brokers of each partition, by hand: broker:broker for the first, broker:broker for the next, and so on."},
		{Name: "under-replicated-partitions", Help: "Describe only partitions with replicas out of sync."},
		{Name: "unavailable-partitions", Help: "Describe only partitions without a live leader."},
		{Name: "under-min-isr-partitions", Help: "Describe only partitions with fewer replicas in sync than min.insync.replicas."},
		{Name: "at-min-isr-partitions", Help: "Describe only partitions with exactly min.insync.replicas replicas in sync."},
		{Name: "topics-with-overrides", Help: "Describe only topics with configs of their own."},
		{Name: "if-exists", Help: "Alter, delete or describe only if the topic exists."},
		{Name: "if-not-exists", Help: "Create only if the topic does not exist."},
		{Name: "exclude-internal", Help: "List or describe without internal topics."},
		{Name: "partition-size-limit-per-response", Arg: "n", Type: option.Int, Default: "2000", Help: "How many partitions one answer of a broker may hold."},
	}}
}

var (
	topicActions = []string{"alter", "create", "describe", "list", "delete"}
	topicReports = []string{"under-replicated-partitions", "under-min-isr-partitions", "at-min-isr-partitions", "unavailable-partitions"}
)

// checkTopics refuses combinations that Kafka's tool refuses, in its order.
func (c *call) checkTopics() error {
	n := 0
	for _, a := range topicActions {
		if c.Has(a) {
			n++
		}
	}
	if n != 1 {
		return misused("Command must include exactly one action: --list, --describe, --create, --alter or --delete")
	}
	if c.Has("delete-config") {
		c.warnf("delete-config option is no longer supported and deprecated since version 4.0. The config will be fully removed in future releases.")
	}
	if !c.Has("bootstrap-server") {
		return fmt.Errorf("--bootstrap-server must be specified")
	}
	if err := c.requiredForTopics(); err != nil {
		return err
	}
	return c.togetherForTopics()
}

func (c *call) requiredForTopics() error {
	if c.Has("describe") && c.Has("if-exists") && !c.Has("topic") && !c.Has("topic-id") {
		return misused("--topic or --topic-id is required to describe a topic")
	}
	if c.Has("describe") && c.Has("if-exists") && c.Has("topic") && c.Has("topic-id") {
		c.printf("Only topic id will be used when both --topic and --topic-id are specified and topicId is not Uuid.ZERO_UUID\n")
	}
	if !c.Has("list") && !c.Has("describe") {
		if err := c.Missing("topic"); err != nil {
			return misuse{err.Error()}
		}
	}
	if !c.Has("alter") {
		return nil
	}
	if c.Has("config") {
		return misused("Option combination \"[[config], [bootstrap-server]]\" can't be used with option \"[alter]\" (To alter topic configurations, the kafka-configs tool can be used.)")
	}
	if err := c.Missing("partitions"); err != nil {
		return misuse{err.Error()}
	}
	return nil
}

// togetherForTopics checks which options go with which action.
func (c *call) togetherForTopics() error {
	only := func(used string, actions ...string) error {
		for _, a := range topicActions {
			if !listed(actions, a) {
				if err := c.apart(used, a); err != nil {
					return err
				}
			}
		}
		return nil
	}
	checks := []error{
		only("config", "alter", "create"),
		only("partitions", "alter", "create"),
		only("replication-factor", "create"),
		only("replica-assignment", "alter", "create"),
		c.createByHand(),
	}
	for _, report := range topicReports {
		checks = append(checks, only(report, "describe"), c.apart(report, "topics-with-overrides"))
	}
	checks = append(checks, only("topics-with-overrides", "describe"), only("if-exists", "alter", "delete", "describe"),
		only("if-not-exists", "create"), only("exclude-internal", "list", "describe"))
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *call) createByHand() error {
	if !c.Has("create") {
		return nil
	}
	if err := c.apart("replica-assignment", "partitions"); err != nil {
		return err
	}
	return c.apart("replica-assignment", "replication-factor")
}

// apart refuses two options that do not go together.
func (c *call) apart(used, other string) error {
	if c.Has(used) && c.Has(other) {
		return misused("Option \"[%s]\" can't be used with option \"[%s]\"", used, other)
	}
	return nil
}

func listed(all []string, name string) bool {
	for _, a := range all {
		if a == name {
			return true
		}
	}
	return false
}

// topicConfigs reads --config name=value.
func (c *call) topicConfigs() (names []string, values map[string]string, err error) {
	values = map[string]string{}
	for _, pair := range c.Values("config") {
		name, value, ok := strings.Cut(pair, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || strings.Contains(value, "=") || value == "" {
			return nil, nil, fmt.Errorf("requirement failed: Invalid topic config: all configs to be added must be in the format \"key=val\".")
		}
		if _, again := values[name]; !again {
			names = append(names, name)
		}
		values[name] = value
	}
	return names, values, nil
}
