package broker

import (
	"io"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/internal/metrics"
)

// metricGroup is a number of families that are collected together, under one heading of docs/metrics.md.
type metricGroup struct {
	title    string
	families []*metrics.Family
	// collect writes those of the families that have samples, each with all of them. It runs while the broker
	// serves, at each scrape; it may take locks for moments but must not wait.
	collect func(s *scrape)
}

// metricGroups is everything that is exported, in the order of the page.
func metricGroups() []metricGroup {
	return []metricGroup{
		nodeMetrics, topicMetrics, logMetrics, cleanerMetrics, replicaMetrics, controllerMetrics, groupMetrics, requestMetrics, connectionMetrics,
		quotaMetrics, fetchSessionMetrics, {title: "Process", families: metrics.ProcessFamilies()},
	}
}

// scrape is one round of collecting.
type scrape struct {
	b *Broker
	w *metrics.Writer

	partitions []replica.Stats // this broker's, in order of topic and number
	deleted    replica.Counts  // what those of deleted topics had served
}

// one writes a family that has one sample.
func (s *scrape) one(f *metrics.Family, n int64) {
	s.w.Begin(f)
	s.w.Int(n)
}

// processStarted is when this process began, near enough.
var processStarted = time.Now()

// WriteMetrics writes all metrics in Prometheus's text format. It may be called at any time: before the broker has
// opened its directories, and after it has closed them, only the process's own are there.
func (b *Broker) WriteMetrics(to io.Writer) error {
	s := &scrape{b: b, w: metrics.NewWriter(to)}
	s.collect()
	metrics.Process(s.w, processStarted)
	return s.w.Flush()
}

func (s *scrape) collect() {
	s.b.scrape.Lock() // Shutdown takes it before it closes what is read here
	defer s.b.scrape.Unlock()
	if !s.b.state.opened() {
		nodeMetrics.collect(s)
		return
	}
	s.partitions, s.deleted = s.b.replicas.Stats()
	for _, g := range metricGroups() {
		if g.collect != nil {
			g.collect(s)
		}
	}
}
