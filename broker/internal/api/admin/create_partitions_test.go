package admin

import (
	"fmt"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// growth is a request to grow topics; "a:3" without assignment, or with replicas of each added partition.
func growth(version int16, name string, count int32, assign ...[]int32) *kmsg.CreatePartitionsRequest {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.Version, req.TimeoutMillis = version, 1000
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = name, count
	for _, replicas := range assign {
		a := kmsg.NewCreatePartitionsRequestTopicAssignment()
		a.Replicas = replicas
		t.Assignment = append(t.Assignment, a)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func (r *rig) grow(req *kmsg.CreatePartitionsRequest) (code int16, text string) {
	r.t.Helper()
	resp := call[*kmsg.CreatePartitionsResponse](r, r.h.CreatePartitions, req)
	if len(resp.Topics) != 1 || resp.Topics[0].Topic != req.Topics[0].Topic {
		r.t.Fatalf("%+v", resp)
	}
	if m := resp.Topics[0].ErrorMessage; m != nil {
		text = *m
	}
	return resp.Topics[0].ErrorCode, text
}

func (r *rig) count(topic string) int { return len(r.loader.Current().Topic(topic).Partitions) }

func TestCreatePartitionsAtEveryVersion(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	for v := int16(0); v <= 3; v++ {
		before := r.count("a")
		req := growth(v, "a", int32(before+2))
		req.ValidateOnly = true
		if code, text := r.grow(req); code != 0 || r.count("a") != before {
			t.Errorf("v%d: validate: %d %q, %d partitions", v, code, text, r.count("a"))
		}
		if code, text := r.grow(growth(v, "a", int32(before+1))); code != 0 || text != "" {
			t.Errorf("v%d: %d %q", v, code, text)
		}
		if code, text := r.grow(growth(v, "a", int32(before+2), []int32{2, 1})); code != 0 || text != "" {
			t.Errorf("v%d: %d %q", v, code, text)
		}
		if r.count("a") != before+2 {
			t.Fatalf("v%d: %d partitions", v, r.count("a"))
		}
		p := r.loader.Current().Partition("a", int32(before+1))
		if fmt.Sprint(p.Replicas, p.ISR, p.Leader, p.LeaderEpoch) != "[2 1] [2 1] 2 0" {
			t.Errorf("v%d: %+v", v, p)
		}
		if p := r.loader.Current().Partition("a", int32(before)); len(p.Replicas) != 2 || len(p.ISR) != 2 {
			t.Errorf("v%d: %+v", v, p)
		}
	}
}

func TestPoint024CreatePartitionsRefusals(t *testing.T) {
	r := newRig(t)
	r.create("a", 2)
	f := func(req *kmsg.CreatePartitionsRequest, code *kerr.Error, want string) {
		t.Helper()
		if got, text := r.grow(req); got != code.Code || text != want {
			t.Errorf("%v %q, want %v %q", kerr.ErrorForCode(got), text, code, want)
		}
		if r.count("a") != 2 {
			t.Fatalf("%d partitions", r.count("a"))
		}
	}
	f(growth(3, "a", 2), kerr.InvalidPartitions, "Topic already has 2 partition(s).")
	f(growth(3, "a", 1), kerr.InvalidPartitions, "The topic a currently has 2 partition(s); 1 would not be an increase.")
	f(growth(3, "a", -5), kerr.InvalidPartitions, "The topic a currently has 2 partition(s); -5 would not be an increase.")
	f(growth(3, "b", 2), kerr.UnknownTopicOrPartition, kerr.UnknownTopicOrPartition.Description)
	f(growth(3, "a", 4, []int32{1, 2}), kerr.InvalidReplicaAssignment, "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.")
	f(growth(3, "a", 3, []int32{1}), kerr.InvalidReplicaAssignment, "The manual partition assignment includes a partition with 1 replica(s), but this is not consistent with previous partitions, which have 2 replica(s).")
	f(growth(3, "a", 3, []int32{1, 9}), kerr.InvalidReplicaAssignment, "The manual partition assignment includes broker 9, but no such broker is registered.")
	f(growth(3, "a", 100_000), kerr.PolicyViolation, "Unable to perform excessively large batch operation.")
	twice := growth(3, "a", 3)
	twice.Topics = append(twice.Topics, twice.Topics[0])
	f(twice, kerr.InvalidRequest, "Duplicate topic name.")
	r.deny["alter/a"] = true
	f(growth(3, "a", 3), kerr.TopicAuthorizationFailed, "")
}

// mutationQuota limits controller mutations for everybody, together.
type mutationQuota struct{ account *quota.Account }

func (q mutationQuota) Account(k quota.Kind, _ security.Principal, _ []byte) *quota.Account {
	if k != quota.ControllerMutation {
		return nil
	}
	return q.account
}

// TestPoint011MutationsAreThrottled: what the controller did counts by partition (KIP-599). New versions are refused once the
// bucket is overdrawn, what fits is done whole; old versions are only told for how long they are throttled.
func TestPoint011MutationsAreThrottled(t *testing.T) {
	r := newRig(t)
	r.create("a", 2)
	r.create("b", 3)
	limit := func() { // 1 per second, 10 at once
		r.h.Limiter = mutationQuota{quota.NewAccount(quota.ControllerMutation, 1, quota.Window{Num: 10, Size: time.Second})}
	}
	create := func(version int16, name string, partitions int32) (int16, int32) {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version, req.TimeoutMillis = version, 1000
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
		req.Topics = append(req.Topics, topic)
		resp := call[*kmsg.CreateTopicsResponse](r, r.h.CreateTopics, req)
		return resp.Topics[0].ErrorCode, resp.ThrottleMillis
	}
	want := func(what string, code int16, throttle int32, wantCode *kerr.Error, wantThrottle int32) {
		t.Helper()
		if wanted := wantCode; wanted == nil && code != 0 || wanted != nil && code != wanted.Code || throttle != wantThrottle {
			t.Errorf("%s: error %d, %d ms; want %v, %d ms", what, code, throttle, wantCode, wantThrottle)
		}
	}
	limit()
	code, ms := create(6, "c", 12)
	want("what fits in part", code, ms, nil, 0)
	code, ms = create(6, "d", 1)
	want("overdrawn", code, ms, kerr.ThrottlingQuotaExceeded, 2000)
	if r.loader.Current().Topic("d") != nil {
		t.Error("a topic that was refused is there")
	}
	code, ms = create(5, "e", 1)
	want("an old client", code, ms, nil, 3000)
	grown := call[*kmsg.CreatePartitionsResponse](r, r.h.CreatePartitions, growth(3, "a", 6))
	want("growth", grown.Topics[0].ErrorCode, grown.ThrottleMillis, kerr.ThrottlingQuotaExceeded, 3000)
	grown = call[*kmsg.CreatePartitionsResponse](r, r.h.CreatePartitions, growth(2, "a", 6))
	want("growth of an old client", grown.Topics[0].ErrorCode, grown.ThrottleMillis, nil, 7000)
	gone := r.remove(5, "b")
	want("deletion", gone.Topics[0].ErrorCode, gone.ThrottleMillis, kerr.ThrottlingQuotaExceeded, 7000)
	gone = r.remove(4, "b")
	want("deletion by an old client", gone.Topics[0].ErrorCode, gone.ThrottleMillis, nil, 10_000)
	limit()
	code, ms = create(6, "c", 1) // refused for another reason
	want("there already", code, ms, kerr.TopicAlreadyExists, 0)
	code, ms = create(6, "f", 10)
	want("nothing was spent on that", code, ms, nil, 0)
}
