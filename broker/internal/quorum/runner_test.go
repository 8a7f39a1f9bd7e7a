package quorum

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// member is a Runner with the Machine and Transport of a test.
type member struct {
	*Runner
	id    kafka.BrokerID
	peers map[kafka.BrokerID]*member
	mu    struct {
		sync.Mutex
		fold
		deaf bool // neither sends nor hears
	}
}

func (m *member) Apply(es []Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.fold.Apply(es)
}

func (m *member) Lead(s State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.fold.Lead(s)
}

func (m *member) Send(ms []Message) {
	for _, msg := range ms {
		if to := m.peers[msg.To]; to != nil && !m.isDeaf() && !to.isDeaf() {
			to.Receive(m.id, msg.Data)
		}
	}
}

func (m *member) isDeaf() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.deaf
}

func (m *member) setDeaf(deaf bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.deaf = deaf
}

func (m *member) batches() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.fold.batches()
}

func newMember(t *testing.T, fs vfs.FS, id kafka.BrokerID, voters []kafka.BrokerID, o RunnerOptions) *member {
	m := &member{id: id}
	core, err := Open(Options{FS: fs, Dir: "meta", ID: id, Voters: voters, Machine: m, Transport: m, Rand: rand.New(rand.NewPCG(uint64(id), 7))})
	must(t, err)
	m.Runner = NewRunner(core, o)
	return m
}

// TestRunnerAlone: a lone broker leads without waiting for a tick, takes proposals from many
// goroutines, stops cleanly, and has everything after a restart.
func TestRunnerAlone(t *testing.T) {
	fs := vfs.NewMem()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		m := newMember(t, fs, 0, []kafka.BrokerID{0}, RunnerOptions{})
		m.Start()
		synctest.Wait()
		if st := m.State(); !st.Self || time.Since(begin) != 0 {
			t.Fatalf("after %v: %+v", time.Since(begin), st)
		}
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if _, err := m.Propose(testBatch(t, fmt.Sprint("p", i), 1)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		if got := m.batches(); len(got) != 20 {
			t.Fatalf("applied %v", got)
		}
		must(t, m.Stop())
		must(t, m.Stop())
		if _, err := m.Propose(testBatch(t, "late", 1)); !errors.Is(err, ErrStopped) {
			t.Fatalf("after Stop: %v", err)
		}
		if m.Err() != nil {
			t.Fatal(m.Err())
		}
		again := newMember(t, fs, 0, nil, RunnerOptions{})
		again.Start()
		synctest.Wait()
		if got := again.batches(); len(got) != 20 {
			t.Fatalf("after a restart: %v", got)
		}
		must(t, again.Stop())
	})
}

// TestRunnerStopNotStarted: calls that are queued when the quorum ends are answered.
func TestRunnerStopWhileBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, vfs.NewMem(), 0, []kafka.BrokerID{0}, RunnerOptions{})
		m.Start()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				for {
					if _, err := m.Propose(testBatch(t, "x", 1)); errors.Is(err, ErrStopped) {
						return
					} else if err != nil && !errors.Is(err, ErrNotLeader) {
						t.Error(err)
						return
					}
					time.Sleep(time.Millisecond) // the bubble's clock: lets the others run
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		must(t, m.Stop())
		wg.Wait()
	})
}

// TestRunnerFailure: a failed fsync ends the quorum, once, and is told (C-12).
func TestRunnerFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.WithErrors(vfs.NewMem())
		told := 0
		m := newMember(t, fs, 0, []kafka.BrokerID{0}, RunnerOptions{Failed: func(error) { told++ }})
		m.Start()
		synctest.Wait()
		fs.SetRules(vfs.MustRules("op=syncdata,sync path=*.log err=EIO sticky")...)
		if _, err := m.Propose(testBatch(t, "x", 1)); err != nil {
			t.Fatal(err)
		}
		<-m.Done()
		if told != 1 || !errors.Is(m.Err(), syscall.EIO) || len(m.batches()) != 0 {
			t.Fatalf("told %d times, error %v, applied %v", told, m.Err(), m.batches())
		}
		if err := m.Submit(func(*Core) { t.Error("a call runs after the end") }); !errors.Is(err, ErrStopped) || !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
		if err := m.Stop(); !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
	})
}

// TestRunnerThree: three runners elect a leader in the bubble's time, survive its silence, and the
// deposed leader steps down by itself and follows again.
func TestRunnerThree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		voters := []kafka.BrokerID{0, 1, 2}
		peers := map[kafka.BrokerID]*member{}
		for _, id := range voters {
			peers[id] = newMember(t, vfs.NewMem(), id, voters, RunnerOptions{})
			peers[id].peers = peers
		}
		for _, id := range voters {
			peers[id].Start()
		}
		leader := func() (l *member) {
			t.Helper()
			for range 100 {
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
				for _, id := range voters {
					if m := peers[id]; m.State().Self && !m.isDeaf() {
						return m
					}
				}
			}
			t.Fatal("no leader after 10 s")
			return nil
		}
		old := leader()
		_, err := old.Propose(testBatch(t, "one", 1))
		must(t, err)
		synctest.Wait()
		old.setDeaf(true)
		fresh := leader()
		if fresh == old || fresh.State().Term <= old.mu.fold.states[0].Term {
			t.Fatalf("leader is %d in %+v", fresh.id, fresh.State())
		}
		_, err = fresh.Propose(testBatch(t, "two", 1))
		must(t, err)
		time.Sleep(5 * time.Second)
		if st := old.State(); st.Self {
			t.Fatalf("cut off for seconds, node %d still leads: %+v (CheckQuorum)", old.id, st)
		}
		if _, err := old.Propose(testBatch(t, "no", 1)); !errors.Is(err, ErrNotLeader) {
			t.Fatal(err)
		}
		if term := fresh.State().Term; old.State().Term > term {
			t.Fatalf("node %d has gone to term %d alone (PreVote)", old.id, old.State().Term)
		}
		old.setDeaf(false)
		time.Sleep(3 * time.Second)
		if !fresh.State().Self {
			t.Fatalf("the return of node %d has cost the leader its seat: %+v (PreVote)", old.id, fresh.State())
		}
		for _, id := range voters {
			if got := peers[id].batches(); !equal(got, []string{"onea", "twoa"}) {
				t.Errorf("node %d has applied %v", id, got)
			}
			must(t, peers[id].Stop())
		}
	})
}
