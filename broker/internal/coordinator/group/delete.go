package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteGroup deletes a group without members and its offsets (SURFACE 110). More offsets than fit into a batch take several decisions.
func (s *Shard) DeleteGroup(t *coordinator.Turn, c Caller, name string, reply func(kmsg.DeleteGroupsResponseGroup)) {
	r := kmsg.NewDeleteGroupsResponseGroup()
	r.Group = name
	done := func(code *kerr.Error) {
		if code != nil {
			r.ErrorCode = code.Code
			text := code.Description
			r.ErrorMessage = &text
		}
		reply(r)
	}
	if code := s.checkDelete(name); code != nil {
		t.Answer(func(lost *kerr.Error) {
			if lost != nil {
				code = lost
			}
			done(code)
		})
		return
	}
	s.deleting[name] = append(s.deleting[name], done)
	s.deleteGroup(t, name)
}

func (s *Shard) checkDelete(name string) *kerr.Error {
	g := s.classic[name]
	switch {
	case name == "" && g == nil:
		return kerr.InvalidGroupID
	case g == nil && s.consumer[name] == nil:
		return kerr.GroupIDNotFound
	case plantedDeleteBusy:
		return nil
	case g != nil && g.state != empty || s.consumer[name] != nil && len(s.consumer[name].members) > 0:
		return kerr.NonEmptyGroup
	}
	return nil
}

// deleteGroup deletes what fits, and tells those who wait when all is gone.
func (s *Shard) deleteGroup(t *coordinator.Turn, name string) {
	waiting := s.deleting[name]
	code := s.checkDelete(name) // somebody may have joined in between
	if code == nil && !s.appendDeletion(t, name) {
		t.Timer(timerName("delete", name, ""), t.Now(), func(t *coordinator.Turn) { s.deleteGroup(t, name) })
		return
	}
	delete(s.deleting, name)
	for _, done := range waiting {
		t.Answer(func(lost *kerr.Error) {
			if lost != nil {
				code = lost
			}
			done(code)
		})
	}
}

// appendDeletion returns false if the batch is full.
func (s *Shard) appendDeletion(t *coordinator.Turn, name string) bool {
	topics := map[string]struct{}{}
	for topic := range s.offsets[name] {
		topics[topic] = struct{}{}
	}
	for _, open := range s.pending { // order-free: a union
		for topic := range open[name] {
			topics[topic] = struct{}{}
		}
	}
	for _, topic := range sortedKeys(topics) {
		if !s.dropTopic(t, name, topic) {
			return false
		}
	}
	return s.appendGroupTombstones(t, name)
}

// appendGroupTombstones deletes what is written of a group beside its offsets. It returns false if the batch is full.
func (s *Shard) appendGroupTombstones(t *coordinator.Turn, name string) bool {
	if g := s.consumer[name]; g != nil {
		return s.appendConsumerTombstones(t, g)
	}
	if g := s.classic[name]; g != nil {
		for _, id := range sortedKeys(g.pending) {
			t.Cancel(timerName("session", name, id))
		}
	}
	key := keyBytes(schema.OffsetsKey{Type: schema.OffsetsGroupMetadata, Group: name})
	if !t.Fits(1, len(key)) {
		return false
	}
	t.Append(key, nil)
	return true
}
