package group

import (
	"cmp"
	"errors"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	groups "github.com/thalweg-io/thalweg/broker/internal/coordinator/group"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListGroups: key 16, versions 0 to 5. Lists the groups that this broker coordinates. As Kafka; groups are sorted by name.
//
//	3   flexible
//	4   states, and a filter by state (KIP-518)
//	5   types, and a filter by type (KIP-848)
func (h *Handlers) ListGroups(r *network.Request) network.Disposition {
	req := kmsg.NewPtrListGroupsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrListGroupsResponse()
	led := h.led()
	everything := h.allowed(r, security.OpDescribe, security.ResourceCluster, security.ClusterName)
	session := *r.Session
	all := newGather(len(led), func() {
		slices.SortFunc(resp.Groups, func(a, b kmsg.ListGroupsResponseGroup) int { return cmp.Compare(a.Group, b.Group) })
		if resp.ErrorCode != 0 {
			resp.Groups = nil
		}
		finish(r, resp)
	})
	put := func(listed []kmsg.ListGroupsResponseGroup, code *kerr.Error) {
		listed = slices.DeleteFunc(listed, func(g kmsg.ListGroupsResponseGroup) bool {
			return !everything && !h.Authorizer.Allowed(session.Principal, session.RemoteHost, security.OpDescribe, security.ResourceGroup, g.Group)
		})
		all.put(func() {
			if code != nil && !errors.Is(code, kerr.NotCoordinator) { // led elsewhere by now: not ours to list
				resp.ErrorCode = code.Code
			}
			resp.Groups = append(resp.Groups, listed...)
		})
	}
	for _, index := range led {
		h.Shards.Do(index, func(t *coordinator.Turn, m coordinator.Machine) {
			m.(*groups.Shard).ListGroups(t, req.StatesFilter, req.TypesFilter, put)
		}, func(code *kerr.Error) { put(nil, code) })
	}
	return network.Pending
}

// led are the shards that this broker leads.
func (h *Handlers) led() (all []int32) {
	t := h.Image().Topic(kafka.OffsetsTopic)
	if t == nil {
		return nil
	}
	for i, p := range t.Partitions {
		if p.Leader == h.Self {
			all = append(all, int32(i))
		}
	}
	return all
}
