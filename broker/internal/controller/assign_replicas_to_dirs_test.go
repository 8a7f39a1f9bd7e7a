package controller

import (
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestAssignReplicasToDirs: a broker says where its replicas lie, and nobody else's (KIP-858).
func TestAssignReplicasToDirs(t *testing.T) {
	c := elrCluster(t, 1, []kafka.BrokerID{1}, nil)
	c.start(4, 1)
	topic := c.loader.Current().Topic("t").ID
	ask := func(broker int32, epoch int64, dir kafka.UUID, id kafka.TopicID, index int32) *kmsg.AssignReplicasToDirsResponse {
		t.Helper()
		req := kmsg.NewPtrAssignReplicasToDirsRequest()
		req.BrokerID, req.BrokerEpoch = broker, epoch
		d, tp, p := kmsg.NewAssignReplicasToDirsRequestDirectory(), kmsg.NewAssignReplicasToDirsRequestDirectoryTopic(), kmsg.NewAssignReplicasToDirsRequestDirectoryTopicPartition()
		d.ID, tp.TopicID, p.Partition = dir, id, index
		tp.Partitions = append(tp.Partitions, p)
		d.Topics = append(d.Topics, tp)
		req.Directories = append(req.Directories, d)
		return must[*kmsg.AssignReplicasToDirsResponse](c, func() Decision { return c.controller.AssignReplicasToDirs(req) })
	}
	at := func(id kafka.BrokerID) (kafka.UUID, int64) {
		b := c.loader.Current().Broker(id)
		return b.LogDirs[0], int64(b.Epoch)
	}
	f := func(broker int32, dir kafka.UUID, id kafka.TopicID, index int32, want *kerr.Error) {
		t.Helper()
		_, epoch := at(kafka.BrokerID(broker))
		code := int16(0)
		if want != nil {
			code = want.Code
		}
		if got := ask(broker, epoch, dir, id, index).Directories[0].Topics[0].Partitions[0]; got.ErrorCode != code || got.Partition != index {
			t.Errorf("broker %d: %+v, want %v", broker, got, want)
		}
	}
	two, _ := at(2)
	f(2, two, topic, 0, nil)
	if p := c.partition("t", 0); p.Directory(2) != two || p.Directory(1) == two || p.Leader != 1 || p.Epoch != 1 {
		t.Errorf("%+v", p)
	}
	f(2, two, topic, 0, nil) // said again: nothing changes
	if p := c.partition("t", 0); p.Epoch != 1 {
		t.Errorf("%+v", p)
	}
	f(2, kafka.UUID{42}, topic, 0, kerr.LogDirNotFound)
	f(2, two, topic, 1, kerr.UnknownTopicOrPartition)
	f(2, two, kafka.TopicID{9}, 0, kerr.UnknownTopicID)
	four, _ := at(4)
	f(4, four, topic, 0, kerr.NotLeaderForPartition)
	if r := ask(2, 999, two, topic, 0); r.ErrorCode != kerr.StaleBrokerEpoch.Code {
		t.Errorf("%+v", r)
	}
}
