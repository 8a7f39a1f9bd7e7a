package replica

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/thalweg-io/thalweg/broker/internal/delayed"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

var (
	// ErrNotLeader: this broker does not lead the partition, or no longer in that epoch.
	ErrNotLeader = errors.New("not the leader of the partition")
	// ErrNotEnoughReplicas: fewer in-sync replicas than min.insync.replicas; nothing was appended.
	ErrNotEnoughReplicas = errors.New("not enough in-sync replicas")
	// ErrNotEnoughReplicasAfterAppend: the same, noticed when the records had been appended.
	ErrNotEnoughReplicasAfterAppend = errors.New("not enough in-sync replicas after append")
	// ErrFencedEpoch: the client knows an older leader epoch than this broker.
	ErrFencedEpoch = errors.New("leader epoch is older than the leader's")
	// ErrUnknownEpoch: the client knows a newer leader epoch than this broker.
	ErrUnknownEpoch = errors.New("leader epoch is newer than the leader's")
	// ErrOffsetNotAvailable: the leader's high watermark has not yet reached its own epoch.
	ErrOffsetNotAvailable = errors.New("offset is not available yet")
	// ErrOffline: the partition's log could not be opened or its directory has failed.
	ErrOffline = errors.New("partition is offline")
	// ErrDeleted: the partition's topic was deleted.
	ErrDeleted = errors.New("topic was deleted")
	// ErrUncommitted: not yet committed; the answer of Committed while there is hope.
	ErrUncommitted = errors.New("not committed yet")
)

// Partition is this broker's replica of one partition.
type Partition struct {
	id   kafka.TopicIDPartition
	self kafka.BrokerID

	// place is where the log is; see dir and log. It changes when the log has moved to another directory, with mu held.
	place   atomic.Pointer[place]
	offline atomic.Pointer[error]

	role   atomic.Pointer[role]
	config atomic.Pointer[metadata.TopicConfig]

	// mu excludes appends (readers of the lock) and changes of the role (writers). pending is a role
	// that waits for the appends that are under way; see setRole.
	mu      sync.RWMutex
	pending atomic.Pointer[metadata.Partition]
	// stalled: the log's directory does not answer.
	stalled atomic.Bool

	// watermark is the high watermark (exclusive) and those who wait for it.
	watermark delayed.List

	counters counters
}

// place is a log and its directory. Immutable.
type place struct {
	dir *storage.Dir
	log *storage.Log
}

// dir is where the log lies, or lay when it could not be opened.
func (p *Partition) dir() *storage.Dir { return p.place.Load().dir }

// log is nil for a partition that could not be opened; offline says why.
func (p *Partition) log() *storage.Log { return p.place.Load().log }

// role is who leads a partition, as one publish of the metadata said. Immutable.
type role struct {
	leader         kafka.BrokerID
	epoch          kafka.LeaderEpoch
	partitionEpoch kafka.PartitionEpoch
	replicas       []kafka.BrokerID
	isr            []kafka.BrokerID
	leading        bool
	// epochStart is the log end at which this broker became leader in this epoch (inclusive
	// start of the epoch's records). Until the high watermark has reached it the leader does not
	// know how far the former ones had committed.
	epochStart int64
}

var nobody = &role{leader: kafka.NoBroker, epoch: kafka.NoLeaderEpoch}

func newPartition(id kafka.TopicIDPartition, self kafka.BrokerID, cfg *metadata.TopicConfig) *Partition {
	p := &Partition{id: id, self: self}
	p.place.Store(new(place))
	p.role.Store(nobody)
	p.config.Store(cfg)
	return p
}

// ID names the partition.
func (p *Partition) ID() kafka.TopicIDPartition { return p.id }

// Leader is the leader and its epoch as far as this broker knows.
func (p *Partition) Leader() (kafka.BrokerID, kafka.LeaderEpoch) {
	r := p.role.Load()
	return r.leader, r.epoch
}

// setRole installs what a publish of the metadata said. It does not wait: while appends are under
// way that began under another leadership, perhaps on a disk that hangs, nobody leads here, and the last of
// them makes the new role hold. A publish that changes neither leader nor epoch keeps the epoch's start.
func (p *Partition) setRole(m *metadata.Partition) {
	p.pending.Store(m)
	if p.settle(); p.pending.Load() != nil {
		old := p.role.Load()
		same := old.leader == m.Leader && old.epoch == m.LeaderEpoch
		// Unless the last append has ended in this moment and installed the new role already.
		p.role.CompareAndSwap(old, &role{
			leader: m.Leader, epoch: m.LeaderEpoch, partitionEpoch: m.Epoch, replicas: m.Replicas, isr: m.ISR,
			leading: same && old.leading, epochStart: old.epochStart,
		})
		if !same {
			p.watermark.Kick()
		}
		p.settle() // the last append may have ended meanwhile
	}
}

// settle makes the role hold that was set last, unless an append is under way: that one does it.
func (p *Partition) settle() {
	for p.pending.Load() != nil {
		if !p.mu.TryLock() {
			return
		}
		m, moved := p.pending.Swap(nil), false
		if m != nil {
			moved = p.installLocked(m)
		}
		p.mu.Unlock()
		if moved {
			p.watermark.Kick() // whoever waits must learn of the new epoch (SURFACE 69)
		}
		p.advance()
	}
}

// installLocked makes a role hold and says whether the leadership has moved.
func (p *Partition) installLocked(m *metadata.Partition) (moved bool) {
	next := &role{
		leader: m.Leader, epoch: m.LeaderEpoch, partitionEpoch: m.Epoch,
		replicas: m.Replicas, isr: m.ISR, leading: m.Leader == p.self && p.log() != nil,
	}
	old := p.role.Load()
	moved = old.leader != next.leader || old.epoch != next.epoch || old.leading != next.leading
	switch {
	case !next.leading:
	case moved:
		next.epochStart = p.log().LogEndOffset()
		p.log().AssignEpoch(next.epoch) // so that it is known before it has records (KIP-101)
	default:
		next.epochStart = old.epochStart
	}
	p.role.Store(next)
	return moved
}

// appended ends an append or a deletion of records: see setRole.
func (p *Partition) appended() {
	p.mu.RUnlock()
	if p.pending.Load() != nil {
		p.settle()
	}
}

// leading returns the role if this broker leads and the client's idea of the epoch fits;
// kafka.NoLeaderEpoch leaves it unchecked (SURFACE 75).
func (p *Partition) leading(current kafka.LeaderEpoch) (*role, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	r := p.role.Load()
	switch {
	case !r.leading:
		return r, ErrNotLeader
	case current == kafka.NoLeaderEpoch || current == r.epoch:
		return r, nil
	case current < r.epoch:
		return r, ErrFencedEpoch
	}
	return r, ErrUnknownEpoch
}

// Err is nil while the partition's log is usable; otherwise it wraps ErrOffline.
func (p *Partition) Err() error {
	if e := p.offline.Load(); e != nil {
		return *e
	}
	return nil
}

// Failed is the log's news that its directory has gone offline (S-09).
func (p *Partition) Failed(err error) {
	err = errors.Join(ErrOffline, err)
	p.offline.CompareAndSwap(nil, &err)
	p.watermark.Kick()
}

// Stalled is the log's news that its directory does not answer, or does again (S-13). Nothing is
// written meanwhile; those who wait for a flush are told. Reads go on.
func (p *Partition) Stalled(on bool) {
	p.stalled.Store(on)
	p.watermark.Kick()
}

// writable is nil unless the log's directory does not answer.
func (p *Partition) writable() error {
	if p.stalled.Load() {
		return storage.ErrStalled
	}
	return nil
}

// inSync reports whether a broker is in the in-sync set.
func (r *role) inSync(b kafka.BrokerID) bool { return slices.Contains(r.isr, b) }
