package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// LeaveGroup removes members, several at once since version 3, also static ones that are named by their instance (SURFACE 101).
func (s *Shard) LeaveGroup(t *coordinator.Turn, c Caller, req *kmsg.LeaveGroupRequest, reply func(*kmsg.LeaveGroupResponse)) {
	r := kmsg.NewPtrLeaveGroupResponse()
	r.Version = req.Version
	members := req.Members
	if req.Version < 3 {
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID = req.MemberID
		members = []kmsg.LeaveGroupRequestMember{m}
	}
	switch {
	case req.Group == "":
		r.ErrorCode = kerr.InvalidGroupID.Code
	case s.consumer[req.Group] != nil:
		r.Members = s.leaveConsumer(t, s.consumer[req.Group], members)
	default:
		r.Members = s.leave(t, s.classic[req.Group], members)
	}
	if req.Version < 3 && len(r.Members) == 1 {
		r.ErrorCode, r.Members = r.Members[0].ErrorCode, nil
	}
	t.Answer(func(code *kerr.Error) {
		if code != nil {
			r.ErrorCode, r.Members = code.Code, nil
		}
		reply(r)
	})
}

// leave removes members from a classic group, nil if there is none, all in one rebalance.
func (s *Shard) leave(t *coordinator.Turn, g *classicGroup, members []kmsg.LeaveGroupRequestMember) (all []kmsg.LeaveGroupResponseMember) {
	left, pendingLeft := false, false
	for _, m := range members {
		e := kmsg.NewLeaveGroupResponseMember()
		e.MemberID, e.InstanceID = m.MemberID, m.InstanceID
		pending, code := s.leaveOne(t, g, m)
		e.ErrorCode = codeNumber(code)
		left, pendingLeft = left || code == nil && !pending, pendingLeft || code == nil && pending
		all = append(all, e)
	}
	switch {
	case !left && !pendingLeft:
	case g.state == preparingRebalance:
		s.completeIfJoined(t, g)
	case left && g.state != empty:
		s.prepareRebalance(t, g)
	}
	return all
}

// leaveOne removes a member, pending or not, but draws no consequences.
func (s *Shard) leaveOne(t *coordinator.Turn, g *classicGroup, m kmsg.LeaveGroupRequestMember) (pending bool, code *kerr.Error) {
	if g == nil {
		return false, kerr.UnknownMemberID
	}
	id := m.MemberID
	if id == "" && m.InstanceID != nil {
		id = g.static[*m.InstanceID]
	}
	if _, pending = g.pending[id]; !pending {
		code = g.validate(id, m.InstanceID)
	}
	if code == nil {
		s.removeMember(t, g, id)
	}
	return pending, code
}
