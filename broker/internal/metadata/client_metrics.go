package metadata

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// ClientMetricsConfigDef describes one config of a subscription to the metrics of clients (KIP-714).
type ClientMetricsConfigDef struct {
	Name    string
	Type    ConfigType
	Default string
}

// Configs of a subscription.
const (
	metricsInterval = "interval.ms"
	metricsMatch    = "match"
	metricsPrefixes = "metrics"
)

// DefaultMetricsIntervalMs is how often clients push whom no subscription tells otherwise.
const DefaultMetricsIntervalMs = 300_000

// ClientMetricsConfigs are the configs of a subscription in order of name.
var ClientMetricsConfigs = [...]ClientMetricsConfigDef{
	{metricsInterval, TypeInt, strconv.Itoa(DefaultMetricsIntervalMs)}, {metricsMatch, TypeList, ""}, {metricsPrefixes, TypeList, ""},
}

// ClientMetricsConfigDefOf returns the definition of a config, or nil.
func ClientMetricsConfigDefOf(name string) *ClientMetricsConfigDef {
	for i := range ClientMetricsConfigs {
		if ClientMetricsConfigs[i].Name == name {
			return &ClientMetricsConfigs[i]
		}
	}
	return nil
}

// ClientMetricsResource is the resource of a subscription. It exists while it has configs.
func ClientMetricsResource(name string) Resource {
	return Resource{Type: schema.ResourceClientMetrics, Name: name}
}

// MetricsSubscription says which clients are to push which metrics how often.
type MetricsSubscription struct {
	Name       string
	Metrics    []string // prefixes of names; "*" is everything
	IntervalMs int32
	Match      []MetricsMatch // all of them must match; none matches every client
}

// MetricsMatch is what one property of a client must look like.
type MetricsMatch struct {
	Selector string // one of MetricsSelectors
	Pattern  *regexp.Regexp
}

// MetricsSelectors are the properties of a client that a subscription can look at.
var MetricsSelectors = [...]string{
	"client_instance_id", "client_id", "client_software_name", "client_software_version", "client_source_address", "client_source_port",
}

// NewMetricsSubscription reads the configs of a subscription. Errors: ErrConfig, and ErrConfigRequest for those
// that Kafka calls an invalid request. Patterns are Go's (RE2), which take time linear in the text, and match the whole.
func NewMetricsSubscription(name string, values []ConfigValue) (MetricsSubscription, error) {
	s := MetricsSubscription{Name: name, IntervalMs: DefaultMetricsIntervalMs}
	if name == "" {
		return s, &configError{"Subscription name can't be empty", ErrConfigRequest}
	}
	for _, v := range values {
		def := ClientMetricsConfigDefOf(v.Name)
		if def == nil {
			return s, &configError{"Unknown client metrics configuration: " + v.Name, ErrConfigRequest}
		}
		if err := checkValue(def.Name, def.Type, nil, v.Value); err != nil {
			return s, err
		}
		switch v.Name {
		case metricsInterval:
			n, _ := strconv.ParseInt(strings.TrimSpace(v.Value), 10, 32)
			if n < 100 || n > 3_600_000 {
				return s, &configError{fmt.Sprintf("Invalid value %d for %s, interval must be between 100 and 3600000 (1 hour)", n, metricsInterval), ErrConfigRequest}
			}
			s.IntervalMs = int32(n)
		case metricsPrefixes:
			s.Metrics = splitList(v.Value)
		case metricsMatch:
			for _, pattern := range splitList(v.Value) {
				m, err := newMetricsMatch(pattern)
				if err != nil {
					return s, err
				}
				s.Match = append(s.Match, m)
			}
		}
	}
	return s, nil
}

func newMetricsMatch(text string) (MetricsMatch, error) {
	selector, pattern, _ := strings.Cut(text, "=")
	selector, pattern = strings.TrimSpace(selector), strings.TrimSpace(pattern)
	if !slices.Contains(MetricsSelectors[:], selector) || pattern == "" || strings.Contains(pattern, "=") {
		return MetricsMatch{}, badConfig("Illegal client matching pattern: %s", text)
	}
	re, err := regexp.Compile(`^(?:` + pattern + `)$`)
	if err != nil {
		return MetricsMatch{}, badConfig("Illegal client matching pattern: %s", text)
	}
	return MetricsMatch{selector, re}, nil
}

// MetricsSubscriptions returns every subscription in order of name. It compiles patterns: keep the result until
// a Delta names a resource of this type. What a newer Kafka may have written and this build does not
// understand is left out.
func (m *Image) MetricsSubscriptions() []MetricsSubscription {
	var all []MetricsSubscription
	m.configs.AscendGreaterOrEqual(configEntry{resource: ClientMetricsResource("")}, func(e configEntry) bool {
		if e.resource.Type != schema.ResourceClientMetrics {
			return false
		}
		if s, err := NewMetricsSubscription(e.resource.Name, e.values); err == nil {
			all = append(all, s)
		}
		return true
	})
	return all
}

// ConfigResources yields the names of the resources of a type that have configs, in order, until yield returns false.
func (m *Image) ConfigResources(kind int8, yield func(name string) bool) {
	m.configs.AscendGreaterOrEqual(configEntry{resource: Resource{Type: kind}}, func(e configEntry) bool {
		return e.resource.Type == kind && yield(e.resource.Name)
	})
}
