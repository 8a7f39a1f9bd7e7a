package coordinator_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator/coordinatortest"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
)

const topic = "__consumer_offsets"

// TestRuntime: shards on two loops are elected by a publish, loaded, decide, fire timers, and end with everybody answered.
func TestRuntime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := []*coordinatortest.Log{new(coordinatortest.Log), new(coordinatortest.Log), new(coordinatortest.Log)}
		empty := metadata.NewImage(metadata.ImageOptions{})
		r := coordinator.Start(coordinator.Options{
			Topic: topic, Self: 1, Logger: slog.New(slog.DiscardHandler),
			Machine:   func(int32) coordinator.Machine { return newRegister() },
			Partition: func(index int32) coordinator.Partition { return logs[index] },
		}, 2, empty)
		foreign := &metadata.Topic{Name: topic, Partitions: []*metadata.Partition{{Leader: 1, LeaderEpoch: 0}}}
		r.Publish(&metadata.Delta{Base: empty, Image: empty, Topics: []metadata.TopicDelta{{New: foreign}}}, empty) // of a former incarnation
		r.Begin(func() *metadata.Image { return empty })
		do := func(index int32, decide func(*coordinator.Turn)) (code *kerr.Error) {
			done := make(chan *kerr.Error, 2)
			r.Do(index, func(turn *coordinator.Turn, _ coordinator.Machine) {
				decide(turn)
				turn.Answer(func(code *kerr.Error) { done <- code })
			}, func(code *kerr.Error) { done <- code })
			code = <-done
			if len(done) > 0 {
				t.Error("answered twice")
			}
			return code
		}
		put := func(turn *coordinator.Turn) { turn.Append([]byte("k"), []byte("v")) }
		if code := do(0, put); code != kerr.NotCoordinator {
			t.Errorf("before any election: %v", code)
		}
		elect := &metadata.Topic{Name: topic, Partitions: []*metadata.Partition{
			{Leader: 1}, {Leader: 1}, {Leader: 2, LeaderEpoch: 3},
		}}
		r.Publish(&metadata.Delta{Base: empty, Image: empty, Topics: []metadata.TopicDelta{{New: elect}}}, empty)
		synctest.Wait()
		for index, want := range []*kerr.Error{nil, nil, kerr.NotCoordinator} {
			if code := do(int32(index), put); code != want {
				t.Errorf("shard %d: %v, want %v", index, code, want)
			}
		}
		fired := make(chan time.Time, 1)
		do(0, func(turn *coordinator.Turn) {
			turn.Timer("t", turn.Now()+1500, func(*coordinator.Turn) { fired <- time.Now() })
		})
		begun := time.Now()
		if at := <-fired; at.Sub(begun) != 1500*time.Millisecond {
			t.Errorf("the timer fired after %v", at.Sub(begun))
		}
		moved := &metadata.Topic{Name: topic, Partitions: []*metadata.Partition{{Leader: 2, LeaderEpoch: 1}, elect.Partitions[1], elect.Partitions[2]}}
		r.Publish(&metadata.Delta{Base: empty, Image: empty, Topics: []metadata.TopicDelta{{Old: elect, New: moved}}}, empty)
		if code := do(0, put); code != kerr.NotCoordinator {
			t.Errorf("led elsewhere: %v", code)
		}
		logs[1].Hold = true
		parked := make(chan *kerr.Error, 1)
		r.Do(1, func(turn *coordinator.Turn, _ coordinator.Machine) {
			put(turn)
			turn.Answer(func(code *kerr.Error) { parked <- code })
		}, func(*kerr.Error) { t.Error("refused") })
		synctest.Wait()
		r.Stop()
		if code := <-parked; code != kerr.NotCoordinator {
			t.Errorf("parked at the end: %v", code)
		}
		if code := do(1, put); code != kerr.CoordinatorNotAvailable {
			t.Errorf("after the end: %v", code)
		}
	})
}

// TestDeletedTopic: the epochs of the topic's successor begin anew.
func TestDeletedTopic(t *testing.T) {
	r := newRig()
	r.Reload()
	led := &metadata.Topic{Name: topic, ID: kafka.TopicID{1}, Partitions: []*metadata.Partition{{Leader: 0, LeaderEpoch: 2}}}
	next := &metadata.Topic{Name: topic, ID: kafka.TopicID{2}, Partitions: []*metadata.Partition{{Leader: 0}}}
	r.Log.Epoch = 0
	r.Publish(&metadata.Delta{Topics: []metadata.TopicDelta{{Old: led}, {New: next}}}, nil)
	if code := r.put("a", "1"); code != nil || len(r.made) != 3 {
		t.Errorf("refused with %v; %d machines", code, len(r.made))
	}
	r.Publish(&metadata.Delta{Topics: []metadata.TopicDelta{{Old: next}}}, nil)
	if code := r.put("a", "1"); code != kerr.NotCoordinator {
		t.Errorf("refused with %v", code)
	}
}
