package group

import (
	"maps"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
)

// scheduleExpiry lets offsets expire from time to time.
func (s *Shard) scheduleExpiry(t *coordinator.Turn) {
	t.Timer("expiry", t.Now()+s.config.OffsetsRetentionCheckMs, s.expire)
}

// expire deletes the offsets that nobody needs any more, and the groups that are left with nothing (SURFACE 109). What does not
// fit into one batch follows in the next decision.
func (s *Shard) expire(t *coordinator.Turn) {
	for _, name := range sortedKeys(s.names()) {
		if !s.expireGroup(t, name) {
			t.Timer("expiry", t.Now(), s.expire)
			return
		}
	}
	s.scheduleExpiry(t)
}

// names are the groups of the shard.
func (s *Shard) names() map[string]struct{} {
	all := make(map[string]struct{}, len(s.classic)+len(s.consumer))
	for name := range s.classic {
		all[name] = struct{}{}
	}
	for name := range s.consumer {
		all[name] = struct{}{}
	}
	return all
}

// expireGroup returns false if the batch is full.
func (s *Shard) expireGroup(t *coordinator.Turn, name string) bool {
	left := s.inTransaction(name)
	since, may := s.expiryBase(name)
	for tp, offset := range s.offsets[name].each {
		if !may || s.subscribed(name, tp.Topic) || !s.expired(t, offset, since) || s.unstable(name, tp.Topic, tp.Partition) {
			left = true
			continue
		}
		key := offsetKey(name, tp.Topic, tp.Partition)
		if !t.Fits(1, len(key)) {
			return false
		}
		t.Append(key, nil)
	}
	if left || !s.vacant(name) {
		return true
	}
	return s.appendGroupTombstones(t, name)
}

// expiryBase says from when the retention of a group's offsets counts: -1 is from each commit. may is false if none may expire.
func (s *Shard) expiryBase(name string) (sinceMs int64, may bool) {
	if g := s.consumer[name]; g != nil {
		return -1, true
	}
	g := s.classic[name]
	switch {
	case g.protocolType == "": // a simple group
		return -1, true
	case g.state == empty:
		return g.stateMs, true
	case g.state == stable && g.known:
		return -1, true
	}
	return 0, false
}

// expired reports whether an offset's time is over: its own, or that of the broker.
func (s *Shard) expired(t *coordinator.Turn, c *committed, sinceMs int64) bool {
	if c.ExpireTimestamp >= 0 {
		return t.Now() >= c.ExpireTimestamp
	}
	if sinceMs < 0 {
		sinceMs = c.CommitTimestamp
	}
	return t.Now()-sinceMs >= s.config.OffsetsRetentionMs
}

// vacant reports whether a group has no members and nobody is about to join.
func (s *Shard) vacant(name string) bool {
	if g := s.consumer[name]; g != nil {
		return len(g.members) == 0
	}
	g := s.classic[name]
	return g != nil && g.state == empty && len(g.pending) == 0
}

// dropVanished deletes the offsets of deleted topics, of transactions too.
func (s *Shard) dropVanished(t *coordinator.Turn) {
	for len(s.vanished) > 0 {
		for _, name := range sortedKeys(s.names()) {
			if !s.dropTopic(t, name, s.vanished[0]) {
				t.Timer("vanished", t.Now(), s.dropVanished)
				return
			}
		}
		s.vanished = s.vanished[1:]
	}
}

// dropTopic returns false if the batch is full.
func (s *Shard) dropTopic(t *coordinator.Turn, group, topic string) bool {
	for _, partition := range s.partitionsOf(group, topic) {
		key := offsetKey(group, topic, partition)
		if !t.Fits(1, len(key)) {
			return false
		}
		t.Append(key, nil)
	}
	return true
}

// partitionsOf are the partitions of a topic for which the group has offsets, in order.
func (s *Shard) partitionsOf(group, topic string) []int32 {
	all := map[int32]struct{}{}
	for p := range s.offsets[group][topic] {
		all[p] = struct{}{}
	}
	for _, open := range s.pending { // order-free: a union
		for p := range open[group][topic] {
			all[p] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(all))
}
