package group

import (
	"fmt"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const benchMembers = 100

// BenchmarkConsumerGroup is a consumer group of 100 members on 100 partitions from nothing to stable: what the decisions, the codecs and
// the log in memory cost, without the network.
func BenchmarkConsumerGroup(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		w := newWorld(b, map[string]string{"group.consumer.assignment.interval.ms": "1000"})
		w.topic(b, "t", benchMembers)
		var members []*randomMember
		r := &randomGroup{w: w, members: map[string]*randomMember{}}
		for i := range benchMembers {
			m := &randomMember{id: fmt.Sprintf("m%03d", i), topics: []string{"t"}}
			r.rejoin(m, false)
			members = append(members, m)
		}
		rounds := 0
		for ; w.machine.consumer["g"].state() != consumerStable; rounds++ {
			w.shard.Advance(1000)
			for _, m := range members {
				benchBeat(r, m)
			}
		}
		b.ReportMetric(float64(rounds), "rounds/op")
		b.ReportMetric(float64(len(w.shard.Log.Records())), "records/op")
	}
}

// benchBeat is a heartbeat of a member that gives back at once.
func benchBeat(r *randomGroup, m *randomMember) {
	for tp := range m.has {
		if _, ok := m.told[tp]; !ok {
			delete(m.has, tp)
		}
	}
	req := m.request(m.epoch)
	req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	owned := assignment{}
	for tp := range m.has {
		owned[tp] = 0
	}
	for _, t := range owned.topics(false) {
		req.Topics = append(req.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: t.TopicID, Partitions: t.Partitions})
	}
	r.send(m, req, false)
}

// BenchmarkClassicGroup is a classic group of 100 members from nothing to stable: everybody joins and asks for its assignment once.
func BenchmarkClassicGroup(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		w := newWorld(b, nil)
		joined := make([]*kmsg.JoinGroupResponse, 0, benchMembers)
		for i := range benchMembers {
			req := kmsg.NewPtrJoinGroupRequest()
			req.Version, req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 3, "g", 10_000, 60_000, "consumer"
			req.Protocols = protocols([]string{"range/t", "cooperative-sticky/t"})
			w.do(func(t *coordinator.Turn) {
				w.machine.JoinGroup(t, Caller{ClientID: fmt.Sprint("c", i), Version: 3}, req, func(r *kmsg.JoinGroupResponse) { joined = append(joined, r) })
			})
		}
		w.shard.Advance(8000) // the delay of the first rebalance, prolonged once
		synced := 0
		for _, j := range joined {
			req := kmsg.NewPtrSyncGroupRequest()
			req.Version, req.Group, req.MemberID, req.Generation = 3, "g", j.MemberID, j.Generation
			for _, m := range j.Members {
				req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: m.MemberID, MemberAssignment: make([]byte, 30)})
			}
			w.do(func(t *coordinator.Turn) {
				w.machine.SyncGroup(t, Caller{Version: 3}, req, func(r *kmsg.SyncGroupResponse) { synced++ })
			})
		}
		if synced != benchMembers || w.machine.classic["g"].state != stable {
			b.Fatalf("%d synced, the group is %s", synced, w.machine.classic["g"].state)
		}
	}
}
