package kafka

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxTopicName is the longest topic name in bytes; directory names must fit "<topic>-<partition>".
const MaxTopicName = 249

// TopicPartition names a partition by its topic's name.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String is "<topic>-<partition>", which is also the name of the partition's directory.
func (tp TopicPartition) String() string {
	return tp.Topic + "-" + strconv.Itoa(int(tp.Partition))
}

// ParseTopicPartition reads "<topic>-<partition>". The topic may itself hold hyphens.
func ParseTopicPartition(s string) (TopicPartition, error) {
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return TopicPartition{}, fmt.Errorf("%q is not <topic>-<partition>", s)
	}
	n, err := strconv.ParseInt(s[i+1:], 10, 32)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s[i+1:] {
		return TopicPartition{}, fmt.Errorf("%q does not end in a partition number", s)
	}
	if err := CheckTopicName(s[:i]); err != nil {
		return TopicPartition{}, err
	}
	return TopicPartition{Topic: s[:i], Partition: int32(n)}, nil
}

// TopicIDPartition names a partition by identity, with its name for people.
type TopicIDPartition struct {
	ID        TopicID
	Topic     string
	Partition int32
}

// TopicPartition drops the identity.
func (t TopicIDPartition) TopicPartition() TopicPartition {
	return TopicPartition{Topic: t.Topic, Partition: t.Partition}
}

// CheckTopicName returns nil for 1 to 249 characters of [a-zA-Z0-9._-] other than "." and "..",
// else an error with Kafka's text for the client (SURFACE 21).
func CheckTopicName(name string) error {
	switch {
	case name == "":
		return errors.New("Topic name is invalid: the empty string is not allowed")
	case name == "." || name == "..":
		return fmt.Errorf("Topic name is invalid: '%s' is not allowed", name)
	case len(name) > MaxTopicName:
		return fmt.Errorf("Topic name is invalid: the length of '%s' is longer than the max allowed length %d", name, MaxTopicName)
	}
	for i := 0; i < len(name); i++ {
		if !topicByte(name[i]) {
			return fmt.Errorf("Topic name is invalid: '%s' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'", name)
		}
	}
	return nil
}

func topicByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '.' || c == '_' || c == '-'
}

// CollisionKey maps names that Kafka holds to be too alike (they differ only in '.' and '_',
// which its metric names cannot tell apart) to one key (SURFACE 21).
func CollisionKey(name string) string { return strings.ReplaceAll(name, ".", "_") }

// OffsetsTopic is where group coordinators keep what they remember.
const OffsetsTopic = "__consumer_offsets"

// IsInternalTopic reports whether clients may not write to the topic (SURFACE 27).
func IsInternalTopic(name string) bool {
	switch name {
	case OffsetsTopic, "__transaction_state", "__share_group_state":
		return true
	}
	return false
}
