package quota

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/security"
)

const (
	// maxClients bounds how many pairs of user and client id are remembered with their accounts; when there are more,
	// all are looked up anew.
	maxClients = 16 << 10
	// maxAccounts bounds the accounts. Those that hold nothing make room; if there are none, clients share one.
	maxAccounts = 16 << 10
	// maxName is how much of a user or client id is told in metrics.
	maxName = 128
)

// Options of a Manager. Zero fields mean Kafka's defaults.
type Options struct {
	Client     Window // quota.window.num and quota.window.size.seconds
	Controller Window // controller.quota.window.num and controller.quota.window.size.seconds
}

// Manager is the Limiter of a broker: it follows the client quotas of the metadata log. Its methods are safe for
// concurrent use.
type Manager struct {
	options Options
	now     func() time.Time
	rules   atomic.Pointer[rules] // nil: there are no quotas

	mu struct {
		sync.Mutex
		accounts map[accountKey]*Account
		swept    time.Time // when idle accounts were last looked for
	}
	throttled throttled
}

// rules is what holds until the quotas change.
type rules struct {
	image *metadata.Image

	mu      sync.RWMutex
	clients map[clientKey]*client // at most maxClients
	ips     map[string]*Account   // at most maxClients; nil entries are unlimited
}

// clientKey tells clients apart that quotas can tell apart.
type clientKey struct{ user, clientID string }

// client is whom the use of a client goes to.
type client struct{ accounts [Kinds]*Account }

// accountKey is who has an account: for a dimension that the quota's entity does not have, nobody. Overflow is the
// account of those that found no room.
type accountKey struct {
	kind     Kind
	entity   metadata.QuotaEntity
	overflow bool
}

// NewManager returns a manager without quotas. now is asked only when an account is looked up for the first time.
func NewManager(o Options, now func() time.Time) *Manager {
	o.Client, o.Controller = o.Client.withDefaults(), o.Controller.withDefaults()
	m := &Manager{options: o, now: now}
	m.mu.accounts = make(map[accountKey]*Account)
	return m
}

// Publish takes over the client quotas of an image (metadata.Publisher). Accounts keep what was used.
func (m *Manager) Publish(delta *metadata.Delta, image *metadata.Image) {
	switch {
	case image.NumClientQuotas() == 0:
		m.rules.Store(nil)
	case m.rules.Load() == nil || len(delta.ClientQuotas) > 0:
		if plantedForgiven {
			m.mu.Lock()
			clear(m.mu.accounts)
			m.mu.Unlock()
		}
		m.rules.Store(&rules{image: image, clients: make(map[clientKey]*client), ips: make(map[string]*Account)})
	}
}

// Account implements Limiter.
func (m *Manager) Account(k Kind, p security.Principal, clientID []byte) *Account {
	r := m.rules.Load()
	if r == nil {
		return nil
	}
	r.mu.RLock()
	c := r.clients[clientKey{p.Name, string(clientID)}]
	r.mu.RUnlock()
	if c == nil {
		c = m.resolve(r, p.Name, string(clientID))
	}
	return c.accounts[k]
}

// IP returns where connections from an address are accounted for, nil if nothing limits them.
func (m *Manager) IP(address string) *Account {
	r := m.rules.Load()
	if r == nil {
		return nil
	}
	r.mu.RLock()
	a, ok := r.ips[address]
	r.mu.RUnlock()
	if ok {
		return a
	}
	name := metadata.QuotaIPName(address)
	if limit, ok := r.image.IPQuota(name); ok {
		a = m.account(Connection, metadata.QuotaEntity{IP: metadata.NamedQuota(name)}, metadata.QuotaEntity{IP: metadata.DefaultQuota}, limit)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ips) >= maxClients {
		clear(r.ips)
	}
	r.ips[address] = a
	return a
}

// resolve finds the accounts of a client and remembers them.
func (m *Manager) resolve(r *rules, user, clientID string) *client {
	c := new(client)
	for k := range Connection {
		limit, entity, ok := r.image.ClientQuota(k.String(), user, clientID)
		if !ok {
			continue
		}
		owner := entity // the default of a dimension counts each name by itself
		if owner.User.Kind != metadata.QuotaAbsent && !plantedOneForAll {
			owner.User = metadata.NamedQuota(user)
		}
		if owner.ClientID.Kind != metadata.QuotaAbsent && !plantedOneForAll {
			owner.ClientID = metadata.NamedQuota(clientID)
		}
		c.accounts[k] = m.account(k, owner, entity, limit)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.clients) >= maxClients {
		clear(r.clients)
	}
	r.clients[clientKey{user, clientID}] = c
	return c
}

// account is the one of owner, or that of everybody under the quota of entity who found no room.
func (m *Manager) account(k Kind, owner, entity metadata.QuotaEntity, limit float64) *Account {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	key := accountKey{kind: k, entity: owner}
	a := m.mu.accounts[key]
	if a == nil && !m.roomLocked(now) {
		key = accountKey{kind: k, entity: entity, overflow: true}
		a = m.mu.accounts[key]
	}
	if a == nil {
		window := m.options.Client
		if k == ControllerMutation {
			window = m.options.Controller
		}
		a = NewAccount(k, limit, window)
		a.tally = m.throttled.of(key)
		m.mu.accounts[key] = a
	}
	a.setLimit(limit)
	return a
}

// roomLocked reports whether there may be one more account, dropping those that hold nothing. It looks for them at
// most once per sample.
func (m *Manager) roomLocked(now time.Time) bool {
	if len(m.mu.accounts) < maxAccounts {
		return true
	}
	if now.Sub(m.mu.swept) < m.options.Client.Size {
		return false
	}
	m.mu.swept = now
	for key, a := range m.mu.accounts { // order-free: each is looked at by itself
		if a.idle(now) {
			delete(m.mu.accounts, key)
		}
	}
	m.forgetClients()
	return len(m.mu.accounts) < maxAccounts
}

// forgetClients lets go of accounts that were dropped. Who is using one goes on with it until its next request.
func (m *Manager) forgetClients() {
	if r := m.rules.Load(); r != nil {
		r.mu.Lock()
		clear(r.clients)
		clear(r.ips)
		r.mu.Unlock()
	}
}

// NumAccounts is how many accounts there are.
func (m *Manager) NumAccounts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.mu.accounts)
}
