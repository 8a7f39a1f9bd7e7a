package controller

import (
	"fmt"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/twmb/franz-go/pkg/kerr"
)

// roomFor counts so many more partitions into the decision, or refuses them if there would be more than MaxPartitions in
// the end, as a policy would in Kafka.
func (c *Controller) roomFor(d *Decision, more int) error {
	if c.o.MaxPartitions <= 0 {
		return nil
	}
	if d.partitions == 0 {
		c.image().Topics(func(t *metadata.Topic) bool {
			d.partitions += len(t.Partitions)
			return true
		})
	}
	n := d.partitions + more
	if n > c.o.MaxPartitions {
		return refuse(kerr.PolicyViolation, fmt.Sprintf("There would be %d partitions, at most %d are allowed (max.partitions).", n, c.o.MaxPartitions))
	}
	d.partitions = n
	return nil
}
