package replica

import (
	"cmp"
	"hash/crc32"
	"slices"
	"sync/atomic"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// tableShards bounds what one change copies: a change copies 1/tableShards of the topics.
const tableShards = 256

// table finds this broker's partitions by topic name or id: copy-on-write maps, so that the hot
// path takes no lock and allocates nothing. One writer at a time.
type table struct {
	names [tableShards]atomic.Pointer[map[string][]*Partition]
	ids   [tableShards]atomic.Pointer[map[kafka.TopicID][]*Partition]
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func nameShard(topic []byte) int    { return int(crc32.Checksum(topic, castagnoli) % tableShards) }
func idShard(id *kafka.TopicID) int { return int(id[len(id)-1]) }

// byName returns the topic's partitions by index; entries are nil for those that are elsewhere.
func (t *table) byName(topic []byte) []*Partition {
	if m := t.names[nameShard(topic)].Load(); m != nil {
		return (*m)[string(topic)]
	}
	return nil
}

func (t *table) byID(id kafka.TopicID) []*Partition {
	if m := t.ids[idShard(&id)].Load(); m != nil {
		return (*m)[id]
	}
	return nil
}

// each goes through the partitions that are here, in no order and without allocating.
func (t *table) each(yield func(*Partition) bool) {
	for i := range t.names {
		m := t.names[i].Load()
		if m == nil {
			continue
		}
		for _, ps := range *m { // order-free: said so
			for _, p := range ps {
				if p != nil && !yield(p) {
					return
				}
			}
		}
	}
}

// all is the partitions that are here, in order of topic and number.
func (t *table) all() []*Partition {
	return slices.SortedFunc(t.each, func(a, b *Partition) int {
		return cmp.Or(cmp.Compare(a.id.Topic, b.id.Topic), cmp.Compare(a.id.Partition, b.id.Partition))
	})
}

// put replaces the partitions of a topic; none removes it.
func (t *table) put(topic string, id kafka.TopicID, ps []*Partition) {
	replace(&t.names[nameShard([]byte(topic))], topic, ps)
	replace(&t.ids[idShard(&id)], id, ps)
}

func replace[K comparable](at *atomic.Pointer[map[K][]*Partition], key K, ps []*Partition) {
	next := make(map[K][]*Partition)
	if old := at.Load(); old != nil {
		for k, v := range *old { // order-free: copied from map to map
			next[k] = v
		}
	}
	if ps == nil {
		delete(next, key)
	} else {
		next[key] = ps
	}
	at.Store(&next)
}

func pick(ps []*Partition, index int32) *Partition {
	if index < 0 || int(index) >= len(ps) {
		return nil
	}
	return ps[index]
}
