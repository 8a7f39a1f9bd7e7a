package command

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kgo"
)

// membership is what consume has as a member of a group: partitions come and go, each with the place where the group stands.
type membership struct {
	limits map[string]map[int32]*span // of all partitions: where one begins without a committed offset, and where it ends

	mu struct {
		sync.Mutex
		own     map[string]map[int32]*span // what it has now
		pending int                        // partitions that it has, and whose offsets are still being fetched
		idle    time.Time                  // since when it has nothing; zero: it has something
	}
}

const (
	// parting bounds the last commit and the leaving of a group.
	parting = 10 * time.Second
	// forNothing is how long a member without a partition waits for one, unless it follows.
	forNothing = 10 * time.Second
)

// checkGroup refuses what only a reader on its own account can do.
func (c *call) checkGroup() error {
	for _, name := range []string{"to", "partition"} {
		if c.given(name) {
			return Misuse("--group reads what the group gives us, from where it stands; --%s is for reading without one", name)
		}
	}
	return nil
}

// join becomes a member of the group. The ranges that find has learned are where partitions without a committed offset begin.
func (w *consuming) join(group string, b bounds) error {
	props, err := w.c.properties()
	if err != nil {
		return err
	}
	opts, err := kclient.GroupOptions(group, props)
	if err != nil {
		return err
	}
	w.member = &membership{limits: w.ranges}
	w.member.mu.own, w.member.mu.idle = map[string]map[int32]*span{}, w.c.Now()
	gone := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { w.member.gone(lost, w.c.Now()) }
	opts = append(opts, kgo.ConsumeTopics(slices.Sorted(maps.Keys(w.ranges))...), kgo.KeepControlRecords(), kgo.FetchMaxWait(500*time.Millisecond), kgo.BlockRebalanceOnPoll(),
		kgo.AdjustFetchOffsetsFn(w.member.assigned), kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, got map[string][]int32) { w.member.told(got) }),
		kgo.OnPartitionsLost(gone), kgo.OnPartitionsRevoked(func(ctx context.Context, cl *kgo.Client, lost map[string][]int32) {
			_ = cl.CommitMarkedOffsets(ctx) // who gets them reads again what could not be committed
			w.member.gone(lost, w.c.Now())
		}))
	if b.commit {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	w.cl, err = w.c.connect(kclient.Consumer, opts...)
	return err
}

// told hears of partitions whose offsets are fetched next.
func (m *membership) told(got map[string][]int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ps := range got {
		m.mu.pending += len(ps)
	}
}

// assigned takes in what the member has got, with the offsets that the group has committed, and answers where to begin.
func (m *membership) assigned(_ context.Context, got map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.pending, m.mu.idle = 0, time.Time{}
	for topic, ps := range got {
		for p, o := range ps {
			limit := m.limits[topic][p]
			if limit == nil { // a partition that is newer than we are
				limit = &span{}
			}
			s := &span{next: o.EpochOffset().Offset, end: limit.end, follow: limit.follow}
			if s.next < 0 {
				s.next = limit.next
				ps[p] = kgo.NewOffset().At(s.next)
			}
			if m.mu.own[topic] == nil {
				m.mu.own[topic] = map[int32]*span{}
			}
			m.mu.own[topic][p] = s
		}
	}
	return got, nil
}

func (m *membership) gone(lost map[string][]int32, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.pending = 0
	for topic, ps := range lost {
		for _, p := range ps {
			delete(m.mu.own[topic], p)
		}
		if len(m.mu.own[topic]) == 0 {
			delete(m.mu.own, topic)
		}
	}
	if len(m.mu.own) == 0 {
		m.mu.idle = now
	}
}

// has returns what the member has now, and whether there is more to come of it. The spans may be changed until rebalances are allowed again.
func (m *membership) has(now time.Time) (own map[string]map[int32]*span, more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	own, more = map[string]map[int32]*span{}, m.mu.pending > 0
	if !m.mu.idle.IsZero() {
		more = more || now.Sub(m.mu.idle) < forNothing
	}
	for topic, ps := range m.mu.own {
		own[topic] = maps.Clone(ps)
		for _, s := range ps {
			more = more || !s.done()
		}
	}
	return own, more
}

// readAsMember reads what the group gives us until all of that has been read that was there when we came, and leaves the group.
func (w *consuming) readAsMember() error {
	err := w.memberLoop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.c.ctx), parting)
	defer cancel()
	if failure := w.cl.CommitMarkedOffsets(ctx); failure != nil && err == nil { // what was shown, even if we are interrupted
		err = failed(failure, "commit offsets of group %s", w.c.text("group"))
	}
	w.cl.AllowRebalance()
	if failure := w.cl.LeaveGroupContext(ctx); failure != nil && err == nil {
		err = failed(failure, "leave group %s", w.c.text("group"))
	}
	return err
}

func (w *consuming) memberLoop() error {
	for {
		own, more := w.member.has(w.c.Now())
		if !more && !w.c.flag("follow") || w.max > 0 && w.shown >= w.max {
			return nil
		}
		w.ranges = own
		if err := w.pollAsMember(); err != nil {
			return err
		}
	}
}

// pollAsMember shows what has come, and marks it as consumed when it has been written out. Rebalances wait meanwhile.
func (w *consuming) pollAsMember() error {
	ctx, cancel := context.WithTimeout(w.c.ctx, idle)
	defer cancel()
	fetches := w.cl.PollFetches(ctx)
	defer w.cl.AllowRebalance()
	if err := w.c.ctx.Err(); err != nil {
		return err
	}
	if err := fetchError(fetches); err != nil {
		return err
	}
	own, _ := w.member.has(w.c.Now()) // a rebalance may have come before the poll held the next one back
	w.ranges = own
	var seen []*kgo.Record // shown, or not wanted
	for it := fetches.RecordIter(); !it.Done() && !(w.max > 0 && w.shown >= w.max); {
		r := it.Next()
		s := w.ranges[r.Topic][r.Partition]
		if s == nil || !s.follow && r.Offset >= s.end {
			if s != nil && !s.done() { // a gap up to the end
				s.next = s.end
				w.finish(r.Topic, r.Partition)
			}
			continue
		}
		if err := w.take(r); err != nil {
			return err
		}
		seen = append(seen, r)
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	w.cl.MarkCommitRecords(seen...)
	if fetches.NumRecords() == 0 && !w.c.flag("follow") {
		return w.askForEnds()
	}
	return nil
}
