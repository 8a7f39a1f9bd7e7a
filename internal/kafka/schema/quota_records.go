package schema

// Entity types of ClientQuotaRecord.
const (
	QuotaUser     = "user"
	QuotaClientID = "client-id"
	QuotaIP       = "ip"
)

// ClientQuotaRecord sets (or with Remove deletes) one quota of one entity (KIP-546). Version 0.
type ClientQuotaRecord struct {
	Entity []QuotaEntityPart
	Quota  string // the wire calls it Key
	Value  float64
	Remove bool
	Tags   Tags
}

// QuotaEntityPart is one dimension of whom a quota is for.
type QuotaEntityPart struct {
	Type string
	Name *string // nil is the default of the type
	Tags Tags
}

// Key is KeyClientQuota.
func (*ClientQuotaRecord) Key() Key { return KeyClientQuota }

func (r *ClientQuotaRecord) code(c *coder, v int16) {
	codeArray(c, &r.Entity, 3, func(c *coder, e *QuotaEntityPart) {
		c.str(&e.Type)
		c.nullable(&e.Name)
		c.tagged(v, &e.Tags)
	})
	c.str(&r.Quota)
	c.float64(&r.Value)
	c.boolean(&r.Remove)
	c.tagged(v, &r.Tags)
}
