package metadata

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// generator makes random records that fit the state of a builder.
type generator struct {
	*rand.Rand
	b *Builder
}

func (g *generator) uuid() (u kafka.UUID) {
	for i := range u {
		u[i] = byte(g.Uint32())
	}
	return u
}

func (g *generator) broker() *Broker {
	var all []*Broker
	g.b.View().Brokers(func(n *Broker) bool { all = append(all, n); return true })
	if len(all) == 0 {
		return nil
	}
	return all[g.IntN(len(all))]
}

func (g *generator) topic() *Topic {
	var all []*Topic
	g.b.View().Topics(func(t *Topic) bool { all = append(all, t); return true })
	if len(all) == 0 {
		return nil
	}
	return all[g.IntN(len(all))]
}

// records returns the records of one random decision.
func (g *generator) records() []schema.Record {
	switch g.IntN(14) {
	case 0:
		return g.register()
	case 1, 2:
		return g.createTopic()
	case 3:
		if t := g.topic(); t != nil && g.IntN(2) == 0 {
			return []schema.Record{&schema.RemoveTopicRecord{TopicID: t.ID}}
		}
	case 4, 5, 6:
		return g.changePartition()
	case 7:
		return g.config()
	case 8:
		return []schema.Record{&schema.FeatureLevelRecord{Name: fmt.Sprint("f", g.IntN(3)), FeatureLevel: int16(g.IntN(3))}}
	case 9:
		return []schema.Record{&schema.ProducerIDsRecord{NextProducerID: g.b.View().NextProducerID() + 1000}}
	case 10:
		return []schema.Record{&schema.NoOpRecord{}, &schema.Opaque{Type: 18, Body: []byte{1}}}
	case 12, 13:
		return g.quota()
	case 11:
		if n := g.broker(); n != nil && g.IntN(4) == 0 {
			return []schema.Record{&schema.BrokerRegistrationChangeRecord{BrokerID: n.ID, BrokerEpoch: n.Epoch, LogDirs: []kafka.UUID{g.uuid()}}}
		}
	}
	return nil
}

func (g *generator) register() []schema.Record {
	id := kafka.BrokerID(g.IntN(4))
	epoch := kafka.BrokerEpoch(g.b.View().Offset() + 1)
	fenced := g.IntN(2) == 0 && g.b.View().NumTopics() == 0
	r := &schema.RegisterBrokerRecord{
		BrokerID: id, BrokerEpoch: epoch, IncarnationID: g.uuid(), Fenced: fenced, LogDirs: []kafka.UUID{g.uuid()},
		Endpoints: []schema.BrokerEndpoint{{Name: "PLAINTEXT", Host: "h", Port: uint16(g.IntN(1 << 16))}},
	}
	if g.IntN(2) == 0 {
		rack := "r"
		r.Rack = &rack
	}
	return []schema.Record{r}
}

func (g *generator) createTopic() []schema.Record {
	name := fmt.Sprint("t", g.IntN(20))
	n := g.broker()
	if g.b.View().Topic(name) != nil || n == nil || !n.Active() {
		return nil
	}
	id := g.uuid()
	records := []schema.Record{&schema.TopicRecord{Name: name, TopicID: id}}
	for _, i := range g.Perm(1 + g.IntN(4)) { // Kafka promises no order
		records = append(records, &schema.PartitionRecord{
			PartitionID: int32(i), TopicID: id, Replicas: []kafka.BrokerID{n.ID}, ISR: []kafka.BrokerID{n.ID},
			Directories: []kafka.UUID{UnassignedDirectory}, Leader: n.ID,
		})
	}
	return records
}

func (g *generator) changePartition() []schema.Record {
	t := g.topic()
	if t == nil {
		return nil
	}
	i := g.IntN(len(t.Partitions))
	r := schema.NewPartitionChange()
	r.TopicID, r.PartitionID = t.ID, int32(i)
	switch g.IntN(3) {
	case 0:
		r.Leader = t.Partitions[i].ISR[0]
	case 1:
		r.Leader = kafka.NoBroker
	case 2:
		r.Directories = []kafka.UUID{g.uuid()}
	}
	return []schema.Record{r}
}

func (g *generator) config() []schema.Record {
	r := &schema.ConfigRecord{ResourceType: schema.ResourceBroker, Name: fmt.Sprint("c", g.IntN(5))}
	if t := g.topic(); t != nil && g.IntN(3) > 0 {
		r.ResourceType, r.ResourceName = schema.ResourceTopic, t.Name
	}
	if g.IntN(3) > 0 {
		v := fmt.Sprint(g.IntN(3))
		r.Value = &v
	}
	return []schema.Record{r}
}

func (g *generator) quota() []schema.Record {
	r := &schema.ClientQuotaRecord{Quota: fmt.Sprint("q", g.IntN(3)), Value: float64(g.IntN(3)), Remove: g.IntN(3) == 0}
	for _, kind := range []string{schema.QuotaUser, schema.QuotaClientID, schema.QuotaIP} {
		switch name := fmt.Sprint(g.IntN(2)); g.IntN(4) {
		case 0:
			r.Entity = append(r.Entity, schema.QuotaEntityPart{Type: kind})
		case 1:
			r.Entity = append(r.Entity, schema.QuotaEntityPart{Type: kind, Name: &name})
		}
	}
	return []schema.Record{r}
}

// TestRandomHistories replays random records and after each step checks what must hold of every
// image: its invariants; an equal image from its own records (C-20); images published before are
// untouched; the delta names exactly what differs; one builder that freezes often and one that
// never does come to the same hash (C-18).
func TestRandomHistories(t *testing.T) {
	steps := 150
	if testing.Short() {
		steps = 60
	}
	topics := 0
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			b := NewBuilder(NewImage(ImageOptions{ClusterID: "c"}))
			never := NewBuilder(NewImage(ImageOptions{ClusterID: "c"}))
			g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), b: b}
			last, lastDump := b.base, b.base.dump()
			for step := range steps {
				records := g.records()
				for _, r := range records {
					if err := b.Apply(r); err != nil {
						t.Fatalf("step %d: %v", step, err)
					}
					if err := never.Apply(roundTrip(t, r)); err != nil {
						t.Fatalf("step %d: %v", step, err)
					}
				}
				b.Seen(b.View().Offset()+int64(len(records))+1, 0)
				if g.IntN(3) > 0 {
					continue
				}
				image, delta := b.Freeze()
				if err := image.Check(); err != nil {
					t.Fatalf("step %d: %v", step, err)
				}
				if !slices.Equal(last.dump(), lastDump) {
					t.Fatalf("step %d: an image that was published before has changed", step)
				}
				checkReplay(t, image)
				checkDelta(t, last, image, delta)
				if h, want := never.View().Hash(), image.Hash(); h != want {
					t.Fatalf("step %d: hash %x, without publishing %x", step, want, h)
				}
				last, lastDump = image, image.dump()
			}
			topics += last.NumTopics()
		})
	}
	if topics < 12 {
		t.Errorf("hardly anything happened: %d topics", topics)
	}
}

// roundTrip is the record as another node reads it.
func roundTrip(t *testing.T, r schema.Record) schema.Record {
	version, _ := schema.LatestVersion(r.Key())
	value, err := schema.Append(nil, r, version)
	if err != nil {
		t.Fatal(err)
	}
	r, _, err = schema.Decode(value)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func checkReplay(t *testing.T, image *Image) {
	t.Helper()
	again := NewBuilder(NewImage(ImageOptions{ClusterID: "c"}))
	image.Records(func(r schema.Record, version int16) bool {
		value, err := schema.Append(nil, r, version)
		if err == nil {
			r, _, err = schema.Decode(value)
		}
		if err == nil {
			err = again.Apply(r)
		}
		if err != nil {
			t.Fatalf("replay of the image: %v", err)
		}
		return true
	})
	got, _ := again.Freeze()
	if !got.Equal(image) || got.Hash() != image.Hash() || got.NumPartitions() != image.NumPartitions() {
		t.Fatalf("image and its replay differ:\n%q\n%q", image.dump(), got.dump())
	}
}

// checkDelta compares the delta with a full comparison of both images.
func checkDelta(t *testing.T, old, image *Image, d *Delta) {
	t.Helper()
	var want, got []string
	ids := map[kafka.TopicID]bool{}
	for _, m := range []*Image{old, image} {
		m.Topics(func(x *Topic) bool { ids[x.ID] = true; return true })
	}
	for id := range ids {
		a, b := old.TopicByID(id), image.TopicByID(id)
		for i := range int32(10) {
			if !a.Partition(i).equal(b.Partition(i)) {
				want = append(want, fmt.Sprint(id, i))
			}
		}
		if (a == nil) != (b == nil) {
			want = append(want, id.String())
		}
	}
	for _, x := range d.Topics {
		x.Partitions(func(i int32, a, b *Partition) bool {
			if !a.equal(b) {
				got = append(got, fmt.Sprint(x.ID(), i))
			}
			return true
		})
		if x.Old == nil || x.Deleted() {
			got = append(got, x.ID().String())
		}
	}
	for id := range kafka.BrokerID(4) {
		if !old.Broker(id).equal(image.Broker(id)) {
			want = append(want, fmt.Sprint("broker", id))
		}
	}
	for _, x := range d.Brokers {
		if !x.Old.equal(x.New) {
			got = append(got, fmt.Sprint("broker", x.ID))
		}
	}
	resources := map[Resource]bool{}
	for _, m := range []*Image{old, image} {
		m.Configs(func(r Resource, _ []ConfigValue) bool { resources[r] = true; return true })
	}
	for r := range resources {
		if !slices.Equal(old.ConfigsOf(r), image.ConfigsOf(r)) {
			want = append(want, fmt.Sprint(r))
		}
	}
	for _, r := range d.Configs {
		got = append(got, fmt.Sprint(r))
	}
	entities := map[QuotaEntity]bool{}
	for _, m := range []*Image{old, image} {
		m.ClientQuotas(func(e QuotaEntity, _ []QuotaValue) bool { entities[e] = true; return true })
	}
	for e := range entities {
		if !slices.Equal(old.ClientQuotasOf(e), image.ClientQuotasOf(e)) {
			want = append(want, fmt.Sprint(e))
		}
	}
	for _, e := range d.ClientQuotas {
		got = append(got, fmt.Sprint(e))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Fatalf("delta %q, want %q", got, want)
	}
}
