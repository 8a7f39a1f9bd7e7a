package quota

import (
	"fmt"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// rig is a manager that follows a metadata log.
type rig struct {
	t      testing.TB
	m      *Manager
	loader *metadata.Loader
	offset int64
	now    time.Time
}

func newRig(t testing.TB) *rig {
	r := &rig{t: t, now: epoch, loader: metadata.NewLoader(metadata.ImageOptions{NodeID: 1})}
	r.m = NewManager(Options{}, func() time.Time { return r.now })
	r.loader.Subscribe(r.m)
	return r
}

// set commits a quota of an entity such as "user=alice client-id=" (an empty name is the default); a limit of 0 removes it.
func (r *rig) set(quota string, limit float64, entity ...string) {
	r.t.Helper()
	rec := &schema.ClientQuotaRecord{Quota: quota, Value: limit, Remove: limit == 0}
	for i := 0; i < len(entity); i += 2 {
		part := schema.QuotaEntityPart{Type: entity[i]}
		if entity[i+1] != "" {
			part.Name = &entity[i+1]
		}
		rec.Entity = append(rec.Entity, part)
	}
	value, err := schema.Append(nil, rec, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	var b batch.Builder
	b.Reset(batch.BuilderOptions{})
	b.Append(0, nil, value, nil)
	built, err := b.Build()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.loader.Apply(r.offset, 1, built); err != nil {
		r.t.Fatal(err)
	}
	r.offset++
	r.loader.PublishNow()
}

func (r *rig) account(k Kind, user, clientID string) *Account {
	return r.m.Account(k, security.Principal{Type: "User", Name: user}, []byte(clientID))
}

func (r *rig) limit(k Kind, user, clientID string) float64 {
	if a := r.account(k, user, clientID); a != nil {
		return a.Limit()
	}
	return 0
}

// TestPoint010ChoiceOfQuota: the eight entities in Kafka's order; each that is set takes the client from all after it, and
// each that is removed gives it back.
func TestPoint010ChoiceOfQuota(t *testing.T) {
	order := [][]string{
		{"user", "alice", "client-id", "app"},
		{"user", "alice", "client-id", ""},
		{"user", "alice"},
		{"user", "", "client-id", "app"},
		{"user", "", "client-id", ""},
		{"user", ""},
		{"client-id", "app"},
		{"client-id", ""},
	}
	for k, name := range map[Kind]string{Produce: metadata.QuotaProducerByteRate, Fetch: metadata.QuotaConsumerByteRate,
		RequestTime: metadata.QuotaRequestPercentage, ControllerMutation: metadata.QuotaControllerMutationRate} {
		r := newRig(t)
		for i := len(order) - 1; i >= 0; i-- {
			r.set(name, float64(10+i), order[i]...)
			if got := r.limit(k, "alice", "app"); got != float64(10+i) {
				t.Errorf("%s: %v set: limit %v", k, order[i], got)
			}
		}
		if got := r.limit(k, "bob", "app"); got != 13 {
			t.Errorf("%s: bob's app: %v", k, got)
		}
		if got := r.limit(k, "bob", "other"); got != 14 {
			t.Errorf("%s: bob's other: %v", k, got)
		}
		for i := range order {
			r.set(name, 0, order[i]...)
			want := float64(11 + i)
			if i == len(order)-1 {
				want = 0
			}
			if got := r.limit(k, "alice", "app"); got != want {
				t.Errorf("%s: %v removed: limit %v, want %v", k, order[i], got, want)
			}
		}
	}
}

// TestWhoSharesAnAccount: those that the entity of their quota does not tell apart.
func TestWhoSharesAnAccount(t *testing.T) {
	r := newRig(t)
	shared := func(want bool, user1, client1, user2, client2 string) {
		t.Helper()
		a, b := r.account(Fetch, user1, client1), r.account(Fetch, user2, client2)
		if a == nil || b == nil || (a == b) != want {
			t.Errorf("%s/%s and %s/%s: %p and %p, want the same: %v", user1, client1, user2, client2, a, b, want)
		}
	}
	r.set(metadata.QuotaConsumerByteRate, 1, "client-id", "")
	shared(true, "alice", "app", "bob", "app")
	shared(false, "alice", "app", "alice", "other")
	r.set(metadata.QuotaConsumerByteRate, 1, "user", "")
	shared(true, "alice", "app", "alice", "other")
	shared(false, "alice", "app", "bob", "app")
	r.set(metadata.QuotaConsumerByteRate, 1, "user", "", "client-id", "")
	shared(false, "alice", "app", "alice", "other")
	shared(false, "alice", "app", "bob", "app")
	shared(true, "alice", "app", "alice", "app")
	if r.account(Produce, "alice", "app") != nil {
		t.Error("there is no quota for producing")
	}
}

// TestAChangedLimitKeepsWhatWasUsed, and one that is removed and set again as well, while it is remembered.
func TestAChangedLimitKeepsWhatWasUsed(t *testing.T) {
	r := newRig(t)
	r.set(metadata.QuotaProducerByteRate, 100, "user", "alice")
	r.account(Produce, "alice", "").Record(2000, r.now)
	r.set(metadata.QuotaProducerByteRate, 200, "user", "alice")
	if d := r.account(Produce, "alice", "").Record(0, r.now); d != 0 {
		t.Errorf("2000 in 10 s at 200: %v", d)
	}
	r.set(metadata.QuotaProducerByteRate, 150, "user", "alice")
	if d := r.account(Produce, "alice", "").Record(100, r.now); d != 4*time.Second {
		t.Errorf("2100 in 10 s at 150: %v", d)
	}
}

// TestIPQuota: an address has its own limit or the default's; the accounts are apart.
func TestIPQuota(t *testing.T) {
	r := newRig(t)
	if r.m.IP("10.0.0.1") != nil {
		t.Error("a limit without a quota")
	}
	r.set(metadata.QuotaConnectionCreationRate, 5, "ip", "")
	r.set(metadata.QuotaConnectionCreationRate, 2, "ip", "10.0.0.1")
	one, other := r.m.IP("10.0.0.1"), r.m.IP("10.0.0.2")
	if one.Limit() != 2 || other.Limit() != 5 || one == other || r.m.IP("::ffff:10.0.0.1") != one {
		t.Errorf("%v, %v", one.Limit(), other.Limit())
	}
}

// TestClientsCannotFillTheMemory: a client that takes a new id for each request gets maxAccounts of them; then all of its
// ids share one, until those that are idle make room.
func TestClientsCannotFillTheMemory(t *testing.T) {
	r := newRig(t)
	r.set(metadata.QuotaProducerByteRate, 1, "client-id", "")
	for i := range maxAccounts + 1000 {
		r.account(Produce, "alice", fmt.Sprint(i)).Record(1, r.now)
	}
	if n := r.m.NumAccounts(); n != maxAccounts+1 {
		t.Errorf("%d accounts, want %d and the shared one", n, maxAccounts)
	}
	if n := len(r.m.rules.Load().clients); n > maxClients {
		t.Errorf("%d clients remembered", n)
	}
	if d := r.account(Produce, "alice", "late").Record(0, r.now); d == 0 {
		t.Error("the shared account is not used by those who came late")
	}
	if r.account(Produce, "alice", "late") != r.account(Produce, "alice", "later") {
		t.Error("two latecomers do not share")
	}
	r.now = r.now.Add(time.Minute)
	r.account(Produce, "alice", "new").Record(0, r.now)
	if n := r.m.NumAccounts(); n != 1 {
		t.Errorf("%d accounts when all but one are idle", n)
	}
}

// TestThrottledIsBounded: maxSeries names for each quota, in order of coming, and the sum of the others.
func TestThrottledIsBounded(t *testing.T) {
	r := newRig(t)
	r.set(metadata.QuotaProducerByteRate, 1, "client-id", "")
	for i := range maxSeries + 50 {
		r.account(Produce, "alice", fmt.Sprintf("app-%03d", i)).Record(20, r.now)
	}
	got := r.m.Throttled()
	if len(got) != maxSeries+1 {
		t.Fatalf("%d series", len(got))
	}
	if o := got[maxSeries]; o.User != other || o.Times != 50 || o.Total != 500*time.Second {
		t.Errorf("others: %+v", o)
	}
	if o := got[0]; o.ClientID != "app-000" || o.User != "" || o.Times != 1 || o.Total != 10*time.Second {
		t.Errorf("the first: %+v", o)
	}
}

// TestLookupAllocatesNothing, with and without quotas.
func TestLookupAllocatesNothing(t *testing.T) {
	r := newRig(t)
	id := []byte("app")
	p := security.Principal{Type: "User", Name: "alice"}
	use := func() { r.m.Account(Produce, p, id).Record(1, r.now) }
	if n := testing.AllocsPerRun(100, use); n != 0 {
		t.Errorf("without quotas: %v allocations", n)
	}
	r.set(metadata.QuotaProducerByteRate, 1e9, "user", "alice")
	use()
	if n := testing.AllocsPerRun(100, use); n != 0 {
		t.Errorf("with a quota: %v allocations", n)
	}
}
