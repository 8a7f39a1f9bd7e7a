package quorum

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// cluster is some voters in one goroutine. Messages wait in net until a test delivers, drops or
// repeats them; a crash replaces a voter's disk by a crash clone. After every effect of a voter it
// checks C-13 and C-19: one leader per term and never the same one twice, equal entries at equal
// indexes, nothing sent or applied that a power cut here and now would take back.
type cluster struct {
	t       testing.TB
	rng     *rand.Rand
	nodes   []*node
	net     []envelope
	cut     map[[2]kafka.BrokerID]bool // directed links that lose everything
	leaders map[int32]*Core            // by term
	history []Entry                    // what anybody has applied, by index-1
	nowMs   int64
	strict  bool // check durability by crash clones: slow
}

type envelope struct {
	from, to kafka.BrokerID
	data     []byte
}

type node struct {
	c       *cluster
	id      kafka.BrokerID
	fs      *vfs.MemFS
	core    *Core // nil: down
	applied uint64
	state   State
	batches int

	fetches  []Snapshot // that it was told to fetch
	restored int        // times
	disk     struct {   // what durable has found, as long as the disk is not touched
		fs    *vfs.MemFS
		ops   int64
		state savedState
		last  uint64
	}
}

func newCluster(t testing.TB, n int, seed uint64) *cluster {
	c := &cluster{t: t, rng: rand.New(rand.NewPCG(seed, 99)), cut: map[[2]kafka.BrokerID]bool{}, leaders: map[int32]*Core{}, nowMs: 1_700_000_000_000}
	for i := range n {
		c.nodes = append(c.nodes, &node{c: c, id: kafka.BrokerID(i), fs: vfs.NewMem()})
	}
	for _, nd := range c.nodes {
		nd.open()
	}
	return c
}

func (c *cluster) voters() []kafka.BrokerID {
	var out []kafka.BrokerID
	for i := range c.nodes {
		out = append(out, kafka.BrokerID(i))
	}
	return out
}

func (n *node) open() {
	n.core = n.tryOpen(n.c.voters())
}

func (n *node) tryOpen(voters []kafka.BrokerID) *Core {
	n.applied, n.state, n.batches = 0, State{Leader: kafka.NoBroker}, 0
	core, err := Open(Options{
		FS: n.fs, Dir: "meta", ID: n.id, Voters: voters, Machine: n, Transport: n, Fetcher: n,
		Rand: rand.New(rand.NewPCG(n.c.rng.Uint64(), 1)), NowMs: n.c.nowMs,
		MaxMessageBytes: 300, MaxInflightBytes: 2000, MaxBatchBytes: 4096, TailBytes: 1000, SegmentBytes: 8192, MaxApplyBytes: 500,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		n.c.t.Fatalf("open node %d: %v", n.id, err)
	}
	return core
}

// Send implements Transport.
func (n *node) Send(ms []Message) {
	for _, m := range ms {
		if n.c.strict {
			n.keepsPromise(m.Data)
		}
		if !n.c.cut[[2]kafka.BrokerID{n.id, m.To}] {
			n.c.net = append(n.c.net, envelope{n.id, m.To, m.Data})
		}
	}
}

// keepsPromise checks that what a message says is on the disk (S-06).
func (n *node) keepsPromise(data []byte) {
	m := &pb.Message{}
	if err := proto.Unmarshal(data, m); err != nil {
		n.c.t.Fatal(err)
	}
	st, last := n.durable()
	switch m.GetType() {
	case pb.MsgVote, pb.MsgHeartbeat, pb.MsgApp:
		if st.hard.term < m.GetTerm() {
			n.c.t.Fatalf("node %d sends %v of term %d, on disk is term %d", n.id, m.GetType(), m.GetTerm(), st.hard.term)
		}
	case pb.MsgVoteResp:
		if !m.GetReject() && (st.hard.term != m.GetTerm() || raftID(st.hard.vote) != m.GetTo()) {
			n.c.t.Fatalf("node %d votes for %d in term %d, on disk is %d in term %d", n.id, brokerID(m.GetTo()), m.GetTerm(), st.hard.vote, st.hard.term)
		}
	case pb.MsgAppResp:
		if !m.GetReject() && last < m.GetIndex() {
			n.c.t.Fatalf("node %d acknowledges entry %d, on disk are %d", n.id, m.GetIndex(), last)
		}
	}
}

// durable is what this node would know after a power cut now.
func (n *node) durable() (savedState, uint64) {
	if ops := n.fs.Ops(); n.disk.fs != n.fs || n.disk.ops != ops {
		l := n.diskLog(vfs.LoseUnsynced)
		n.disk.fs, n.disk.ops, n.disk.state, n.disk.last = n.fs, ops, l.file.saved, l.last()
	}
	return n.disk.state, n.disk.last
}

// diskLog opens the log on a crash clone.
func (n *node) diskLog(u vfs.Unsynced) *entryLog {
	o := Options{FS: n.fs.CrashClone(nil, vfs.CrashOptions{Unsynced: u}), Dir: "meta", SegmentBytes: 8192}
	st, err := openStateFile(o.FS, o.statePath())
	if err != nil {
		n.c.t.Fatalf("node %d: %v", n.id, err)
	}
	lg, err := openLog(&o)
	if err != nil {
		n.c.t.Fatalf("node %d: %v", n.id, err)
	}
	l := &entryLog{log: lg, file: st}
	if err := l.rebuild(); err != nil {
		n.c.t.Fatalf("node %d: %v", n.id, err)
	}
	return l
}

// Apply implements Machine.
func (n *node) Apply(es []Entry) error {
	t := n.c.t
	if n.c.strict {
		if _, last := n.durable(); last < es[len(es)-1].Index {
			t.Fatalf("node %d applies entry %d, on disk are %d (S-06)", n.id, es[len(es)-1].Index, last)
		}
	}
	for _, e := range es {
		if e.Index != n.applied+1 {
			t.Fatalf("node %d applies entry %d after %d", n.id, e.Index, n.applied)
		}
		n.applied = e.Index
		if e.Batch != nil {
			n.batches++
			if e.Batch.BaseOffset() != e.Offset || uint64(e.Batch.LeaderEpoch()) != e.Term {
				t.Fatalf("entry %+v has offset %d, epoch %d", e, e.Batch.BaseOffset(), e.Batch.LeaderEpoch())
			}
		}
		e.Batch = bytes.Clone(e.Batch)
		if int(e.Index) > len(n.c.history) {
			n.c.history = append(n.c.history, e)
		} else if h := n.c.history[e.Index-1]; h.Term != e.Term || h.Offset != e.Offset || !bytes.Equal(h.Batch, e.Batch) {
			t.Fatalf("node %d applies %+v, another node %+v (C-19)", n.id, e, h)
		}
	}
	return nil
}

// Lead implements Machine.
func (n *node) Lead(s State) {
	n.state = s
	if !s.Self {
		return
	}
	if s.Leader != n.id {
		n.c.t.Fatalf("node %d leads itself, but says %+v", n.id, s)
	}
	if old := n.c.leaders[s.Term]; old != nil && old != n.core {
		n.c.t.Fatalf("term %d has two leaders, one of them node %d (C-19, C-13)", s.Term, n.id)
	}
	n.c.leaders[s.Term] = n.core
}

// work advances until there is nothing to do.
func (n *node) work() {
	for n.core != nil {
		busy, err := n.core.Advance()
		if err != nil {
			n.c.t.Fatalf("node %d: %v", n.id, err)
		}
		if !busy {
			return
		}
	}
}

func (n *node) tick() {
	if n.core == nil {
		return
	}
	n.c.nowMs += 10
	if err := n.core.Tick(n.c.nowMs); err != nil {
		n.c.t.Fatal(err)
	}
	n.work()
}

// crash takes the power from the node.
func (n *node) crash(o vfs.CrashOptions) {
	n.core = nil
	n.fs = n.fs.CrashClone(n.c.rng, o)
}

func (n *node) propose(text string, records int) (uint64, error) {
	i, err := n.core.Propose(testBatch(n.c.t, text, records))
	n.work()
	return i, err
}

// deliver hands the i-th waiting message over and keeps it if again.
func (c *cluster) deliver(i int, again bool) {
	m := c.net[i]
	if !again {
		c.net = append(c.net[:i], c.net[i+1:]...)
	}
	n := c.nodes[m.to]
	if n.core == nil || c.cut[[2]kafka.BrokerID{m.from, m.to}] {
		return
	}
	if err := n.core.Step(m.from, bytes.Clone(m.data)); err != nil {
		c.t.Fatalf("node %d refuses a message of node %d: %v", m.to, m.from, err)
	}
	n.work()
}

// settle delivers everything until nobody says anything more.
func (c *cluster) settle() {
	for n := 0; len(c.net) > 0; n++ {
		if n > 100_000 {
			c.t.Fatal("messages without end")
		}
		c.deliver(0, false)
	}
}

// leader is the node that leads and may decide, the one of the latest term; nil if there is none.
func (c *cluster) leader() *node {
	var best *node
	for _, n := range c.nodes {
		if n.core != nil && n.state.Self && (best == nil || n.state.Term > best.state.Term) {
			best = n
		}
	}
	return best
}

// elect ticks everybody until somebody leads and the rest follow.
func (c *cluster) elect() *node {
	c.t.Helper()
	for range 2000 {
		c.settle()
		if l := c.leader(); l != nil && c.followed(l) {
			return l
		}
		for _, n := range c.nodes {
			n.tick()
		}
	}
	c.t.Fatal("nobody is elected")
	return nil
}

func (c *cluster) followed(l *node) bool {
	for _, n := range c.nodes {
		if n.core != nil && !c.isolated(n) && (n.state.Leader != l.id || n.state.Term != l.state.Term) {
			return false
		}
	}
	return true
}

func (c *cluster) isolated(n *node) bool {
	for _, o := range c.nodes {
		if o != n && !c.cut[[2]kafka.BrokerID{n.id, o.id}] {
			return false
		}
	}
	return true
}

// isolate cuts a node off in both directions, or joins it again.
func (c *cluster) isolate(n *node, cut bool) {
	for _, o := range c.nodes {
		c.cut[[2]kafka.BrokerID{n.id, o.id}] = cut
		c.cut[[2]kafka.BrokerID{o.id, n.id}] = cut
	}
}

// agree heals everything, lets one more batch through and checks that all have applied the same
// and hold the same bytes.
func (c *cluster) agree() {
	c.t.Helper()
	clear(c.cut)
	for _, n := range c.nodes {
		if n.core == nil {
			n.open()
			n.work()
		}
	}
	l := c.elect()
	want, err := l.propose("agreed", 2)
	if err != nil {
		c.t.Fatal(err)
	}
	for range 200 {
		c.settle()
		for _, n := range c.nodes {
			n.tick()
		}
	}
	logs := make([][]byte, len(c.nodes))
	for i, n := range c.nodes {
		if n.applied < want || n.applied != l.applied {
			c.t.Fatalf("node %d has applied %d, the leader %d, the last proposal was %d", n.id, n.applied, l.applied, want)
		}
		dl := n.diskLog(vfs.LoseUnsynced)
		if err := dl.scan(0, dl.log.LogEndOffset(), scanBytes, func(b batch.Batch) (bool, error) {
			logs[i] = append(logs[i], b...)
			return true, nil
		}); err != nil {
			c.t.Fatal(err)
		}
		if !bytes.Equal(logs[i], logs[0]) {
			c.t.Fatalf("the logs of nodes 0 and %d differ", i)
		}
	}
}

// TestElectionAndReplication: three voters elect one leader, apply the same batches at the same
// offsets, and no message or apply runs ahead of the disk.
func TestElectionAndReplication(t *testing.T) {
	c := newCluster(t, 3, 1)
	c.strict = true
	l := c.elect()
	for i := range 5 {
		want := l.core.log.last() + 1
		if got, err := l.propose(fmt.Sprint("batch", i), 1+i); err != nil || got != want {
			t.Fatalf("proposal has index %d instead of %d, %v", got, want, err)
		}
		c.settle()
	}
	for _, n := range c.nodes {
		if n != l {
			if _, err := n.propose("no", 1); err != ErrNotLeader {
				t.Fatalf("a follower takes a proposal: %v", err)
			}
		}
	}
	c.agree()
	if got := c.nodes[0].batches; got != 6 {
		t.Fatalf("%d batches applied", got)
	}
}

// TestProposalIndexes: several proposals between two Advances get the indexes under which they are
// applied, and share a sync.
func TestProposalIndexes(t *testing.T) {
	c := newCluster(t, 3, 3)
	l := c.elect()
	want := map[uint64]string{}
	for i := range 10 {
		text := fmt.Sprintf("p%d", i)
		index, err := l.core.Propose(testBatch(t, text, 2))
		if err != nil {
			t.Fatal(err)
		}
		want[index] = text
	}
	syncs := 0
	l.fs.SetHook(func(op vfs.Op, _ string) {
		if op == vfs.OpSync || op == vfs.OpSyncData {
			syncs++
		}
	})
	l.work()
	c.settle()
	l.fs.SetHook(nil)
	if syncs != 1 {
		t.Errorf("%d syncs for ten proposals", syncs)
	}
	for index, text := range want {
		if !bytes.Contains(c.history[index-1].Batch, []byte(text)) {
			t.Errorf("entry %d is not proposal %s", index, text)
		}
	}
}

// TestConflictingSuffix: a leader cut off with entries that nobody has gets a new leader's entries
// in their place, in memory, on disk and after a restart.
func TestConflictingSuffix(t *testing.T) {
	for _, restart := range []bool{false, true} {
		c := newCluster(t, 3, 5)
		c.strict = true
		old := c.elect()
		old.propose("common", 3)
		c.settle()
		c.isolate(old, true)
		for i := range 4 {
			if _, err := old.propose(fmt.Sprint("lost", i), 2+i); err != nil {
				t.Fatal(err)
			}
		}
		old.state.Self = false // it does not know yet; leader() is not to find it
		fresh := c.elect()
		for i := range 2 {
			fresh.propose(fmt.Sprint("kept", i), 1)
			c.settle()
		}
		if restart {
			old.crash(vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})
		}
		c.agree()
		for _, e := range c.history {
			if bytes.Contains(e.Batch, []byte("lost")) {
				t.Fatalf("entry %d of the deposed leader was applied", e.Index)
			}
		}
		if term, _ := old.core.log.Term(old.core.log.last()); term != uint64(c.leader().state.Term) {
			t.Fatalf("the last entry has term %d", term)
		}
	}
}

// TestRestartedLeader: a leader that restarts does not lead the same term again (C-13), also if
// the disk kept only what was synced.
func TestRestartedLeader(t *testing.T) {
	for _, u := range []vfs.Unsynced{vfs.LoseUnsynced, vfs.KeepUnsynced} {
		c := newCluster(t, 3, 7)
		l := c.elect()
		term := l.state.Term
		l.propose("x", 1)
		c.settle()
		l.crash(vfs.CrashOptions{Unsynced: u})
		l.open()
		l.work()
		if got := l.core.State(); got.Self || l.core.term != uint64(term) {
			t.Fatalf("after a restart in term %d: %+v, term %d", term, got, l.core.term)
		}
		c.agree()
		if c.leader().state.Term <= term {
			t.Fatalf("term %d again", c.leader().state.Term)
		}
	}
}

// TestVoteSurvives: a voter that has voted and restarts gives no second vote in that term (S-06).
func TestVoteSurvives(t *testing.T) {
	c := newCluster(t, 3, 11)
	a, b, v := c.nodes[0], c.nodes[1], c.nodes[2]
	for _, n := range c.nodes {
		n.work()
	}
	vote := func(from *node, term uint64) bool {
		last, _ := v.core.log.LastIndex()
		lastTerm, _ := v.core.log.Term(last)
		data, err := proto.Marshal(&pb.Message{Type: pb.MsgVote.Enum(), From: new(raftID(from.id)), To: new(raftID(v.id)), Term: &term, Index: &last, LogTerm: &lastTerm})
		if err != nil {
			t.Fatal(err)
		}
		c.net = nil
		if err := v.core.Step(from.id, data); err != nil {
			t.Fatal(err)
		}
		v.work()
		m := &pb.Message{}
		if len(c.net) != 1 || proto.Unmarshal(c.net[0].data, m) != nil || m.GetType() != pb.MsgVoteResp {
			t.Fatalf("answer %v", c.net)
		}
		return !m.GetReject()
	}
	if !vote(a, 5) {
		t.Fatal("no vote at all")
	}
	v.crash(vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})
	v.open()
	v.work()
	if vote(b, 5) {
		t.Fatal("two votes in one term")
	}
	if !vote(a, 5) {
		t.Fatal("the vote is forgotten")
	}
}

// TestMembership: a fourth voter joins as a learner, becomes a voter through a joint change that
// removes another one, and the removed one no longer counts. Everybody's log is the same.
func TestMembership(t *testing.T) {
	c := newCluster(t, 3, 13)
	l := c.elect()
	joiner := &node{c: c, id: 3, fs: vfs.NewMem()}
	c.nodes = append(c.nodes, joiner)
	joiner.core = joiner.tryOpen(nil)
	joiner.work()
	change := func(cs ...Change) {
		t.Helper()
		if _, err := l.core.ProposeMembership(cs...); err != nil {
			t.Fatal(err)
		}
		if _, err := l.core.ProposeMembership(cs...); err != ErrChanging {
			t.Fatalf("two changes at once: %v", err)
		}
		l.work()
		for range 30 {
			c.settle()
			for _, n := range c.nodes {
				n.tick()
			}
		}
	}
	change(Change{AddLearner, 3})
	if joiner.applied != l.applied || joiner.core.voter() {
		t.Fatalf("the learner has applied %d of %d, voter %v", joiner.applied, l.applied, joiner.core.voter())
	}
	var gone *node
	for _, n := range c.nodes[:3] {
		if n != l {
			gone = n
		}
	}
	change(Change{AddVoter, 3}, Change{RemoveNode, gone.id})
	if !joiner.core.voter() || len(l.core.conf.VotersOutgoing) != 0 || len(l.core.voters()) != 3 {
		t.Fatalf("configuration %v", l.core.conf)
	}
	if _, err := l.core.ProposeMembership(Change{RemoveNode, 1}, Change{AddVoter, 1}); err == nil {
		t.Fatal("a change that contradicts itself is taken")
	}
	c.isolate(gone, true)
	gone.core, c.nodes = nil, nodesWithout(c.nodes, gone)
	c.settleTo(joiner, l)
	// Its configuration survives a restart that loses everything unsynced.
	joiner.crash(vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})
	joiner.core = joiner.tryOpen(nil)
	joiner.work()
	if !joiner.core.voter() || joiner.state.Self {
		t.Fatalf("after a restart: %v", joiner.core.conf)
	}
}

func nodesWithout(ns []*node, gone *node) []*node {
	out := append([]*node(nil), ns...)
	out[gone.id] = &node{c: gone.c, id: gone.id} // stays down: ids are positions
	return out
}

// settleTo proposes once more and expects it on n.
func (c *cluster) settleTo(n, l *node) {
	c.t.Helper()
	want, err := l.propose("later", 1)
	if err != nil {
		c.t.Fatal(err)
	}
	c.settle()
	l.tick()
	c.settle()
	if n.applied < want {
		c.t.Fatalf("node %d has applied %d of %d", n.id, n.applied, want)
	}
}

// TestUnreachable: a leader that has as many messages under way to a follower as it may, all of
// them lost, goes on at the right place once the transport reports it, without waiting for a tick.
func TestUnreachable(t *testing.T) {
	c := newCluster(t, 3, 19)
	l := c.elect()
	to := c.nodes[(int(l.id)+1)%3]
	c.isolate(to, true)
	for i := range defaultMaxInflightMessages + 5 {
		if _, err := l.propose(fmt.Sprint("missed", i), 1); err != nil {
			t.Fatal(err)
		}
		c.settle()
	}
	clear(c.cut)
	l.core.ReportUnreachable(to.id)
	l.core.ReportSnapshot(to.id, false) // says nothing to who is not waiting for one
	l.work()
	if _, err := l.propose("after", 1); err != nil {
		t.Fatal(err)
	}
	c.settle()
	if to.applied != l.applied || to.batches != l.batches {
		t.Fatalf("node %d has applied %d of %d", to.id, to.applied, l.applied)
	}
}

// TestTransferLeader: leadership goes to the voter it is handed to.
func TestTransferLeader(t *testing.T) {
	c := newCluster(t, 3, 17)
	l := c.elect()
	to := c.nodes[(int(l.id)+1)%3]
	l.core.TransferLeader(to.id)
	l.work()
	if _, err := l.core.Propose(testBatch(t, "x", 1)); err != nil && err != ErrNotLeader {
		t.Fatal(err)
	}
	c.settle()
	if c.leader() != to || to.core.role != raft.StateLeader || l.state.Self {
		t.Fatalf("leader is %+v", c.leader())
	}
	c.agree()
}
