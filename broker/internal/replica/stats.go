package replica

import (
	"sync/atomic"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Counts is what a partition, or all of them, has served since the start of the broker.
type Counts struct {
	Produces       int64 // batches that clients wanted appended
	FailedProduces int64 // of them, refused
	MessagesIn     int64
	BytesIn        int64
	Fetches        int64 // times that a client was answered about the partition
	BytesOut       int64
}

// Add adds o.
func (c *Counts) Add(o *Counts) {
	c.Produces += o.Produces
	c.FailedProduces += o.FailedProduces
	c.MessagesIn += o.MessagesIn
	c.BytesIn += o.BytesIn
	c.Fetches += o.Fetches
	c.BytesOut += o.BytesOut
}

// counters are a partition's Counts as they are counted: per batch, never per record.
type counters struct {
	produces, failedProduces, messagesIn, bytesIn, fetches, bytesOut atomic.Int64
}

func (c *counters) load() Counts {
	return Counts{
		Produces: c.produces.Load(), FailedProduces: c.failedProduces.Load(),
		MessagesIn: c.messagesIn.Load(), BytesIn: c.bytesIn.Load(),
		Fetches: c.fetches.Load(), BytesOut: c.bytesOut.Load(),
	}
}

// add adds what another partition has counted.
func (c *counters) add(o Counts) {
	c.produces.Add(o.Produces)
	c.failedProduces.Add(o.FailedProduces)
	c.messagesIn.Add(o.MessagesIn)
	c.bytesIn.Add(o.BytesIn)
	c.fetches.Add(o.Fetches)
	c.bytesOut.Add(o.BytesOut)
}

// appended counts the outcome of an append.
func (c *counters) appended(records int64, bytes int, err error) {
	c.produces.Add(1)
	if err != nil {
		c.failedProduces.Add(1)
		return
	}
	c.messagesIn.Add(records)
	c.bytesIn.Add(int64(bytes))
}

// Sent counts an answer to a Fetch that told of the partition, with so many bytes of records.
func (p *Partition) Sent(bytes int) {
	p.counters.fetches.Add(1)
	p.counters.bytesOut.Add(int64(bytes))
}

// Stats is what an operator is told of a partition.
type Stats struct {
	ID      kafka.TopicIDPartition
	Counts  Counts
	Leading bool
	Offline bool // its log cannot be used, or nobody leads it
	// Replicas and InSync are sizes of the sets, MinISR the topic's min.insync.replicas.
	Replicas, InSync, MinISR int

	// Zero if there is no log.
	LogStart, HighWatermark, FlushedEnd, LogEnd int64
	Size                                        int64 // bytes
	Segments                                    int
}

// UnderMinISR reports whether fewer replicas are in sync than the topic wants, or than there are if it wants more.
func (s *Stats) UnderMinISR() bool { return s.InSync < min(s.MinISR, s.Replicas) }

// Stats describes this broker's partitions in order of topic and number, and what those of deleted topics had
// served. It takes each log's own locks for a moment.
func (m *Manager) Stats() (partitions []Stats, deleted Counts) {
	for _, p := range m.table.all() {
		partitions = append(partitions, p.stats())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return partitions, m.mu.deleted
}

func (p *Partition) stats() Stats {
	r := p.role.Load()
	s := Stats{
		ID: p.id, Counts: p.counters.load(), Leading: r.leading, Offline: p.Err() != nil || r.leader == kafka.NoBroker,
		Replicas: len(r.replicas), InSync: len(r.isr), MinISR: int(p.config.Load().MinInSyncReplicas),
	}
	if p.log() != nil {
		s.LogStart, s.HighWatermark = p.log().LogStartOffset(), p.HighWatermark()
		s.FlushedEnd, s.LogEnd = p.log().FlushedEndOffset(), p.log().LogEndOffset()
		s.Size, s.Segments = p.log().Size(), p.log().Segments()
	}
	return s
}
