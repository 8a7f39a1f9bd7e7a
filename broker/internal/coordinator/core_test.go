package coordinator_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator/coordinatortest"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/twmb/franz-go/pkg/kerr"
)

// register is a machine for tests: values by key.
type register struct {
	values  map[string]string
	order   []string // "offset:key=value", as replayed
	loaded  int
	closed  []*kerr.Error
	refuse  string // a key that cannot be replayed
	onLoad  func(*coordinator.Turn)
	waiting []func(*kerr.Error)
}

func newRegister() *register { return &register{values: map[string]string{}} }

func (m *register) Replay(r coordinator.Replayed) error {
	if string(r.Key) == m.refuse && m.refuse != "" {
		return errors.New("damaged")
	}
	m.order = append(m.order, fmt.Sprintf("%d:%s=%s", r.Offset, r.Key, r.Value))
	if r.Value == nil {
		delete(m.values, string(r.Key))
		return nil
	}
	m.values[string(r.Key)] = string(r.Value)
	return nil
}

func (m *register) Loaded(t *coordinator.Turn) {
	m.loaded++
	if m.onLoad != nil {
		m.onLoad(t)
	}
}

func (m *register) Closed(code *kerr.Error) {
	m.closed = append(m.closed, code)
	for _, done := range m.waiting {
		done(code)
	}
	m.waiting = nil
}

// rig is a shard with a register; machine is the one that is in it now.
type rig struct {
	*coordinatortest.Shard
	machine *register
	made    []*register
	answers []string
}

func newRig() *rig {
	r := new(rig)
	r.Shard = coordinatortest.New(func() coordinator.Machine {
		r.machine = newRegister()
		r.made = append(r.made, r.machine)
		return r.machine
	}, nil)
	return r
}

// put writes a key and notes the answer.
func (r *rig) put(key, value string) *kerr.Error {
	return r.Do(func(t *coordinator.Turn) {
		t.Append([]byte(key), []byte(value))
		t.Answer(r.note("put " + key))
	})
}

func (r *rig) note(what string) func(*kerr.Error) {
	return func(code *kerr.Error) {
		outcome := "ok"
		if code != nil {
			outcome = code.Message
		}
		r.answers = append(r.answers, what+" "+outcome)
	}
}

func (r *rig) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(r.answers, want) {
		t.Errorf("answers %q, want %q", r.answers, want)
	}
	r.answers = nil
}

// TestAnswersWaitForCommit: an answer, of a read too, is given when all that the shard had seen is committed, and in order.
func TestAnswersWaitForCommit(t *testing.T) {
	r := newRig()
	r.Log.Hold = true
	r.put("a", "1")
	if r.machine.values["a"] != "1" {
		t.Error("not replayed at once")
	}
	r.expect(t)
	r.Do(func(turn *coordinator.Turn) { turn.Answer(r.note("read")) })
	r.put("b", "2")
	r.expect(t)
	r.Commit()
	r.expect(t, "put a ok", "read ok", "put b ok")
	r.Do(func(turn *coordinator.Turn) { turn.Answer(r.note("read")) })
	r.expect(t, "read ok")
}

// TestAnswerHasDeadline: what is not committed in time is answered with a code that clients retry.
func TestAnswerHasDeadline(t *testing.T) {
	r := newRig()
	r.Log.Hold = true
	r.put("a", "1")
	r.Advance(4999)
	r.expect(t)
	r.put("b", "1")
	r.Advance(1)
	r.expect(t, "put a "+kerr.CoordinatorNotAvailable.Message)
	r.Commit()
	r.expect(t, "put b ok")
}

// TestOneDecisionIsOneBatch, replayed with the offsets that it has in the log.
func TestOneDecisionIsOneBatch(t *testing.T) {
	r := newRig()
	r.put("x", "0")
	r.Do(func(turn *coordinator.Turn) {
		turn.Append([]byte("a"), []byte("1"))
		turn.Append([]byte("x"), nil)
		if len(r.machine.order) != 1 {
			t.Error("replayed before the decision had ended")
		}
	})
	want := []string{"0:x=0", "1:a=1", "2:x="}
	if !slices.Equal(r.machine.order, want) {
		t.Errorf("replayed %q, want %q", r.machine.order, want)
	}
	r.Reload()
	if !slices.Equal(r.machine.order, want) || len(r.machine.values) != 1 {
		t.Errorf("after a reload: replayed %q, want %q", r.machine.order, want)
	}
	if n := len(r.Log.Records()); n != 3 || r.Log.Records()[1].TimestampMs != r.NowMs {
		t.Errorf("%d records, %+v", n, r.Log.Records())
	}
}

// TestFailedAppendDiscards: the callers are told, the machine is closed, and a new one is loaded.
func TestFailedAppendDiscards(t *testing.T) {
	r := newRig()
	r.put("a", "1")
	r.expect(t, "put a ok")
	first := r.machine
	first.waiting = append(first.waiting, r.note("waiter"))
	r.Log.Hold = true
	r.put("b", "2")
	r.Log.Fail = errors.New("disk")
	r.put("c", "3")
	r.expect(t, "put b "+kerr.NotCoordinator.Message, "waiter "+kerr.NotCoordinator.Message, "put c "+kerr.NotCoordinator.Message)
	if code := r.put("d", "4"); code != kerr.CoordinatorLoadInProgress {
		t.Errorf("while it waits to be loaded: %v", code)
	}
	r.Log.Fail = coordinatortest.ErrFull
	r.Advance(100)
	if r.machine == first || r.machine.loaded != 1 || r.machine.values["b"] != "2" || len(first.closed) != 1 {
		t.Errorf("machines %d, now %+v", len(r.made), r.machine)
	}
	r.put("e", "5")
	r.expect(t, "put e "+kerr.CoordinatorNotAvailable.Message)
}

// TestCodec: batches are compressed as the options say, and replayed at once and after a reload.
func TestCodec(t *testing.T) {
	for codec := compress.None; codec <= compress.Zstd; codec++ {
		r := &rig{}
		r.Shard = coordinatortest.New(func() coordinator.Machine {
			r.machine = newRegister()
			return r.machine
		}, nil, func(o *coordinator.Options) { o.Codec = codec })
		value := strings.Repeat("much of the same ", 100)
		r.put("a", value)
		r.put("b", "2")
		raw, _, err := r.Log.Read(nil, 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := batch.Next(raw)
		if err != nil || b.Codec() != codec || codec != compress.None && len(b) > 1000 {
			t.Errorf("%v: codec %v, %d bytes, %v", codec, b.Codec(), len(b), err)
		}
		if r.machine.values["a"] != value {
			t.Errorf("%v: not replayed", codec)
		}
		if r.Reload(); r.machine.values["a"] != value || r.machine.values["b"] != "2" || r.machine.loaded != 1 {
			t.Errorf("%v: not loaded", codec)
		}
	}
}

// TestTooLarge: a batch over the bound is not appended.
func TestTooLarge(t *testing.T) {
	r := newRig()
	r.Log.MaxBytes = 1000
	large := strings.Repeat("x", 1000)
	r.Do(func(turn *coordinator.Turn) {
		if turn.Fits(1, len(large)) || !turn.Fits(1, 800) {
			t.Error("Fits is wrong")
		}
	})
	r.put("a", large)
	r.expect(t, "put a "+kerr.MessageTooLarge.Message)
	if len(r.Log.Records()) != 0 {
		t.Error("appended")
	}
}

// TestLostLeadership: a shard that is led elsewhere answers nobody any more, and never gives an answer that was computed under
// the former epoch (T-15).
func TestLostLeadership(t *testing.T) {
	r := newRig()
	r.Log.Hold = true
	r.put("a", "1")
	r.Log.Epoch++ // the metadata has not told yet
	if code := r.put("b", "1"); code != kerr.NotCoordinator {
		t.Errorf("refused with %v", code)
	}
	r.expect(t, "put a "+kerr.NotCoordinator.Message)
	r = newRig()
	r.Log.Hold = true
	r.put("a", "1")
	r.Log.Truncate(0)
	r.Log.Epoch++
	_, _ = r.Log.Append(foreign(t), r.Log.Epoch, 0)
	r.Commit() // what another leader has written in its place is committed, not ours
	r.expect(t, "put a "+kerr.NotCoordinator.Message)
	r.Core.Resign(0, r.Log.Epoch)
	r.Advance(60_000)
	if code := r.put("b", "1"); code != kerr.NotCoordinator {
		t.Errorf("refused with %v", code)
	}
}

// TestStaleEpoch: news of an older leader epoch is ignored.
func TestStaleEpoch(t *testing.T) {
	r := newRig()
	r.Reload() // epoch 2
	r.Core.Lead(0, 1, r.NowMs)
	r.Core.Resign(0, 1)
	r.Step()
	if code := r.put("a", "1"); code != nil || len(r.made) != 2 {
		t.Errorf("refused with %v; %d machines", code, len(r.made))
	}
	r.Log.Epoch = 5
	r.Core.Resign(0, 5)
	r.Core.Lead(0, 4, r.NowMs)
	r.Core.Lead(0, 5, r.NowMs) // somebody else was elected in 5
	r.Step()
	if code := r.put("a", "1"); code != kerr.NotCoordinator || len(r.made) != 2 {
		t.Errorf("refused with %v; %d machines", code, len(r.made))
	}
}

// TestLoading: a shard serves when it has replayed all that was there, uncommitted records included, a piece at each step.
func TestLoading(t *testing.T) {
	r := newRig()
	value := strings.Repeat("v", 500_000)
	for i := range 5 {
		r.put(fmt.Sprint(i), value)
	}
	r.Log.Hold = true
	r.put("last", "1")
	r.Log.Epoch++
	r.Core.Lead(0, r.Log.Epoch, r.NowMs)
	r.answers = nil
	steps := 0
	for ; r.machine.loaded == 0; steps++ {
		refused := error(nil)
		r.Core.Do(0, r.NowMs, func(*coordinator.Turn, coordinator.Machine) { t.Error("decided while loading") },
			func(code *kerr.Error) { refused = code })
		if refused != kerr.CoordinatorLoadInProgress {
			t.Fatalf("refused with %v", refused)
		}
		r.Core.Step(r.NowMs)
	}
	if steps != 3 || len(r.machine.values) != 6 {
		t.Errorf("%d steps, %d values", steps, len(r.machine.values))
	}
	r.Do(func(turn *coordinator.Turn) { turn.Answer(r.note("read")) })
	r.expect(t) // as it shows what is not committed yet
	r.Commit()
	r.expect(t, "read ok")
}

// TestLoadFailure: what cannot be read or replayed is tried again, with longer and longer pauses.
func TestLoadFailure(t *testing.T) {
	r := newRig()
	r.put("a", "1")
	r.Log.FailRead = errors.New("disk")
	r.Reload()
	r.Advance(60_000)
	if n := len(r.made); n < 10 || n > 30 {
		t.Errorf("%d attempts within a minute", n)
	}
	if code := r.put("b", "1"); code != kerr.CoordinatorLoadInProgress {
		t.Errorf("refused with %v", code)
	}
	r.Log.FailRead = nil
	r.Advance(maxPause)
	if code := r.put("b", "1"); code != nil || r.machine.values["a"] != "1" {
		t.Errorf("refused with %v, %v", code, r.machine.values)
	}
}

const maxPause = 10_000

// TestLogNotOpenYet: the log may be opened only after the publish that elected this broker; the shard is loaded soon after.
func TestLogNotOpenYet(t *testing.T) {
	r := newRig()
	r.Core.Lead(0, 3, r.NowMs) // the log is still led in epoch 0
	r.Advance(60_000)
	if code := r.put("a", "1"); code != kerr.CoordinatorLoadInProgress {
		t.Errorf("refused with %v", code)
	}
	r.Log.Epoch = 3
	r.Advance(200)
	if code := r.put("a", "1"); code != nil {
		t.Errorf("refused with %v", code)
	}
}

// TestReplayFailureDiscards a shard that serves, too.
func TestReplayFailureDiscards(t *testing.T) {
	r := newRig()
	r.machine.refuse = "a"
	r.put("a", "1")
	r.expect(t, "put a "+kerr.NotCoordinator.Message)
	r.Advance(maxPause)
	if r.machine.values["a"] != "1" { // the new one does not refuse it
		t.Errorf("%v", r.machine.values)
	}
}

// TestForeignRecords: what somebody else has written into the partition is taken in.
func TestForeignRecords(t *testing.T) {
	r := newRig()
	r.put("a", "1")
	_, _ = r.Log.Append(foreign(t), r.Log.Epoch, 0)
	r.put("b", "1")
	r.expect(t, "put a ok", "put b "+kerr.NotCoordinator.Message)
	r.Advance(maxPause)
	if got := strings.Join(r.machine.order, " "); got != "0:a=1 1:f=f 2:b=1" {
		t.Errorf("replayed %s", got)
	}
}

// TestTimers make decisions, in order of time; one of the same name replaces the former; they die with the shard.
func TestTimers(t *testing.T) {
	r := newRig()
	fired := func(name string) func(*coordinator.Turn) {
		return func(turn *coordinator.Turn) {
			r.answers = append(r.answers, fmt.Sprintf("%s at %d", name, turn.Now()-1_000_000))
			turn.Append([]byte(name), []byte("1"))
		}
	}
	r.Do(func(turn *coordinator.Turn) {
		turn.Timer("b", turn.Now()+20, fired("b"))
		turn.Timer("a", turn.Now()+10, fired("a"))
		turn.Timer("c", turn.Now()+10, fired("c"))
		turn.Timer("gone", turn.Now()+15, fired("gone"))
		turn.Timer("past", turn.Now()-5, fired("past"))
		turn.Timer("b", turn.Now()+30, fired("b2"))
		turn.Cancel("gone")
		turn.Cancel("unknown")
		if len(r.answers) > 0 {
			t.Error("fired within the decision")
		}
	})
	r.Advance(25)
	r.expect(t, "past at 0", "a at 10", "c at 10")
	r.Do(func(turn *coordinator.Turn) { turn.Timer("d", turn.Now()+100, fired("d")) })
	r.Advance(5)
	r.expect(t, "b2 at 30")
	r.Reload()
	r.Advance(1000)
	r.expect(t)
	if len(r.machine.values) != 4 {
		t.Errorf("%v", r.machine.values)
	}
	again := 0
	var tick func(*coordinator.Turn)
	tick = func(turn *coordinator.Turn) {
		again++
		turn.Timer("tick", turn.Now(), tick)
	}
	r.Core.Do(0, r.NowMs, func(turn *coordinator.Turn, _ coordinator.Machine) { tick(turn) }, nil)
	r.Core.Step(r.NowMs)
	r.Core.Step(r.NowMs)
	if again != 3 {
		t.Errorf("a timer that sets itself has fired %d times in two steps", again-1)
	}
}

// TestLoadedAppends: the first decision may write.
func TestLoadedAppends(t *testing.T) {
	s := coordinatortest.New(func() coordinator.Machine {
		m := newRegister()
		m.onLoad = func(turn *coordinator.Turn) { turn.Append([]byte("l"), []byte("1")) }
		return m
	}, nil)
	if n := len(s.Log.Records()); n != 1 {
		t.Errorf("%d records", n)
	}
}

// foreign is a batch of somebody else.
func foreign(t *testing.T) batch.Batch {
	var b batch.Builder
	b.Reset(batch.BuilderOptions{})
	b.Append(1, []byte("f"), []byte("f"), nil)
	built, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// TestWallClockJumps: what machines see and write jumps with it, what they wait for does not.
func TestWallClockJumps(t *testing.T) {
	r := newRig()
	fired := func(turn *coordinator.Turn) { r.answers = append(r.answers, fmt.Sprintf("fired at %d", turn.Now())) }
	start := r.NowMs
	r.Do(func(turn *coordinator.Turn) { turn.Timer("a", turn.Now()+1000, fired) })
	r.Core.SetWall(-300_000)
	r.Do(func(turn *coordinator.Turn) { turn.Timer("b", turn.Now()+500, fired) })
	r.Advance(999)
	r.expect(t, fmt.Sprintf("fired at %d", start+500-300_000))
	r.Core.SetWall(3_000_000)
	r.Advance(1)
	r.expect(t, fmt.Sprintf("fired at %d", start+1000+3_000_000))
	r.put("k", "v")
	if got := r.Log.Records()[0].TimestampMs; got != r.NowMs+3_000_000 {
		t.Errorf("timestamp %d", got)
	}
}
