package admin

import (
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// mutations is the controller quota of one request (KIP-599). The controller asks it on its own goroutine, perhaps
// when the request has ended already.
type mutations struct {
	account *quota.Account
	strict  bool // refuse, rather than throttle afterwards
	now     time.Time

	mu       sync.Mutex
	throttle time.Duration
}

// mutate is decide for requests that create or delete partitions. From version strictFrom on clients know
// THROTTLING_QUOTA_EXCEEDED (SURFACE 11); earlier ones are only throttled.
func (h *Handlers) mutate(r *network.Request, req kmsg.Request, timeoutMs int32, strictFrom int16) (kmsg.Response, *kerr.Error, string) {
	account := h.Limiter.Account(quota.ControllerMutation, r.Session.Principal, r.ClientID)
	if account == nil {
		return h.decide(r, req, timeoutMs)
	}
	m := &mutations{account: account, strict: r.Version >= strictFrom, now: r.Now}
	caller := h.caller(r)
	caller.Mutate = m.apply
	resp, code, text := h.decideFor(r, caller, req, timeoutMs)
	m.mu.Lock()
	defer m.mu.Unlock()
	r.Mute = max(r.Mute, m.throttle)
	return resp, code, text
}

// apply accounts for partitions that are to be created or deleted, and reports whether they may.
func (m *mutations) apply(partitions int) bool {
	d, ok := time.Duration(0), true
	if m.strict {
		d, ok = m.account.TryRecord(float64(partitions), m.now)
	} else {
		d = m.account.Record(float64(partitions), m.now)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.throttle = max(m.throttle, d)
	return ok
}
