package members

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Calm is how long nothing may have changed in a group that counts as stable.
const Calm = 2 * time.Second

// Protocols of a group.
const (
	Classic  = "classic"  // with the range assignor of the client
	Consumer = "consumer" // KIP-848 with the uniform assignor of the broker
)

// crowd are the members of one group of one topic.
type crowd struct {
	addr, group, topic, protocol string
	partitions                   int

	members []*kgo.Client

	mu struct {
		sync.Mutex
		owners  map[int32]map[*kgo.Client]bool
		changed time.Time // when somebody got or gave something last
	}
}

func newCrowd(addr, group, topic, protocol string, partitions int) *crowd {
	c := &crowd{addr: addr, group: group, topic: topic, protocol: protocol, partitions: partitions}
	c.mu.owners = map[int32]map[*kgo.Client]bool{}
	return c
}

// join adds members.
func (c *crowd) join(n int) error {
	for range n {
		balancer, more := kgo.RangeBalancer(), []kgo.Opt{}
		if c.protocol == Consumer {
			balancer, more = kgo.StickyBalancer(), append(more, kgo.ServerSideBalancer())
		}
		m, err := kgo.NewClient(append(more, kgo.SeedBrokers(c.addr), kgo.ConsumerGroup(c.group), kgo.ConsumeTopics(c.topic), kgo.Balancers(balancer),
			kgo.FetchMaxWait(20*time.Second), // what is measured is the group
			kgo.OnPartitionsAssigned(func(_ context.Context, m *kgo.Client, got map[string][]int32) { c.changed(m, got, true) }),
			kgo.OnPartitionsRevoked(func(_ context.Context, m *kgo.Client, lost map[string][]int32) { c.changed(m, lost, false) }),
			kgo.OnPartitionsLost(func(_ context.Context, m *kgo.Client, lost map[string][]int32) { c.changed(m, lost, false) }))...)
		if err != nil {
			return err
		}
		c.members = append(c.members, m)
	}
	return nil
}

// leave lets the first members leave, properly.
func (c *crowd) leave(n int) error {
	if n > len(c.members) {
		return errors.New("nobody is left")
	}
	for _, m := range c.members[:n] {
		m.Close()
	}
	c.members = c.members[n:]
	return nil
}

// end lets all leave at once.
func (c *crowd) end() {
	var all sync.WaitGroup
	for _, m := range c.members {
		all.Go(m.Close)
	}
	all.Wait()
}

func (c *crowd) changed(m *kgo.Client, partitions map[string][]int32, got bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range partitions[c.topic] {
		if c.mu.owners[p] == nil {
			c.mu.owners[p] = map[*kgo.Client]bool{}
		}
		if got {
			c.mu.owners[p][m] = true
		} else {
			delete(c.mu.owners[p], m)
		}
		c.mu.changed = time.Now()
	}
}

// unstable says what the group lacks, or nothing; at is when it last changed.
func (c *crowd) unstable() (why string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	have := map[*kgo.Client]bool{}
	for p := range int32(c.partitions) {
		if n := len(c.mu.owners[p]); n != 1 {
			return fmt.Sprintf("partition %d has %d owners", p, n), c.mu.changed
		}
		for m := range c.mu.owners[p] {
			have[m] = true
		}
	}
	if len(have) != len(c.members) {
		return fmt.Sprintf("%d of %d members own a partition", len(have), len(c.members)), c.mu.changed
	}
	return "", c.mu.changed
}

// settle waits until the group is stable and returns when it became so.
func (c *crowd) settle(within time.Duration) (time.Time, error) {
	late := time.Now().Add(within)
	for {
		why, at := c.unstable()
		if why == "" && time.Since(at) >= Calm {
			return at, nil
		}
		if time.Now().After(late) {
			return at, fmt.Errorf("not stable within %v: %s", within, why)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
