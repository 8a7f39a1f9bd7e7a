package broker

import (
	"maps"
	"slices"
)

// EffectiveKeys lists the keys of server.properties on which this version acts, sorted.
func EffectiveKeys() []string {
	keys := topicKeys()
	for _, p := range properties {
		for _, name := range p.names {
			keys[name] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}
