package broker

import (
	"maps"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
)

// Setting is a key of the configuration, and what becomes of it.
type Setting struct {
	Key string
	// Value counts: the one given, else the default; HasValue is false if there is neither. A secret is left out.
	Value    string
	HasValue bool
	Given    bool // it stands in the properties
	// Effective is false for a key that is given and on which this version does not act.
	Effective bool
	// Instead is the stronger key that is given and counts, for a key that means the same; Effective is false then.
	Instead string
	Secret  bool
}

// ownDefaults are the defaults that differ from Kafka's.
var ownDefaults = map[string]string{"node.id": "1", "listeners": DefaultListener, "log.dirs": DefaultLogDir,
	"queued.max.request.bytes": "268435456", "metrics.listener": "", "metrics.profiling": "false"}

// Settings tells of every key on which this version acts, and of every other one that is given, what counts and
// why, sorted by key. Of several keys that mean the same, those are left out that are not given and have no
// default. Errors are those of FromProperties, so that what is told is what a broker would do.
func Settings(props map[string]string) ([]Setting, error) {
	_, ignored, err := FromProperties(props)
	if err != nil {
		return nil, err
	}
	var out []Setting
	for _, names := range synonyms() {
		out = append(out, settingsOf(names, props)...)
	}
	for _, key := range ignored {
		out = append(out, setting(key, props[key], true))
	}
	slices.SortFunc(out, func(a, b Setting) int { return strings.Compare(a.Key, b.Key) })
	return out, nil
}

// synonyms are the effective keys, those together that mean the same, the strongest first.
func synonyms() (all [][]string) {
	for _, p := range properties {
		all = append(all, p.names)
	}
	for def := range metadata.TopicConfigs {
		var names []string
		for _, s := range def.Synonyms {
			if def.Effective {
				names = append(names, s.Name)
			}
		}
		if len(names) > 0 {
			all = append(all, names)
		}
	}
	for def := range metadata.ServerConfigs {
		if slices.Contains(groupKeys, def.Name) || metadata.GroupServerKey(def.Name) {
			all = append(all, []string{def.Name})
		}
	}
	return all
}

// settingsOf is what becomes of keys that mean the same.
func settingsOf(names []string, props map[string]string) (out []Setting) {
	counts := ""
	for _, name := range names {
		value, ok := props[name]
		if !ok {
			continue
		}
		s := setting(name, strings.TrimSpace(value), true)
		if s.Effective = counts == ""; s.Effective {
			counts = name
		} else {
			s.Instead = counts
		}
		out = append(out, s)
	}
	if counts != "" {
		return out
	}
	for _, name := range names {
		if value, ok := defaultOf(name); ok {
			s := setting(name, value, false)
			s.Effective = true
			return []Setting{s}
		}
	}
	s := setting(names[0], "", false)
	s.Effective, s.HasValue = true, false
	return []Setting{s}
}

func setting(key, value string, given bool) Setting {
	s := Setting{Key: key, Value: value, HasValue: true, Given: given}
	if def := metadata.ServerConfigDefOf(key); def != nil && def.Sensitive() || strings.Contains(key, "password") || strings.HasSuffix(key, "jaas.config") {
		s.Value, s.Secret = "", true
	}
	return s
}

// defaultOf is the built-in value of a key.
func defaultOf(key string) (string, bool) {
	if v, ok := ownDefaults[key]; ok {
		return v, v != ""
	}
	if def, place := metadata.ServerKey(key); def != nil {
		if v, ok := def.SynonymDefault(place); ok {
			return v, true
		}
		return "", false
	}
	if def := metadata.ServerConfigDefOf(key); def != nil && !def.NoDefault {
		return def.Default, true
	}
	return "", false
}

// EffectiveKeys lists the keys of server.properties on which this version acts, sorted.
func EffectiveKeys() []string {
	keys := map[string]bool{}
	for _, names := range synonyms() {
		for _, name := range names {
			keys[name] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}
