package kafkatool

import (
	"maps"
	"regexp"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/properties"
)

// configKey is what a key of a config may consist of.
var configKey = regexp.MustCompile(`^[$a-zA-Z0-9._-]*$`)

// changes reads what is to be set and what to be taken back.
func (r *configsCall) changes() (add map[string]string, remove []string, err error) {
	add = map[string]string{}
	if path := r.Value("add-config-file"); path != "" {
		file, err := properties.Read(path)
		if err != nil {
			return nil, nil, err
		}
		maps.Copy(add, file)
	}
	if r.Has("add-config") {
		if err := parseChanges(r.Value("add-config"), add); err != nil {
			return nil, nil, err
		}
	}
	for k := range add {
		if !configKey.MatchString(k) {
			return nil, nil, refused("Invalid character found for config key: %s", k)
		}
	}
	for _, list := range r.Values("delete-config") {
		for _, k := range strings.Split(list, ",") {
			remove = append(remove, strings.TrimSpace(k))
		}
	}
	return add, remove, nil
}

// parseChanges reads k1=v1,k2=[v1,v2] into add. Commas and equals signs between brackets belong to a value.
func parseChanges(text string, add map[string]string) error {
	for _, pair := range splitOutside(text, ',') {
		sides := splitOutside(pair, '=')
		if len(sides) != 2 {
			return refused("Invalid entity config: all configs to be added must be in the format \"key=val\" or  \"key=[val1,val2]\" to group values which contain commas.")
		}
		value := strings.NewReplacer("[", "", "]", "").Replace(sides[1])
		add[strings.TrimSpace(sides[0])] = strings.TrimSpace(value)
	}
	return nil
}

// splitOutside splits at a separator, except where the next bracket is a closing one. Empty parts at the end of a list
// are dropped, as Java's split does; those after an equals sign are kept.
func splitOutside(text string, separator byte) (parts []string) {
	start := 0
	for i := range len(text) {
		if text[i] != separator {
			continue
		}
		if next := strings.IndexAny(text[i:], "[]"); next >= 0 && text[i+next] == ']' {
			continue
		}
		parts = append(parts, text[start:i])
		start = i + 1
	}
	parts = append(parts, text[start:])
	for separator == ',' && len(parts) > 1 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}
