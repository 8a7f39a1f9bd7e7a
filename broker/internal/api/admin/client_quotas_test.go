package admin

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// entityOf reads "user=alice client-id" (a bare type is its default).
func entityOf(s string) (all []kmsg.AlterClientQuotasRequestEntryEntity) {
	for _, part := range strings.Fields(s) {
		e := kmsg.NewAlterClientQuotasRequestEntryEntity()
		kind, name, named := strings.Cut(part, "=")
		if e.Type = kind; named {
			e.Name = &name
		}
		all = append(all, e)
	}
	return all
}

func setQuota(entity, quota string, limit float64) kmsg.AlterClientQuotasRequestEntry {
	e := kmsg.NewAlterClientQuotasRequestEntry()
	e.Entity = entityOf(entity)
	op := kmsg.NewAlterClientQuotasRequestEntryOp()
	op.Key, op.Value, op.Remove = quota, limit, limit == removed
	e.Ops = append(e.Ops, op)
	return e
}

const removed = -12345

func alterQuotas(r *rig, version int16, validateOnly bool, entries ...kmsg.AlterClientQuotasRequestEntry) *kmsg.AlterClientQuotasResponse {
	req := kmsg.NewPtrAlterClientQuotasRequest()
	req.Version, req.ValidateOnly, req.Entries = version, validateOnly, entries
	return call[*kmsg.AlterClientQuotasResponse](r, r.h.AlterClientQuotas, req)
}

// describeQuotas asks with a filter: "user=alice client-id=" exact names ("=" alone is the default), "user*" any.
func describeQuotas(r *rig, version int16, strict bool, filter string) *kmsg.DescribeClientQuotasResponse {
	req := kmsg.NewPtrDescribeClientQuotasRequest()
	req.Version, req.Strict = version, strict
	for _, part := range strings.Fields(filter) {
		c := kmsg.NewDescribeClientQuotasRequestComponent()
		kind, name, _ := strings.Cut(part, "=")
		switch c.EntityType, c.Match = strings.TrimSuffix(kind, "*"), &name; {
		case strings.HasSuffix(kind, "*"):
			c.MatchType, c.Match = kmsg.QuotasMatchTypeAny, nil
		case name == "":
			c.MatchType, c.Match = kmsg.QuotasMatchTypeDefault, nil
		}
		req.Components = append(req.Components, c)
	}
	return call[*kmsg.DescribeClientQuotasResponse](r, r.h.DescribeClientQuotas, req)
}

func quotasText(resp *kmsg.DescribeClientQuotasResponse) string {
	var all []string
	for _, e := range resp.Entries {
		var s []string
		for _, part := range e.Entity {
			text := part.Type
			if part.Name != nil {
				text += "=" + *part.Name
			}
			s = append(s, text)
		}
		for _, v := range e.Values {
			s = append(s, fmt.Sprint(v.Key, ":", v.Value))
		}
		all = append(all, strings.Join(s, " "))
	}
	return strings.Join(all, ", ")
}

// TestClientQuotasStoredAndDescribed: what is set is described under every kind of filter, in both versions.
func TestClientQuotasStoredAndDescribed(t *testing.T) {
	for version := range int16(2) {
		r := newRig(t)
		if got := describeQuotas(r, version, false, ""); got.Entries == nil || len(got.Entries) != 0 {
			t.Errorf("v%d: nothing is set: %+v", version, got)
		}
		resp := alterQuotas(r, version, false,
			setQuota("user=alice", "producer_byte_rate", 1000), setQuota("user=alice client-id=app", "consumer_byte_rate", 2000),
			setQuota("user", "request_percentage", 12.5), setQuota("client-id=app", "controller_mutation_rate", 0.5),
			setQuota("user client-id", "producer_byte_rate", 7), setQuota("ip=::ffff:10.0.0.1", "connection_creation_rate", 3), setQuota("ip", "connection_creation_rate", 4),
		)
		for _, e := range resp.Entries {
			if e.ErrorCode != 0 {
				t.Errorf("v%d: %+v", version, e)
			}
		}
		f := func(strict bool, filter, want string) {
			t.Helper()
			got := describeQuotas(r, version, strict, filter)
			if got.ErrorCode != 0 || got.ErrorMessage != nil || quotasText(got) != want {
				t.Errorf("v%d %q strict=%v: %s; want %s (%+v)", version, filter, strict, quotasText(got), want, got.ErrorMessage)
			}
		}
		f(false, "user=alice", "user=alice producer_byte_rate:1000, user=alice client-id=app consumer_byte_rate:2000")
		f(true, "user=alice", "user=alice producer_byte_rate:1000")
		f(false, "user=", "user request_percentage:12.5, user client-id producer_byte_rate:7")
		f(true, "user*", "user request_percentage:12.5, user=alice producer_byte_rate:1000")
		f(true, "user* client-id*", "user client-id producer_byte_rate:7, user=alice client-id=app consumer_byte_rate:2000")
		f(false, "client-id=app", "client-id=app controller_mutation_rate:0.5, user=alice client-id=app consumer_byte_rate:2000")
		f(false, "ip*", "ip connection_creation_rate:4, ip=10.0.0.1 connection_creation_rate:3")
		f(false, "ip=::ffff:10.0.0.1", "ip=10.0.0.1 connection_creation_rate:3")
		f(false, "user=bob", "")
		f(true, "", "")
		if got := describeQuotas(r, version, false, ""); len(got.Entries) != 7 {
			t.Errorf("v%d: everything: %s", version, quotasText(got))
		}
		alterQuotas(r, version, false, setQuota("user=alice", "producer_byte_rate", removed), setQuota("user=bob", "producer_byte_rate", removed))
		f(false, "user=alice", "user=alice client-id=app consumer_byte_rate:2000")
		if limit, ok := r.loader.Current().IPQuota("10.0.0.1"); !ok || limit != 3 {
			t.Errorf("v%d: of the address %v, %v", version, limit, ok)
		}
	}
}

// TestClientQuotasRefused: what Kafka refuses is refused, with its code, and leaves nothing behind.
func TestClientQuotasRefused(t *testing.T) {
	r := newRig(t)
	f := func(want string, entry kmsg.AlterClientQuotasRequestEntry) {
		t.Helper()
		offset := r.loader.Current().Offset()
		resp := alterQuotas(r, 1, false, entry)
		e := resp.Entries[0]
		if e.ErrorCode != kerr.InvalidRequest.Code || e.ErrorMessage == nil || *e.ErrorMessage != want || len(e.Entity) != len(entry.Entity) {
			t.Errorf("%+v; want %s", e, want)
		}
		if r.loader.Current().Offset() != offset {
			t.Errorf("%s: something was written", want)
		}
	}
	f("Invalid empty client quota entity", setQuota("", "producer_byte_rate", 1))
	f("Unhandled client quota entity type: planet", setQuota("planet=earth", "producer_byte_rate", 1))
	f("Empty user not supported", setQuota("user=", "producer_byte_rate", 1))
	f("Invalid client quota entity, duplicate entity entry user", setQuota("user=a user=b", "producer_byte_rate", 1))
	f("Invalid quota entity combination, IP entity should not be combined with User or ClientId", setQuota("user=a ip=1.2.3.4", "producer_byte_rate", 1))
	f("nowhere.example is not a valid IP or resolvable host.", setQuota("ip=nowhere.example", "connection_creation_rate", 1))
	f("Invalid configuration key connection_creation_rate", setQuota("user=a", "connection_creation_rate", 1))
	f("Invalid configuration key producer_byte_rate", setQuota("ip", "producer_byte_rate", 1))
	f("Invalid configuration key SCRAM-SHA-256", setQuota("user=a", "SCRAM-SHA-256", 1))
	f("Quota producer_byte_rate must be greater than 0", setQuota("user=a", "producer_byte_rate", 0))
	f("Quota request_percentage must be greater than 0", setQuota("user=a", "request_percentage", math.NaN()))
	f("Proposed value for producer_byte_rate is too large for a LONG.", setQuota("user=a", "producer_byte_rate", 1e19))
	f("Proposed value for connection_creation_rate is too large for an INT.", setQuota("ip", "connection_creation_rate", 1<<31))
	f("consumer_byte_rate cannot be a fractional value.", setQuota("user=a", "consumer_byte_rate", 1.5))
	twice := setQuota("user=a", "consumer_byte_rate", 1)
	twice.Ops = append(twice.Ops, twice.Ops[0])
	f("Duplicate quota key consumer_byte_rate not updating quota for this entity ClientQuotaEntity(entries={user=a})", twice)
	good := setQuota("user=a", "producer_byte_rate", 1)
	good.Ops = append(good.Ops, setQuota("user=a", "consumer_byte_rate", -1).Ops...)
	f("Quota consumer_byte_rate must be greater than 0", good)

	both := alterQuotas(r, 1, false, setQuota("user=b client-id", "producer_byte_rate", 1), setQuota("client-id user=b", "producer_byte_rate", 2))
	if both.Entries[0].ErrorCode != 0 || both.Entries[1].ErrorCode != kerr.InvalidRequest.Code ||
		*both.Entries[1].ErrorMessage != "Ignoring duplicate entity ClientQuotaEntity(entries={client-id=null, user=b})" {
		t.Errorf("%+v", both.Entries)
	}
	if limit, _, _ := r.loader.Current().ClientQuota(metadata.QuotaProducerByteRate, "b", "x"); limit != 1 {
		t.Errorf("limit %v", limit)
	}
}

// TestClientQuotasValidateOnly: everything but writing. And what stays as it is writes nothing.
func TestClientQuotasValidateOnly(t *testing.T) {
	r := newRig(t)
	offset := r.loader.Current().Offset()
	resp := alterQuotas(r, 1, true, setQuota("user=a", "producer_byte_rate", 1), setQuota("user=b", "producer_byte_rate", -1))
	if resp.Entries[0].ErrorCode != 0 || resp.Entries[1].ErrorCode != kerr.InvalidRequest.Code || r.loader.Current().Offset() != offset {
		t.Errorf("%+v", resp.Entries)
	}
	alterQuotas(r, 1, false, setQuota("user=a", "producer_byte_rate", 1))
	offset = r.loader.Current().Offset()
	if alterQuotas(r, 1, false, setQuota("user=a", "producer_byte_rate", 1)); r.loader.Current().Offset() != offset {
		t.Error("the same value was written again")
	}
}

// TestClientQuotasFilterRefused: filters that contradict themselves.
func TestClientQuotasFilterRefused(t *testing.T) {
	r := newRig(t)
	name := "x"
	f := func(code *kerr.Error, components ...kmsg.DescribeClientQuotasRequestComponent) {
		t.Helper()
		req := kmsg.NewPtrDescribeClientQuotasRequest()
		req.Version, req.Components = 1, components
		resp := call[*kmsg.DescribeClientQuotasResponse](r, r.h.DescribeClientQuotas, req)
		if resp.ErrorCode != code.Code || resp.ErrorMessage == nil || resp.Entries == nil {
			t.Errorf("%+v", resp)
		}
	}
	c := func(kind string, match kmsg.QuotasMatchType, name *string) kmsg.DescribeClientQuotasRequestComponent {
		return kmsg.DescribeClientQuotasRequestComponent{EntityType: kind, MatchType: match, Match: name}
	}
	f(kerr.InvalidRequest, c("", 0, &name))
	f(kerr.UnsupportedVersion, c("planet", 0, &name))
	f(kerr.InvalidRequest, c("user", 0, &name), c("user", 2, nil))
	f(kerr.InvalidRequest, c("user", 0, nil))
	f(kerr.InvalidRequest, c("user", 1, &name))
	f(kerr.InvalidRequest, c("user", 2, &name))
	f(kerr.InvalidRequest, c("user", 3, nil))
	f(kerr.InvalidRequest, c("ip", 2, nil), c("user", 2, nil))
}

// TestClientQuotasNotAllowed: without permission on the cluster, or without a controller, every entity gets the error.
func TestClientQuotasNotAllowed(t *testing.T) {
	r := newRig(t)
	r.deny["alter-configs"], r.deny["describe-configs"] = true, true
	if resp := describeQuotas(r, 1, false, ""); resp.ErrorCode != kerr.ClusterAuthorizationFailed.Code || resp.Entries == nil {
		t.Errorf("%+v", resp)
	}
	two := []kmsg.AlterClientQuotasRequestEntry{setQuota("user=a", "producer_byte_rate", 1), setQuota("user", "producer_byte_rate", 1)}
	resp := alterQuotas(r, 1, false, two...)
	if len(resp.Entries) != 2 || resp.Entries[1].ErrorCode != kerr.ClusterAuthorizationFailed.Code || resp.Entries[1].Entity[0].Type != "user" {
		t.Errorf("%+v", resp.Entries)
	}
	r.deny = map[string]bool{}
	r.machine.Lead(notLeading)
	if resp := alterQuotas(r, 1, false, two...); resp.Entries[0].ErrorCode != kerr.NotController.Code {
		t.Errorf("%+v", resp.Entries)
	}
}
