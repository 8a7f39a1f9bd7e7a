package kafkatool

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// quotaKeys are the quotas of users and clients.
var quotaKeys = []string{"producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"}

// scramNames are the mechanisms by their number on the wire.
var scramNames = map[int8]string{1: "SCRAM-SHA-256", 2: "SCRAM-SHA-512"}

var scramKeys = []string{"SCRAM-SHA-256", "SCRAM-SHA-512"}

// quotaEntities are the types of entities as DescribeClientQuotas names them, and as the tool prints them.
var quotaEntities = []struct{ kind, wire, printed string }{
	{ofUsers, "user", "user-principal"}, {ofClients, "client-id", "client-id"}, {ofIPs, "ip", "ip"},
}

func quotaEntity(kind string) string {
	for _, e := range quotaEntities {
		if e.kind == kind {
			return e.wire
		}
	}
	panic("BUG: " + kind + " have no quotas")
}

// quotas asks for the quotas of exactly the entities that are named: a type without a name is any.
func (r *configsCall) quotas(cl *cluster) (*kmsg.DescribeClientQuotasResponse, error) {
	req := kmsg.NewPtrDescribeClientQuotasRequest()
	if err := cl.need(req); err != nil {
		return nil, err
	}
	req.Strict = true
	for i := range max(len(r.types), len(r.names)) {
		if i >= len(r.types) {
			return nil, refused("More entity names specified than entity types")
		}
		c := kmsg.NewDescribeClientQuotasRequestComponent()
		c.EntityType, c.MatchType = quotaEntity(r.types[i]), kmsg.QuotasMatchTypeAny
		if i < len(r.names) {
			c.MatchType = kmsg.QuotasMatchTypeDefault
			if r.names[i] != "" {
				c.MatchType, c.Match = kmsg.QuotasMatchTypeExact, kmsg.StringPtr(r.names[i])
			}
		}
		req.Components = append(req.Components, c)
	}
	resp, err := req.RequestWith(r.ctx, cl.Client)
	if err == nil {
		err = kclient.CodeMessage(resp.ErrorCode, resp.ErrorMessage)
	}
	return resp, err
}

func (r *configsCall) describeQuotas(cl *cluster) error {
	resp, err := r.quotas(cl)
	if err != nil {
		return err
	}
	var lines []string
	for _, e := range resp.Entries {
		slices.SortFunc(e.Values, func(a, b kmsg.DescribeClientQuotasResponseEntryValue) int { return strings.Compare(a.Key, b.Key) })
		values := make([]string, len(e.Values))
		for i, v := range e.Values {
			values[i] = v.Key + "=" + javaDouble(v.Value)
		}
		lines = append(lines, fmt.Sprintf("Quota configs for %s are %s\n", quotaTitle(e), strings.Join(values, ", ")))
	}
	slices.Sort(lines)
	r.printf("%s", strings.Join(lines, ""))
	return nil
}

func quotaTitle(entry kmsg.DescribeClientQuotasResponseEntry) string {
	var parts []string
	for _, known := range quotaEntities {
		for _, e := range entry.Entity {
			switch {
			case e.Type != known.wire:
			case e.Name == nil:
				parts = append(parts, "the default "+known.printed)
			default:
				parts = append(parts, fmt.Sprintf("%s '%s'", known.printed, *e.Name))
			}
		}
	}
	return strings.Join(parts, ", ")
}

// javaDouble renders as Java's Double.toString.
func javaDouble(f float64) string {
	if abs := max(f, -f); f == 0 || abs >= 1e-3 && abs < 1e7 {
		text := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.ContainsAny(text, ".NI") {
			text += ".0"
		}
		return text
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, _ := strconv.Atoi(exponent)
	return fmt.Sprintf("%sE%d", mantissa, n)
}

// alterUser changes quotas of a user, a client or a client of a user; or a user's SCRAM credentials.
func (r *configsCall) alterUser(cl *cluster, add map[string]string, remove []string) error {
	added := slices.Sorted(maps.Keys(add))
	quota := func(k string) bool { return slices.Contains(quotaKeys, k) }
	known, who, what := quotaKeys, ofClients, "quota"
	if r.types[0] == ofUsers && len(r.types) == 1 {
		known, who, what = slices.Concat(quotaKeys, scramKeys), ofUsers, "quota and SCRAM credential"
	}
	if unknown := without(added, known...); len(unknown) > 0 {
		return refused("Only %s configs can be added for '%s' using --bootstrap-server. Unexpected config names: %s", what, who, strings.Join(unknown, ","))
	}
	if unknown := without(remove, known...); len(unknown) > 0 {
		return refused("Only %s configs can be deleted for '%s' using --bootstrap-server. Unexpected config names: %s", what, who, strings.Join(unknown, ","))
	}
	quotas := slices.ContainsFunc(added, quota) || slices.ContainsFunc(remove, quota)
	if len(without(slices.Concat(added, remove), quotaKeys...)) > 0 {
		if slices.Contains(r.names, "") {
			return refused("The use of --entity-default or --user-defaults is not allowed with User SCRAM Credentials using --bootstrap-server.")
		}
		if quotas {
			return refused("Cannot alter both quota and SCRAM credential configs simultaneously for 'users' using --bootstrap-server.")
		}
		return r.alterScram(cl, add, remove)
	}
	return r.alterQuotas(cl, add, remove)
}

// alterQuotas sets and removes quotas of one entity. A quota to remove must be there.
func (r *configsCall) alterQuotas(cl *cluster, add map[string]string, remove []string) error {
	resp, err := r.quotas(cl)
	if err != nil {
		return err
	}
	var old []string
	if len(resp.Entries) > 0 {
		for _, v := range resp.Entries[0].Values {
			old = append(old, v.Key)
		}
	}
	if gone := without(remove, old...); len(gone) > 0 {
		return refused("Invalid config(s): %s", strings.Join(gone, ","))
	}
	entry := kmsg.NewAlterClientQuotasRequestEntry()
	for i, kind := range r.types {
		e := kmsg.NewAlterClientQuotasRequestEntryEntity()
		e.Type = quotaEntity(kind)
		if r.names[i] != "" {
			e.Name = kmsg.StringPtr(r.names[i])
		}
		entry.Entity = append(entry.Entity, e)
	}
	for _, k := range slices.Sorted(maps.Keys(add)) {
		op := kmsg.NewAlterClientQuotasRequestEntryOp()
		if op.Value, err = strconv.ParseFloat(add[k], 64); err != nil {
			return refused("Cannot parse quota configuration value for %s: %s", k, add[k])
		}
		op.Key = k
		entry.Ops = append(entry.Ops, op)
	}
	for _, k := range remove {
		op := kmsg.NewAlterClientQuotasRequestEntryOp()
		op.Key, op.Remove = k, true
		entry.Ops = append(entry.Ops, op)
	}
	req := kmsg.NewPtrAlterClientQuotasRequest()
	if err := cl.need(req); err != nil {
		return err
	}
	req.Entries = append(req.Entries, entry)
	altered, err := req.RequestWith(r.ctx, cl.Client)
	if err != nil {
		return err
	}
	for _, e := range altered.Entries {
		if err := kclient.CodeMessage(e.ErrorCode, e.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

// scramValue is what a SCRAM credential is given as.
var scramValue = regexp.MustCompile(`^(?:iterations=(-?[0-9]*),)?password=(.*)$`)

// scramIterations is the default, and the least that the mechanisms allow.
const scramIterations = 4096

// scramSaltBytes is the length of the random salt.
const scramSaltBytes = 24

// alterScram sets and deletes SCRAM credentials: the password is salted here and does not travel.
func (r *configsCall) alterScram(cl *cluster, add map[string]string, remove []string) error {
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	for i, mechanism := range scramKeys {
		if slices.Contains(remove, mechanism) {
			d := kmsg.NewAlterUserSCRAMCredentialsRequestDeletion()
			d.Name, d.Mechanism = r.names[0], int8(i+1)
			req.Deletions = append(req.Deletions, d)
		}
		value, ok := add[mechanism]
		if !ok {
			continue
		}
		u, err := scramCredential(mechanism, value)
		if err != nil {
			return err
		}
		u.Name, u.Mechanism = r.names[0], int8(i+1)
		req.Upsertions = append(req.Upsertions, u)
	}
	if err := cl.need(req); err != nil {
		return err
	}
	resp, err := req.RequestWith(r.ctx, cl.Client)
	if err != nil {
		return err
	}
	for _, u := range resp.Results {
		if err := kclient.CodeMessage(u.ErrorCode, u.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

func scramCredential(mechanism, value string) (u kmsg.AlterUserSCRAMCredentialsRequestUpsertion, err error) {
	u = kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
	m := scramValue.FindStringSubmatch(value)
	if m == nil {
		return u, refused("Invalid credential property %s=%s", strings.ReplaceAll(mechanism, "-", "_"), value)
	}
	n := int64(scramIterations)
	if m[1] != "" && m[1] != "-1" {
		if n, err = strconv.ParseInt(m[1], 10, 32); err != nil {
			return u, refused("For input string: %q", m[1])
		}
	}
	if n < scramIterations {
		return u, refused("Iterations %d is less than the minimum %d required for %s", n, scramIterations, mechanism)
	}
	u.Iterations = int32(n)
	u.Salt = make([]byte, scramSaltBytes)
	_, _ = rand.Read(u.Salt) // never fails (Go 1.24)
	var digest func() hash.Hash = sha256.New
	size := sha256.Size
	if mechanism == scramNames[2] {
		digest, size = sha512.New, sha512.Size
	}
	u.SaltedPassword, err = pbkdf2.Key(digest, m[2], u.Salt, int(n), size)
	return u, err
}
