package replica

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/delayed"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

var (
	now    = time.UnixMilli(1_700_000_000_000)
	orders = kafka.TopicIDPartition{ID: kafka.TopicID{1, 2, 3}, Topic: "orders"}
)

// rig is one partition over a memory disk whose syncer the test steps itself.
type rig struct {
	t   *testing.T
	fs  *vfs.MemFS
	dir *storage.Dir
	p   *Partition
	v   batch.Validator
}

func newRig(t *testing.T, change func(*metadata.TopicConfig)) *rig {
	t.Helper()
	r := &rig{t: t, fs: vfs.NewMem()}
	r.open(change)
	return r
}

func (r *rig) open(change func(*metadata.TopicConfig)) {
	r.t.Helper()
	dir, err := storage.OpenDir(r.fs, "data", storage.DirOptions{
		ClusterID: "AQIDBAUGBwgJCgsMDQ4PEA", NodeID: 1, Random: func() [16]byte { return [16]byte{9, 9, 9} },
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	cfg := metadata.NewImage(metadata.ImageOptions{}).EffectiveTopicConfig("orders")
	if change != nil {
		change(&cfg)
	}
	m := NewManager(Options{Self: 1, Dirs: []*storage.Dir{dir}, Logger: slog.New(slog.DiscardHandler)})
	r.dir, r.p = dir, openNow(m, orders, &cfg)
	if err := r.p.Err(); err != nil {
		r.t.Fatal(err)
	}
}

// lead makes broker 1 the leader in an epoch, with the given in-sync set out of as many replicas.
func (r *rig) lead(epoch kafka.LeaderEpoch, isr ...kafka.BrokerID) {
	r.p.setRole(&metadata.Partition{Leader: 1, LeaderEpoch: epoch, Replicas: isr, ISR: isr})
}

func (r *rig) batch(times ...int64) batch.Batch {
	r.t.Helper()
	var b batch.Builder
	b.Reset(batch.BuilderOptions{})
	for _, ms := range times {
		b.Append(ms, nil, []byte("value"), nil)
	}
	built, err := b.Build()
	if err != nil {
		r.t.Fatal(err)
	}
	return append(batch.Batch(nil), built...)
}

func (r *rig) append(acks int16, times ...int64) (Appended, error) {
	return r.p.Append(r.batch(times...), &AppendOptions{Acks: acks, Now: now, Validator: &r.v})
}

func (r *rig) mustAppend(n int) Appended {
	r.t.Helper()
	times := make([]int64, n)
	for i := range times {
		times[i] = now.UnixMilli()
	}
	a, err := r.append(AcksAll, times...)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func (r *rig) wantWatermark(want int64) {
	r.t.Helper()
	if hw := r.p.HighWatermark(); hw != want {
		r.t.Fatalf("high watermark %d, want %d", hw, want)
	}
}

func (r *rig) read(offset int64) (Read, error) {
	res, err := r.p.Read(&ReadOptions{Offset: offset, MaxBytes: 1 << 20, MinOne: true, CurrentEpoch: -1, LastFetchedEpoch: -1})
	r.t.Cleanup(res.Slice.Close)
	return res, err
}

// TestWatermarkWaitsForTheFlush: under flush.policy=group nothing is committed, readable or
// acknowledged before it is flushed (durability 3).
func TestWatermarkWaitsForTheFlush(t *testing.T) {
	r := newRig(t, nil)
	r.lead(1, 1)
	a := r.mustAppend(3)
	r.wantWatermark(0)
	if err := r.p.Committed(a); !errors.Is(err, ErrUncommitted) {
		t.Fatalf("unflushed: %v", err)
	}
	if res, err := r.read(0); err != nil || res.Slice.Len() != 0 {
		t.Fatalf("unflushed records are readable: %d bytes, %v", res.Slice.Len(), err)
	}
	for r.dir.SyncOnce() {
	}
	r.wantWatermark(3)
	if err := r.p.Committed(a); err != nil {
		t.Fatal(err)
	}
	if res, err := r.read(0); err != nil || res.Slice.Len() == 0 || res.HighWatermark != 3 {
		t.Fatalf("flushed: %+v, %v", res, err)
	}
}

// TestPowerCutBehindTheWatermark: what a reader was shown is there after a power cut.
func TestPowerCutBehindTheWatermark(t *testing.T) {
	r := newRig(t, nil)
	r.lead(1, 1)
	for range 10 {
		r.mustAppend(2)
		r.dir.SyncOnce()
		r.mustAppend(1) // not flushed
		shown := r.p.HighWatermark()
		r.fs = r.fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})
		epoch := r.p.role.Load().epoch
		r.open(nil)
		r.lead(epoch+1, 1)
		if hw := r.p.HighWatermark(); hw < shown {
			t.Fatalf("high watermark %d after a power cut, %d had been shown", hw, shown)
		}
	}
}

func TestPolicyOSCommitsAtOnce(t *testing.T) {
	r := newRig(t, func(c *metadata.TopicConfig) { c.FlushOS = true })
	r.lead(1, 1)
	a := r.mustAppend(3)
	r.wantWatermark(3)
	if err := r.p.Committed(a); err != nil {
		t.Fatal(err)
	}
}

// TestPoint045WatermarkWaitsForTheISR is R-05: a member of the in-sync set that has not been heard of
// keeps it where it is; R-04: so does a set that is too small.
func TestPoint045WatermarkWaitsForTheISR(t *testing.T) {
	r := newRig(t, func(c *metadata.TopicConfig) { c.FlushOS, c.MinInSyncReplicas = true, 2 })
	r.lead(1, 1, 2)
	r.mustAppend(1)
	r.wantWatermark(0)
	r.p.setRole(&metadata.Partition{Leader: 1, LeaderEpoch: 1, Replicas: []kafka.BrokerID{1, 2}, ISR: []kafka.BrokerID{1}})
	r.wantWatermark(0) // alone, but two are asked for
	if _, err := r.append(AcksAll, 1); !errors.Is(err, ErrNotEnoughReplicas) {
		t.Errorf("acks=all: %v", err)
	}
	if end := r.p.log().LogEndOffset(); end != 1 {
		t.Errorf("log end %d: what is refused is not appended (R-29)", end)
	}
	a, err := r.append(1, now.UnixMilli())
	if err != nil {
		t.Errorf("acks=1 does not ask: %v", err)
	}
	if err := r.p.Committed(a); !errors.Is(err, ErrNotEnoughReplicasAfterAppend) {
		t.Errorf("shrunk after append: %v", err)
	}
}

func TestOnlyTheLeaderInItsEpochAnswers(t *testing.T) {
	r := newRig(t, func(c *metadata.TopicConfig) { c.FlushOS = true })
	if _, err := r.append(1, 1); !errors.Is(err, ErrNotLeader) {
		t.Errorf("before the first role: %v", err)
	}
	r.lead(5, 1)
	a := r.mustAppend(1)
	f := func(current kafka.LeaderEpoch, want error) {
		t.Helper()
		if _, err := r.p.Read(&ReadOptions{CurrentEpoch: current, LastFetchedEpoch: -1}); !errors.Is(err, want) {
			t.Errorf("read in epoch %d: %v", current, err)
		}
		if _, err := r.p.OffsetFor(TimestampLatest, kafka.ReadUncommitted, current); !errors.Is(err, want) {
			t.Errorf("offset in epoch %d: %v", current, err)
		}
	}
	f(-1, nil)
	f(5, nil)
	f(4, ErrFencedEpoch)
	f(6, ErrUnknownEpoch)
	r.p.setRole(&metadata.Partition{Leader: 2, LeaderEpoch: 6, Replicas: []kafka.BrokerID{1, 2}, ISR: []kafka.BrokerID{2}})
	f(-1, ErrNotLeader)
	if err := r.p.Committed(a); !errors.Is(err, ErrNotLeader) {
		t.Errorf("committed in a lost epoch: %v", err)
	}
}

func TestMovedLeaderWakesWhoWaits(t *testing.T) {
	r := newRig(t, nil)
	r.lead(1, 1)
	a := r.mustAppend(1)
	var op delayed.Op
	woken := make(chan struct{}, 1)
	op.Begin(ender(woken), 1, 1)
	op.Watch(r.p.Watermark(), a.LastOffset+1)
	if !op.Park(nil, time.Time{}) {
		t.Fatal("committed before the flush")
	}
	r.lead(2, 1)
	select {
	case <-woken:
	default:
		t.Fatal("nobody was told of the new epoch")
	}
}

type ender chan struct{}

func (e ender) End(delayed.Reason) { e <- struct{}{} }

func TestPoint084LeaderEpochIsStamped(t *testing.T) {
	r := newRig(t, func(c *metadata.TopicConfig) { c.FlushOS = true })
	for epoch := kafka.LeaderEpoch(3); epoch < 6; epoch++ {
		r.lead(epoch, 1)
		a := r.mustAppend(2)
		res, err := r.read(a.BaseOffset)
		if err != nil {
			t.Fatal(err)
		}
		bytes, err := res.Slice.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := batch.Next(bytes)
		if err != nil || b.LeaderEpoch() != epoch || b.BaseOffset() != a.BaseOffset {
			t.Errorf("epoch %d at %d, want %d at %d (%v)", b.LeaderEpoch(), b.BaseOffset(), epoch, a.BaseOffset, err)
		}
	}
	res, err := r.p.Read(&ReadOptions{Offset: 6, MaxBytes: 1, CurrentEpoch: -1, LastFetchedEpoch: 3})
	if err != nil || !res.Diverging || res.DivergingEpoch != 3 || res.DivergingEnd != 2 {
		t.Errorf("a log that parted in epoch 3: %+v, %v", res, err)
	}
}

func TestOffsetFor(t *testing.T) {
	r := newRig(t, func(c *metadata.TopicConfig) { c.FlushOS = true })
	r.lead(7, 1)
	base := now.UnixMilli()
	for _, times := range [][]int64{{base, base + 10}, {base + 5}, {base + 20, base + 15}} {
		if _, err := r.append(1, times...); err != nil {
			t.Fatal(err)
		}
	}
	f := func(ts, offset, timestamp int64) {
		t.Helper()
		o, err := r.p.OffsetFor(ts, kafka.ReadUncommitted, -1)
		if err != nil || o.Offset != offset || o.Timestamp != timestamp {
			t.Errorf("OffsetFor(%d) = %+v, %v; want %d at %d", ts, o, err, offset, timestamp)
		}
	}
	f(TimestampLatest, 5, -1)
	f(TimestampEarliest, 0, -1)
	f(TimestampEarliestLocal, 0, -1)
	f(TimestampOfMax, 3, base+20)
	f(TimestampLatestTiered, -1, -1)
	f(TimestampPendingUpload, -1, -1)
	f(0, 0, base)
	f(base+1, 1, base+10)
	f(base+11, 3, base+20)
	f(base+21, -1, -1)
	if _, err := r.p.OffsetFor(-7, kafka.ReadUncommitted, -1); !errors.Is(err, ErrTimestamp) {
		t.Errorf("-7: %v", err)
	}
}

func TestPoint039LogAppendTime(t *testing.T) {
	r := newRig(t, func(c *metadata.TopicConfig) { c.FlushOS, c.TimestampLogAppend = true, true })
	r.lead(1, 1)
	a, err := r.append(1, 5, 6)
	if err != nil || a.AppendTimeMs != now.UnixMilli() {
		t.Fatalf("%+v, %v", a, err)
	}
	if o, err := r.p.OffsetFor(now.UnixMilli(), kafka.ReadUncommitted, -1); err != nil || o.Offset != 0 || o.Timestamp != now.UnixMilli() {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestDuplicateOfAnAppendTime: a producer's repetition is answered with the original's offset and append time, also
// after a restart, and not with its own (SURFACE 48).
func TestDuplicateOfAnAppendTime(t *testing.T) {
	stamped := func(c *metadata.TopicConfig) { c.FlushOS, c.TimestampLogAppend = true, true }
	r := newRig(t, stamped)
	r.lead(1, 1)
	send := func(sequence int32, at time.Time) Appended {
		t.Helper()
		var b batch.Builder
		b.Reset(batch.BuilderOptions{HasProducer: true, ProducerID: 7, BaseSequence: sequence})
		b.Append(5, nil, []byte("once"), nil)
		records, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		a, err := r.p.Append(records, &AppendOptions{Acks: 1, Now: at, Validator: &r.v})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := send(0, now)
	send(1, now.Add(time.Second))
	for round := range 2 {
		again := send(0, now.Add(time.Hour))
		if again.BaseOffset != first.BaseOffset || again.LastOffset != first.LastOffset || again.AppendTimeMs != now.UnixMilli() {
			t.Errorf("round %d: %+v, the original was %+v", round, again, first)
		}
		if err := r.dir.Close(true, 1); err != nil {
			t.Fatal(err)
		}
		r.open(stamped)
		r.lead(kafka.LeaderEpoch(2+round), 1)
	}
}

func TestReadBounds(t *testing.T) {
	r := newRig(t, nil)
	r.lead(1, 1)
	r.mustAppend(2)
	r.dir.SyncOnce()
	r.mustAppend(2)
	if _, err := r.read(4); err != nil {
		t.Errorf("log end: %v", err)
	}
	if res, err := r.read(3); err != nil || res.Slice.Len() != 0 {
		t.Errorf("between high watermark and log end: %v", err) // SURFACE 70
	}
	if _, err := r.read(5); !errors.Is(err, storage.ErrOffsetOutOfRange) {
		t.Errorf("above the log end: %v", err)
	}
	if _, err := r.read(-1); !errors.Is(err, storage.ErrOffsetOutOfRange) {
		t.Errorf("below the log start: %v", err)
	}
}

// TestFailedDirectoryIsOffline is S-09: a failed flush takes the partition offline, at once and
// for good, and whoever waits is told.
func TestFailedDirectoryIsOffline(t *testing.T) {
	r := &rig{t: t, fs: vfs.NewMem()}
	r.open(nil)
	r.lead(1, 1)
	a := r.mustAppend(1)
	r.p.Failed(errors.New("EIO"))
	if err := r.p.Committed(a); !errors.Is(err, ErrOffline) {
		t.Errorf("committed: %v", err)
	}
	if _, err := r.append(1, 1); !errors.Is(err, ErrOffline) {
		t.Errorf("append: %v", err)
	}
	if _, err := r.read(0); !errors.Is(err, ErrOffline) {
		t.Errorf("read: %v", err)
	}
}
