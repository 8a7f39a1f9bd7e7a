package metadata

import (
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

func quotaImage(t testing.TB, set map[QuotaEntity]float64) *Image {
	t.Helper()
	b := NewBuilder(NewImage(ImageOptions{}))
	for e, limit := range set { // order-free: entities differ
		quota := QuotaProducerByteRate
		if e.IP.Kind != QuotaAbsent {
			quota = QuotaConnectionCreationRate
		}
		if err := b.Apply(&schema.ClientQuotaRecord{Entity: e.Parts(), Quota: quota, Value: limit}); err != nil {
			t.Fatal(err)
		}
	}
	m, _ := b.Freeze()
	return m
}

// TestClientQuotaPrecedence sets a quota for every kind of entity and takes the one that counted
// away, one after the other: the next in Kafka's order counts (SURFACE 10).
func TestClientQuotaPrecedence(t *testing.T) {
	u, c, d, none := NamedQuota("u"), NamedQuota("c"), DefaultQuota, QuotaName{}
	order := []QuotaEntity{
		{u, c, none}, {u, d, none}, {u, none, none}, {d, c, none}, {d, d, none}, {d, none, none}, {none, c, none}, {none, d, none},
	}
	set := map[QuotaEntity]float64{{none, none, d}: 7, {NamedQuota("x"), c, none}: 99, {none, NamedQuota("y"), none}: 98}
	for i, e := range order {
		set[e] = float64(i + 1)
	}
	for i, e := range order {
		m := quotaImage(t, set)
		if limit, got, ok := m.ClientQuota(QuotaProducerByteRate, "u", "c"); !ok || got != e || limit != float64(i+1) {
			t.Errorf("%d: %v of %+v, %v", i, limit, got, ok)
		}
		if _, _, ok := m.ClientQuota(QuotaConsumerByteRate, "u", "c"); ok {
			t.Error("a quota that nobody has")
		}
		delete(set, e)
	}
	if _, _, ok := quotaImage(t, set).ClientQuota(QuotaProducerByteRate, "u", "c"); ok {
		t.Error("limited although nothing is left that matches")
	}
	if _, _, ok := quotaImage(t, nil).ClientQuota(QuotaProducerByteRate, "u", ""); ok {
		t.Error("limited without quotas")
	}
}

// TestIPQuota: an address' own quota counts before the default.
func TestIPQuota(t *testing.T) {
	set := map[QuotaEntity]float64{{IP: NamedQuota("10.0.0.1")}: 5, {IP: DefaultQuota}: 9}
	m := quotaImage(t, set)
	if own, ok := m.IPQuota("10.0.0.1"); !ok || own != 5 {
		t.Error(own, ok)
	}
	if other, ok := m.IPQuota("10.0.0.2"); !ok || other != 9 {
		t.Error(other, ok)
	}
	if _, ok := quotaImage(t, nil).IPQuota("10.0.0.1"); ok {
		t.Error("limited without quotas")
	}
}

// TestQuotaLookupsDoNotAllocate: limiters ask for every client they have not met.
func TestQuotaLookupsDoNotAllocate(t *testing.T) {
	m := quotaImage(t, map[QuotaEntity]float64{{ClientID: DefaultQuota}: 5, {IP: DefaultQuota}: 9})
	if n := testing.AllocsPerRun(100, func() {
		if _, _, ok := m.ClientQuota(QuotaProducerByteRate, "user", "client"); !ok {
			t.Fatal("no quota")
		}
		if _, ok := m.IPQuota("127.0.0.1"); !ok {
			t.Fatal("no quota")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestQuotaReplay: a quota that is set, changed and removed; entities that this build does not know
// are counted and passed over.
func TestQuotaReplay(t *testing.T) {
	b := NewBuilder(NewImage(ImageOptions{}))
	name, alice := "x", QuotaEntity{User: NamedQuota("alice")}
	apply := func(parts []schema.QuotaEntityPart, value float64, remove bool) *Delta {
		t.Helper()
		if err := b.Apply(&schema.ClientQuotaRecord{Entity: parts, Quota: QuotaRequestPercentage, Value: value, Remove: remove}); err != nil {
			t.Fatal(err)
		}
		_, d := b.Freeze()
		return d
	}
	if d := apply(alice.Parts(), 5, false); len(d.ClientQuotas) != 1 || d.ClientQuotas[0] != alice || d.Image.NumClientQuotas() != 1 {
		t.Errorf("%+v", d.ClientQuotas)
	}
	if d := apply(alice.Parts(), 5, false); !d.Empty() {
		t.Errorf("the same again changed %+v", d.ClientQuotas)
	}
	if d := apply(alice.Parts(), 0, true); len(d.ClientQuotas) != 1 || d.Image.NumClientQuotas() != 0 {
		t.Errorf("removed: %+v", d.ClientQuotas)
	}
	if d := apply(alice.Parts(), 0, true); !d.Empty() {
		t.Errorf("removed twice: %+v", d.ClientQuotas)
	}
	apply([]schema.QuotaEntityPart{{Type: "planet", Name: &name}}, 1, false)
	apply([]schema.QuotaEntityPart{{Type: "user"}, {Type: "user", Name: &name}}, 1, false)
	if d := apply(nil, 1, false); d.Image.Ignored() != 3 || d.Image.NumClientQuotas() != 0 {
		t.Errorf("%d ignored, %d entities", d.Image.Ignored(), d.Image.NumClientQuotas())
	}
}
