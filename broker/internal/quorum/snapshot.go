package quorum

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// A voter that needs entries below the leader's floor is sent MsgSnap: the floor's index, term and
// configuration, and as its data the offset of the first record after it (8 bytes, big-endian) and the
// reference of the snapshot. The snapshot itself does not travel through Raft:
//
//  1. Step keeps the message and calls Fetcher.Fetch;
//  2. the shell gets what the reference names from the sender and makes it durable;
//  3. Fetched hands the message to Raft, and Advance saves the floor, empties the log up to it and
//     calls Restorer.Restore, in this order.
//
// The leader waits for a follower in step 2 for snapshotTicks, then it tries again.

// Fetcher gets snapshots from other voters. Fetch must not block; Core.Fetched is called when it has
// ended. A later call supersedes an earlier one.
type Fetcher interface {
	Fetch(from kafka.BrokerID, s Snapshot)
}

// Restorer is a Machine that can begin from a snapshot. Restore replaces everything applied so far by
// the state that s names, which is durable here. Entries after s.Index follow.
type Restorer interface {
	Machine
	Restore(s Snapshot) error
}

// snapshotTicks is how many election time-outs a follower may take to fetch a snapshot before the
// leader sends it the reference again.
const snapshotTicks = 20

// snapshotOffer is a MsgSnap whose snapshot is being fetched.
type snapshotOffer struct {
	message *pb.Message
	ref     []byte
}

const snapshotHeader = 8

func encodeSnapshotData(f *floor) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, snapshotHeader+len(f.ref)), uint64(f.offset)), f.ref...)
}

// decodeSnapshot reads what a MsgSnap or a Ready says of a snapshot. Errors: ErrMessage.
func decodeSnapshot(s *pb.Snapshot) (out Snapshot, err error) {
	m := s.GetMetadata()
	data := s.GetData()
	if m.GetIndex() == 0 || m.GetIndex() > maxIndex || m.GetTerm() == 0 || m.GetTerm() > maxTerm ||
		len(data) <= snapshotHeader || len(m.GetConfState().GetVoters()) == 0 {
		return out, fmt.Errorf("%w: snapshot of entry %d of term %d with %d bytes", ErrMessage, m.GetIndex(), m.GetTerm(), len(data))
	}
	out = Snapshot{Index: m.GetIndex(), Term: m.GetTerm(), Offset: int64(binary.BigEndian.Uint64(data)), Ref: bytes.Clone(data[snapshotHeader:])}
	if out.Offset < int64(out.Index) { // an entry has one record or more
		return out, fmt.Errorf("%w: snapshot of entry %d at offset %d", ErrMessage, out.Index, out.Offset)
	}
	return out, nil
}

// offered keeps a MsgSnap and has its snapshot fetched.
func (c *Core) offered(from kafka.BrokerID, m *pb.Message) error {
	s, err := decodeSnapshot(m.GetSnapshot())
	if err != nil {
		return err
	}
	if _, ok := c.o.Machine.(Restorer); !ok || c.o.Fetcher == nil {
		return fmt.Errorf("%w: snapshot for a machine that cannot restore", ErrMessage)
	}
	if m.GetTerm() < c.term || s.Index <= c.applied.index {
		return c.stepSnapshot(m) // Raft answers where it stands, and takes nothing
	}
	c.offer = &snapshotOffer{message: m, ref: s.Ref}
	c.o.Fetcher.Fetch(from, s)
	return nil
}

// Fetched tells that the snapshot that Fetch was called for is durable here, or cannot be had. Call
// Advance afterwards. Unknown references are ignored.
func (c *Core) Fetched(ref []byte, ok bool) (err error) {
	if c.err != nil {
		return c.err
	}
	offer := c.offer
	if offer == nil || !bytes.Equal(offer.ref, ref) {
		return nil
	}
	c.offer = nil
	if !ok {
		return nil // the leader will try again
	}
	return c.stepSnapshot(offer.message)
}

func (c *Core) stepSnapshot(m *pb.Message) (err error) {
	defer c.catch(&err)
	if err := c.rn.Step(m); err != nil && !errors.Is(err, raft.ErrStepPeerNotFound) {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	c.observe()
	c.listen(m)
	return nil
}

// install makes a snapshot that Raft has accepted the beginning of the log (S-06: durable before
// anything is said of it), and the state of the Machine.
func (c *Core) install(rd *raft.Ready) error {
	if raft.IsEmptySnap(rd.Snapshot) {
		return nil
	}
	s, err := decodeSnapshot(rd.Snapshot)
	if err != nil {
		return err
	}
	conf, err := marshalConf(rd.Snapshot.GetMetadata().GetConfState())
	if err != nil {
		return err
	}
	st := c.state.saved
	if !raft.IsEmptyHardState(rd.HardState) {
		st.hard = hardState{term: rd.GetTerm(), vote: brokerID(rd.GetVote()), commit: rd.GetCommit()}
	}
	st.hard.commit = s.Index
	st.floor = floor{index: s.Index, term: s.Term, offset: s.Offset, conf: conf, ref: s.Ref}
	st.reset = !plantedKeepOldLog // the log is emptied even if the power fails now
	if err := c.state.save(st); err != nil {
		return err
	}
	if err := c.finishReset(); err != nil {
		return err
	}
	c.conf, c.applied = rd.Snapshot.GetMetadata().GetConfState(), entryID{index: s.Index, term: s.Term}
	return c.o.Machine.(Restorer).Restore(s)
}

// finishReset lets the log begin at the floor, as the state file says that it must.
func (c *Core) finishReset() error {
	st := c.state.saved
	if !st.reset {
		return nil
	}
	if err := c.log.log.Reset(st.floor.offset); err != nil {
		return fmt.Errorf("begin the metadata log at the snapshot: %w", err)
	}
	c.log.offsets, c.log.terms, c.log.members = nil, nil, nil
	c.log.tail = tail{maxBytes: c.log.tail.maxBytes}
	st.reset = false
	return c.state.save(st)
}

// NeedsSnapshot reports whether a present member is unknown to the configuration at the floor: Raft on that
// node would refuse a snapshot without it, so the Machine should make a new one and call Compact.
func (c *Core) NeedsSnapshot() bool {
	if c.log.floor().index == 0 {
		return false
	}
	_, known, err := c.log.InitialState()
	if err != nil {
		return false // told by whoever needs it
	}
	for _, id := range slices.Concat(c.conf.GetVoters(), c.conf.GetLearners()) {
		if !slices.Contains(known.GetVoters(), id) && !slices.Contains(known.GetLearners(), id) {
			return true
		}
	}
	return false
}

// agedSnapshots tries again for followers that have been fetching a snapshot for too long: the
// message may be lost, and Raft waits for ever.
func (c *Core) agedSnapshots() {
	if n := len(c.conf.GetVoters()) + len(c.conf.GetLearners()); n == 1 {
		c.fetching = nil
		return // nobody follows: a single node's tick costs next to nothing
	}
	waiting := map[uint64]int{}
	c.rn.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
		if p.State == tracker.StateSnapshot {
			waiting[id] = c.fetching[id] + 1
		}
	})
	c.fetching = waiting
	for _, id := range slices.Sorted(maps.Keys(waiting)) {
		if waiting[id] > snapshotTicks*c.o.ElectionTicks {
			waiting[id] = 0
			c.rn.ReportSnapshot(id, raft.SnapshotFailure)
		}
	}
}
