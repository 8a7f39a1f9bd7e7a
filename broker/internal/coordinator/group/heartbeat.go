package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Heartbeat keeps a member of the classic protocol alive and tells it of a rebalance (SURFACE 95).
func (s *Shard) Heartbeat(t *coordinator.Turn, c Caller, req *kmsg.HeartbeatRequest, reply func(*kmsg.HeartbeatResponse)) {
	var code *kerr.Error
	if g := s.consumer[req.Group]; g != nil {
		code = s.heartbeatConsumer(t, g, req)
	} else {
		code = s.heartbeat(t, s.classic[req.Group], req)
	}
	r := kmsg.NewPtrHeartbeatResponse()
	r.Version = req.Version
	t.Answer(func(lost *kerr.Error) {
		if lost != nil {
			code = lost
		}
		r.ErrorCode = codeNumber(code)
		reply(r)
	})
}

func (s *Shard) heartbeat(t *coordinator.Turn, g *classicGroup, req *kmsg.HeartbeatRequest) *kerr.Error {
	switch {
	case req.Group == "":
		return kerr.InvalidGroupID
	case g == nil:
		return kerr.UnknownMemberID
	}
	if code := g.validate(req.MemberID, req.InstanceID); code != nil {
		return code
	}
	switch {
	case req.Generation != g.generation:
		return kerr.IllegalGeneration
	case g.state == empty:
		return kerr.UnknownMemberID
	}
	s.heard(t, g, g.byID[req.MemberID])
	if g.state == preparingRebalance {
		return kerr.RebalanceInProgress
	}
	return nil
}

// codeNumber is what stands on the wire; nil is 0.
func codeNumber(code *kerr.Error) int16 {
	if code == nil {
		return 0
	}
	return code.Code
}
