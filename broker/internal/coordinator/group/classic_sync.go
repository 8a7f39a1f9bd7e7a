package group

import (
	"bytes"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// SyncGroup gives a member its assignment, and takes them from the leader (SURFACE 99).
func (s *Shard) SyncGroup(t *coordinator.Turn, c Caller, req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse)) {
	w := &syncWaiter{req.Version, reply}
	if g := s.consumer[req.Group]; g != nil {
		s.syncConsumer(t, g, req, w)
		return
	}
	g := s.classic[req.Group]
	if code := checkSync(g, req); code != nil {
		w.answer(t, syncError(w.version, code))
		return
	}
	m := g.byID[req.MemberID]
	delete(g.pendingSync, m.id)
	if len(g.pendingSync) == 0 {
		t.Cancel(timerName("sync", g.name, ""))
	}
	if g.state == stable {
		w.answer(t, g.synced(m.assignment, w.version))
		return
	}
	if m.sync != nil {
		m.sync.answer(t, syncError(m.sync.version, kerr.RebalanceInProgress))
	}
	m.sync = w
	if g.leader == m.id {
		s.assigned(t, g, req)
	}
}

func checkSync(g *classicGroup, req *kmsg.SyncGroupRequest) *kerr.Error {
	differs := func(asked *string, ours string) bool { return asked != nil && ours != "" && *asked != ours }
	if req.Group == "" {
		return kerr.InvalidGroupID
	}
	if g == nil || g.state == empty {
		return kerr.UnknownMemberID
	}
	if code := g.validate(req.MemberID, req.InstanceID); code != nil {
		return code
	}
	protocol := ""
	if g.protocol != nil {
		protocol = *g.protocol
	}
	switch {
	case req.Generation != g.generation:
		return kerr.IllegalGeneration
	case differs(req.ProtocolType, g.protocolType), differs(req.Protocol, protocol):
		return kerr.InconsistentGroupProtocol
	case g.state == preparingRebalance:
		return kerr.RebalanceInProgress
	}
	return nil
}

// assigned writes the leader's assignment down and hands it out. The replay makes the group stable.
func (s *Shard) assigned(t *coordinator.Turn, g *classicGroup, req *kmsg.SyncGroupRequest) {
	given := make(map[string][]byte, len(req.GroupAssignment))
	for _, a := range req.GroupAssignment { // the bytes are the leader's request's, which may be gone before others are answered
		given[a.MemberID] = bytes.Clone(a.MemberAssignment)
	}
	key, value := g.record(func(m *classicMember) []byte { return given[m.id] })
	if !t.Fits(1, len(key)+len(value)) {
		s.lg.Warn("assignment is larger than a batch may be", "group", g.name, "bytes", len(value))
		s.resetAssignments(t, g, kerr.UnknownServerError)
		s.prepareRebalance(t, g)
		return
	}
	t.Append(key, value)
	for _, m := range g.members {
		if m.sync != nil {
			m.sync.answer(t, g.synced(given[m.id], m.sync.version))
			m.sync = nil
			s.heard(t, g, m)
		}
	}
}

// synced is the answer with an assignment.
func (g *classicGroup) synced(assignment []byte, version int16) *kmsg.SyncGroupResponse {
	r := kmsg.NewPtrSyncGroupResponse()
	r.Version, r.Protocol, r.MemberAssignment = version, g.protocol, assignment
	if g.protocolType != "" {
		protocolType := g.protocolType
		r.ProtocolType = &protocolType
	}
	if r.MemberAssignment == nil {
		r.MemberAssignment = []byte{}
	}
	return r
}

// syncError is an answer with a code.
func syncError(version int16, code *kerr.Error) *kmsg.SyncGroupResponse {
	r := kmsg.NewPtrSyncGroupResponse()
	r.Version, r.ErrorCode, r.MemberAssignment = version, code.Code, []byte{}
	return r
}

// answer gives an answer when the decision, and all before it, is committed.
func (w *syncWaiter) answer(t *coordinator.Turn, r *kmsg.SyncGroupResponse) {
	t.Answer(func(code *kerr.Error) {
		if code != nil {
			r = syncError(w.version, code)
		}
		w.reply(r)
	})
}
