package sim

import (
	"fmt"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator/group"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// groupPast is what members of a group were told, in the present life of the disk that the group is on.
type groupPast struct {
	life   int
	count  int // how often the coordinator has begun to count generations anew
	owners map[ownership]string
	// known are the committed offsets that somebody was told: by an acknowledgement, or as the answer to a fetch.
	known map[int32]int64
}

// ownership is one partition in one generation of one counting.
type ownership struct {
	count      int
	generation int32
	partition  int32
}

// group is the past of a group.
func (o *oracle) group(name string, shard kafka.TopicPartition) *groupPast {
	g := o.groups[name]
	if life := o.life(shard); g == nil || g.life != life {
		g = &groupPast{life: life, owners: map[ownership]string{}, known: map[int32]int64{}}
		o.groups[name] = g
	}
	return g
}

// recounted: a group that is empty may come back under the other protocol, and begins to count generations anew then; what its
// former members still hold is fenced by their ids (G-03 sees to that). Where members of both protocols meet, the count goes on.
func (o *oracle) recounted(name string, shard kafka.TopicPartition, before, after group.GroupSummary) {
	if before.Type == after.Type || before.Type == "" || after.Type == "" {
		return
	}
	if before.State == "Empty" {
		o.group(name, shard).count++
		o.w.some.hit("empty group changes its protocol")
		return
	}
	o.w.some.hit("group with members changes its protocol")
}

// owned: a partition has one owner in a generation (G-02).
func (o *oracle) owned(m *member, partitions []int32) {
	g := o.group(m.group, m.shard)
	if len(partitions) > 0 {
		o.w.say("note over n0: member %d of %s owns %v in generation %d", m.plan.ID, m.group, partitions, m.generation)
	}
	for _, p := range partitions {
		at := ownership{m.count, m.generation, p}
		if old, ok := g.owners[at]; ok && old != m.name() {
			o.w.violate("G-02", "partition %d of group %s is %s's in generation %d, in which it is %s's", p, m.group, m.name(), m.generation, old)
		}
		g.owners[at] = m.name()
	}
}

// told notes a committed offset that somebody has heard of.
func (o *oracle) told(m *member, partition int32, offset int64) {
	g := o.group(m.group, m.shard)
	g.known[partition] = max(g.known[partition], offset)
}

// knownOffset is the highest committed offset of a partition that anybody has heard of, or 0.
func (o *oracle) knownOffset(m *member, partition int32) int64 {
	return o.group(m.group, m.shard).known[partition]
}

// fetchedOffset: a committed offset does not go back (G-03). known is what was known when it was asked for.
func (o *oracle) fetchedOffset(m *member, partition int32, offset, known int64) {
	if offset < known {
		o.w.violate("G-03", "group %s has committed offset %d of partition %d, after %d", m.group, offset, partition, known)
	}
	o.told(m, partition, offset)
}

// unsettledGroup says what keeps a group from being stable with each partition owned by one member (G-04), or nothing.
func (w *world) unsettledGroup(group string) string {
	generation, owned := int32(-1), int32(0)
	for _, u := range w.users {
		m, ok := u.(*member)
		if !ok || m.group != group {
			continue
		}
		switch {
		case m.state != stable:
			return fmt.Sprintf("member %d of group %s is %s (G-04)", m.plan.ID, group, m.state)
		case generation >= 0 && generation != m.generation:
			return fmt.Sprintf("members of group %s are in generations %d and %d (G-04)", group, generation, m.generation)
		}
		generation = m.generation
		owned += int32(len(m.positions))
	}
	if owned != groupPartitions {
		return fmt.Sprintf("%d of %d partitions are owned in group %s (G-04)", owned, groupPartitions, group)
	}
	return ""
}

// judgeOffsets: committed offsets are linearizable registers (T-14), each life of a group's disk for itself.
func (o *oracle) judgeOffsets() {
	r := o.registers.Check(0)
	if len(r.Violations) > 0 {
		o.w.violate("T-14", "%v", r.Violations[0])
	}
	o.w.some.counts["committed offsets judged as registers"] += int64(r.Registers)
	o.w.some.counts["commit of unknown outcome"] += int64(r.Unknown)
	o.w.some.counts["commit of unknown outcome read later"] += int64(r.Seen)
}

// mixed reports whether members of both protocols are in a group.
func (p *Plan) mixed(group int) bool {
	var classic, modern bool
	for _, c := range p.Clients {
		if c.Kind == Member && c.Group == group {
			classic, modern = classic || !c.Modern, modern || c.Modern
		}
	}
	return classic && modern
}
