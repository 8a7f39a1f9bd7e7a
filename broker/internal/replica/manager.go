package replica

import (
	"cmp"
	"log/slog"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Options is what a Manager works with. FS, Lost, Doomed and Opening may be nil.
type Options struct {
	Self   kafka.BrokerID
	Dirs   []*storage.Dir // at least one; opened by and belonging to the caller
	Lost   []LogDir       // directories that could not be opened: path and error
	Logger *slog.Logger
	FS     vfs.FS // which the directories are in, to ask it for room
	// Doomed is called, under a lock, when logs of deleted topics wait to be removed by Sweep from a directory. It must not
	// block. Nil: they are removed at once, by who publishes.
	Doomed func(*storage.Dir)
	// Opening is called, under a lock, when logs wait to be opened by Open in a directory. It must not block. Nil: they
	// are opened at once, by who publishes.
	Opening func(*storage.Dir)
	// Moving is called, under a lock, when logs wait to be moved into a directory by Move. It must not block. It may be nil.
	Moving func(*storage.Dir)
	// Again are the moves that the last run did not finish: storage.SettleFutures.
	Again []storage.Moving
}

// Manager holds this broker's partitions and brings them into line with the metadata.
type Manager struct {
	self kafka.BrokerID
	dirs []*storage.Dir
	lost []LogDir
	lg   *slog.Logger
	fs   vfs.FS

	doom    func(*storage.Dir)
	opening func(*storage.Dir)
	toMove  func(*storage.Dir)

	table table

	mu struct {
		sync.Mutex
		homes map[kafka.TopicID][]home // where a topic's partitions were found at start
		count map[*storage.Dir]int     // partitions per directory
		// preferred is where partitions are to be created that are not here yet, at most maxPreferred.
		preferred map[kafka.TopicPartition]*storage.Dir
		// openings are the partitions whose logs are not open yet, waiting those that nobody has begun with.
		openings map[kafka.TopicIDPartition]*opening
		waiting  map[*storage.Dir][]*opening
		busy     map[kafka.TopicPartition]bool // names whose directories are being made or removed
		settled  bool                          // see Settle
		// moves are the logs on their way to another directory, moving the same and those called off, in the order in which
		// they go into a directory; again are moves that begin when the log is open.
		moves  map[kafka.TopicPartition]*move
		moving map[*storage.Dir][]*move
		again  map[kafka.TopicIDPartition]*storage.Dir
		// misplaced are the partitions that lie elsewhere than the metadata says; see Misplaced.
		misplaced map[kafka.TopicIDPartition]*storage.Dir
		// doomed are the partitions of deleted topics whose logs are still there.
		doomed []*Partition
		// deleted is what partitions of deleted topics had served.
		deleted Counts
		image   *metadata.Image // as last published, or nil
	}
}

// home is where a partition was found.
type home struct {
	id  kafka.TopicIDPartition
	dir *storage.Dir
}

// NewManager makes a manager without partitions; those arrive with the first Publish.
func NewManager(o Options) *Manager {
	m := &Manager{self: o.Self, dirs: o.Dirs, lost: o.Lost, lg: o.Logger, fs: o.FS, doom: o.Doomed, opening: o.Opening, toMove: o.Moving}
	m.mu.openings = make(map[kafka.TopicIDPartition]*opening)
	m.mu.waiting = make(map[*storage.Dir][]*opening)
	m.mu.busy = make(map[kafka.TopicPartition]bool)
	m.mu.homes = make(map[kafka.TopicID][]home)
	m.mu.count = make(map[*storage.Dir]int)
	m.mu.preferred = make(map[kafka.TopicPartition]*storage.Dir)
	m.mu.moves = make(map[kafka.TopicPartition]*move)
	m.mu.moving = make(map[*storage.Dir][]*move)
	m.mu.again = make(map[kafka.TopicIDPartition]*storage.Dir)
	m.mu.misplaced = make(map[kafka.TopicIDPartition]*storage.Dir)
	for _, x := range o.Again {
		m.mu.again[x.ID] = x.To
	}
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

// Publish brings the partitions into line with an image: it implements metadata.Publisher. Logs are
// opened and created later, by Open, unless Options say otherwise.
func (m *Manager) Publish(delta *metadata.Delta, image *metadata.Image) {
	for _, done := range m.publish(delta, image) {
		done()
	}
}

// publish returns whom to tell that nothing will be opened any more.
func (m *Manager) publish(delta *metadata.Delta, image *metadata.Image) (done []func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.image = image
	for _, id := range delta.Vanished {
		m.sweepLocked(id)
	}
	for _, d := range delta.Topics {
		if d.Deleted() {
			done = append(done, m.removeLocked(d)...)
			continue
		}
		m.applyLocked(d, image)
	}
	m.reconfigureLocked(delta, image)
	m.openAllLocked()
	return done
}

// applyLocked has opened what is new to this broker and gives every changed partition its role.
func (m *Manager) applyLocked(d metadata.TopicDelta, image *metadata.Image) {
	old := m.ByID(d.ID())
	next := make([]*Partition, len(d.New.Partitions))
	copy(next, old)
	var cfg *metadata.TopicConfig
	changed := false
	d.Partitions(func(index int32, _, after *metadata.Partition) bool {
		if after == nil || !after.IsReplica(m.self) {
			if next[index] != nil && after != nil { // giving up the log comes with reassignment, but it leads no more
				m.setRoleLocked(next[index], after)
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
		m.setRoleLocked(next[index], after)
		return true
	})
	if changed {
		m.table.put(d.Name(), d.ID(), next)
	}
}

// setRoleLocked gives a partition its role, also for when its log will be open.
func (m *Manager) setRoleLocked(p *Partition, role *metadata.Partition) {
	p.setRole(role)
	if o := m.mu.openings[p.id]; o != nil {
		o.role = role
	}
}

// homeLocked is where a partition lies, or else where it was said to go, or else the directory with the fewest of those
// that work and have room.
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
		if c := cmp.Compare(quality(d), quality(best)); c > 0 || c == 0 && m.mu.count[d] < m.mu.count[best] {
			best = d
		}
	}
	return best
}

// quality is 3 for a directory that works, 2 without room, 1 while its disk does not answer, 0 offline.
func quality(d *storage.Dir) int {
	switch {
	case d.Err() != nil:
		return 0
	case !d.Answers() && !plantedStalledHome:
		return 1
	case d.Full():
		return 2
	}
	return 3
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
		if p == nil {
			continue
		}
		p.config.Store(&cfg)
		if p.log() != nil {
			p.log().SetConfig(logConfig(&cfg))
			p.advance() // min.insync.replicas or flush.policy may have freed it
		}
	}
}
