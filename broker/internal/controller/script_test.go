package controller

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestScripts runs the scripts in testdata: commands in; proposed records, and answers when they
// are given, out. Regenerate with -rewrite and read the difference.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &script{}
		datadriven.RunTest(t, path, s.run)
	})
}

type script struct {
	c   *cluster
	out strings.Builder
}

func (s *script) printf(format string, args ...any) { fmt.Fprintf(&s.out, format, args...) }

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	s.out.Reset()
	number := func(key string, or int64) int64 {
		if d.HasArg(key) {
			d.ScanArgs(t, key, &or)
		}
		return or
	}
	if d.Cmd == "new" {
		s.c = newCluster(t, 1, func(o *Options) {
			o.NodeID = kafka.BrokerID(number("node", -1))
			o.Features = []metadata.Feature{{Name: metadata.MetadataVersion, Level: 30}}
			o.MaxRecordsPerOp = int(number("max-records", 0))
		})
		s.c.show = s.printf
		return ""
	}
	c := s.c
	c.t = t
	id := int32(number("id", 1))
	switch d.Cmd {
	case "lead":
		c.lead()
	case "step-down":
		c.stepDown(int(number("lost", 0)))
	case "refuse":
		c.refuse = errRefused
	case "accept":
		c.refuse = nil
	case "commit":
		c.commit(min(int(number("n", 1<<30)), len(c.proposed)))
	case "sleep":
		c.now += number("ms", 0)
	case "tick":
		c.controller.Tick(c.now)
	case "register":
		req := c.registration(id, byte(number("incarnation", 1)))
		req.PreviousBrokerEpoch = number("previous", -1)
		c.do(func() Decision { return c.controller.RegisterBroker(req, c.now) })
	case "heartbeat":
		req := kmsg.NewPtrBrokerHeartbeatRequest()
		req.BrokerID, req.BrokerEpoch = id, number("epoch", s.epochOf(id))
		req.CurrentMetadataOffset = number("offset", c.loader.Current().Offset())
		req.WantFence, req.WantShutdown = d.HasArg("fence"), d.HasArg("shutdown")
		if d.HasArg("lost-dir") {
			req.OfflineLogDirs = [][16]byte{{0: byte(id), 1: 1, 14: 1}}
		}
		c.do(func() Decision { return c.controller.BrokerHeartbeat(req, c.now) })
	case "create":
		req := creation(parseTopics(t, d.Input)...)
		req.ValidateOnly = d.HasArg("validate-only")
		c.do(func() Decision { return c.controller.CreateTopics(req, Caller{}) })
	case "delete":
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.TopicNames = strings.Fields(d.Input)
		c.do(func() Decision { return c.controller.DeleteTopics(req, Caller{}) })
	case "producer-ids":
		req := kmsg.NewPtrAllocateProducerIDsRequest()
		req.BrokerID, req.BrokerEpoch = id, number("epoch", s.epochOf(id))
		c.do(func() Decision { return c.controller.AllocateProducerIDs(req) })
	case "alter-partition":
		s.alter(t, d, id, number)
	case "state":
		s.state()
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	return s.out.String()
}

func (s *script) epochOf(id int32) int64 {
	if b := s.c.loader.Current().Broker(kafka.BrokerID(id)); b != nil {
		return int64(b.Epoch)
	}
	return -1
}

// alter asks for an ISR with the epochs that the image has, unless told others.
func (s *script) alter(t *testing.T, d *datadriven.TestData, id int32, number func(string, int64) int64) {
	var topic string
	d.ScanArgs(t, "topic", &topic)
	image := s.c.loader.Current()
	p := s.c.partition(topic, 0)
	wanted := kmsg.NewAlterPartitionRequestTopicPartition()
	wanted.LeaderEpoch, wanted.PartitionEpoch = int32(number("leader-epoch", int64(p.LeaderEpoch))), int32(number("partition-epoch", int64(p.Epoch)))
	if arg, ok := d.Arg("isr"); ok {
		for _, v := range arg.Vals {
			id, _ := strconv.Atoi(v)
			member := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
			member.BrokerID, member.BrokerEpoch = int32(id), s.epochOf(int32(id))+number("stale", 0)
			wanted.NewEpochISR = append(wanted.NewEpochISR, member)
		}
	}
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version, req.BrokerID, req.BrokerEpoch = 3, id, s.epochOf(id)
	asked := kmsg.NewAlterPartitionRequestTopic()
	asked.TopicID, asked.Partitions = image.Topic(topic).ID, append(asked.Partitions, wanted)
	req.Topics = append(req.Topics, asked)
	s.c.do(func() Decision { return s.c.controller.AlterPartition(req) })
}

// state shows the committed image.
func (s *script) state() {
	image := s.c.loader.Current()
	s.printf("offset %d\n", image.Offset())
	image.Brokers(func(b *metadata.Broker) bool {
		s.printf("broker %d epoch=%d fenced=%v stopping=%v dirs=%d\n", b.ID, b.Epoch, b.Fenced, b.InControlledShutdown, len(b.LogDirs))
		return true
	})
	image.Topics(func(x *metadata.Topic) bool {
		for i, p := range x.Partitions {
			s.printf("%s-%d leader=%d/%d replicas=%v isr=%v epoch=%d\n", x.Name, i, p.Leader, p.LeaderEpoch, p.Replicas, p.ISR, p.Epoch)
		}
		return true
	})
}

// parseTopics reads lines "name partitions replicas [assign=1,2;2,1] [config=key:value]…".
func parseTopics(t *testing.T, input string) []kmsg.CreateTopicsRequestTopic {
	var topics []kmsg.CreateTopicsRequestTopic
	for line := range strings.Lines(input) {
		f := strings.Fields(line)
		partitions, err1 := strconv.Atoi(f[1])
		replicas, err2 := strconv.Atoi(f[2])
		if err1 != nil || err2 != nil {
			t.Fatalf("bad line %q", line)
		}
		topic := newTopic(strings.Trim(f[0], `"`), int32(partitions), int16(replicas))
		for _, option := range f[3:] {
			key, value, _ := strings.Cut(option, "=")
			switch key {
			case "assign":
				topic.ReplicaAssignment = parseAssignment(value)
			case "config":
				name, value, hasValue := strings.Cut(value, ":")
				config := kmsg.NewCreateTopicsRequestTopicConfig()
				if config.Name = name; hasValue {
					config.Value = &value
				}
				topic.Configs = append(topic.Configs, config)
			}
		}
		topics = append(topics, topic)
	}
	return topics
}

// parseAssignment reads "0:1,2;1:2,1": partition and its replicas.
func parseAssignment(value string) (all []kmsg.CreateTopicsRequestTopicReplicaAssignment) {
	for _, part := range strings.Split(value, ";") {
		index, list, _ := strings.Cut(part, ":")
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		n, _ := strconv.Atoi(index)
		a.Partition = int32(n)
		for _, id := range strings.Split(list, ",") {
			if n, err := strconv.Atoi(id); err == nil {
				a.Replicas = append(a.Replicas, int32(n))
			}
		}
		all = append(all, a)
	}
	return all
}
