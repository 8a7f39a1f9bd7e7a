package quota

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
)

// maxSeries is how many accounts are told by name in metrics once they were throttled, for each kind; the rest is told
// in one sum.
const maxSeries = 100

// throttled counts who was throttled. Names are given out in the order in which accounts are throttled first, and kept.
type throttled struct {
	mu     sync.Mutex
	series map[accountKey]*series
	named  [Kinds]int
	others [Kinds]series
}

// series are counters of one account, or of all that have no name.
type series struct {
	times, ms atomic.Int64
}

// tally is the way from an account to its series, which it gets when it is first throttled.
type tally struct {
	all *throttled
	key accountKey
	to  atomic.Pointer[series]
}

func (t *throttled) of(key accountKey) *tally { return &tally{all: t, key: key} }

// add counts a throttling of d; none if d is 0.
func (t *tally) add(d time.Duration) {
	if t == nil || d <= 0 {
		return
	}
	s := t.to.Load()
	if s == nil {
		s = t.all.name(t.key)
		t.to.Store(s)
	}
	s.times.Add(1)
	s.ms.Add(d.Milliseconds())
}

func (t *throttled) name(key accountKey) *series {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.series[key]; s != nil {
		return s
	}
	if key.overflow || t.named[key.kind] >= maxSeries {
		return &t.others[key.kind]
	}
	if t.series == nil {
		t.series = make(map[accountKey]*series)
	}
	s := new(series)
	t.series[key] = s
	t.named[key.kind]++
	return s
}

// Throttled is how often, and for how long in all, somebody was throttled since the start.
type Throttled struct {
	Kind               Kind
	User, ClientID, IP string // "" for a dimension that the quota does not have; "(other)" in all for the rest
	Times              int64
	Total              time.Duration
}

// other is what the sum of all without a name is called.
const other = "(other)"

// Throttled lists who was throttled: at most maxSeries by name for each kind, in order, and the sum of the rest. Names
// are cut after maxName bytes.
func (m *Manager) Throttled() []Throttled {
	t := &m.throttled
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Throttled
	for key, s := range t.series { // order-free: sorted below
		out = append(out, Throttled{Kind: key.kind, User: label(key.entity.User), ClientID: label(key.entity.ClientID),
			IP: label(key.entity.IP), Times: s.times.Load(), Total: time.Duration(s.ms.Load()) * time.Millisecond})
	}
	for k := range t.others {
		if s := &t.others[k]; s.times.Load() > 0 {
			out = append(out, Throttled{Kind(k), other, other, other, s.times.Load(), time.Duration(s.ms.Load()) * time.Millisecond})
		}
	}
	slices.SortFunc(out, func(a, b Throttled) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.User, b.User), cmp.Compare(a.ClientID, b.ClientID), cmp.Compare(a.IP, b.IP))
	})
	return out
}

func label(n metadata.QuotaName) string { return n.Name[:min(len(n.Name), maxName)] }
