package admin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func (r *rig) page(limit int32, cursor string, topics ...string) *kmsg.DescribeTopicPartitionsResponse {
	r.t.Helper()
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit = limit
	for _, name := range topics {
		t := kmsg.NewDescribeTopicPartitionsRequestTopic()
		t.Topic = name
		req.Topics = append(req.Topics, t)
	}
	if cursor != "" {
		c := kmsg.NewDescribeTopicPartitionsRequestCursor()
		if _, err := fmt.Sscanf(strings.Replace(cursor, ":", " ", 1), "%s %d", &c.Topic, &c.Partition); err != nil {
			r.t.Fatal(err)
		}
		req.Cursor = &c
	}
	return call[*kmsg.DescribeTopicPartitionsResponse](r, r.h.DescribeTopicPartitions, req)
}

// show is a page in one line: topics with their partitions or error, and the cursor.
func show(resp *kmsg.DescribeTopicPartitionsResponse) string {
	var out []string
	for _, t := range resp.Topics {
		s := *t.Topic
		if t.ErrorCode != 0 {
			s += "!" + kerr.ErrorForCode(t.ErrorCode).(*kerr.Error).Message
		}
		for _, p := range t.Partitions {
			s += fmt.Sprint(" ", p.Partition)
		}
		out = append(out, s)
	}
	if c := resp.NextCursor; c != nil {
		out = append(out, fmt.Sprintf("next %s:%d", c.Topic, c.Partition))
	}
	return strings.Join(out, "; ")
}

func TestPoint020PagesOfTopicPartitions(t *testing.T) {
	r := newRig(t)
	r.create("a", 2)
	r.create("b", 3)
	r.create("secret", 1)
	r.deny["describe/secret"] = true
	f := func(want string, limit int32, cursor string, topics ...string) {
		t.Helper()
		if got := show(r.page(limit, cursor, topics...)); got != want {
			t.Errorf("limit %d, cursor %q, topics %q:\ngot  %s\nwant %s", limit, cursor, topics, got, want)
		}
	}
	f("a 0 1; b 0 1 2", 2000, "")
	f("a 0 1; b 0 1 2", 5, "")
	f("a 0 1; b 0 1; next b:2", 4, "")
	f("b 2", 4, "b:2")
	f("a 0 1; next b:0", 2, "")
	f("a 0; next a:1", 0, "") // at least one
	f("a 1; b 0; next b:1", 2, "a:1")
	f("b", 10, "b:99")
	f("b 0 1 2; secret!TOPIC_AUTHORIZATION_FAILED", 10, "", "secret", "b", "b")
	f("a 0 1; next no:0", 2, "", "no", "a")
	f("a 0 1; no!UNKNOWN_TOPIC_OR_PARTITION; x/y!INVALID_TOPIC_EXCEPTION", 9, "", "x/y", "no", "a")
	f("b!INVALID_REQUEST", 9, "a:0", "b") // the cursor's topic is not among them
	f("b!INVALID_REQUEST", 9, "b:-1", "b")
	f("b 1 2", 9, "b:1", "a", "b")
}

func TestDescribeTopicPartitionsTellsEverything(t *testing.T) {
	r := newRig(t)
	id := r.create("a", 2)
	topic := r.page(10, "").Topics[0]
	if topic.TopicID != id || topic.IsInternal || topic.AuthorizedOperations != 0b1101_1111_1000 {
		t.Errorf("%+v", topic)
	}
	if p := topic.Partitions[1]; p.LeaderID != 2 || p.LeaderEpoch != 0 || fmt.Sprint(p.Replicas, p.ISR, p.OfflineReplicas) != "[2 1] [2 1] []" {
		t.Errorf("%+v", p)
	}
}
