package quorum

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"path"
	"slices"
	"syscall"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Topic is the name of the metadata log; its directory is Topic-0.
const Topic = "__cluster_metadata"

// TopicID is the id that Kafka reserves for the metadata log.
var TopicID = kafka.TopicID{15: 1}

var (
	// ErrNotLeader is returned for a proposal when this node may not decide: it does not lead, has
	// not yet applied an entry of its own term, or is handing leadership over.
	ErrNotLeader = errors.New("not the active controller")
	// ErrTooMuch is returned for a proposal when MaxUncommittedBytes of earlier ones wait for a
	// majority. Try again when some have been applied.
	ErrTooMuch = errors.New("too many uncommitted metadata bytes")
	// ErrNoRoom is returned for a proposal while an entry waits for room on the disk (S-11). It passes by itself.
	// It matches syscall.ENOSPC.
	ErrNoRoom = fmt.Errorf("the metadata log has no room: %w", syscall.ENOSPC)
	// ErrTooLarge is returned for a batch above MaxBatchBytes.
	ErrTooLarge = errors.New("metadata batch is too large")
	// ErrMessage is returned for bytes from a peer that no voter sends. The message had no effect.
	ErrMessage = errors.New("invalid quorum message")
	// ErrCorrupt is returned by Open when log and state file contradict each other or themselves.
	// Starting anyway could undo what this voter has promised to others.
	ErrCorrupt = errors.New("metadata quorum state is damaged")
	// ErrIdentity is returned by Open when the state file belongs to another node id.
	ErrIdentity = errors.New("metadata quorum state belongs to another node")
	// ErrStopped is returned when the quorum was closed.
	ErrStopped = errors.New("metadata quorum is stopped")
	// ErrCompacted is returned by Compact for an index that cannot be the new floor.
	ErrCompacted = errors.New("index cannot be compacted to")
)

// Entry is one committed entry. Batch is the batch as it stands in the log, base offset and leader
// epoch set; it is nil for the empty and the membership entries, which the Machine must count (by
// Index and Offset) and otherwise ignore. Batch is immutable and may be kept.
type Entry struct {
	Index  uint64
	Term   uint64
	Offset int64 // of the first record
	Batch  batch.Batch
}

// State is who leads. Self is true when this node leads and has applied an entry of its own term,
// which means: everything of former terms is applied and it may decide.
type State struct {
	Leader kafka.BrokerID // NoBroker if unknown
	Term   int32
	Self   bool
}

// Message is bytes for another voter. Data is owned by the receiver of the Message.
type Message struct {
	To   kafka.BrokerID
	Data []byte
}

// Transport carries messages to other voters. Send never blocks; it may drop, delay, repeat and
// reorder, and should then call ReportUnreachable. The slice is only lent.
type Transport interface {
	Send([]Message)
}

// Machine is what the log is folded into. Its methods are called on the caller of Advance, in
// order. Apply gets consecutive entries, each exactly once per Open, starting after the floor; an
// error stops the quorum for good. The slice is lent for the call. Lead tells every change of
// State: losing leadership before entries of others are applied, gaining it after everything
// before the own term is.
type Machine interface {
	Apply(entries []Entry) error
	Lead(State)
}

// Options of a Core. The zero value of a number means its default.
type Options struct {
	FS  vfs.FS
	Dir string         // the metadata log directory (metadata.log.dir); Topic-0 is made inside it
	ID  kafka.BrokerID // this node, >= 0
	// Voters is the set of voters that a new cluster begins with, this node among them. It is used
	// once, when Dir holds no quorum state; empty means: join a quorum that exists.
	Voters []kafka.BrokerID

	Machine   Machine
	Transport Transport // nil: messages are dropped (a quorum of one)
	Fetcher   Fetcher   // nil: snapshots are refused
	// Rand draws election timeouts. Seed it by chance in a broker, by the seed in a simulation.
	// nil: seeded by ID, which is enough to set voters apart.
	Rand   *rand.Rand
	Logger *slog.Logger // nil: none
	NowMs  int64        // wall clock at Open, for timestamps of control batches; Tick renews it

	// Soft settings: may differ between voters and restarts.
	ElectionTicks       int   // a leader is missed after this many to twice as many; default 10
	HeartbeatTicks      int   // default 1
	MaxBatchBytes       int   // of one proposal; default 8 MiB
	MaxMessageBytes     int   // of entries in one message, if more than one; default 1 MiB
	MaxInflightMessages int   // unanswered appends to one voter; default 64
	MaxInflightBytes    int   // of them; default 16 MiB
	MaxUncommittedBytes int   // of proposals that wait for a majority; default 32 MiB
	MaxApplyBytes       int   // of one Apply, if more than one entry; default 4 MiB
	TailBytes           int   // of recent entries kept in memory; default 8 MiB
	SegmentBytes        int32 // of the log; default 1 GiB
}

const (
	defaultElectionTicks       = 10
	defaultHeartbeatTicks      = 1
	defaultMaxBatchBytes       = 8 << 20
	defaultMaxMessageBytes     = 1 << 20
	defaultMaxInflightMessages = 64
	defaultMaxInflightBytes    = 16 << 20
	defaultMaxUncommittedBytes = 32 << 20
	defaultMaxApplyBytes       = 4 << 20
	defaultTailBytes           = 8 << 20
	defaultSegmentBytes        = 1 << 30

	// maxVoters bounds the voter set; Raft makes no sense with more.
	maxVoters = 64
	// messageOverheadBytes is room for everything in a message that is not entries' data.
	messageOverheadBytes = 1 << 20
	// maxTerm is the highest term: it is a leader epoch, which Kafka keeps in 32 bits.
	maxTerm = math.MaxInt32
	// maxIndex keeps sums of an index and a count from wrapping.
	maxIndex = math.MaxInt64
)

func (o *Options) setDefaults() {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def(&o.ElectionTicks, defaultElectionTicks)
	def(&o.HeartbeatTicks, defaultHeartbeatTicks)
	def(&o.MaxBatchBytes, defaultMaxBatchBytes)
	def(&o.MaxMessageBytes, defaultMaxMessageBytes)
	def(&o.MaxInflightMessages, defaultMaxInflightMessages)
	def(&o.MaxInflightBytes, defaultMaxInflightBytes)
	def(&o.MaxUncommittedBytes, defaultMaxUncommittedBytes)
	def(&o.MaxApplyBytes, defaultMaxApplyBytes)
	def(&o.TailBytes, defaultTailBytes)
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	if o.Rand == nil {
		o.Rand = rand.New(rand.NewPCG(uint64(o.ID), 0x7468616c776567))
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func (o *Options) validate() error {
	switch {
	case o.FS == nil || o.Dir == "" || o.Machine == nil:
		return errors.New("quorum: FS, Dir and Machine are required")
	case o.ID < 0:
		return fmt.Errorf("quorum: node id %d is negative", o.ID)
	case o.HeartbeatTicks < 1 || o.ElectionTicks <= o.HeartbeatTicks:
		return fmt.Errorf("quorum: need 0 < heartbeat ticks (%d) < election ticks (%d)", o.HeartbeatTicks, o.ElectionTicks)
	case min(o.MaxBatchBytes, o.MaxMessageBytes, o.MaxInflightMessages, o.MaxUncommittedBytes, o.MaxApplyBytes, o.TailBytes) < 1:
		return errors.New("quorum: bounds must be positive")
	case o.MaxInflightBytes < o.MaxMessageBytes:
		return fmt.Errorf("quorum: MaxInflightBytes %d is below MaxMessageBytes %d", o.MaxInflightBytes, o.MaxMessageBytes)
	case o.MaxBatchBytes > int(o.SegmentBytes):
		return fmt.Errorf("quorum: MaxBatchBytes %d is above SegmentBytes %d", o.MaxBatchBytes, o.SegmentBytes)
	case len(o.Voters) > maxVoters:
		return fmt.Errorf("quorum: %d voters, at most %d are allowed", len(o.Voters), maxVoters)
	case len(o.Voters) > 0 && !slices.Contains(o.Voters, o.ID):
		return fmt.Errorf("quorum: node %d is not among the voters %v", o.ID, o.Voters)
	}
	sorted := slices.Sorted(slices.Values(o.Voters))
	if len(slices.Compact(sorted)) != len(o.Voters) || len(sorted) > 0 && sorted[0] < 0 {
		return fmt.Errorf("quorum: voters %v are not distinct node ids", o.Voters)
	}
	return nil
}

func (o *Options) logDir() string    { return path.Join(o.Dir, Topic+"-0") }
func (o *Options) statePath() string { return path.Join(o.Dir, stateFileName) }

// raftID maps a node id, which may be 0, to Raft's, which may not.
func raftID(id kafka.BrokerID) uint64 { return uint64(id) + 1 }

// brokerID is the inverse of raftID; Raft's 0 (nobody) becomes NoBroker.
func brokerID(id uint64) kafka.BrokerID { return kafka.BrokerID(int64(id) - 1) }
