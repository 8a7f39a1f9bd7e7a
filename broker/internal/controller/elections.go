package controller

import (
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// partitionAt is a partition with its name.
type partitionAt struct {
	*metadata.Partition
	topic *metadata.Topic
	index int32
}

// seats says what happened to brokers; elections and ISR changes follow from it.
type seats struct {
	image *metadata.Image
	// leaving loses its seats in leaderships and ISRs; kafka.NoBroker is nobody.
	leaving kafka.BrokerID
	// joining counts as active although the image does not say so yet.
	joining kafka.BrokerID
	// unclean says that leaving may have lost the end of its logs (C-08).
	unclean bool
	// elected is called for each unclean election.
	elected func(partitionAt)
}

func (c *Controller) seats() seats {
	return seats{image: c.image(), leaving: kafka.NoBroker, joining: kafka.NoBroker, elected: c.countUnclean}
}

func (c *Controller) countUnclean(p partitionAt) {
	c.unclean++
	c.lg.Warn("unclean leader election: records may be lost", "topic", p.topic.Name, "partition", p.index, "isr", p.ISR)
}

// acceptable reports whether a broker may lead.
func (s *seats) acceptable(id kafka.BrokerID) bool {
	return id != s.leaving && (id == s.joining || s.image.Broker(id).Active())
}

// leave decides what becomes of the partitions that the leaving broker leads or is in the ISR of,
// or may lead from the ELR if it left uncleanly. It costs a walk over all partitions, which is a few
// milliseconds for a hundred thousand, and happens when a broker comes or goes.
func (s *seats) leave(d *Decision) {
	s.each(func(p partitionAt) {
		if p.InSync(s.leaving) || p.Leader == s.leaving || s.unclean && slices.Contains(p.ELR, s.leaving) {
			s.change(d, p, without(p.ISR, s.leaving))
		}
	})
}

// join elects leaders for partitions that have none, now that a broker has become active.
func (s *seats) join(d *Decision) {
	s.each(func(p partitionAt) {
		if p.Leader == kafka.NoBroker {
			s.change(d, p, p.ISR)
		}
	})
}

func (s *seats) each(visit func(partitionAt)) {
	s.image.Topics(func(t *metadata.Topic) bool {
		for i, p := range t.Partitions {
			visit(partitionAt{p, t, int32(i)})
		}
		return true
	})
}

// change decides the record that gives a partition the wanted ISR and a leader out of it. If the
// ISR would become empty, it stays as it is: the last member is the only one known to hold every
// record, and only it may lead again (C-05). Nothing is added to d if nothing changes.
func (s *seats) change(d *Decision, p partitionAt, isr []kafka.BrokerID) {
	r := schema.NewPartitionChange()
	r.TopicID, r.PartitionID = p.topic.ID, p.index
	elr := p.ELR
	if s.unclean && slices.Contains(elr, s.leaving) {
		elr = without(elr, s.leaving)
		r.LastKnownELR = append(without(p.LastKnownELR, s.leaving), s.leaving)
	}
	if len(isr) == 0 {
		isr = p.ISR
	}
	leader := s.elect(p, isr)
	if leader == kafka.NoBroker && len(isr) == 0 {
		if leader = s.elect(p, elr); leader != kafka.NoBroker {
			isr, elr = []kafka.BrokerID{leader}, without(elr, leader)
		}
	}
	if leader == kafka.NoBroker && s.image.UncleanElection(p.topic.Name) {
		if leader = s.elect(p, p.Replicas); leader != kafka.NoBroker {
			isr, elr, r.LeaderRecoveryState = []kafka.BrokerID{leader}, nil, 1
			s.elected(p)
		}
	}
	if len(isr) >= s.image.MinInSyncReplicas(p.topic.Name) && len(elr)+len(p.LastKnownELR)+len(r.LastKnownELR) > 0 {
		elr, r.LastKnownELR = nil, []kafka.BrokerID{} // C-06
	}
	if leader != p.Leader {
		r.Leader = leader
	}
	if !slices.Equal(isr, p.ISR) {
		r.ISR = isr
	}
	if !slices.Equal(elr, p.ELR) {
		r.EligibleLeaderReplicas = append([]kafka.BrokerID{}, elr...)
	}
	if r.Leader != schema.NoLeaderChange || r.ISR != nil || r.EligibleLeaderReplicas != nil || r.LastKnownELR != nil {
		d.add(metadata.PartitionChangeRecordVersion, r)
	}
}

// elect returns the present leader if it may stay, else the first replica in preferred order that
// is among candidates and may lead, else kafka.NoBroker.
func (s *seats) elect(p partitionAt, candidates []kafka.BrokerID) kafka.BrokerID {
	if slices.Contains(candidates, p.Leader) && s.acceptable(p.Leader) {
		return p.Leader
	}
	for _, id := range p.Replicas {
		if slices.Contains(candidates, id) && s.acceptable(id) {
			return id
		}
	}
	return kafka.NoBroker
}

// leads reports whether the broker leads any partition.
func (s *seats) leads(id kafka.BrokerID) bool {
	found := false
	s.image.Topics(func(t *metadata.Topic) bool {
		found = slices.ContainsFunc(t.Partitions, func(p *metadata.Partition) bool { return p.Leader == id })
		return !found
	})
	return found
}

// without returns a copy of ids without id.
func without(ids []kafka.BrokerID, id kafka.BrokerID) []kafka.BrokerID {
	return slices.DeleteFunc(slices.Clone(ids), func(x kafka.BrokerID) bool { return x == id })
}
