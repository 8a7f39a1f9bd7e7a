package quorum

import (
	"errors"
	"fmt"
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

var (
	// ErrChanging is returned for a membership change while another one is not yet applied.
	ErrChanging = errors.New("a change of the metadata quorum is under way")
	// ErrChange is returned for a membership change that makes no sense.
	ErrChange = errors.New("invalid change of the metadata quorum")
)

// ChangeKind is what a Change does.
type ChangeKind uint8

// Kinds of Change.
const (
	AddVoter   ChangeKind = iota // also turns a learner into a voter
	AddLearner                   // gets the log, does not vote; add voters as learners first
	RemoveNode
)

// Change is one step of a membership change.
type Change struct {
	Kind ChangeKind
	Node kafka.BrokerID
}

// ProposeMembership proposes a new set of voters and returns the entry's index. One change is made
// at once, several through a joint configuration that is left by itself (C-14: one at a time). The
// change holds for each node from when it applies the entry. Errors: ErrNotLeader, ErrChanging,
// ErrChange.
func (c *Core) ProposeMembership(changes ...Change) (index uint64, err error) {
	switch {
	case c.err != nil:
		return 0, c.err
	case !c.mayPropose():
		return 0, ErrNotLeader
	case c.stuck != nil:
		return 0, ErrNoRoom
	case c.changing || len(c.conf.VotersOutgoing) > 0 || c.log.memberBetween(c.applied.index, c.log.last()):
		return 0, ErrChanging
	}
	cc, err := c.confChange(changes)
	if err != nil {
		return 0, err
	}
	defer c.catch(&err)
	if err := c.rn.ProposeConfChange(cc); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrTooMuch, err)
	}
	c.pending++
	c.changing = true
	return c.log.last() + c.pending, nil
}

func (c *Core) confChange(changes []Change) (*pb.ConfChangeV2, error) {
	kinds := [...]pb.ConfChangeType{AddVoter: pb.ConfChangeAddNode, AddLearner: pb.ConfChangeAddLearnerNode, RemoveNode: pb.ConfChangeRemoveNode}
	voters := c.voters()
	cc := &pb.ConfChangeV2{}
	for i, ch := range changes {
		if int(ch.Kind) >= len(kinds) || ch.Node < 0 || slices.ContainsFunc(changes[:i], func(o Change) bool { return o.Node == ch.Node }) {
			return nil, fmt.Errorf("%w: %v", ErrChange, changes)
		}
		cc.Changes = append(cc.Changes, &pb.ConfChangeSingle{Type: kinds[ch.Kind].Enum(), NodeId: new(raftID(ch.Node))})
		voters = slices.DeleteFunc(voters, func(v kafka.BrokerID) bool { return v == ch.Node })
		if ch.Kind == AddVoter {
			voters = append(voters, ch.Node)
		}
	}
	if len(changes) == 0 || len(voters) == 0 || len(voters) > maxVoters {
		return nil, fmt.Errorf("%w: %v leaves %d voters", ErrChange, changes, len(voters))
	}
	return cc, nil
}
