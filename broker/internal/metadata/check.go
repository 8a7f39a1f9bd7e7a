package metadata

import (
	"fmt"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Check walks the image and returns the first broken invariant, or nil. Every image is checked
// when it is made if the build has invariants. C-06, C-07, C-05 as far as one image shows them.
func (m *Image) Check() error {
	var err error
	partitions := 0
	m.Topics(func(t *Topic) bool {
		partitions += len(t.Partitions)
		err = m.checkTopic(t)
		return err == nil
	})
	if err != nil {
		return err
	}
	if partitions != m.partitions || m.topicsByID.Len() != m.topicsByName.Len() {
		return fmt.Errorf("%d topics by name, %d by id; %d partitions, %d counted",
			m.topicsByName.Len(), m.topicsByID.Len(), partitions, m.partitions)
	}
	m.Brokers(func(n *Broker) bool {
		if n.Epoch < 0 {
			err = fmt.Errorf("broker %d has epoch %d", n.ID, n.Epoch)
		}
		return err == nil
	})
	return err
}

func (m *Image) checkTopic(t *Topic) error {
	if m.TopicByID(t.ID) != t {
		return fmt.Errorf("topic %s is another one by id %s", t.Name, t.ID)
	}
	var minISR int
	for i, p := range t.Partitions {
		if p == nil {
			return fmt.Errorf("%s-%d is a gap", t.Name, i)
		}
		if minISR == 0 {
			minISR = m.MinInSyncReplicas(t.Name)
		}
		if err := m.checkPartition(p, minISR); err != nil {
			return fmt.Errorf("%s-%d: %w", t.Name, i, err)
		}
	}
	return nil
}

func (m *Image) checkPartition(p *Partition, minISR int) error {
	switch {
	case len(p.Replicas) == 0 || len(p.Directories) != 0 && len(p.Directories) != len(p.Replicas):
		return fmt.Errorf("replicas %v, %d directories", p.Replicas, len(p.Directories))
	case !subset(p.ISR, p.Replicas) || !subset(p.ELR, p.Replicas):
		return fmt.Errorf("C-07: ISR %v, ELR %v of replicas %v", p.ISR, p.ELR, p.Replicas)
	case slices.ContainsFunc(p.ISR, func(id kafka.BrokerID) bool { return slices.Contains(p.ELR, id) }):
		return fmt.Errorf("C-07: ISR %v and ELR %v share a member", p.ISR, p.ELR)
	case len(p.ISR) >= minISR && len(p.ELR)+len(p.LastKnownELR) > 0:
		return fmt.Errorf("C-06: ISR %v of at least %d, but ELR %v, last known %v", p.ISR, minISR, p.ELR, p.LastKnownELR)
	case p.Leader != kafka.NoBroker && !p.InSync(p.Leader):
		return fmt.Errorf("C-05: leader %d is not in the ISR %v", p.Leader, p.ISR)
	case p.LeaderEpoch < 0 || p.Epoch < 0 || int64(p.LeaderEpoch) > int64(p.Epoch):
		return fmt.Errorf("C-15: leader epoch %d, partition epoch %d", p.LeaderEpoch, p.Epoch)
	}
	return m.checkActive(p)
}

// checkActive: a fenced broker leads nothing and is in no ISR, except that the last member stays,
// because nobody else has the data (Kafka without eligible leader replicas).
func (m *Image) checkActive(p *Partition) error {
	if p.Leader != kafka.NoBroker && !m.Broker(p.Leader).Active() {
		return fmt.Errorf("C-07: leader %d is not active", p.Leader)
	}
	if len(p.ISR) < 2 {
		return nil
	}
	for _, id := range p.ISR {
		if n := m.Broker(id); n == nil || n.Fenced {
			return fmt.Errorf("C-07: broker %d is fenced, but in the ISR %v", id, p.ISR)
		}
	}
	return nil
}

func subset(a, b []kafka.BrokerID) bool {
	for i, id := range a {
		if !slices.Contains(b, id) || slices.Contains(a[:i], id) {
			return false
		}
	}
	return true
}
