package quorum

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/invariants"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// Advance does one round of the work that inputs have left: make durable, send, apply, in this
// order. progress false means that there was nothing to do. After an error the quorum is over:
// what was promised can no longer be kept (C-12).
func (c *Core) Advance() (progress bool, err error) {
	if c.err != nil {
		return false, c.err
	}
	defer c.catch(&err)
	rd := c.stuck
	if rd == nil {
		if !c.rn.HasReady() {
			return false, nil
		}
		ready := c.rn.Ready()
		rd, c.pending, c.changing, c.wrote = &ready, 0, false, 0
	}
	err = c.effects(rd)
	if noRoom(err) {
		if c.stuck == nil {
			c.o.Logger.Warn("the metadata log waits for room on the disk", "dir", c.o.Dir, "err", err)
		}
		c.stuck = rd
		c.observe()
		c.tell()
		return false, nil
	}
	c.stuck = nil
	if err != nil {
		return true, c.fail(err)
	}
	c.rn.Advance(*rd)
	c.observe()
	c.tell()
	return true, nil
}

// noRoom says of an error that the disk was full and nothing is lost or half done: the effects of the Ready begin
// again with the next Advance, where they ended (S-11). Until then nothing of it is sent or applied, so that
// other voters, if there are any, elect a leader that has room.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) && !errors.Is(err, storage.ErrOffline) && !errors.Is(err, errHalfDone) && !plantedDieOfNoRoom
}

// effects carries out a Ready. S-06: nothing leaves this node, and nothing is applied, before it
// is durable here.
func (c *Core) effects(rd *raft.Ready) error {
	if err := c.install(rd); err != nil {
		return err
	}
	if err := c.write(rd.Entries); err != nil {
		return err
	}
	if plantedApplyBeforePersist {
		if err := c.apply(rd.CommittedEntries); err != nil {
			return err
		}
		rd.CommittedEntries = nil
	}
	if plantedSendBeforePersist {
		if err := c.send(rd.Messages); err != nil {
			return err
		}
		rd.Messages = nil
	}
	if err := c.persist(rd); err != nil {
		return err
	}
	if err := c.send(rd.Messages); err != nil {
		return err
	}
	c.tell() // a lost leadership is told before the entries of others
	return c.apply(rd.CommittedEntries)
}

// write appends entries to the log, where they can be read but may still be lost.
func (c *Core) write(entries []*pb.Entry) error {
	if len(entries) == c.wrote {
		return nil
	}
	n, err := c.log.append(entries[c.wrote:], c.voters(), c.nowMs)
	c.wrote += n
	if noRoom(err) {
		return err // what came with a message is needed again
	}
	c.log.forget()
	return err
}

// persist makes what write wrote and the hard state durable.
func (c *Core) persist(rd *raft.Ready) error {
	if len(rd.Entries) > 0 {
		if err := c.log.sync(); err != nil {
			return err
		}
	}
	if raft.IsEmptyHardState(rd.HardState) {
		return nil
	}
	return c.persistHardState(hardState{term: rd.GetTerm(), vote: brokerID(rd.GetVote()), commit: rd.GetCommit()})
}

// persistHardState saves hs if term or vote changed, or if a membership entry is now known to be
// committed: a restarted voter must not fall back behind the voters that it has acted under.
// Otherwise the commit index may lag; a leader tells it again.
func (c *Core) persistHardState(hs hardState) error {
	old := c.state.saved.hard
	invariants.Check(hs.commit <= c.log.last(), "entry %d is committed, the metadata log ends with %d (C-19)", hs.commit, c.log.last())
	if hs.term > maxTerm {
		return fmt.Errorf("%w: term %d is no leader epoch", ErrCorrupt, hs.term)
	}
	membership := c.log.memberBetween(old.commit, hs.commit) && !plantedConfCommit
	if hs.term == old.term && hs.vote == old.vote && !membership || plantedHardState {
		return nil
	}
	st := c.state.saved
	st.hard = hs
	return c.state.save(st)
}

// voters are the present voters, ascending. Before the first membership entry is applied there
// are none.
func (c *Core) voters() []kafka.BrokerID {
	out := make([]kafka.BrokerID, 0, maxVoters)
	for _, id := range c.conf.Voters {
		out = append(out, brokerID(id))
	}
	slices.Sort(out)
	return out
}

// send gives the messages to the transport. Their entries are durable.
func (c *Core) send(ms []*pb.Message) error {
	if len(ms) == 0 || c.o.Transport == nil {
		return nil
	}
	c.outbox = c.outbox[:0]
	for _, m := range ms {
		if m.GetType() == pb.MsgApp && m.GetTerm() < c.term {
			continue // of a lost leadership: its entries may have been replaced before they were written
		}
		if es := m.GetEntries(); len(es) > 0 && es[0].GetIndex() <= c.log.floor().index {
			continue // compacted since Raft made the message; it will find out and refer to the snapshot
		}
		data, err := c.log.encode(m)
		if err != nil {
			return err
		}
		c.outbox = append(c.outbox, Message{To: brokerID(m.GetTo()), Data: data})
	}
	c.o.Transport.Send(c.outbox)
	clear(c.outbox)
	return nil
}

// apply hands committed entries to the Machine, membership to raft.
func (c *Core) apply(es []*pb.Entry) error {
	if len(es) == 0 {
		return nil
	}
	c.scratch = c.scratch[:0]
	for _, e := range es {
		invariants.Check(e.GetIndex() == c.applied.index+1, "entry %d is applied after entry %d", e.GetIndex(), c.applied.index)
		out := Entry{Index: e.GetIndex(), Term: e.GetTerm(), Offset: c.log.offset(e.GetIndex())}
		if e.GetType() != pb.EntryNormal {
			if err := c.applyMembership(e); err != nil {
				return err
			}
		} else if len(e.GetData()) > 0 {
			out.Batch = batch.Batch(e.GetData())
		}
		c.scratch = append(c.scratch, out)
		c.applied = idOf(e)
	}
	err := c.o.Machine.Apply(c.scratch)
	clear(c.scratch)
	if err != nil {
		return fmt.Errorf("%w: apply metadata entries up to %d: %w", errHalfDone, c.applied.index, err)
	}
	return nil
}

func (c *Core) applyMembership(e *pb.Entry) error {
	var cc pb.ConfChangeI
	var err error
	if e.GetType() == pb.EntryConfChange {
		v1 := &pb.ConfChange{}
		err, cc = proto.Unmarshal(e.GetData(), v1), v1
	} else {
		v2 := &pb.ConfChangeV2{}
		err, cc = proto.Unmarshal(e.GetData(), v2), v2
	}
	if err != nil {
		return fmt.Errorf("%w: membership entry %d: %w", ErrCorrupt, e.GetIndex(), err)
	}
	c.conf = c.rn.ApplyConfChange(cc)
	return nil
}

// tell calls Machine.Lead if the State has changed.
func (c *Core) tell() {
	st := c.rn.BasicStatus()
	now := State{
		Leader: brokerID(st.Lead),
		Term:   int32(min(st.GetTerm(), maxTerm)),
		Self:   st.RaftState == raft.StateLeader && c.applied.term == st.GetTerm(),
	}
	if now != c.told {
		c.told = now
		c.o.Machine.Lead(now)
	}
}
