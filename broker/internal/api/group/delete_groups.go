package group

import (
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	groups "github.com/thalweg-io/thalweg/broker/internal/coordinator/group"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteGroups: key 42, versions 0 to 3. As Kafka (SURFACE 110); a group that is named twice is answered once.
//
//	2   flexible
//	3   error messages
func (h *Handlers) DeleteGroups(r *network.Request) network.Disposition {
	req := kmsg.NewPtrDeleteGroupsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	var names []string
	for _, name := range req.Groups {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	resp := kmsg.NewPtrDeleteGroupsResponse()
	resp.Groups = make([]kmsg.DeleteGroupsResponseGroup, len(names))
	c := caller(r)
	all := newGather(len(names), func() { finish(r, resp) })
	for i, name := range names {
		put := func(g kmsg.DeleteGroupsResponseGroup) { all.put(func() { resp.Groups[i] = g }) }
		fail := func(code *kerr.Error) {
			g := kmsg.NewDeleteGroupsResponseGroup()
			g.Group, g.ErrorCode = name, code.Code
			put(g)
		}
		if code := h.refusedGroup(r, security.OpDelete, name); code != nil {
			fail(code)
			continue
		}
		h.decide(name, func(t *coordinator.Turn, s *groups.Shard) { s.DeleteGroup(t, c, name, put) }, fail)
	}
	return network.Pending
}
