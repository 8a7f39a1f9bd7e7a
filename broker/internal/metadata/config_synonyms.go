package metadata

// ConfigSynonym is one of the places that could give a config its value, as DescribeConfigs shows them.
type ConfigSynonym struct {
	Name, Value string
	Source      Source
}

// TopicConfigSynonyms are the values that a topic config could have for a topic, the one that counts first: its own,
// then those of the server keys that set it for all topics. As in Kafka the server keys are left out up to the
// first mention of the strongest one: retention.ms does not show log.retention.hours alone.
func (m *Image) TopicConfigSynonyms(topic string, def *TopicConfigDef) []ConfigSynonym {
	var out []ConfigSynonym
	if v, ok := m.Config(TopicResource(topic), def.Name); ok {
		out = append(out, ConfigSynonym{def.Name, v, SourceTopic})
	}
	if len(def.Synonyms) > 0 {
		out = append(out, m.ServerConfigSynonyms(def, def.Synonyms[0].Name)...)
	}
	return out
}

// ServerConfigSynonyms are the values that a server key, one of the synonyms of a topic config, could have on this
// node, the one that counts first; none if it is not set and has no default.
func (m *Image) ServerConfigSynonyms(def *TopicConfigDef, key string) []ConfigSynonym {
	var all []ConfigSynonym
	add := func(source Source, value func(s Synonym) (string, bool)) {
		for _, s := range def.Synonyms {
			if v, ok := value(s); ok {
				all = append(all, ConfigSynonym{s.Name, v, source})
			}
		}
	}
	add(SourceDynamicBroker, func(s Synonym) (string, bool) { return m.Config(BrokerResource(m.nodeID), s.Name) })
	add(SourceDynamicDefaultBroker, func(s Synonym) (string, bool) { return m.Config(DefaultBrokerResource, s.Name) })
	add(SourceStaticBroker, func(s Synonym) (string, bool) { v, ok := m.defaults.raw[s.Name]; return v, ok })
	add(SourceDefault, def.synonymDefault)
	for i := range all {
		if all[i].Name == key {
			return all[i:]
		}
	}
	return nil
}

// synonymDefault is the built-in value of a server key. Of several for one topic config only the weakest has
// one, in its own unit.
func (d *TopicConfigDef) synonymDefault(s Synonym) (string, bool) {
	bearer := d.Synonyms[len(d.Synonyms)-1]
	if d.Name == FlushPolicy {
		bearer = d.Synonyms[0]
	}
	if s.Name != bearer.Name || d.NoDefault {
		return "", false
	}
	return s.revert(d.Default), true
}

// SynonymDefault is the built-in value of the server key at a place among the synonyms; ok is false if it has none.
func (d *TopicConfigDef) SynonymDefault(place int) (string, bool) {
	return d.synonymDefault(d.Synonyms[place])
}

// ServerKey finds the topic config that a server key sets for all topics, and its place among the
// synonyms, the strongest being 0; nil if there is none.
func ServerKey(name string) (def *TopicConfigDef, place int) {
	for i := range topicConfigs {
		for j, s := range topicConfigs[i].Synonyms {
			if s.Name == name {
				return &topicConfigs[i], j
			}
		}
	}
	return nil, 0
}

// CheckServerKey returns nil if value may be set for a server key, else an ErrConfig that names the key.
func (d *TopicConfigDef) CheckServerKey(place int, value string) error {
	named := *d
	named.Name = d.Synonyms[place].Name
	converted, err := d.Synonyms[place].convert(value)
	if err != nil {
		return err
	}
	return named.Check(converted)
}

// ServerKeyType is the type of a server key: that of the topic config, or INT for hours and minutes.
func (d *TopicConfigDef) ServerKeyType(place int) ConfigType {
	if d.Synonyms[place].UnitMs != 0 {
		return TypeInt
	}
	return d.Type
}
