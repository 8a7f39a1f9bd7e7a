package broker

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/thalweg-io/thalweg/internal/metrics"
)

// MetricTables are the tables of docs/metrics.md.
func MetricTables() string {
	var b strings.Builder
	for _, g := range metricGroups() {
		fmt.Fprintf(&b, "### %s\n\n| name | type | labels | unit | meaning |\n|---|---|---|---|---|\n", g.title)
		for _, f := range g.families {
			labels := ""
			if len(f.Labels) > 0 {
				labels = "`" + strings.Join(f.Labels, "`, `") + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, f.Kind, labels, f.Unit, f.Help)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// MetricFamilies are all families, by name.
func MetricFamilies() map[string]*metrics.Family {
	out := map[string]*metrics.Family{}
	for _, g := range metricGroups() {
		for _, f := range g.families {
			out[f.Name] = f
		}
	}
	return out
}

// MetricsHandler is what the metrics listener serves.
func (b *Broker) MetricsHandler() http.Handler { return b.metricsHandler() }
