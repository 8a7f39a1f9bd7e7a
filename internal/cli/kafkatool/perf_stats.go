package kafkatool

import (
	"slices"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/internal/kclient"
)

// maxSamples bounds the latencies that a run keeps.
const maxSamples = 500_000

// perfStats counts what the producer's test has sent, and prints in Kafka's format. Safe for
// concurrent use; it writes to the call's output under the lock of the first of a run's stats.
type perfStats struct {
	call  *call
	words string
	start time.Time
	every time.Duration
	mu    struct {
		sync.Mutex
		whole, window tally
		windowStart   time.Time
		silent        bool // another one prints the windows
		samples       []int32
		sampling      int64 // every how manyth record is sampled
		failed        int64
	}
}

// tally is a sum over records; latencies in milliseconds.
type tally struct{ count, bytes, latency, most int64 }

func (t *tally) add(latency, bytes int64) {
	t.count++
	t.bytes += bytes
	t.latency += latency
	t.most = max(t.most, latency)
}

func newPerfStats(c *call, words string, start time.Time) *perfStats {
	s := &perfStats{call: c, words: words, start: start, every: time.Duration(c.Number("reporting-interval")) * time.Millisecond}
	n := c.Number("num-records")
	s.mu.sampling = n / min(n, maxSamples)
	s.mu.windowStart = start
	return s
}

// silence stops the reports of windows: those of the steady state take their place.
func (s *perfStats) silence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.silent = true
}

func (s *perfStats) record(since time.Time, bytes int) {
	now := time.Now()
	latency := now.Sub(since).Milliseconds()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.whole.count%s.mu.sampling == 0 {
		s.mu.samples = append(s.mu.samples, int32(latency))
	}
	s.mu.whole.add(latency, int64(bytes))
	s.mu.window.add(latency, int64(bytes))
	if now.Sub(s.mu.windowStart) >= s.every && !s.mu.silent {
		s.printWindowLocked(now)
	}
}

func (s *perfStats) printWindowLocked(now time.Time) {
	w, seconds := s.mu.window, now.Sub(s.mu.windowStart).Seconds()
	s.call.printf("%d%s, %.1f records/sec (%.2f MB/sec), %.1f ms avg latency, %.1f ms max latency.\n", w.count, " records sent",
		float64(w.count)/seconds, float64(w.bytes)/seconds/(1<<20), float64(w.latency)/float64(w.count), float64(w.most))
	s.call.out.Flush()
	s.mu.window, s.mu.windowStart = tally{}, now
}

// fail counts a record that could not be sent, and tells of the first.
func (s *perfStats) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.failed++; s.mu.failed == 1 {
		s.call.warnf("%s", kclient.Message(err))
	}
}

func (s *perfStats) failures() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.failed
}

func (s *perfStats) total() {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, seconds := s.mu.whole, max(time.Since(s.start).Seconds(), 0.001)
	slices.Sort(s.mu.samples)
	at := func(share float64) int32 {
		if len(s.mu.samples) == 0 {
			return 0
		}
		return s.mu.samples[int(share*float64(len(s.mu.samples)))]
	}
	average := 0.0
	if t.count > 0 {
		average = float64(t.latency) / float64(t.count)
	}
	s.call.printf("%d%s, %f records/sec (%.2f MB/sec), %.2f ms avg latency, %.2f ms max latency, %d ms 50th, %d ms 95th, %d ms 99th, %d ms 99.9th.\n",
		t.count, s.words, float64(t.count)/seconds, float64(t.bytes)/seconds/(1<<20), average, float64(t.most), at(0.5), at(0.95), at(0.99), at(0.999))
}
