package quorum

import (
	"errors"
	"fmt"
	"math"
	"path"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// bootstrapTerm is the term of the membership entries that a new cluster begins with. Nobody ever
// leads it: the first election is for the term after it.
const bootstrapTerm = 1

// Core is one voter: bytes, ticks and proposals in, effects on log, state file, Transport and
// Machine out, all of them in Advance. Not safe for concurrent use.
type Core struct {
	o     Options
	rn    *raft.RawNode
	log   *entryLog
	state *stateFile
	timer electionTimer

	nowMs    int64
	role     raft.StateType // as last seen by observe
	term     uint64         // as last seen by observe
	pending  uint64         // own entries given to raft since the last Ready
	changing bool           // one of them is a membership change
	conf     *pb.ConfState  // as of the applied entries
	applied  entryID        // the last applied entry
	told     State          // what Machine.Lead was told last
	scratch  []Entry        // lent to Machine.Apply
	outbox   []Message      // lent to Transport.Send
	stuck    *raft.Ready    // its effects wait for room on the disk, see noRoom
	wrote    int            // so many of its entries are in the log
	offer    *snapshotOffer // being fetched
	fetching map[uint64]int // ticks that followers have been fetching a snapshot for; a leader's
	err      error          // not nil: over for good
}

// Open loads what this voter has promised, or begins a new cluster of o.Voters if there is
// nothing. It reads the whole metadata log once; entries reach the Machine by Advance. Errors:
// ErrCorrupt, ErrIdentity, and those of the file system.
func Open(o Options) (*Core, error) {
	o.setDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, err
	}
	state, err := openStateFile(o.FS, o.statePath())
	if err != nil {
		return nil, err
	}
	lg, err := openLog(&o)
	if err != nil {
		return nil, err
	}
	c := &Core{
		o: o, state: state, nowMs: o.NowMs, told: State{Leader: kafka.NoBroker},
		log:   &entryLog{log: lg, file: state, self: o.ID, tail: tail{maxBytes: o.TailBytes}},
		timer: electionTimer{base: o.ElectionTicks, rng: o.Rand},
	}
	if err := c.start(); err != nil {
		return nil, errors.Join(err, lg.Close())
	}
	return c, nil
}

func (c *Core) start() error {
	if !c.state.found {
		if end := c.log.log.LogEndOffset(); end != 0 {
			return fmt.Errorf("%w: %s has %d offsets but %s is missing", ErrCorrupt, c.o.logDir(), end, stateFileName)
		}
		if err := c.o.FS.SyncDir(path.Dir(c.o.Dir)); err != nil {
			return err
		}
		// The mark comes before the first entry: from here on this directory is never fresh again.
		begin := savedState{id: c.o.ID, hard: hardState{vote: kafka.NoBroker}, voters: slices.Sorted(slices.Values(c.o.Voters))}
		if err := c.state.save(begin); err != nil {
			return err
		}
	}
	saved := &c.state.saved
	if saved.id != c.o.ID {
		return fmt.Errorf("%w: %s is of node %d, this is %d", ErrIdentity, c.o.statePath(), saved.id, c.o.ID)
	}
	if err := c.finishReset(); err != nil {
		return err
	}
	if err := c.log.rebuild(); err != nil {
		return err
	}
	fresh := saved.hard.term == 0 && len(saved.voters) > 0
	if fresh {
		if err := c.dropHalfBootstrap(); err != nil {
			return err
		}
	}
	if err := c.checkHardState(); err != nil {
		return err
	}
	return c.startRaft(fresh)
}

// dropHalfBootstrap empties a log that a crash left with some of the first membership entries.
// Nobody has heard of them: the first save of a term comes before the first message.
func (c *Core) dropHalfBootstrap() error {
	n := c.log.last()
	if n == 0 {
		return nil
	}
	if term, _ := c.log.Term(n); term != bootstrapTerm || len(c.log.members) != int(n) || int(n) > len(c.state.saved.voters) {
		return fmt.Errorf("%w: %s has %d entries but the state file knows no term", ErrCorrupt, c.o.logDir(), n)
	}
	return c.log.truncateFrom(1)
}

// checkHardState compares the state file with the log. Entries are synced before the term that
// came with them is saved, so the log may know a later term; no vote was cast in it.
func (c *Core) checkHardState() error {
	st := c.state.saved
	if last := c.log.last(); st.hard.commit > last {
		return fmt.Errorf("%w: entry %d is committed but the log ends with entry %d", ErrCorrupt, st.hard.commit, last)
	}
	if term, _ := c.log.Term(c.log.last()); term > st.hard.term {
		st.hard.term, st.hard.vote = term, kafka.NoBroker
		return c.state.save(st)
	}
	return nil
}

func (c *Core) startRaft(fresh bool) error {
	_, conf, err := c.log.InitialState()
	if err != nil {
		return err
	}
	f := c.log.floor()
	c.conf, c.applied = conf, entryID{index: f.index, term: f.term}
	c.rn, err = raft.NewRawNode(&raft.Config{
		ID:                        raftID(c.o.ID),
		ElectionTick:              c.o.ElectionTicks,
		HeartbeatTick:             c.o.HeartbeatTicks,
		Storage:                   c.log,
		MaxSizePerMsg:             uint64(c.o.MaxMessageBytes),
		MaxCommittedSizePerReady:  uint64(c.o.MaxApplyBytes),
		MaxUncommittedEntriesSize: uint64(c.o.MaxUncommittedBytes),
		MaxInflightMsgs:           c.o.MaxInflightMessages,
		MaxInflightBytes:          uint64(c.o.MaxInflightBytes),
		CheckQuorum:               true,
		PreVote:                   true,
		DisableProposalForwarding: true,
		StepDownOnRemoval:         true,
		Logger:                    raftLogger{c.o.Logger},
	})
	if err != nil {
		return err
	}
	if fresh {
		peers := make([]raft.Peer, 0, len(c.state.saved.voters))
		for _, v := range c.state.saved.voters {
			peers = append(peers, raft.Peer{ID: raftID(v)})
		}
		if err := c.rn.Bootstrap(peers); err != nil {
			return err
		}
	}
	c.timer.redraw()
	c.observe()
	return nil
}

func openLog(o *Options) (*storage.Log, error) {
	tip := kafka.TopicIDPartition{ID: TopicID, Topic: Topic}
	// By size only: the first entries of a quorum carry no time, so that all voters write the same.
	cfg := storage.Config{SegmentBytes: o.SegmentBytes, SegmentMs: math.MaxInt64}
	lg, err := storage.OpenStandalone(o.FS, o.logDir(), tip, cfg, storage.StandaloneOptions{Logger: o.Logger})
	if err != nil {
		return nil, fmt.Errorf("open the metadata log: %w", err)
	}
	return lg, nil
}

// Tick is one unit of time (a heartbeat is HeartbeatTicks of them); nowMs is the wall clock, used
// for timestamps only. Call Advance afterwards.
func (c *Core) Tick(nowMs int64) (err error) {
	if c.err != nil {
		return c.err
	}
	defer c.catch(&err)
	c.nowMs = nowMs
	if c.role == raft.StateLeader {
		c.rn.Tick()
		c.agedSnapshots()
	} else {
		c.rn.TickQuiesced()
		if c.timer.tick() && c.voter() {
			err = c.rn.Campaign()
		}
	}
	c.observe()
	return err
}

// Step takes a message that voter from has sent; the transport vouches for from. Call Advance
// afterwards. Errors: ErrMessage (it had no effect), else the quorum is over.
func (c *Core) Step(from kafka.BrokerID, data []byte) (err error) {
	if c.err != nil {
		return c.err
	}
	if limit := c.o.MaxBatchBytes + c.o.MaxMessageBytes + messageOverheadBytes; len(data) > limit {
		return fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrMessage, len(data), limit)
	}
	m, controls, err := decode(data, from, c.o.ID)
	if err != nil {
		return err
	}
	if m.GetType() == pb.MsgSnap {
		return c.offered(from, m)
	}
	if err := c.plausible(m); err != nil {
		return err
	}
	defer c.catch(&err)
	if len(controls) > 0 {
		c.log.expect(controls)
	}
	if err := c.rn.Step(m); err != nil && !errors.Is(err, raft.ErrStepPeerNotFound) {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	c.observe()
	c.listen(m)
	return nil
}

// plausible refuses what can only come from a voter, this one or the other, that has lost synced
// entries. Raft panics on the first and would count on the second.
func (c *Core) plausible(m *pb.Message) error {
	last := c.log.last()
	switch m.GetType() {
	case pb.MsgHeartbeat:
		if m.GetTerm() >= c.term && m.GetCommit() > last {
			return fmt.Errorf("%w: the leader counts on entry %d here, the log ends with %d", ErrMessage, m.GetCommit(), last)
		}
	case pb.MsgAppResp:
		if m.GetTerm() == c.term && !m.GetReject() && m.GetIndex() > last {
			return fmt.Errorf("%w: node %d has entry %d, the leader only %d", ErrMessage, brokerID(m.GetFrom()), m.GetIndex(), last)
		}
	}
	return nil
}

// listen begins the election timer anew where raft would: on hearing the leader, on giving a vote.
func (c *Core) listen(m *pb.Message) {
	if m.GetTerm() != c.term || c.role == raft.StateLeader {
		return
	}
	st := c.rn.BasicStatus()
	switch m.GetType() {
	case pb.MsgApp, pb.MsgHeartbeat, pb.MsgSnap:
		if st.Lead == m.GetFrom() {
			c.timer.heard()
		}
	case pb.MsgVote:
		if st.GetVote() == m.GetFrom() {
			c.timer.heard()
		}
	}
}

// Campaign starts an election now. A sole voter is leader after the next few Advances.
func (c *Core) Campaign() (err error) {
	if c.err != nil {
		return c.err
	}
	defer c.catch(&err)
	err = c.rn.Campaign()
	c.observe()
	return err
}

// Alone reports whether this node is the only voter, so that waiting for others has no point.
func (c *Core) Alone() bool {
	return len(c.conf.Voters) == 1 && len(c.conf.VotersOutgoing) == 0 && c.voter()
}

// voter reports whether this node votes, as of the applied entries.
func (c *Core) voter() bool {
	id := raftID(c.o.ID)
	return slices.Contains(c.conf.Voters, id) || slices.Contains(c.conf.VotersOutgoing, id)
}

// Propose gives b, one record batch with base offset 0 and no leader epoch, to the quorum and
// returns the index that it has if it is applied at all: entries of other terms may take its
// place. b is copied. Call Advance afterwards; several proposals share a sync. It may be called
// from the Machine's methods. Errors: ErrNotLeader, ErrTooMuch, ErrTooLarge, ErrNoRoom (nothing happened).
func (c *Core) Propose(b batch.Batch) (index uint64, err error) {
	switch {
	case c.err != nil:
		return 0, c.err
	case len(b) > c.o.MaxBatchBytes:
		return 0, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrTooLarge, len(b), c.o.MaxBatchBytes)
	case b.Control() || b.BaseOffset() != 0 || b.LeaderEpoch() != kafka.NoLeaderEpoch:
		panic("BUG: proposal is a control batch or already stamped")
	case !c.mayPropose():
		return 0, ErrNotLeader
	case c.stuck != nil: // its index could not be told
		return 0, ErrNoRoom
	}
	defer c.catch(&err)
	if err := c.rn.Propose(b); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrTooMuch, err)
	}
	c.pending++
	return c.log.last() + c.pending, nil
}

// mayPropose reports whether an entry given to raft now gets the next index. Leaving a joint
// configuration is an entry that raft adds by itself at a moment of its choice, so nothing else is
// proposed while that is due.
func (c *Core) mayPropose() bool {
	st := c.rn.BasicStatus()
	return c.told.Self && st.RaftState == raft.StateLeader && st.GetTerm() == uint64(c.told.Term) &&
		st.LeadTransferee == raft.None && !c.conf.GetAutoLeave()
}

// ReportUnreachable tells that the last message to a voter was lost; without it a follower that
// missed one may stay behind until the next heartbeat round trip.
func (c *Core) ReportUnreachable(id kafka.BrokerID) { c.rn.ReportUnreachable(raftID(id)) }

// ReportSnapshot tells whether a voter got the snapshot that it was referred to.
func (c *Core) ReportSnapshot(id kafka.BrokerID, ok bool) {
	status := raft.SnapshotFinish
	if !ok {
		status = raft.SnapshotFailure
	}
	c.rn.ReportSnapshot(raftID(id), status)
}

// TransferLeader asks a voter to take over, if this node leads; it proposes nothing meanwhile.
func (c *Core) TransferLeader(to kafka.BrokerID) {
	if c.role == raft.StateLeader {
		c.rn.TransferLeader(raftID(to))
	}
}

// State is what Machine.Lead was told last.
func (c *Core) State() State { return c.told }

// Err is the error that ended the quorum, or nil. C-12: the process ends then.
func (c *Core) Err() error { return c.err }

// Close saves what is worth saving and closes the log. The Core is over.
func (c *Core) Close() error {
	if c.err != nil {
		if errors.Is(c.err, ErrStopped) {
			return nil
		}
		return c.log.log.Close() // c.err has been told already
	}
	c.err = ErrStopped
	st := c.state.saved
	st.hard.commit = max(st.hard.commit, min(c.rn.BasicStatus().GetCommit(), c.log.last()))
	var err error
	if st.hard.commit != c.state.saved.hard.commit {
		err = c.state.save(st)
	}
	return errors.Join(err, c.log.log.Close())
}

// fail ends the quorum: no more votes, acknowledgements or proposals.
func (c *Core) fail(err error) error {
	if c.err == nil {
		c.err = err
	}
	return c.err
}

// catch turns raft's panic over a failed log into the failure itself. Deferred by what calls raft.
func (c *Core) catch(err *error) {
	if c.log.err != nil {
		_ = recover()
		*err = c.fail(c.log.err)
	}
}

// observe notices that raft has changed role or term.
func (c *Core) observe() {
	st := c.rn.BasicStatus()
	if st.RaftState != c.role || st.GetTerm() != c.term {
		c.role, c.term = st.RaftState, st.GetTerm()
		c.timer.redraw()
	}
}

func marshalConf(conf *pb.ConfState) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(conf)
}
