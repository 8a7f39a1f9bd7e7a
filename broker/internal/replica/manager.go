package replica

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Options is what a Manager works with. FS and Doomed may be nil.
type Options struct {
	Self   kafka.BrokerID
	Dirs   []*storage.Dir // at least one; opened by and belonging to the caller
	Logger *slog.Logger
	FS     vfs.FS // which the directories are in, to ask it for room
	// Doomed is called, under a lock, when logs of deleted topics wait to be removed by Sweep. It must not block. Nil:
	// they are removed at once, by who publishes.
	Doomed func()
}

// Manager holds this broker's partitions and brings them into line with the metadata.
type Manager struct {
	self kafka.BrokerID
	dirs []*storage.Dir
	lg   *slog.Logger
	fs   vfs.FS
	doom func()

	table table

	mu struct {
		sync.Mutex
		homes map[kafka.TopicID][]home // where a topic's partitions were found at start
		count map[*storage.Dir]int     // partitions per directory
		// preferred is where partitions are to be created that are not here yet, at most maxPreferred.
		preferred map[kafka.TopicPartition]*storage.Dir
		// doomed are the partitions of deleted topics whose logs are still there.
		doomed []*Partition
		// deleted is what partitions of deleted topics had served.
		deleted Counts
	}
}

// home is where a partition was found.
type home struct {
	id  kafka.TopicIDPartition
	dir *storage.Dir
}

// NewManager makes a manager without partitions; those arrive with the first Publish.
func NewManager(o Options) *Manager {
	m := &Manager{self: o.Self, dirs: o.Dirs, lg: o.Logger, fs: o.FS, doom: o.Doomed}
	m.mu.homes = make(map[kafka.TopicID][]home)
	m.mu.count = make(map[*storage.Dir]int)
	m.mu.preferred = make(map[kafka.TopicPartition]*storage.Dir)
	for _, d := range o.Dirs {
		for _, id := range d.Found() {
			m.mu.homes[id.ID] = append(m.mu.homes[id.ID], home{id, d})
		}
	}
	return m
}

// ByName returns the partitions of a topic by index, nil where this broker has no replica. It takes
// no lock and does not allocate. Read-only.
func (m *Manager) ByName(topic []byte) []*Partition { return m.table.byName(topic) }

// ByID is ByName by identity.
func (m *Manager) ByID(id kafka.TopicID) []*Partition { return m.table.byID(id) }

// Partition finds one partition by name, or nil.
func (m *Manager) Partition(topic string, index int32) *Partition {
	return pick(m.ByName([]byte(topic)), index)
}

// ExpireProducers forgets idempotent producers that have been silent for producer.id.expiration.ms
// (SURFACE 51).
func (m *Manager) ExpireProducers(now time.Time) {
	for _, d := range m.dirs {
		for _, l := range d.Logs() {
			l.ExpireProducers(now.UnixMilli())
		}
	}
}

// Publish brings the partitions into line with an image: it implements metadata.Publisher, and
// opens and creates logs.
func (m *Manager) Publish(delta *metadata.Delta, image *metadata.Image) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range delta.Vanished {
		m.sweepLocked(id)
	}
	for _, d := range delta.Topics {
		if d.Deleted() {
			m.removeLocked(d)
			continue
		}
		m.applyLocked(d, image)
	}
	m.reconfigureLocked(delta, image)
}

// applyLocked opens what is new to this broker and gives every changed partition its role.
func (m *Manager) applyLocked(d metadata.TopicDelta, image *metadata.Image) {
	old := m.ByID(d.ID())
	next := make([]*Partition, len(d.New.Partitions))
	copy(next, old)
	var cfg *metadata.TopicConfig
	changed := false
	d.Partitions(func(index int32, _, after *metadata.Partition) bool {
		if after == nil || !after.IsReplica(m.self) {
			if next[index] != nil && after != nil { // giving up the log comes with reassignment, but it leads no more
				next[index].setRole(after)
			}
			return true
		}
		if next[index] == nil {
			if cfg == nil {
				c := image.EffectiveTopicConfig(d.Name())
				cfg = &c
			}
			id := kafka.TopicIDPartition{ID: d.ID(), Topic: d.Name(), Partition: index}
			next[index] = m.openLocked(id, cfg)
			changed = true
		}
		next[index].setRole(after)
		return true
	})
	if changed {
		m.table.put(d.Name(), d.ID(), next)
	}
}

// openLocked opens or creates a partition's log. A log that cannot be opened makes an offline
// partition, which answers KAFKA_STORAGE_ERROR while the others serve (durability 7).
func (m *Manager) openLocked(id kafka.TopicIDPartition, cfg *metadata.TopicConfig) *Partition {
	m.makeRoomLocked(id)
	p := newPartition(id, m.self, cfg)
	dir := m.homeLocked(id)
	p.dir = dir
	lg, err := dir.OpenLog(id, logConfig(cfg), p)
	if err != nil {
		m.lg.Error("cannot open log", "topic", id.Topic, "partition", id.Partition, "dir", dir.Path(), "err", err)
		p.Failed(fmt.Errorf("open log: %w", err))
		return p
	}
	m.mu.count[dir]++
	p.log = lg
	return p
}

// homeLocked is where a partition lies, or else where it was said to go, or else the directory with the fewest.
func (m *Manager) homeLocked(id kafka.TopicIDPartition) *storage.Dir {
	for _, h := range m.mu.homes[id.ID] {
		if h.id.Partition == id.Partition {
			return h.dir
		}
	}
	wanted := m.mu.preferred[id.TopicPartition()]
	delete(m.mu.preferred, id.TopicPartition())
	if wanted != nil && wanted.Err() == nil {
		return wanted
	}
	best := m.dirs[0]
	for _, d := range m.dirs {
		if d.Err() == nil && (best.Err() != nil || m.mu.count[d] < m.mu.count[best]) {
			best = d
		}
	}
	return best
}

// reconfigureLocked gives changed topic configs to the partitions concerned: all, if defaults changed.
func (m *Manager) reconfigureLocked(delta *metadata.Delta, image *metadata.Image) {
	for _, r := range delta.Configs {
		if r == metadata.TopicResource(r.Name) {
			m.reconfigureTopic(r.Name, image)
			continue
		}
		if r.Type != schema.ResourceBroker {
			continue // of groups and client metrics
		}
		image.Topics(func(t *metadata.Topic) bool {
			m.reconfigureTopic(t.Name, image)
			return true
		})
	}
}

func (m *Manager) reconfigureTopic(topic string, image *metadata.Image) {
	cfg := image.EffectiveTopicConfig(topic)
	for _, p := range m.ByName([]byte(topic)) {
		if p != nil && p.log != nil {
			p.config.Store(&cfg)
			p.log.SetConfig(logConfig(&cfg))
			p.advance() // min.insync.replicas or flush.policy may have freed it
		}
	}
}
