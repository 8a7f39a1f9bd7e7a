package controller

import (
	"fmt"
	"math"
	"net/netip"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterClientQuotas decides an AlterClientQuotas (KIP-546): entities one by one, each with all of its
// changes or none. The api has authorized it. A value that stays what it is gets no record. The answer is
// a *kmsg.AlterClientQuotasResponse in order of the request; an entity that comes again is refused there.
func (c *Controller) AlterClientQuotas(req *kmsg.AlterClientQuotasRequest, caller Caller) Decision {
	resp := req.ResponseKind().(*kmsg.AlterClientQuotasResponse)
	d := Decision{Answer: resp}
	seen := make(map[metadata.QuotaEntity]bool, len(req.Entries))
	for i := range req.Entries {
		wanted := &req.Entries[i]
		r := kmsg.NewAlterClientQuotasResponseEntry()
		for _, part := range wanted.Entity {
			e := kmsg.NewAlterClientQuotasResponseEntryEntity()
			e.Type, e.Name = part.Type, part.Name
			r.Entity = append(r.Entity, e)
		}
		if err := c.alterQuotas(&d, wanted, seen); err != nil {
			r.ErrorCode, r.ErrorMessage = codeOf(err), textOf(err)
		}
		resp.Entries = append(resp.Entries, r)
	}
	if len(d.Records) > c.o.MaxRecordsPerOp {
		d.Records = nil
		for i := range resp.Entries {
			resp.Entries[i].ErrorCode, resp.Entries[i].ErrorMessage = codeOf(errTooManyRecords), textOf(errTooManyRecords)
		}
	}
	if req.ValidateOnly && !plantedValidateWrites {
		d.Records = nil
	}
	if len(d.Records) > 0 {
		c.lg.Info("client quotas are altered", "principal", caller.Principal, "records", len(d.Records))
	}
	return d
}

// alterQuotas adds the records of one entity's changes, or none if any of them is refused.
func (c *Controller) alterQuotas(d *Decision, wanted *kmsg.AlterClientQuotasRequestEntry, seen map[metadata.QuotaEntity]bool) error {
	entity, err := quotaEntity(wanted.Entity)
	if err != nil {
		return err
	}
	if seen[entity] {
		return refuse(kerr.InvalidRequest, "Ignoring duplicate entity "+quotaEntityText(wanted.Entity))
	}
	seen[entity] = true
	present := make(map[string]float64)
	for _, v := range c.image().ClientQuotasOf(entity) {
		present[v.Quota] = v.Limit
	}
	named := make(map[string]bool, len(wanted.Ops))
	var records []*schema.ClientQuotaRecord
	for _, op := range wanted.Ops {
		if named[op.Key] {
			return refuse(kerr.InvalidRequest, fmt.Sprintf("Duplicate quota key %s not updating quota for this entity %s", op.Key, quotaEntityText(wanted.Entity)))
		}
		named[op.Key] = true
		before, found := present[op.Key]
		r := &schema.ClientQuotaRecord{Entity: entity.Parts(), Quota: op.Key, Remove: op.Remove}
		if !op.Remove {
			if err := checkQuota(entity, op.Key, op.Value); err != nil {
				return err
			}
			r.Value = op.Value
		}
		if op.Remove && found || !op.Remove && (!found || before != op.Value) {
			records = append(records, r)
		}
	}
	for _, r := range records {
		d.add(0, r)
	}
	return nil
}

// quotaEntity checks and translates what a request names.
func quotaEntity(parts []kmsg.AlterClientQuotasRequestEntryEntity) (metadata.QuotaEntity, error) {
	var e metadata.QuotaEntity
	if len(parts) == 0 {
		return e, refuse(kerr.InvalidRequest, "Invalid empty client quota entity")
	}
	named := make([]schema.QuotaEntityPart, len(parts))
	seen := make(map[string]bool, len(parts))
	for i, p := range parts {
		switch {
		case p.Type != schema.QuotaUser && p.Type != schema.QuotaClientID && p.Type != schema.QuotaIP:
			return e, refuse(kerr.InvalidRequest, "Unhandled client quota entity type: "+p.Type)
		case seen[p.Type]:
			return e, refuse(kerr.InvalidRequest, "Invalid client quota entity, duplicate entity entry "+p.Type)
		case p.Name != nil && *p.Name == "":
			return e, refuse(kerr.InvalidRequest, fmt.Sprintf("Empty %s not supported", p.Type))
		}
		seen[p.Type] = true
		named[i] = schema.QuotaEntityPart{Type: p.Type, Name: p.Name}
	}
	e, _ = metadata.QuotaEntityOf(named)
	if e.IP.Kind == metadata.QuotaAbsent {
		return e, nil
	}
	if len(parts) > 1 {
		return e, refuse(kerr.InvalidRequest, "Invalid quota entity combination, IP entity should not be combined with User or ClientId")
	}
	if e.IP.Kind == metadata.QuotaNamed {
		if _, err := netip.ParseAddr(e.IP.Name); err != nil {
			return e, refuse(kerr.InvalidRequest, e.IP.Name+" is not a valid IP or resolvable host.")
		}
		e.IP.Name = metadata.QuotaIPName(e.IP.Name)
	}
	return e, nil
}

// quotaEntityText is an entity as Kafka writes it.
func quotaEntityText(parts []kmsg.AlterClientQuotasRequestEntryEntity) string {
	var all []string
	for _, p := range parts {
		name := "null"
		if p.Name != nil {
			name = *p.Name
		}
		all = append(all, p.Type+"="+name)
	}
	return "ClientQuotaEntity(entries={" + strings.Join(all, ", ") + "})"
}

// checkQuota checks whether an entity may have a quota and whether it may be that large.
func checkQuota(e metadata.QuotaEntity, quota string, limit float64) error {
	most, kind := 0.0, ""
	switch ip := e.IP.Kind != metadata.QuotaAbsent; {
	case ip && quota == metadata.QuotaConnectionCreationRate:
		most, kind = math.MaxInt32, "an INT"
	case !ip && (quota == metadata.QuotaProducerByteRate || quota == metadata.QuotaConsumerByteRate):
		most, kind = math.MaxInt64, "a LONG"
	case !ip && (quota == metadata.QuotaRequestPercentage || quota == metadata.QuotaControllerMutationRate):
	default:
		return refuse(kerr.InvalidRequest, "Invalid configuration key "+quota)
	}
	switch {
	case !(limit > 0): // also what is not a number
		return refuse(kerr.InvalidRequest, fmt.Sprintf("Quota %s must be greater than 0", quota))
	case kind == "":
	case limit > most:
		return refuse(kerr.InvalidRequest, fmt.Sprintf("Proposed value for %s is too large for %s.", quota, kind))
	case math.Abs(math.Mod(limit, 1)) > 1e-6:
		return refuse(kerr.InvalidRequest, quota+" cannot be a fractional value.")
	}
	return nil
}
