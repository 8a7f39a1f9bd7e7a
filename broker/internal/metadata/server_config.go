package metadata

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// ServerConfigDef describes one key of server.properties: Kafka's facts. Which of them a broker acts on
// is for package broker to say.
type ServerConfigDef struct {
	Name      string
	Type      ConfigType
	Default   string
	NoDefault bool       // there is no value at all until one is given
	Update    UpdateMode // whether it can change while brokers run
	// DynamicOnly says that it cannot stand in server.properties.
	DynamicOnly bool
	// Hidden says that Kafka does not describe it.
	Hidden bool

	check validator // may be nil
}

// UpdateMode says how a server key can change while brokers run.
type UpdateMode uint8

// Update modes of Kafka.
const (
	ReadOnly    UpdateMode = iota // only in server.properties
	PerBroker                     // for one broker
	ClusterWide                   // for one broker or as the default of all
)

// String is Kafka's name of the mode.
func (u UpdateMode) String() string { return [...]string{"read-only", "per-broker", "cluster-wide"}[u] }

// ServerConfigs yields every server key of Kafka in order of name until yield returns false.
func ServerConfigs(yield func(*ServerConfigDef) bool) {
	for i := range serverConfigs {
		if !yield(&serverConfigs[i]) {
			return
		}
	}
}

// ServerConfigDefOf returns the definition of a server key of Kafka, or nil if there is none of that name.
func ServerConfigDefOf(name string) *ServerConfigDef {
	i, ok := slices.BinarySearchFunc(serverConfigs[:], name, func(d ServerConfigDef, n string) int { return strings.Compare(d.Name, n) })
	if !ok {
		return nil
	}
	return &serverConfigs[i]
}

// Check returns nil if value may be given for the key, else an ErrConfig whose text is Kafka's.
func (d *ServerConfigDef) Check(value string) error {
	return checkValue(d.Name, d.Type, d.check, value)
}

// checkValue is Check of every kind of definition.
func checkValue(name string, t ConfigType, check validator, value string) error {
	if len(value) > MaxConfigValue {
		return badConfig("The configuration value cannot be added because it exceeds the maximum value size of %d bytes.", MaxConfigValue)
	}
	value = strings.TrimSpace(value)
	bad, refusal := value, parseType(t, value)
	if refusal == "" && check != nil {
		bad, refusal = check(value)
	}
	if refusal != "" {
		if v, err := strconv.ParseFloat(bad, 64); t == TypeDouble && err == nil && v == math.Trunc(v) && math.Abs(v) < 1e7 {
			bad = strconv.FormatFloat(v, 'f', 1, 64) // as Java writes it: 2.0
		}
		return badConfig("Invalid value %s for configuration %s: %s", bad, name, strings.ReplaceAll(refusal, "$NAME", name))
	}
	return nil
}

// Sensitive reports whether the value is nobody's business.
func (d *ServerConfigDef) Sensitive() bool { return d.Type == TypePassword }

// Changeable reports whether the key can change while this build runs: what Kafka calls cluster-wide, save what
// the broker has read once and for all. What can change for one broker only (listeners, TLS and SASL material,
// cordoned directories) cannot here. Whether a change has an effect is another question.
func (d *ServerConfigDef) Changeable() bool {
	return d.Update == ClusterWide && !slices.Contains(readOnce, d.Name)
}

// readOnce are the keys that brokers act on, but with the value that they had at start.
var readOnce = []string{"max.connection.creation.rate", "max.connections", "max.connections.per.ip", "max.connections.per.ip.overrides"}

// ServerConfig returns the value of a server key that counts on this node and where it comes from: dynamic broker,
// dynamic default of all brokers, server.properties, built-in. ok is false if there is no such key or it has no
// value. For keys that set topic configs see TopicConfig.
func (m *Image) ServerConfig(key string) (value string, source Source, ok bool) {
	if all := m.PlainServerConfigSynonyms(key); len(all) > 0 {
		return all[0].Value, all[0].Source, true
	}
	return "", 0, false
}

// PlainServerConfigSynonyms are the values that a server key could have on this node by its own name, the one that
// counts first; none if it is not set and has no default. For keys that set topic configs see ServerConfigSynonyms.
func (m *Image) PlainServerConfigSynonyms(key string) []ConfigSynonym {
	var all []ConfigSynonym
	add := func(source Source, value string, ok bool) {
		if ok {
			all = append(all, ConfigSynonym{key, value, source})
		}
	}
	own, ok := m.Config(BrokerResource(m.nodeID), key)
	add(SourceDynamicBroker, own, ok)
	everybody, ok := m.Config(DefaultBrokerResource, key)
	add(SourceDynamicDefaultBroker, everybody, ok)
	static, ok := m.defaults.raw[key]
	add(SourceStaticBroker, static, ok)
	if def := ServerConfigDefOf(key); def != nil {
		add(SourceDefault, def.Default, !def.NoDefault)
	}
	return all
}
