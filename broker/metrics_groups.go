package broker

import (
	"maps"
	"slices"
	"sync"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	groups "github.com/thalweg-io/thalweg/broker/internal/coordinator/group"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/metrics"
	"github.com/twmb/franz-go/pkg/kerr"
)

// maxLagSeries bounds the partitions whose lag is exported, over all groups.
const maxLagSeries = 10_000

var (
	groupCount = metrics.Family{Name: "kafka_coordinator_group_groupmetadatamanager_numgroups", Kind: metrics.KindGauge,
		Help: "Groups that this broker coordinates."}
	offsetCount = metrics.Family{Name: "kafka_coordinator_group_groupmetadatamanager_numoffsets", Kind: metrics.KindGauge,
		Help: "Committed offsets of these groups."}
	groupStates = metrics.Family{Name: "thalweg_groups", Kind: metrics.KindGauge, Labels: []string{"type", "state"},
		Help: "Groups that this broker coordinates, by type and state."}
	groupLag = metrics.Family{Name: "thalweg_group_lag", Kind: metrics.KindGauge, Unit: "records", Labels: []string{"group", "topic", "partition"},
		Help: "Offsets between what a group has committed and the high watermark, of partitions that this broker leads."}
	lagLeftOut = metrics.Family{Name: "thalweg_group_lag_left_out", Kind: metrics.KindGauge,
		Help: "Committed offsets whose lag is not exported, as there are too many."}
)

var groupMetrics = metricGroup{
	title:    "Groups, as they were at the last heartbeat",
	families: []*metrics.Family{&groupCount, &offsetCount, &groupStates, &groupLag, &lagLeftOut},
	collect:  collectGroups,
}

// groupWatch remembers what the shards of the coordinator held when they were last asked, so that a scrape does not
// wait for their loops.
type groupWatch struct {
	mu   sync.Mutex
	last map[int32]groups.Summary // by shard
}

// refresh asks all shards that this broker leads. It does not wait.
func (g *groupWatch) refresh(b *Broker) {
	t := b.loader.Current().Topic(kafka.OffsetsTopic)
	if t == nil {
		return
	}
	for i, p := range t.Partitions {
		index := int32(i)
		if p.Leader != kafka.BrokerID(b.cfg.NodeID) {
			g.forget(index)
			continue
		}
		b.groups.Do(index, func(_ *coordinator.Turn, m coordinator.Machine) {
			g.put(index, m.(*groups.Shard).Summary(maxLagSeries))
		}, func(*kerr.Error) { g.forget(index) })
	}
}

func (g *groupWatch) put(index int32, s groups.Summary) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == nil {
		g.last = map[int32]groups.Summary{}
	}
	g.last[index] = s
}

func (g *groupWatch) forget(index int32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.last, index)
}

// all are the groups and how many offsets they have committed.
func (g *groupWatch) all() (all []groups.GroupSummary, offsets int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, index := range slices.Sorted(maps.Keys(g.last)) {
		all = append(all, g.last[index].Groups...)
		offsets += g.last[index].Offsets
	}
	return all, offsets
}

func collectGroups(s *scrape) {
	all, offsets := s.b.watch.all()
	s.one(&groupCount, int64(len(all)))
	s.one(&offsetCount, int64(offsets))
	states := map[[2]string]int64{}
	for _, g := range all {
		states[[2]string{g.Type, g.State}]++
	}
	if len(states) > 0 {
		s.w.Begin(&groupStates)
		for _, k := range slices.SortedFunc(maps.Keys(states), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
			s.w.Int(states[k], k[0], k[1])
		}
	}
	told := s.lags(all)
	s.one(&lagLeftOut, int64(max(0, offsets-told)))
}

// lags writes how far groups lag and returns of how many offsets that was thought of.
func (s *scrape) lags(all []groups.GroupSummary) (told int) {
	begun := false
	for _, g := range all {
		for _, o := range g.Offsets {
			if told == maxLagSeries {
				return told
			}
			told++
			p := s.b.replicas.Partition(o.Topic, o.Partition)
			if p == nil {
				continue
			}
			if leader, _ := p.Leader(); leader != kafka.BrokerID(s.b.cfg.NodeID) {
				continue
			}
			if !begun {
				s.w.Begin(&groupLag)
				begun = true
			}
			s.w.Int(max(0, p.HighWatermark()-o.Offset), g.Name, o.Topic, itoa(o.Partition))
		}
	}
	return told
}
