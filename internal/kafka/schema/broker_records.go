package schema

import "github.com/thalweg-io/thalweg/internal/kafka"

// RegisterBrokerRecord registers a broker, or a new incarnation of it. Versions 0-4: 1 adds
// InControlledShutdown, 2 IsMigratingZkBroker, 3 LogDirs (KIP-858), 4 CordonedLogDirs (KIP-1066).
type RegisterBrokerRecord struct {
	BrokerID             kafka.BrokerID
	IsMigratingZkBroker  bool // v2+
	IncarnationID        kafka.UUID
	BrokerEpoch          kafka.BrokerEpoch
	Endpoints            []BrokerEndpoint
	Features             []BrokerFeature
	Rack                 *string // nil is null
	Fenced               bool
	InControlledShutdown bool         // v1+
	LogDirs              []kafka.UUID // v3+
	CordonedLogDirs      []kafka.UUID // v4+, nil is null
	Tags                 Tags
}

// BrokerEndpoint is where one listener of a broker is reached.
type BrokerEndpoint struct {
	Name             string
	Host             string
	Port             uint16
	SecurityProtocol int16
	Tags             Tags
}

// BrokerFeature is the range of levels that a broker supports of one feature.
type BrokerFeature struct {
	Name                                     string
	MinSupportedVersion, MaxSupportedVersion int16
	Tags                                     Tags
}

// Key is KeyRegisterBroker.
func (*RegisterBrokerRecord) Key() Key { return KeyRegisterBroker }

func (r *RegisterBrokerRecord) code(c *coder, v int16) {
	code32(c, &r.BrokerID)
	if v >= 2 {
		c.boolean(&r.IsMigratingZkBroker)
	} else if r.IsMigratingZkBroker {
		c.failVersion("IsMigratingZkBroker")
	}
	codeUUID(c, &r.IncarnationID)
	code64(c, &r.BrokerEpoch)
	codeArray(c, &r.Endpoints, 7, func(c *coder, e *BrokerEndpoint) {
		c.str(&e.Name)
		c.str(&e.Host)
		c.uint16(&e.Port)
		c.int16(&e.SecurityProtocol)
		c.tagged(v, &e.Tags)
	})
	codeArray(c, &r.Features, 6, func(c *coder, f *BrokerFeature) {
		c.str(&f.Name)
		c.int16(&f.MinSupportedVersion)
		c.int16(&f.MaxSupportedVersion)
		c.tagged(v, &f.Tags)
	})
	c.nullable(&r.Rack)
	c.boolean(&r.Fenced)
	if v >= 1 {
		c.boolean(&r.InControlledShutdown)
	} else if r.InControlledShutdown {
		c.failVersion("InControlledShutdown")
	}
	c.tagged(v, &r.Tags,
		field{0, "LogDirs", 3, len(r.LogDirs) > 0, func() { codeArray(c, &r.LogDirs, 16, codeUUID) }},
		field{1, "CordonedLogDirs", 4, r.CordonedLogDirs != nil, func() { codeNullableArray(c, &r.CordonedLogDirs, 16, codeUUID) }})
}

// UnregisterBrokerRecord removes a broker. Version 0.
type UnregisterBrokerRecord struct {
	BrokerID    kafka.BrokerID
	BrokerEpoch kafka.BrokerEpoch
	Tags        Tags
}

// Key is KeyUnregisterBroker.
func (*UnregisterBrokerRecord) Key() Key { return KeyUnregisterBroker }

func (r *UnregisterBrokerRecord) code(c *coder, v int16) {
	code32(c, &r.BrokerID)
	code64(c, &r.BrokerEpoch)
	c.tagged(v, &r.Tags)
}

// FenceBrokerRecord fences a broker; written by metadata versions before 3.3. Version 0.
type FenceBrokerRecord struct {
	ID    kafka.BrokerID
	Epoch kafka.BrokerEpoch
	Tags  Tags
}

// Key is KeyFenceBroker.
func (*FenceBrokerRecord) Key() Key { return KeyFenceBroker }

func (r *FenceBrokerRecord) code(c *coder, v int16) {
	code32(c, &r.ID)
	code64(c, &r.Epoch)
	c.tagged(v, &r.Tags)
}

// UnfenceBrokerRecord unfences a broker; written by metadata versions before 3.3. Version 0.
type UnfenceBrokerRecord struct {
	ID    kafka.BrokerID
	Epoch kafka.BrokerEpoch
	Tags  Tags
}

// Key is KeyUnfenceBroker.
func (*UnfenceBrokerRecord) Key() Key { return KeyUnfenceBroker }

func (r *UnfenceBrokerRecord) code(c *coder, v int16) {
	code32(c, &r.ID)
	code64(c, &r.Epoch)
	c.tagged(v, &r.Tags)
}

// Values of BrokerRegistrationChangeRecord.Fenced and InControlledShutdown.
const (
	Unfence              int8 = -1
	Fence                int8 = 1
	InControlledShutdown int8 = 1
)

// BrokerRegistrationChangeRecord changes what it names of a registered broker. Versions 0-3:
// 1 adds InControlledShutdown, 2 LogDirs, 3 CordonedLogDirs.
type BrokerRegistrationChangeRecord struct {
	BrokerID             kafka.BrokerID
	BrokerEpoch          kafka.BrokerEpoch
	Fenced               int8         // Unfence, 0 no change, Fence
	InControlledShutdown int8         // v1+: 0 no change, InControlledShutdown
	LogDirs              []kafka.UUID // v2+, empty is no change
	CordonedLogDirs      []kafka.UUID // v3+, nil is no change
	Tags                 Tags
}

// Key is KeyBrokerRegistrationChange.
func (*BrokerRegistrationChangeRecord) Key() Key { return KeyBrokerRegistrationChange }

func (r *BrokerRegistrationChangeRecord) code(c *coder, v int16) {
	code32(c, &r.BrokerID)
	code64(c, &r.BrokerEpoch)
	c.tagged(v, &r.Tags,
		field{0, "Fenced", 0, r.Fenced != 0, func() { c.int8(&r.Fenced) }},
		field{1, "InControlledShutdown", 1, r.InControlledShutdown != 0, func() { c.int8(&r.InControlledShutdown) }},
		field{2, "LogDirs", 2, len(r.LogDirs) > 0, func() { codeArray(c, &r.LogDirs, 16, codeUUID) }},
		field{3, "CordonedLogDirs", 3, r.CordonedLogDirs != nil, func() { codeNullableArray(c, &r.CordonedLogDirs, 16, codeUUID) }})
}
