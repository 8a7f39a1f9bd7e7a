package controller

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// stripe hands out brokers in a circle, each round beginning one further, so that leaders and
// followers spread evenly.
type stripe struct {
	brokers []kafka.BrokerID
	offset  int
}

// take appends up to n brokers of a round to dst.
func (s *stripe) take(dst []kafka.BrokerID, n int) []kafka.BrokerID {
	n = min(n, len(s.brokers))
	for i := range n {
		dst = append(dst, s.brokers[(s.offset+i)%len(s.brokers)])
	}
	return dst
}

// next begins another round.
func (s *stripe) next() {
	if len(s.brokers) > 0 {
		s.offset = (s.offset + 1) % len(s.brokers)
	}
}

// mix shuffles the brokers, once every broker has led: else the same sets would come again.
func (s *stripe) mix(random *rand.Rand) {
	random.Shuffle(len(s.brokers), func(i, j int) { s.brokers[i], s.brokers[j] = s.brokers[j], s.brokers[i] })
}

// place chooses replicas for new partitions by the rules of Kafka's StripedReplicaPlacer without
// racks: unfenced brokers first, in stripes from a random start, fenced ones only when there are not
// enough others, and never as leader; brokers in controlled shutdown not at all. The error is the
// end of a sentence for the client.
func (c *Controller) place(partitions, replicas int) ([][]kafka.BrokerID, error) {
	var unfenced, fenced stripe
	c.image().Brokers(func(b *metadata.Broker) bool {
		switch {
		case b.Fenced:
			fenced.brokers = append(fenced.brokers, b.ID)
		case !b.InControlledShutdown:
			unfenced.brokers = append(unfenced.brokers, b.ID)
		}
		return true
	})
	total := len(unfenced.brokers) + len(fenced.brokers)
	if len(unfenced.brokers) == 0 {
		return nil, errors.New("All brokers are currently fenced.")
	}
	if replicas > total {
		return nil, fmt.Errorf("The target replication factor of %d cannot be reached because only %d broker(s) are registered or some brokers have all their log directories cordoned.", replicas, total)
	}
	for _, s := range []*stripe{&unfenced, &fenced} {
		if len(s.brokers) > 1 {
			s.offset = c.o.Rand.IntN(len(s.brokers))
		}
	}
	placed := make([][]kafka.BrokerID, partitions)
	for i := range placed {
		if i > 0 && i%len(unfenced.brokers) == 0 {
			unfenced.mix(c.o.Rand)
			fenced.mix(c.o.Rand)
		}
		placed[i] = unfenced.take(make([]kafka.BrokerID, 0, replicas), replicas)
		placed[i] = fenced.take(placed[i], replicas-len(placed[i]))
		unfenced.next()
		fenced.next()
	}
	return placed, nil
}
