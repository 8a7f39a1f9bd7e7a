package admin

import (
	"fmt"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeClientQuotas: key 48, versions 0 and 1. Differs from Kafka: entries are sorted, and there is a list of them, if
// an empty one, also beside an error (SURFACE 5.4).
//
//	0   (KIP-546)
//	1   flexible
func (h *Handlers) DescribeClientQuotas(r *network.Request) network.Disposition {
	req := kmsg.NewPtrDescribeClientQuotasRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrDescribeClientQuotasResponse()
	resp.Entries = []kmsg.DescribeClientQuotasResponseEntry{}
	refuse := func(code *kerr.Error, text string) network.Disposition {
		resp.ErrorCode, resp.ErrorMessage = code.Code, &text
		return message.Answer(r, resp)
	}
	if !h.allowed(r, security.OpDescribeConfigs, security.ResourceCluster, security.ClusterName) {
		return refuse(kerr.ClusterAuthorizationFailed, "Cluster authorization failed.")
	}
	filter, code, text := newQuotaFilter(req)
	if code != nil {
		return refuse(code, text)
	}
	for entity, values := range h.Image().ClientQuotas {
		if filter.matches(entity) {
			resp.Entries = append(resp.Entries, quotaEntry(entity, values))
		}
	}
	return message.Answer(r, resp)
}

func quotaEntry(entity metadata.QuotaEntity, values []metadata.QuotaValue) kmsg.DescribeClientQuotasResponseEntry {
	e := kmsg.NewDescribeClientQuotasResponseEntry()
	for _, part := range entity.Parts() {
		out := kmsg.NewDescribeClientQuotasResponseEntryEntity()
		out.Type, out.Name = part.Type, part.Name
		e.Entity = append(e.Entity, out)
	}
	for _, v := range values {
		out := kmsg.NewDescribeClientQuotasResponseEntryValue()
		out.Key, out.Value = v.Quota, v.Limit
		e.Values = append(e.Values, out)
	}
	return e
}

// quotaFilter says which entities a request means. A dimension that it does not name is not looked at, unless it
// is strict: then the entity must not have it.
type quotaFilter struct {
	components map[string]quotaComponent
	strict     bool
}

type quotaComponent struct {
	any  bool               // any name and the default
	name metadata.QuotaName // otherwise this
}

func newQuotaFilter(req *kmsg.DescribeClientQuotasRequest) (f quotaFilter, code *kerr.Error, text string) {
	f = quotaFilter{components: make(map[string]quotaComponent, 3), strict: req.Strict}
	for i := range req.Components {
		c := &req.Components[i]
		_, twice := f.components[c.EntityType]
		switch {
		case c.EntityType == "":
			return f, kerr.InvalidRequest, "Invalid empty entity type."
		case twice:
			return f, kerr.InvalidRequest, fmt.Sprintf("Entity type %s cannot appear more than once in the filter.", c.EntityType)
		case c.EntityType != schema.QuotaUser && c.EntityType != schema.QuotaClientID && c.EntityType != schema.QuotaIP:
			return f, kerr.UnsupportedVersion, "Unsupported entity type " + c.EntityType
		}
		component, text := newQuotaComponent(c)
		if text != "" {
			return f, kerr.InvalidRequest, text
		}
		f.components[c.EntityType] = component
	}
	if _, ip := f.components[schema.QuotaIP]; ip && len(f.components) > 1 {
		return f, kerr.InvalidRequest, "Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component."
	}
	return f, nil, ""
}

func newQuotaComponent(c *kmsg.DescribeClientQuotasRequestComponent) (quotaComponent, string) {
	switch c.MatchType {
	case kmsg.QuotasMatchTypeExact:
		if c.Match == nil {
			return quotaComponent{}, "Request specified MATCH_TYPE_EXACT, but set match string to null."
		}
		name := *c.Match
		if c.EntityType == schema.QuotaIP {
			name = metadata.QuotaIPName(name)
		}
		return quotaComponent{name: metadata.NamedQuota(name)}, ""
	case kmsg.QuotasMatchTypeDefault:
		if c.Match != nil {
			return quotaComponent{}, "Request specified MATCH_TYPE_DEFAULT, but also specified a match string."
		}
		return quotaComponent{name: metadata.DefaultQuota}, ""
	case kmsg.QuotasMatchTypeAny:
		if c.Match != nil {
			return quotaComponent{}, "Request specified MATCH_TYPE_SPECIFIED, but also specified a match string."
		}
		return quotaComponent{any: true}, ""
	}
	return quotaComponent{}, fmt.Sprintf("Unknown match type %d", c.MatchType)
}

func (f quotaFilter) matches(e metadata.QuotaEntity) bool {
	for _, d := range [...]struct {
		kind string
		name metadata.QuotaName
	}{{schema.QuotaUser, e.User}, {schema.QuotaClientID, e.ClientID}, {schema.QuotaIP, e.IP}} {
		c, named := f.components[d.kind]
		switch {
		case !named:
			if f.strict && d.name.Kind != metadata.QuotaAbsent {
				return false
			}
		case d.name.Kind == metadata.QuotaAbsent || !c.any && c.name != d.name:
			return false
		}
	}
	return true
}
