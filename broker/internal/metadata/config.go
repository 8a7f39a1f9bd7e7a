package metadata

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// Resource is what a config belongs to. Type is one of the wire's resource types (SURFACE §1.4);
// a broker resource with an empty name is the default of all brokers.
type Resource struct {
	Type int8
	Name string
}

// TopicResource is the resource of a topic's configs.
func TopicResource(name string) Resource { return Resource{Type: schema.ResourceTopic, Name: name} }

// BrokerResource is the resource of one broker's dynamic configs.
func BrokerResource(id kafka.BrokerID) Resource {
	return Resource{Type: schema.ResourceBroker, Name: strconv.Itoa(int(id))}
}

// DefaultBrokerResource is the resource of the dynamic configs of all brokers.
var DefaultBrokerResource = Resource{Type: schema.ResourceBroker}

func (r Resource) less(o Resource) bool {
	if r.Type != o.Type {
		return r.Type < o.Type
	}
	return r.Name < o.Name
}

// ConfigValue is one config that was set.
type ConfigValue struct{ Name, Value string }

// Source says where the effective value of a config comes from; the numbers are the wire's
// (SURFACE §1.4).
type Source int8

// Sources of a config. Those of a topic config come first, in order, the strongest first (SURFACE 32).
const (
	SourceTopic                Source = 1
	SourceDynamicBroker        Source = 2
	SourceDynamicDefaultBroker Source = 3
	SourceStaticBroker         Source = 4
	SourceDefault              Source = 5
	SourceBrokerLogger         Source = 6
	SourceClientMetrics        Source = 7
	SourceGroup                Source = 8
)

// Config returns the value that was set for one config of one resource.
func (m *Image) Config(r Resource, name string) (value string, ok bool) {
	values := m.ConfigsOf(r)
	if i, found := findConfig(values, name); found {
		return values[i].Value, true
	}
	return "", false
}

// ConfigsOf returns what was set for a resource, by name; read-only.
func (m *Image) ConfigsOf(r Resource) []ConfigValue {
	e, _ := m.configs.Get(configEntry{resource: r})
	return e.values
}

// Configs yields every resource with configs in order of type and name until yield returns false.
func (m *Image) Configs(yield func(Resource, []ConfigValue) bool) {
	m.configs.Ascend(func(e configEntry) bool { return yield(e.resource, e.values) })
}

func findConfig(values []ConfigValue, name string) (int, bool) {
	return slices.BinarySearchFunc(values, name, func(v ConfigValue, n string) int { return cmp.Compare(v.Name, n) })
}

// TopicConfig returns the value of a topic config that counts on this node and where it comes
// from: topic, dynamic broker, dynamic default of all brokers, server.properties, built-in
// (SURFACE 32). ok is false if there is no such topic config, or it has no value. The topic need
// not exist.
func (m *Image) TopicConfig(topic, name string) (value string, source Source, ok bool) {
	def := TopicConfigDefOf(name)
	if def == nil {
		return "", 0, false
	}
	return m.resolve(def, m.ConfigsOf(TopicResource(topic)))
}

// resolve finds the value of one config for a topic with the given overrides.
func (m *Image) resolve(def *TopicConfigDef, overrides []ConfigValue) (string, Source, bool) {
	if i, ok := findConfig(overrides, def.Name); ok {
		return overrides[i].Value, SourceTopic, true
	}
	if v, ok := dynamicBroker(def, m.ConfigsOf(BrokerResource(m.nodeID))); ok {
		return v, SourceDynamicBroker, true
	}
	if v, ok := dynamicBroker(def, m.ConfigsOf(DefaultBrokerResource)); ok {
		return v, SourceDynamicDefaultBroker, true
	}
	if v, ok := m.defaults.value(def.Name); ok {
		return v, SourceStaticBroker, true
	}
	return def.Default, SourceDefault, !def.NoDefault
}

// dynamicBroker looks a topic config up under its broker-wide names.
func dynamicBroker(def *TopicConfigDef, values []ConfigValue) (string, bool) {
	if len(values) == 0 {
		return "", false
	}
	for _, s := range def.Synonyms {
		if i, ok := findConfig(values, s.Name); ok {
			if v, err := s.convert(values[i].Value); err == nil {
				return v, true
			}
		}
	}
	return "", false
}
