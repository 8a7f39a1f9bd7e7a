package sim

import (
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/internal/history"
	"github.com/thalweg-io/thalweg/internal/history/register"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// oracle knows what the run should look like: it sees every node at once, forgets nothing in a
// crash, and ends the run at the first thing that cannot be.
type oracle struct {
	w *world

	// The metadata log, as whoever came first has applied it.
	entries []committedEntry // by index-1
	images  map[int64]uint64 // hash of the image by metadata offset
	image   *metadata.Image  // the youngest that anybody has
	leaders map[int32]tenure // by term
	voters  []voterPast
	topics  []createdTopic
	ids     []idBlock
	epochs  map[kafka.BrokerEpoch]kafka.UUID // incarnations that brokers got epochs for
	applies int

	parts     map[kafka.TopicPartition]*partitionPast
	ops       []*operation
	processes history.Process
	values    uint64
	groups    map[string]*groupPast
	registers register.History // of committed offsets
}

// committedEntry is an entry of the metadata log.
type committedEntry struct {
	term   uint64
	offset int64
	hash   uint64 // of the batch, as it stands in the log
}

// tenure is who led a term: a process, not only a node.
type tenure struct{ node, start int }

// voterPast is what a voter has promised to others and done itself, over all its processes.
type voterPast struct {
	term    uint64                    // the highest that it has told
	saved   uint64                    // the one that its present process began with
	votes   map[uint64]kafka.BrokerID // by term
	acked   uint64                    // the last entry that it has acknowledged
	ackedIn uint64                    // in this term
	applied uint64                    // the last entry that any of its processes has applied
	next    uint64                    // index that the present process applies next
	events  int
	leads   bool // as its process was told last
	terms   int  // that it has led
}

type createdTopic struct {
	name   string
	id     kafka.TopicID
	offset int64 // of the image that had it when it was answered
}

type idBlock struct{ first, end int64 }

func newOracle(w *world) *oracle {
	return &oracle{
		w: w, images: map[int64]uint64{}, leaders: map[int32]tenure{}, voters: make([]voterPast, w.plan.Nodes),
		epochs: map[kafka.BrokerEpoch]kafka.UUID{}, parts: map[kafka.TopicPartition]*partitionPast{},
		groups: map[string]*groupPast{},
	}
}

// broker is a registered broker as the youngest image has it, or nil.
func (w *world) broker(id int32) *metadata.Broker {
	if w.oracle.image == nil {
		return nil
	}
	return w.oracle.image.Broker(kafka.BrokerID(id))
}

// entry is a committed entry, if anybody has applied it.
func (o *oracle) entry(index uint64) (e committedEntry, ok bool) {
	if index == 0 || index > uint64(len(o.entries)) {
		return e, false
	}
	return o.entries[index-1], true
}

// promised notes what a message promises, and that it is not less than before (S-06).
func (o *oracle) promised(n *node, m quorum.Message) {
	p, err := quorum.Inspect(m.Data)
	o.w.must(err)
	if p.Entries > 0 || p.Vote != kafka.NoBroker || p.Kind == "MsgSnap" {
		o.w.say("n%d->>n%d: %s term %d, %d entries", n.id, m.To, p.Kind, p.Term, p.Entries)
	}
	v := &o.voters[n.id]
	if p.Term > 0 && p.Term < v.saved { // messages of one Ready may come out of order
		o.w.violate("S-06", "node %d sends %s of term %d and has started in term %d", n.id, p.Kind, p.Term, v.saved)
	}
	v.term = max(v.term, p.Term)
	if p.Vote != kafka.NoBroker {
		if old, ok := v.votes[p.Term]; ok && old != p.Vote {
			o.w.violate("S-06", "node %d votes for %d and %d in term %d", n.id, old, p.Vote, p.Term)
		}
		if v.votes == nil {
			v.votes = map[uint64]kafka.BrokerID{}
		}
		v.votes[p.Term] = p.Vote
		o.w.some.hit("election")
	}
	if p.Acked > 0 && (p.Term > v.ackedIn || p.Term == v.ackedIn && p.Acked > v.acked) {
		v.acked, v.ackedIn = p.Acked, p.Term
	}
}

// opened compares what a starting node finds on its disks with what it has promised (S-06).
func (o *oracle) opened(n *node) {
	st, v := n.core.Status(), &o.voters[n.id]
	if st.Term < v.term {
		o.w.violate("S-06", "node %d starts in term %d and has told others of term %d", n.id, st.Term, v.term)
	}
	if vote, ok := v.votes[st.Term]; ok && vote != st.Vote {
		o.w.violate("S-06", "node %d starts with a vote for %d in term %d, in which it has voted for %d", n.id, st.Vote, st.Term, vote)
	}
	if st.Last < v.acked && st.LastTerm <= v.ackedIn {
		o.w.violate("S-06", "node %d starts with %d entries and has acknowledged %d in term %d", n.id, st.Last, v.acked, v.ackedIn)
	}
	if st.Last < v.applied {
		o.w.violate("C-19", "node %d starts with %d entries and has applied %d", n.id, st.Last, v.applied)
	}
	v.leads = false
	v.next, v.saved = st.Floor+1, st.Term
}

// refused: a message of a voter that keeps its promises is never implausible.
func (o *oracle) refused(n *node, from int, err error) {
	if len(o.w.plan.Faults) > 0 && o.w.plan.has(Replace) {
		return // from a voter that has been emptied
	}
	o.w.violate("C-19", "node %d refuses a message of node %d: %v", n.id, from, err)
}

// applying compares entries with what others have applied at the same place (C-18, C-19, R-26).
func (o *oracle) applying(n *node, es []quorum.Entry) {
	v := &o.voters[n.id]
	for i := range es {
		e := &es[i]
		if e.Index != v.next {
			o.w.violate("C-19", "node %d applies entry %d instead of %d", n.id, e.Index, v.next)
		}
		v.next++
		v.applied = max(v.applied, e.Index)
		c := committedEntry{term: e.Term, offset: e.Offset, hash: hashBytes(fnvOffset, e.Batch)}
		switch {
		case e.Index > uint64(len(o.entries))+1:
			o.w.violate("C-19", "node %d applies entry %d, nobody has applied %d", n.id, e.Index, len(o.entries)+1)
		case e.Index == uint64(len(o.entries))+1:
			o.first(n, e)
			o.entries = append(o.entries, c)
		case o.entries[e.Index-1] != c:
			o.w.violate("C-19", "node %d applies entry %d as term %d at %d, others as term %d at %d",
				n.id, e.Index, e.Term, e.Offset, o.entries[e.Index-1].term, o.entries[e.Index-1].offset)
		}
		o.w.e.note(c.hash)
	}
}

// first looks at an entry that is new to everybody: terms and offsets do not fall, offsets leave no gap.
func (o *oracle) first(n *node, e *quorum.Entry) {
	if e.Batch != nil && (e.Batch.BaseOffset() != e.Offset || uint64(e.Batch.LeaderEpoch()) != e.Term || !e.Batch.VerifyCRC()) {
		o.w.violate("R-26", "entry %d at %d of term %d is a batch at %d of epoch %d", e.Index, e.Offset, e.Term, e.Batch.BaseOffset(), e.Batch.LeaderEpoch())
	}
	if len(o.entries) == 0 {
		return
	}
	if last := o.entries[len(o.entries)-1]; e.Term < last.term || e.Offset <= last.offset {
		o.w.violate("R-27", "entry %d of term %d at %d follows one of term %d at %d", e.Index, e.Term, e.Offset, last.term, last.offset)
	}
}

// lead sees a change of leadership: one process per term (C-19), never again after a restart
// (C-13), and only one that has everything that was committed before (leader completeness).
func (o *oracle) lead(n *node, s quorum.State) {
	v := &o.voters[n.id]
	if v.leads && !s.Self {
		o.w.some.hit("leader deposed")
	}
	if v.leads = s.Self; !s.Self {
		return
	}
	me := tenure{n.id, n.starts}
	if old, ok := o.leaders[s.Term]; ok && old != me {
		rule := "C-19"
		if old.node == n.id {
			rule = "C-13"
		}
		o.w.violate(rule, "node %d (start %d) leads term %d, which node %d (start %d) has led", me.node, me.start, s.Term, old.node, old.start)
	}
	o.w.say("note over n%d: leads term %d", n.id, s.Term)
	o.leaders[s.Term] = me
	if v.terms++; v.terms > 1 {
		o.w.some.hit("second term on one node")
	}
	before := uint64(0)
	for i := len(o.entries); i > 0 && before == 0; i-- {
		if o.entries[i-1].term < uint64(s.Term) {
			before = uint64(i)
		}
	}
	if o.voters[n.id].next <= before {
		o.w.violate("C-19", "node %d leads term %d with entries up to %d applied; %d of former terms are committed", n.id, s.Term, o.voters[n.id].next-1, before)
	}
}

// ended notes what the end of a process leaves.
func (o *oracle) ended(n *node, kind FaultKind) {
	o.endedData(n, kind)
}

// forgetVoter: a voter that was removed and emptied has promised nothing.
func (o *oracle) forgetVoter(id int) { o.voters[id] = voterPast{} }
