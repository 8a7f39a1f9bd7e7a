package schema

import "github.com/thalweg-io/thalweg/internal/kafka"

// Resource types of ConfigRecord that this broker knows (SURFACE §1.4).
const (
	ResourceTopic         int8 = 2
	ResourceBroker        int8 = 4
	ResourceClientMetrics int8 = 16
	ResourceGroup         int8 = 32
)

// ConfigRecord sets (or with a nil Value deletes) one config of one resource. Version 0.
type ConfigRecord struct {
	ResourceType int8
	ResourceName string // empty with ResourceBroker: the default of all brokers
	Name         string
	Value        *string
	Tags         Tags
}

// Key is KeyConfig.
func (*ConfigRecord) Key() Key { return KeyConfig }

func (r *ConfigRecord) code(c *coder, v int16) {
	c.int8(&r.ResourceType)
	c.str(&r.ResourceName)
	c.str(&r.Name)
	c.nullable(&r.Value)
	c.tagged(v, &r.Tags)
}

// FeatureLevelRecord sets the finalized level of a feature; 0 switches it off (KIP-584). The log
// of a new cluster begins with the level of metadata.version. Version 0.
type FeatureLevelRecord struct {
	Name         string
	FeatureLevel int16
	Tags         Tags
}

// Key is KeyFeatureLevel.
func (*FeatureLevelRecord) Key() Key { return KeyFeatureLevel }

func (r *FeatureLevelRecord) code(c *coder, v int16) {
	c.str(&r.Name)
	c.int16(&r.FeatureLevel)
	c.tagged(v, &r.Tags)
}

// ProducerIDsRecord says which producer id is given out next; the block below it belongs to the
// named broker (KIP-730). Version 0.
type ProducerIDsRecord struct {
	BrokerID       kafka.BrokerID
	BrokerEpoch    kafka.BrokerEpoch
	NextProducerID kafka.ProducerID
	Tags           Tags
}

// Key is KeyProducerIDs.
func (*ProducerIDsRecord) Key() Key { return KeyProducerIDs }

func (r *ProducerIDsRecord) code(c *coder, v int16) {
	code32(c, &r.BrokerID)
	code64(c, &r.BrokerEpoch)
	code64(c, &r.NextProducerID)
	c.tagged(v, &r.Tags)
}

// NoOpRecord only moves the end of the log (KIP-835). Version 0.
type NoOpRecord struct{ Tags Tags }

// Key is KeyNoOp.
func (*NoOpRecord) Key() Key { return KeyNoOp }

func (r *NoOpRecord) code(c *coder, v int16) { c.tagged(v, &r.Tags) }

// BeginTransactionRecord opens a transaction over several batches, of which nothing may be seen
// before its end (KIP-868). Version 0.
type BeginTransactionRecord struct {
	Name *string
	Tags Tags
}

// Key is KeyBeginTransaction.
func (*BeginTransactionRecord) Key() Key { return KeyBeginTransaction }

func (r *BeginTransactionRecord) code(c *coder, v int16) {
	c.tagged(v, &r.Tags, field{0, "Name", 0, r.Name != nil, func() { c.nullable(&r.Name) }})
}

// EndTransactionRecord ends a transaction and makes it visible. Version 0.
type EndTransactionRecord struct{ Tags Tags }

// Key is KeyEndTransaction.
func (*EndTransactionRecord) Key() Key { return KeyEndTransaction }

func (r *EndTransactionRecord) code(c *coder, v int16) { c.tagged(v, &r.Tags) }

// AbortTransactionRecord ends a transaction and undoes it. Version 0.
type AbortTransactionRecord struct {
	Reason *string
	Tags   Tags
}

// Key is KeyAbortTransaction.
func (*AbortTransactionRecord) Key() Key { return KeyAbortTransaction }

func (r *AbortTransactionRecord) code(c *coder, v int16) {
	c.tagged(v, &r.Tags, field{0, "Reason", 0, r.Reason != nil, func() { c.nullable(&r.Reason) }})
}
