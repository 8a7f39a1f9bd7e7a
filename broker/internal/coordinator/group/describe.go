package group

import (
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListGroups lists the groups of this shard whose state and type are among the given ones, in any case of letters; none given means
// all. The code says that the shard has no answer.
func (s *Shard) ListGroups(t *coordinator.Turn, states, types []string, reply func([]kmsg.ListGroupsResponseGroup, *kerr.Error)) {
	var all []kmsg.ListGroupsResponseGroup
	for _, name := range sortedKeys(s.names()) {
		e := kmsg.NewListGroupsResponseGroup()
		e.Group = name
		if g := s.consumer[name]; g != nil {
			e.ProtocolType, e.GroupState, e.GroupType = consumerProtocolType, g.state().String(), "consumer"
		} else {
			g := s.classic[name]
			e.ProtocolType, e.GroupState, e.GroupType = g.protocolType, g.state.String(), "classic"
		}
		if among(states, e.GroupState) && among(types, e.GroupType) {
			all = append(all, e)
		}
	}
	t.Answer(func(code *kerr.Error) {
		if code != nil {
			all = nil
		}
		reply(all, code)
	})
}

func among(filter []string, value string) bool {
	return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool { return strings.EqualFold(strings.TrimSpace(f), value) })
}

// DescribeGroup describes one classic group. One that is not there, or of another type, is Dead, since version 6 with an error
// (SURFACE 103, 104).
func (s *Shard) DescribeGroup(t *coordinator.Turn, c Caller, name string, reply func(kmsg.DescribeGroupsResponseGroup)) {
	r := kmsg.NewDescribeGroupsResponseGroup()
	r.Group = name
	switch g := s.classic[name]; {
	case g != nil:
		g.describe(&r)
	case c.Version >= 6:
		text := "Group " + name + " not found."
		if s.consumer[name] != nil {
			text = "Group " + name + " is not a classic group."
		}
		r.State, r.ErrorCode, r.ErrorMessage = "Dead", kerr.GroupIDNotFound.Code, &text
	default:
		r.State = "Dead"
	}
	t.Answer(func(code *kerr.Error) {
		if code != nil {
			r = kmsg.NewDescribeGroupsResponseGroup()
			r.Group, r.ErrorCode = name, code.Code
		}
		reply(r)
	})
}

// describe fills a description in. What members said about themselves, and what they have, is shown of stable groups only.
func (g *classicGroup) describe(r *kmsg.DescribeGroupsResponseGroup) {
	r.State, r.ProtocolType = g.state.String(), g.protocolType
	full := g.state == stable && g.protocol != nil
	if full {
		r.Protocol = *g.protocol
	}
	for _, m := range g.members {
		e := kmsg.NewDescribeGroupsResponseGroupMember()
		e.MemberID, e.InstanceID, e.ClientID, e.ClientHost = m.id, m.instance, m.clientID, m.clientHost
		e.ProtocolMetadata, e.MemberAssignment = []byte{}, m.assignment
		if full {
			e.ProtocolMetadata = m.metadata(*g.protocol)
		}
		if e.MemberAssignment == nil {
			e.MemberAssignment = []byte{}
		}
		r.Members = append(r.Members, e)
	}
}
