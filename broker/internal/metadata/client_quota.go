package metadata

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// Quotas that an entity can have (KIP-546), in the units of Kafka: bytes per second; percent of one
// thread's time; partitions created or deleted per second; new connections per second.
const (
	QuotaProducerByteRate       = "producer_byte_rate"
	QuotaConsumerByteRate       = "consumer_byte_rate"
	QuotaRequestPercentage      = "request_percentage"
	QuotaControllerMutationRate = "controller_mutation_rate"
	QuotaConnectionCreationRate = "connection_creation_rate" // of an IP address only
)

// QuotaName is what an entity has in one dimension (user, client id, IP address): nothing, the
// default, or a name. The zero value is nothing.
type QuotaName struct {
	Kind QuotaNameKind
	Name string // empty unless Kind is QuotaNamed
}

// QuotaNameKind says how a QuotaName is meant.
type QuotaNameKind uint8

// Kinds of QuotaName.
const (
	QuotaAbsent  QuotaNameKind = iota // the entity has no such dimension
	QuotaDefault                      // everybody without a quota of their own
	QuotaNamed
)

// NamedQuota is the QuotaName of a name.
func NamedQuota(name string) QuotaName { return QuotaName{QuotaNamed, name} }

// DefaultQuota is the QuotaName of the default.
var DefaultQuota = QuotaName{Kind: QuotaDefault}

// QuotaEntity is whom quotas are set for. It is comparable and can be the key of a map. The
// controller only makes entities with User, ClientID or both, or with IP alone.
type QuotaEntity struct{ User, ClientID, IP QuotaName }

func compareQuotaNames(a, b QuotaName) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
}

func compareQuotaEntities(a, b QuotaEntity) int {
	return cmp.Or(compareQuotaNames(a.User, b.User), compareQuotaNames(a.ClientID, b.ClientID), compareQuotaNames(a.IP, b.IP))
}

// QuotaValue is one quota of an entity.
type QuotaValue struct {
	Quota string // QuotaProducerByteRate and so on
	Limit float64
}

type quotaEntry struct {
	entity QuotaEntity
	values []QuotaValue // by name, never empty; replaced as a whole
}

// ClientQuotas yields every entity with quotas and what they are, in order of user, client id and
// IP address (absent, default, names), until yield returns false. The values are read-only and
// sorted by name.
func (m *Image) ClientQuotas(yield func(QuotaEntity, []QuotaValue) bool) {
	m.quotas.Ascend(func(e quotaEntry) bool { return yield(e.entity, e.values) })
}

// ClientQuotasOf returns the quotas of exactly that entity by name; read-only, empty if there are none.
func (m *Image) ClientQuotasOf(entity QuotaEntity) []QuotaValue {
	e, _ := m.quotas.Get(quotaEntry{entity: entity})
	return e.values
}

// NumClientQuotas is the number of entities with quotas: 0 lets a limiter do without everything else.
func (m *Image) NumClientQuotas() int { return m.quotas.Len() }

// ClientQuota returns the limit that counts for what a client of that user name (without "User:")
// and client id (empty if it sent none) does, and the entity that it was set for. The most specific
// entity that has this quota wins (SURFACE 10): user and client id, user and default client id, user,
// default user and client id, default user and default client id, default user, client id, default
// client id. ok is false if none does: there is no limit.
//
// All clients that an entity's dimensions do not tell apart share what it allows: with entity.ClientID
// absent all client ids of the user, with entity.User absent all users of the client id. A default
// dimension counts each name by itself. So the account of use goes by the user unless entity.User is
// absent, and by the client id unless entity.ClientID is.
//
// It does not allocate and costs up to eight lookups of O(log n); the result holds until a Delta
// names an entity in ClientQuotas.
func (m *Image) ClientQuota(quota, user, clientID string) (limit float64, entity QuotaEntity, ok bool) {
	if m.quotas.Len() == 0 {
		return 0, QuotaEntity{}, false
	}
	var none QuotaName
	u, c := NamedQuota(user), NamedQuota(clientID)
	for _, entity := range [...]QuotaEntity{
		{u, c, none}, {u, DefaultQuota, none}, {u, none, none},
		{DefaultQuota, c, none}, {DefaultQuota, DefaultQuota, none}, {DefaultQuota, none, none},
		{none, c, none}, {none, DefaultQuota, none},
	} {
		if limit, ok := m.clientQuota(entity, quota); ok {
			return limit, entity, true
		}
	}
	return 0, QuotaEntity{}, false
}

// QuotaIPName is the one form in which an address is the name of an entity: that of netip.Addr.String,
// an IPv4 address as such also if it came inside an IPv6 one, without a zone. What is no address stays as
// it is.
func QuotaIPName(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	return a.Unmap().WithZone("").String()
}

// IPQuota returns how many connections a second an address, in the form of QuotaIPName, may open: its own limit
// or that of the default.
func (m *Image) IPQuota(address string) (limit float64, ok bool) {
	if limit, ok := m.clientQuota(QuotaEntity{IP: NamedQuota(address)}, QuotaConnectionCreationRate); ok {
		return limit, true
	}
	return m.clientQuota(QuotaEntity{IP: DefaultQuota}, QuotaConnectionCreationRate)
}

func (m *Image) clientQuota(entity QuotaEntity, quota string) (float64, bool) {
	values := m.ClientQuotasOf(entity)
	if i, found := findQuota(values, quota); found {
		return values[i].Limit, true
	}
	return 0, false
}

func findQuota(values []QuotaValue, quota string) (int, bool) {
	return slices.BinarySearchFunc(values, quota, func(v QuotaValue, q string) int { return cmp.Compare(v.Quota, q) })
}

// QuotaEntityOf reads the entity of a record; ok is false if a dimension is not known or comes twice.
func QuotaEntityOf(parts []schema.QuotaEntityPart) (e QuotaEntity, ok bool) {
	for i := range parts {
		name := e.dimension(parts[i].Type)
		if name == nil || name.Kind != QuotaAbsent {
			return QuotaEntity{}, false
		}
		if *name = DefaultQuota; parts[i].Name != nil {
			*name = NamedQuota(*parts[i].Name)
		}
	}
	return e, len(parts) > 0
}

func (e *QuotaEntity) dimension(kind string) *QuotaName {
	switch kind {
	case schema.QuotaUser:
		return &e.User
	case schema.QuotaClientID:
		return &e.ClientID
	case schema.QuotaIP:
		return &e.IP
	}
	return nil
}

// Parts are the dimensions that an entity has, as records and the wire write them: user, client id, IP address.
func (e QuotaEntity) Parts() []schema.QuotaEntityPart {
	var parts []schema.QuotaEntityPart
	for _, kind := range [...]string{schema.QuotaUser, schema.QuotaClientID, schema.QuotaIP} {
		switch name := e.dimension(kind); name.Kind {
		case QuotaDefault:
			parts = append(parts, schema.QuotaEntityPart{Type: kind})
		case QuotaNamed:
			parts = append(parts, schema.QuotaEntityPart{Type: kind, Name: &name.Name})
		}
	}
	return parts
}

// setQuota replays a ClientQuotaRecord. What is for a kind of entity that this build does not know
// is passed over like an unknown record.
func (b *Builder) setQuota(r *schema.ClientQuotaRecord) {
	entity, ok := QuotaEntityOf(r.Entity)
	if !ok {
		b.next.ignored++
		return
	}
	values := b.next.ClientQuotasOf(entity)
	i, found := findQuota(values, r.Quota)
	switch {
	case r.Remove && !found:
		return
	case r.Remove:
		values = slices.Delete(slices.Clone(values), i, i+1)
	case found:
		values = slices.Clone(values)
		values[i].Limit = r.Value
	default:
		values = slices.Insert(slices.Clone(values), i, QuotaValue{r.Quota, r.Value})
	}
	if len(values) == 0 {
		b.next.quotas.Delete(quotaEntry{entity: entity})
	} else {
		b.next.quotas.ReplaceOrInsert(quotaEntry{entity, values})
	}
	b.dirty.quotas[entity] = struct{}{}
}

func (m *Image) quotaRecords(yield yieldRecord) bool {
	ok := true
	m.ClientQuotas(func(entity QuotaEntity, values []QuotaValue) bool {
		parts := entity.Parts()
		for i := 0; ok && i < len(values); i++ {
			ok = yield(&schema.ClientQuotaRecord{Entity: parts, Quota: values[i].Quota, Value: values[i].Limit}, 0)
		}
		return ok
	})
	return ok
}
