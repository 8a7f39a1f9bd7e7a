package quorum

import (
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Status is what a voter holds: for whoever watches it from outside, such as the simulator.
type Status struct {
	Term      uint64         // as saved
	Vote      kafka.BrokerID // as saved; NoBroker if none in Term
	Floor     uint64         // index that the log begins after
	Last      uint64         // index of the last entry in the log
	LastTerm  uint64         // its term
	Applied   uint64         // index of the last entry that the Machine got
	NumVoters int            // as of the applied entries
}

// Status reports where this voter stands.
func (c *Core) Status() Status {
	last := c.log.last()
	term, _ := c.log.Term(last) // known for every entry of the log
	hs := c.state.saved.hard
	return Status{
		Term: hs.term, Vote: hs.vote, Floor: c.log.floor().index, Last: last, LastTerm: term,
		Applied: c.applied.index, NumVoters: len(c.conf.Voters),
	}
}

// Log is the metadata log, for who watches whether its disk answers (S-13).
func (c *Core) Log() *storage.Log { return c.log.log }

// Promise is what a message tells other voters of its sender's disk (S-06).
type Promise struct {
	Kind    string         // of raftpb.MessageType, such as "MsgApp"
	Term    uint64         // the sender has entered this term; 0: says nothing of it (pre-votes)
	Vote    kafka.BrokerID // voted for in Term; NoBroker: says nothing
	Acked   uint64         // entries of the sender's log up to here are durable; 0: says nothing
	Entries int            // carried
	Commit  uint64
	Reject  bool
}

// Inspect reads the promise out of a message as Transport got it. Errors: ErrMessage.
func Inspect(data []byte) (Promise, error) {
	m := &pb.Message{}
	if err := proto.Unmarshal(data, m); err != nil {
		return Promise{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	p := Promise{
		Kind: m.GetType().String(), Term: m.GetTerm(), Vote: kafka.NoBroker,
		Entries: len(m.GetEntries()), Commit: m.GetCommit(), Reject: m.GetReject(),
	}
	switch m.GetType() {
	case pb.MsgPreVote, pb.MsgPreVoteResp:
		p.Term = 0
	case pb.MsgVote:
		p.Vote = brokerID(m.GetFrom())
	case pb.MsgVoteResp:
		if !p.Reject {
			p.Vote = brokerID(m.GetTo())
		}
	case pb.MsgAppResp:
		if !p.Reject {
			p.Acked = m.GetIndex()
		}
	}
	return p, nil
}
