package network

import (
	"sync/atomic"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/thalweg-io/thalweg/internal/metrics"
)

const (
	// statShards keeps connections from counting in the same cache lines; a connection stays in its own.
	statShards = 4
	// maxVersion is the highest version of any API that is counted by itself; higher ones count as it.
	maxVersion = 31
)

// requestStats is what a server counts for each API key: a handful of atomic additions per request. The entries are made
// when a key is first served, so there are as many as APIs in use.
type requestStats struct {
	shards [statShards][wire.MaxKey + 1]atomic.Pointer[apiStats]
}

// apiStats is one API in one shard.
type apiStats struct {
	versions  [maxVersion + 1]atomic.Int64
	bytes     atomic.Int64
	total     metrics.Histogram // microseconds
	throttled metrics.Histogram // milliseconds, of throttled requests only
}

// of returns the counters of a key, which is one that Handler.Admit let pass.
func (s *requestStats) of(connection uint64, key int16) *apiStats {
	at := &s.shards[connection%statShards][min(max(int(key), 0), wire.MaxKey)]
	a := at.Load()
	if a == nil {
		at.CompareAndSwap(nil, new(apiStats))
		a = at.Load()
	}
	return a
}

func (a *apiStats) began(version int16, size int) {
	a.versions[min(max(int(version), 0), maxVersion)].Add(1)
	a.bytes.Add(int64(size))
}

// ended counts a request whose answer leaves, or that has none.
func (a *apiStats) ended(r *Request) {
	a.total.Record(time.Since(r.Now).Microseconds())
	if r.Mute > 0 {
		a.throttled.Record(r.Mute.Milliseconds())
	}
}

// RequestStats is what is known of the requests of one API.
type RequestStats struct {
	Key      int16
	Versions [maxVersion + 1]int64 // requests by version
	Bytes    int64                 // of their frames
	// Total is the time from the wake-up of the connection for a request to its answer being handed to the socket or
	// to the buffer for it, in microseconds. It includes long polls and waiting for replicas.
	Total metrics.Snapshot
	// Throttled is the throttle time of those that were throttled, in milliseconds.
	Throttled metrics.Snapshot
}

// Requests yields what was served since the start, in order of keys, until yield returns false. Safe for concurrent use.
func (s *Server) Requests(yield func(*RequestStats) bool) {
	for key := range s.requests.shards[0] {
		out := RequestStats{Key: int16(key)}
		seen := false
		for i := range s.requests.shards {
			a := s.requests.shards[i][key].Load()
			if a == nil {
				continue
			}
			seen = true
			for v := range a.versions {
				out.Versions[v] += a.versions[v].Load()
			}
			out.Bytes += a.bytes.Load()
			out.Total.Add(&a.total)
			out.Throttled.Add(&a.throttled)
		}
		if seen && !yield(&out) {
			return
		}
	}
}
