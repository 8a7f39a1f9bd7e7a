package sim

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Plan is everything about a run that is decided before it: the cluster, its faults, its clients.
// It follows from a seed; Shrink takes faults and clients away from it.
type Plan struct {
	Seed     uint64
	Nodes    int // voters and brokers: 1, 3 or 5
	Duration time.Duration
	Links    LinkOptions
	Limits   Limits
	Topics   []TopicPlan
	Faults   []Fault
	Clients  []ClientPlan
	// GroupShards is the number of partitions of the offsets topic; 0: there are no groups.
	GroupShards int32
	// MaxEvents ends the run early without a verdict; 0: no bound but the one against runs
	// that never end.
	MaxEvents int64
}

// Limits are the sizes of a run: small, so that their ends are reached.
type Limits struct {
	MetaSegmentBytes int32
	MaxBatchBytes    int
	MaxMessageBytes  int
	MaxApplyBytes    int
	TailBytes        int
	MaxOpenFiles     int
	CheckpointBytes  int64
	SegmentBytes     int32
	IndexBytes       int32 // index.interval.bytes
	FetchBytes       int32
	CompactEvery     uint64        // applied entries between two floors of the metadata log; 0: never
	DiskLatency      time.Duration // of a sync of data
	AdvanceLatency   time.Duration // from an input of the quorum to its effects
	SessionTimeoutMs int64
}

// TopicPlan is a topic of the workload. It has one replica per partition.
type TopicPlan struct {
	Name       string
	Partitions int32
	FlushOS    bool
	// RetentionBytes is what retention keeps of each partition (retention.bytes); 0: everything.
	RetentionBytes int64
}

// ClientKind is what a client does.
type ClientKind uint8

// Kinds of clients.
const (
	Producer ClientKind = iota
	Consumer
	Admin
	Idempotent
	Member
	Simple
)

func (k ClientKind) String() string {
	return [...]string{"producer", "consumer", "admin", "idempotent producer", "member", "simple consumer"}[k]
}

// ClientPlan is one client.
type ClientPlan struct {
	ID    int // its place in the original plan, which its chance follows from
	Kind  ClientKind
	Acks  int16 // of a producer; 2 draws anew for each batch
	Every time.Duration

	Group  int  // of a member, or of a simple consumer
	Static bool // of a member: it has an instance id
	Modern bool // of a member: it speaks the newer protocol (KIP-848)
}

// feature is a kind of trouble that a seed may switch on.
type feature int

const (
	withLoss feature = iota
	withDuplicates
	withReorder
	withPartitions
	withResets
	withPowerCuts
	withKills
	withMidCrashes
	withCleanStops
	withEmptyDisk
	withOldDisk
	withClocks
	withPauses
	withSyncErrors
	withNoSpace
	withMembership
	withCompaction
	withFlushOS
	withSlowLinks
	withTransfers
	numFeatures
)

// NewPlan draws the plan of a seed.
func NewPlan(seed uint64) *Plan {
	rng := stream(seed, 100)
	on := make([]bool, numFeatures)
	for i := range on {
		on[i] = rng.IntN(2) == 0
	}
	p := &Plan{
		Seed:     seed,
		Nodes:    [...]int{1, 1, 3, 3, 3, 3, 5}[rng.IntN(7)],
		Duration: between(rng, 8*time.Second, 25*time.Second),
		Links:    LinkOptions{Latency: pick(rng, 100*time.Microsecond, time.Millisecond, 5*time.Millisecond), Jitter: pick(rng, 100*time.Microsecond, 2*time.Millisecond, 20*time.Millisecond)},
	}
	if on[withLoss] {
		p.Links.Loss = pick(rng, 0.005, 0.02, 0.1)
	}
	if on[withDuplicates] {
		p.Links.Duplicate = pick(rng, 0.02, 0.2)
	}
	if on[withReorder] {
		p.Links.Reorder = pick(rng, 0.05, 0.3)
	}
	p.Limits = drawLimits(rng, on[withCompaction])
	for i := range 1 + rng.IntN(2) {
		p.Topics = append(p.Topics, TopicPlan{
			Name: "topic" + string(rune('a'+i)), Partitions: int32(1 + rng.IntN(3)), FlushOS: on[withFlushOS] && i > 0,
		})
	}
	p.Clients = drawClients(rng)
	p.Faults = drawFaults(rng, p, on)
	p.drawGroups(stream(seed, 101))
	p.drawSimple(stream(seed, 102))
	p.drawRetention(stream(seed, 103))
	return p
}

// drawSimple lets one seed in two of those with groups have simple consumers, all of one group.
func (p *Plan) drawSimple(rng *rand.Rand) {
	if p.GroupShards == 0 || rng.IntN(2) == 0 {
		return
	}
	for range 2 + rng.IntN(maxClients-mostOthers-1) {
		p.Clients = append(p.Clients, ClientPlan{
			ID: len(p.Clients), Kind: Simple, Every: between(rng, 10*time.Millisecond, 200*time.Millisecond), Group: int(p.GroupShards) - 1,
		})
	}
}

// drawRetention lets one seed in three delete what is old.
func (p *Plan) drawRetention(rng *rand.Rand) {
	if rng.IntN(3) > 0 {
		return
	}
	for i := range p.Topics {
		p.Topics[i].RetentionBytes = pick[int64](rng, 0, 1, 400, 3000)
	}
}

// retains reports whether anything is deleted.
func (p *Plan) retains() bool {
	return slices.ContainsFunc(p.Topics, func(t TopicPlan) bool { return t.RetentionBytes > 0 })
}

// drawGroups lets one seed in two have groups. It draws from a source of its own.
func (p *Plan) drawGroups(rng *rand.Rand) {
	if rng.IntN(2) == 0 {
		return
	}
	p.GroupShards = 1 + rng.Int32N(3)
	groups := 1 + rng.IntN(2)
	modern := []int{rng.IntN(3), rng.IntN(3)} // no member of a group, some, all
	for i := range min(2*groups+rng.IntN(2), mostOthers-len(p.Clients)) {
		p.Clients = append(p.Clients, ClientPlan{
			ID: len(p.Clients), Kind: Member, Every: between(rng, 20*time.Millisecond, 200*time.Millisecond),
			Group: i % groups, Static: rng.IntN(3) == 0, Modern: modern[i%groups] == 2 || modern[i%groups] == 1 && rng.IntN(2) == 0,
		})
	}
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

func drawLimits(rng *rand.Rand, compaction bool) Limits {
	l := Limits{
		MetaSegmentBytes: pick[int32](rng, 16<<10, 64<<10, 1<<20),
		MaxBatchBytes:    16 << 10,
		MaxMessageBytes:  pick(rng, 300, 2000, 1<<20),
		MaxApplyBytes:    pick(rng, 300, 2000, 4<<20),
		TailBytes:        pick(rng, 1, 1000, 1<<20),
		MaxOpenFiles:     pick(rng, 1, 4, 100),
		CheckpointBytes:  pick[int64](rng, 1, 2000, 64<<20),
		SegmentBytes:     pick[int32](rng, 300, 1000, 4000, 1<<20),
		IndexBytes:       pick[int32](rng, 0, 200, 4096),
		FetchBytes:       pick[int32](rng, 1, 500, 1<<20),
		DiskLatency:      pick(rng, 100*time.Microsecond, 2*time.Millisecond, 40*time.Millisecond),
		AdvanceLatency:   pick(rng, 10*time.Microsecond, 500*time.Microsecond, 5*time.Millisecond),
		SessionTimeoutMs: pick[int64](rng, 3000, 9000),
	}
	if compaction {
		l.CompactEvery = pick[uint64](rng, 3, 10, 30)
	}
	return l
}

func drawClients(rng *rand.Rand) []ClientPlan {
	var out []ClientPlan
	add := func(kind ClientKind, acks int16, every time.Duration) {
		out = append(out, ClientPlan{ID: len(out), Kind: kind, Acks: acks, Every: every})
	}
	add(Admin, 0, between(rng, 500*time.Millisecond, 3*time.Second))
	add(Producer, -1, between(rng, 20*time.Millisecond, 300*time.Millisecond))
	for range rng.IntN(3) {
		add(Producer, pick[int16](rng, -1, 2), between(rng, 20*time.Millisecond, 500*time.Millisecond))
	}
	for range 1 + rng.IntN(2) {
		add(Consumer, 0, between(rng, 30*time.Millisecond, 300*time.Millisecond))
	}
	for range rng.IntN(3) {
		add(Idempotent, -1, between(rng, 20*time.Millisecond, 400*time.Millisecond))
	}
	return out
}

// drawFaults draws a list in order of time. Kinds that need several nodes are left out with one.
func drawFaults(rng *rand.Rand, p *Plan, on []bool) []Fault {
	var kinds []FaultKind
	for _, k := range faultKinds {
		if on[k.feature] && (p.Nodes > 1 || !k.cluster) {
			kinds = append(kinds, k.kind)
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	var out []Fault
	for range 1 + rng.IntN(10) {
		out = append(out, Fault{
			At:   between(rng, 500*time.Millisecond, p.Duration-time.Second),
			Kind: pick(rng, kinds...), Node: rng.IntN(p.Nodes), Chance: rng.Uint64(),
			For: pick(rng, between(rng, time.Millisecond, 200*time.Millisecond), between(rng, 200*time.Millisecond, 12*time.Second)),
		})
	}
	slices.SortStableFunc(out, func(a, b Fault) int { return int(a.At - b.At) })
	for i := range out {
		out[i].ID = i
	}
	return out
}
