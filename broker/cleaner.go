package broker

import (
	"errors"
	"log/slog"
	"math"
	"sync"
	"syscall"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/broker/internal/storage/clean"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// CleanerConfig is how compacted topics are cleaned.
type CleanerConfig struct {
	// Disabled is log.cleaner.enable=false: nothing is compacted.
	Disabled bool
	// Threads is how many logs are cleaned at once (log.cleaner.threads). Default: 1. Negative: none.
	Threads int
	// DedupeBufferBytes bounds the maps of keys of all threads together (log.cleaner.dedupe.buffer.size). Default: 128 MiB.
	DedupeBufferBytes int64
	// LoadFactor is how full a map may become (log.cleaner.io.buffer.load.factor). Default: 0.9.
	LoadFactor float64
	// BufferBytes bounds what all threads together read or write at once (log.cleaner.io.buffer.size). Default: 512 KiB.
	BufferBytes int64
	// MaxBytesPerSecond bounds what all threads together read and write (log.cleaner.io.max.bytes.per.second). Default: no limit.
	MaxBytesPerSecond float64
	// Backoff is how long a thread waits that found nothing to clean (log.cleaner.backoff.ms). Default: 15 s. Negative: not at all.
	Backoff time.Duration
}

// Kafka's defaults.
const (
	defaultDedupeBuffer   = 128 << 20
	defaultLoadFactor     = 0.9
	defaultCleanerBuffer  = 512 << 10
	defaultCleanerBackoff = 15 * time.Second
)

func (c CleanerConfig) withDefaults() CleanerConfig {
	c.Threads = max(orDefault(c.Threads, 1), 0)
	c.DedupeBufferBytes = orDefault(c.DedupeBufferBytes, defaultDedupeBuffer)
	c.BufferBytes = orDefault(c.BufferBytes, defaultCleanerBuffer)
	if c.LoadFactor == 0 {
		c.LoadFactor = defaultLoadFactor
	}
	if c.MaxBytesPerSecond == 0 {
		c.MaxBytesPerSecond = math.MaxFloat64
	}
	c.Backoff = time.Duration(max(orDefault(int64(c.Backoff), int64(defaultCleanerBackoff)), 0))
	return c
}

// cleaning is what all cleaner threads share: which partitions are being cleaned, which cannot be, and what has been done.
type cleaning struct {
	manager *replica.Manager
	config  CleanerConfig
	lg      *slog.Logger
	over    <-chan struct{} // closed when the broker stops
	pacer   pacer

	mu          sync.Mutex
	busy        map[kafka.TopicIDPartition]bool
	uncleanable map[kafka.TopicIDPartition]uncleanable
	state       cleanerState
}

// uncleanable is a partition whose log is damaged: it is not cleaned any more until the next start.
type uncleanable struct {
	dir   string
	bytes int64 // that are dirty
}

// cleanerState is what metrics tell.
type cleanerState struct {
	looked     time.Time // when a thread last looked for work
	maxDirty   float64   // the largest dirty ratio that it found
	maxDelayMs int64     // by how much what it found was overdue at most
	last       []lastCleaning
	cleanings  int64
	failures   int64
	total      clean.Stats
}

// lastCleaning is the last one of a thread.
type lastCleaning struct {
	took        time.Duration
	read, kept  int64   // bytes
	utilization float64 // of the map of keys
}

// clean gives the cleaner's threads their work, on a lane of their own: a cleaning may take long.
func (u *upkeep) clean(m *replica.Manager, c CleanerConfig, lg *slog.Logger) *cleaning {
	w := &cleaning{manager: m, config: c, lg: lg, busy: map[kafka.TopicIDPartition]bool{}, uncleanable: map[kafka.TopicIDPartition]uncleanable{}}
	w.pacer.rate = c.MaxBytesPerSecond
	w.state.looked = time.Now()
	if c.Disabled || c.Threads == 0 {
		return w
	}
	l := newLane("cleaner", c.Threads)
	w.over = l.over
	w.state.last = make([]lastCleaning, c.Threads)
	for i := range c.Threads {
		t := &cleanerThread{cleaning: w, number: i, cleaner: clean.New(clean.Options{
			MapBytes: c.DedupeBufferBytes / int64(c.Threads), LoadFactor: c.LoadFactor, Seed: random16(),
		})}
		l.add(chore{name: "cleaner-" + itoa(int32(i)), do: t.step}, time.Now())
	}
	u.lanes = append(u.lanes, l)
	return w
}

// cleanerThread cleans one log after the other.
type cleanerThread struct {
	*cleaning
	number  int
	cleaner *clean.Cleaner
}

// step cleans the dirtiest log and says when to come again: at once if there was one.
func (t *cleanerThread) step(now time.Time) time.Time {
	target, found, ok := t.grab(now)
	if !ok {
		t.cleaner.Release()
		return now.Add(t.config.Backoff)
	}
	done, err := target.Log.Clean(storage.CleanOptions{
		Cleaner: t.cleaner, Stable: target.Stable, NowMs: now.UnixMilli(),
		BufferBytes: int(min(max(t.config.BufferBytes/int64(2*t.config.Threads), 1), math.MaxInt32)),
		Pace:        func(n int) { t.pacer.wait(n, t.over) },
		Stop: func() bool {
			select {
			case <-t.over:
				return true
			default:
				return false
			}
		},
	})
	t.finished(target, &found, &done, time.Since(now), err)
	if err != nil {
		return now.Add(t.config.Backoff)
	}
	return now
}

// grab chooses the dirtiest log that is due and that nobody else is cleaning (SURFACE 92).
func (w *cleaning) grab(now time.Time) (target replica.Compactable, found storage.Cleanable, ok bool) {
	all := w.manager.Compactables()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.looked, w.state.maxDirty, w.state.maxDelayMs = now, 0, 0
	here := map[kafka.TopicIDPartition]bool{}
	for _, p := range all {
		here[p.ID] = true
		if _, bad := w.uncleanable[p.ID]; bad || w.busy[p.ID] || p.Dir.Err() != nil {
			continue
		}
		c, err := p.Log.Cleanable(p.Stable, now.UnixMilli())
		if err != nil {
			w.failed(p, 0, err)
			continue
		}
		w.state.maxDirty = max(w.state.maxDirty, c.Ratio())
		w.state.maxDelayMs = max(w.state.maxDelayMs, c.OverdueMs)
		if c.Due(p.MinRatio) && (!ok || c.Ratio() > found.Ratio()) {
			target, found, ok = p, c, true
		}
	}
	for id := range w.uncleanable { // order-free: each is looked at by itself
		if !here[id] {
			delete(w.uncleanable, id)
		}
	}
	if ok {
		w.busy[target.ID] = true
	}
	return target, found, ok
}

// failed notes why a log could not be looked at or cleaned. Called with mu held.
func (w *cleaning) failed(p replica.Compactable, dirty int64, err error) {
	switch {
	case errors.Is(err, storage.ErrInterrupted), errors.Is(err, storage.ErrClosed), errors.Is(err, storage.ErrOffline), errors.Is(err, storage.ErrStalled):
		return // told where it happened; it is tried again, if there is anything to try again
	case errors.Is(err, storage.ErrCorrupt):
		w.uncleanable[p.ID] = uncleanable{dir: p.Dir.Path(), bytes: dirty}
		w.lg.Error("a log cannot be compacted: it is damaged", "topic", p.ID.Topic, "partition", p.ID.Partition, "dir", p.Dir.Path(), "err", err)
	case errors.Is(err, syscall.ENOSPC):
		w.lg.Warn("no room to compact a log", "topic", p.ID.Topic, "partition", p.ID.Partition, "dir", p.Dir.Path(), "err", err)
	default:
		w.lg.Error("a log was not compacted", "topic", p.ID.Topic, "partition", p.ID.Partition, "dir", p.Dir.Path(), "err", err)
	}
	w.state.failures++
}

// finished accounts for a cleaning.
func (t *cleanerThread) finished(p replica.Compactable, found *storage.Cleanable, done *storage.Cleaned, took time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.busy, p.ID)
	s := &t.state
	s.total.Add(&done.Stats)
	if err != nil {
		t.failed(p, found.DirtyBytes, err)
		return
	}
	s.cleanings++
	last := lastCleaning{took: took, read: done.BytesRead, kept: done.BytesKept}
	if done.MaxKeys > 0 {
		last.utilization = float64(done.Keys) / float64(done.MaxKeys)
	}
	s.last[t.number] = last
	t.lg.Info("compacted a log", "topic", p.ID.Topic, "partition", p.ID.Partition, "from", done.FirstDirty, "to", done.Covered,
		"bytes", done.BytesRead, "kept", done.BytesKept, "records", done.RecordsRead, "keptRecords", done.RecordsKept,
		"segments", done.SegmentsReplaced, "newSegments", done.SegmentsWritten, "took", took)
}

// pacer keeps all cleaner threads together below a rate.
type pacer struct {
	rate float64 // bytes per second
	mu   sync.Mutex
	next time.Time // when what was asked for so far is paid for
}

// wait waits until n more bytes may go, or until over is closed.
func (p *pacer) wait(n int, over <-chan struct{}) {
	cost := float64(n) / p.rate * float64(time.Second)
	if cost < 1 {
		return
	}
	now := time.Now()
	p.mu.Lock()
	if p.next.Before(now) {
		p.next = now
	}
	due := p.next
	p.next = due.Add(time.Duration(min(cost, float64(time.Hour))))
	p.mu.Unlock()
	if !due.After(now) {
		return
	}
	timer := time.NewTimer(due.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-over:
	}
}
