package broker_test

import (
	"sync"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/internal/vfs"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestNoLeaderBeforeItsLog: a topic that comes into being when it is asked for has no leader until its log is open. A
// client that sends to the leader that it is told of, once, has its record taken.
func TestNoLeaderBeforeItsLog(t *testing.T) {
	s := &several{t: t, fs: vfs.WithErrors(vfs.NewMem())}
	held := make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	s.fs.SetSleep(func(time.Duration) { <-held })
	if err := s.start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	s.fs.SetRules(vfs.MustRules("op=mkdir latency=1s")...)
	leader := func() int16 {
		req := kmsg.NewPtrMetadataRequest()
		req.SetVersion(12)
		req.AllowAutoTopicCreation = true
		name := "new"
		req.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
		topic := ask[*kmsg.MetadataResponse](s.c, req, true).Topics[0]
		if topic.ErrorCode != 0 {
			return topic.ErrorCode
		}
		p := topic.Partitions[0]
		if (p.Leader < 0) != (p.ErrorCode != 0) {
			t.Errorf("leader %d, error %d", p.Leader, p.ErrorCode)
		}
		return p.ErrorCode
	}
	s.within("it is there, and its log is not", kerr.LeaderNotAvailable.Code, leader)
	if p := idempotent(t, s.c, "new", 0, 0); p.ErrorCode != kerr.NotLeaderForPartition.Code {
		t.Errorf("before: error %d", p.ErrorCode)
	}
	release()
	s.within("its log is open", 0, leader)
	if p := idempotent(t, s.c, "new", 0, 0); p.ErrorCode != 0 {
		t.Errorf("after: error %d", p.ErrorCode)
	}
}
