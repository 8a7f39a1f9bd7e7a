package admin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/controller"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// elect sends one ElectLeaders; "a:0" are partitions, none is all of them. The answer is as "a:0 ERROR".
func (r *rig) elect(version int16, kind int8, partitions ...string) string {
	r.t.Helper()
	req := kmsg.NewPtrElectLeadersRequest()
	req.Version, req.ElectionType, req.TimeoutMillis = version, kind, 1000
	for _, p := range partitions {
		t := kmsg.NewElectLeadersRequestTopic()
		var index int32
		name, n, _ := strings.Cut(p, ":")
		_, _ = fmt.Sscan(n, &index)
		t.Topic, t.Partitions = name, []int32{index}
		req.Topics = append(req.Topics, t)
	}
	resp := call[*kmsg.ElectLeadersResponse](r, r.h.ElectLeaders, req)
	var out []string
	if resp.ErrorCode != 0 {
		out = append(out, kerr.ErrorForCode(resp.ErrorCode).(*kerr.Error).Message)
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			s := fmt.Sprintf("%s:%d", t.Topic, p.Partition)
			if p.ErrorCode != 0 {
				s += " " + kerr.ErrorForCode(p.ErrorCode).(*kerr.Error).Message
			}
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

// inSync puts brokers into the ISR of a partition, in its leader's name.
func (r *rig) inSync(topic string, index int32, isr ...kafka.BrokerID) {
	r.t.Helper()
	image := r.loader.Current()
	p := image.Partition(topic, index)
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version, req.BrokerID, req.BrokerEpoch = 3, int32(p.Leader), int64(image.Broker(p.Leader).Epoch)
	t := kmsg.NewAlterPartitionRequestTopic()
	t.TopicID = image.Topic(topic).ID
	w := kmsg.NewAlterPartitionRequestTopicPartition()
	w.Partition, w.LeaderEpoch, w.PartitionEpoch = index, int32(p.LeaderEpoch), int32(p.Epoch)
	for _, id := range isr {
		m := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		m.BrokerID, m.BrokerEpoch = int32(id), int64(image.Broker(id).Epoch)
		w.NewEpochISR = append(w.NewEpochISR, m)
	}
	t.Partitions = append(t.Partitions, w)
	req.Topics = append(req.Topics, t)
	answer, err := r.do(func() controller.Decision { return r.controller.AlterPartition(req) })
	if resp, ok := answer.(*kmsg.AlterPartitionResponse); err != nil || !ok || resp.ErrorCode != 0 || resp.Topics[0].Partitions[0].ErrorCode != 0 {
		r.t.Fatalf("%+v, %v", answer, err)
	}
}

// TestElectPreferredLeaders: broker 2 was away; its partitions come back to it when it is in sync (SURFACE 128).
func TestElectPreferredLeaders(t *testing.T) {
	for v := int16(0); v <= 2; v++ {
		r := newRig(t)
		r.create("a", 2) // partition 1 prefers broker 2
		f := func(want string, partitions ...string) {
			t.Helper()
			if got := r.elect(v, 0, partitions...); got != want {
				t.Errorf("v%d, %q: %s, want %s", v, partitions, got, want)
			}
		}
		f("a:1 ELECTION_NOT_NEEDED, a:5 UNKNOWN_TOPIC_OR_PARTITION, b:0 UNKNOWN_TOPIC_OR_PARTITION", "a:1", "a:5", "b:0")
		f("") // all partitions: nothing to tell
		r.beat(2, true)
		r.beat(2, false)
		if leader := r.loader.Current().Partition("a", 1).Leader; leader != 1 {
			t.Fatalf("leader %d", leader)
		}
		f("a:1 PREFERRED_LEADER_NOT_AVAILABLE", "a:1")
		f("a:1 PREFERRED_LEADER_NOT_AVAILABLE")
		r.inSync("a", 1, 1, 2)
		epoch := r.loader.Current().Partition("a", 1).LeaderEpoch
		f("a:1")
		if p := r.loader.Current().Partition("a", 1); p.Leader != 2 || p.LeaderEpoch != epoch+1 || len(p.ISR) != 2 {
			t.Errorf("v%d: %+v", v, p)
		}
	}
}

func TestElectLeadersErrors(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	f := func(version int16, kind int8, want string) {
		t.Helper()
		if got := r.elect(version, kind, "a:0"); got != want {
			t.Errorf("v%d, type %d: %s, want %s", version, kind, got, want)
		}
	}
	f(2, 7, "INVALID_REQUEST")
	f(2, 1, "a:0 ELECTION_NOT_NEEDED")
	r.deny["alter"] = true
	f(2, 0, "CLUSTER_AUTHORIZATION_FAILED, a:0 CLUSTER_AUTHORIZATION_FAILED")
	f(0, 0, "a:0 CLUSTER_AUTHORIZATION_FAILED")
}

func TestDescribeQuorum(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	for v := int16(0); v <= 2; v++ {
		req := kmsg.NewPtrDescribeQuorumRequest()
		req.Version = v
		for _, name := range []string{"__cluster_metadata", "a"} {
			topic := kmsg.NewDescribeQuorumRequestTopic()
			topic.Topic, topic.Partitions = name, []kmsg.DescribeQuorumRequestTopicPartition{{Partition: 0}}
			req.Topics = append(req.Topics, topic)
		}
		resp := call[*kmsg.DescribeQuorumResponse](r, r.h.DescribeQuorum, req)
		end := r.loader.Current().Offset() + 1
		p := resp.Topics[0].Partitions[0]
		if p.ErrorCode != 0 || p.LeaderID != 1 || p.LeaderEpoch != 1 || p.HighWatermark != end || len(p.Observers) != 0 {
			t.Errorf("v%d: %+v", v, p)
		}
		if s := p.CurrentVoters[0]; len(p.CurrentVoters) != 1 || s.ReplicaID != 1 || s.LogEndOffset != end || v >= 1 && s.LastFetchTimestamp != 1 ||
			v >= 2 && s.ReplicaDirectoryID != [16]byte{1, 14: 1} {
			t.Errorf("v%d: %+v", v, s)
		}
		if v >= 2 && (len(resp.Nodes) != 1 || resp.Nodes[0].NodeID != 1) {
			t.Errorf("v%d: %+v", v, resp.Nodes)
		}
		if code := resp.Topics[1].Partitions[0].ErrorCode; code != kerr.UnknownTopicOrPartition.Code {
			t.Errorf("v%d: error %d", v, code)
		}
		r.deny["describe"] = true
		if resp := call[*kmsg.DescribeQuorumResponse](r, r.h.DescribeQuorum, req); resp.ErrorCode != kerr.ClusterAuthorizationFailed.Code {
			t.Errorf("v%d: %+v", v, resp)
		}
		r.deny["describe"] = false
	}
}

func TestUpdateFeatures(t *testing.T) {
	r := newRig(t)
	const failed = "The update failed for all features since the following feature had an error: Invalid update version "
	f := func(version int16, feature string, level int16, kind int8, want string) {
		t.Helper()
		req := kmsg.NewPtrUpdateFeaturesRequest()
		req.Version, req.TimeoutMillis = version, 1000
		u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		u.Feature, u.MaxVersionLevel, u.UpgradeType, u.AllowDowngrade = feature, level, kind, kind > 1
		req.FeatureUpdates = append(req.FeatureUpdates, u)
		resp := call[*kmsg.UpdateFeaturesResponse](r, r.h.UpdateFeatures, req)
		got := ""
		if resp.ErrorMessage != nil {
			got = strings.TrimPrefix(*resp.ErrorMessage, failed)
		}
		wantCode := kerr.InvalidUpdateVersion.Code
		if want == "" {
			wantCode = 0
		}
		if got != want || resp.ErrorCode != wantCode || want == "" && (len(resp.Results) == 1) != (version < 2) {
			t.Errorf("v%d: error %d %q, %d results", version, resp.ErrorCode, got, len(resp.Results))
		}
	}
	for v := int16(0); v <= 2; v++ {
		f(v, "metadata.version", 30, 1, "")
		f(v, "metadata.version", 31, 1, "31 for feature metadata.version. Local controller 1 only supports versions 7-30")
		f(v, "metadata.version", 20, 1, "20 for feature metadata.version. Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.")
		f(v, "metadata.version", 20, 2, "20 for feature metadata.version. This build cannot change the level of a cluster, which is 30.")
		f(v, "no.such", 1, 1, "1 for feature no.such. Local controller 1 does not support this feature.")
		f(v, "metadata.version", -1, 1, "-1 for feature metadata.version. A feature version cannot be less than 0.")
	}
	f(1, "metadata.version", 30, 9, "30 for feature metadata.version. The controller does not support the given upgrade type.")
	f(1, "group.version", 0, 3, "0 for feature group.version. This build cannot change the level of a cluster, which is 1.")
	f(1, "group.version", 1, 3, "")
	r.deny["alter"] = true
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.Version = 1
	if resp := call[*kmsg.UpdateFeaturesResponse](r, r.h.UpdateFeatures, req); resp.ErrorCode != kerr.ClusterAuthorizationFailed.Code {
		t.Errorf("%+v", resp)
	}
}
