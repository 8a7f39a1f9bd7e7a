package broker

import (
	"strconv"

	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/internal/metrics"
)

func itoa(n int32) string { return strconv.Itoa(int(n)) }

// topicTotal is a family of what topics have served: one sample per topic, and one without a label for all of them,
// those that were deleted included.
func topicTotal(name, unit, help string) *metrics.Family {
	return &metrics.Family{Name: "kafka_server_brokertopicmetrics_" + name + "_total", Kind: metrics.KindCounter, Unit: unit,
		Labels: []string{"topic"}, Help: help}
}

// topicTotals are the families of topics with where their numbers are.
var topicTotals = []struct {
	family *metrics.Family
	of     func(*replica.Counts) int64
}{
	{topicTotal("messagesin", "", "Records appended by clients."), func(c *replica.Counts) int64 { return c.MessagesIn }},
	{topicTotal("bytesin", "bytes", "Record batches appended by clients, as they came."), func(c *replica.Counts) int64 { return c.BytesIn }},
	{topicTotal("bytesout", "bytes", "Record batches sent to clients."), func(c *replica.Counts) int64 { return c.BytesOut }},
	{topicTotal("totalproducerequests", "", "Batches that clients wanted appended, refused ones included."), func(c *replica.Counts) int64 { return c.Produces }},
	{topicTotal("failedproducerequests", "", "Batches that were refused."), func(c *replica.Counts) int64 { return c.FailedProduces }},
	{topicTotal("totalfetchrequests", "", "Times that a Fetch was told about a partition."), func(c *replica.Counts) int64 { return c.Fetches }},
}

var topicMetrics = metricGroup{title: "Topics", families: topicFamilies(), collect: collectTopics}

func topicFamilies() (out []*metrics.Family) {
	for _, t := range topicTotals {
		out = append(out, t.family)
	}
	return out
}

func collectTopics(s *scrape) {
	all := s.deleted
	type topic struct {
		name   string
		counts replica.Counts
	}
	var topics []topic
	for i := range s.partitions {
		p := &s.partitions[i]
		if n := len(topics); n == 0 || topics[n-1].name != p.ID.Topic {
			topics = append(topics, topic{name: p.ID.Topic})
		}
		topics[len(topics)-1].counts.Add(&p.Counts)
		all.Add(&p.Counts)
	}
	for _, t := range topicTotals {
		s.w.Begin(t.family)
		s.w.Int(t.of(&all))
		for i := range topics {
			s.w.Int(t.of(&topics[i].counts), topics[i].name)
		}
	}
}
