package data

import (
	"log/slog"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/delayed"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/thalweg-io/thalweg/internal/vfs"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var ordersID = kafka.TopicID{15: 200}

// rig is the handlers over one topic "orders" with two partitions, of which broker 1 leads the
// first and broker 2 the second, on a memory disk whose syncer the test steps itself.
type rig struct {
	t      testing.TB
	h      *Handlers
	fs     *vfs.MemFS
	dir    *storage.Dir
	loader *metadata.Loader
	offset int64
	now    time.Time
	deny   map[string]bool // topics that nobody may touch
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := openRig(t, vfs.NewMem())
	r.replay(clusterRecords()...)
	return r
}

// openRig is a rig over a disk, with an empty cluster.
func openRig(t testing.TB, disk *vfs.MemFS) *rig {
	t.Helper()
	r := &rig{t: t, fs: disk, now: time.UnixMilli(1_700_000_000_000), deny: map[string]bool{}}
	lg := slog.New(slog.DiscardHandler)
	var err error
	r.dir, err = storage.OpenDir(disk, "data", storage.DirOptions{
		ClusterID: "AQIDBAUGBwgJCgsMDQ4PEA", NodeID: 1, Random: func() [16]byte { return [16]byte{9, 9, 9} }, Logger: lg,
	})
	if err != nil {
		t.Fatal(err)
	}
	m := replica.NewManager(replica.Options{Self: 1, Dirs: []*storage.Dir{r.dir}, Logger: lg, FS: disk})
	r.loader = metadata.NewLoader(metadata.ImageOptions{NodeID: 1})
	r.loader.Subscribe(m)
	r.h = New(Options{
		Replicas: m, Image: r.loader.Current, Authorizer: r, Limiter: quota.Unlimited{},
		Wheel: delayed.NewWheel(r.now, nil), FetchMax: 55 << 20, FetchSessions: 10, Logger: lg,
	})
	return r
}

// restart is a rig over what a power cut would leave of the disk, which has not heard of the cluster yet.
func (r *rig) restart() *rig {
	r.t.Helper()
	return openRig(r.t, r.fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced}))
}

// clusterRecords are two brokers and the topic.
func clusterRecords() []schema.Record {
	endpoint := func(port uint16) []schema.BrokerEndpoint {
		return []schema.BrokerEndpoint{{Name: "PLAINTEXT", Host: "h", Port: port}}
	}
	return []schema.Record{
		&schema.RegisterBrokerRecord{BrokerID: 1, BrokerEpoch: 1, Endpoints: endpoint(9092)},
		&schema.RegisterBrokerRecord{BrokerID: 2, BrokerEpoch: 2, Endpoints: endpoint(9093)},
		&schema.TopicRecord{Name: "orders", TopicID: ordersID},
		&schema.PartitionRecord{PartitionID: 0, TopicID: ordersID, Replicas: []kafka.BrokerID{1}, ISR: []kafka.BrokerID{1}, Leader: 1, LeaderEpoch: 3, PartitionEpoch: 3},
		&schema.PartitionRecord{PartitionID: 1, TopicID: ordersID, Replicas: []kafka.BrokerID{2}, ISR: []kafka.BrokerID{2}, Leader: 2, LeaderEpoch: 4, PartitionEpoch: 4},
	}
}

// Allowed makes the rig its own authorizer.
func (r *rig) Allowed(_ security.Principal, _ string, _ security.Operation, _ security.Resource, name string) bool {
	return !r.deny[name]
}

// replay commits metadata records and publishes them.
func (r *rig) replay(records ...schema.Record) {
	r.t.Helper()
	var b batch.Builder
	b.Reset(batch.BuilderOptions{})
	for _, rec := range records {
		value, err := schema.Append(nil, rec, 0)
		if err != nil {
			r.t.Fatal(err)
		}
		b.Append(0, nil, value, nil)
	}
	built, err := b.Build()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.loader.Apply(r.offset, 1, built); err != nil {
		r.t.Fatal(err)
	}
	r.offset += int64(len(records))
	r.loader.PublishNow()
}

func (r *rig) sync() {
	for r.dir.SyncOnce() {
	}
}

func (r *rig) partition() *replica.Partition { return r.h.Replicas.Partition("orders", 0) }

// request makes a request in a slot of its own.
func (r *rig) request(req kmsg.Request) *network.Request {
	return &network.Request{
		Header:  wire.Header{Key: req.Key(), Version: req.GetVersion()},
		Payload: req.AppendTo(nil),
		Session: &network.Session{Listener: "PLAINTEXT", Principal: security.Anonymous},
		Now:     r.now,
	}
}

// decode reads an answer, its tail included.
func (r *rig) decode(q *network.Request, resp kmsg.Response) {
	r.t.Helper()
	out := q.Out
	if q.Tail != nil {
		w := &collector{}
		if err := q.Tail.WriteTo(w); err != nil {
			r.t.Fatal(err)
		}
		if len(w.bytes) != q.Tail.Len() {
			r.t.Fatalf("tail of %d bytes, it said %d", len(w.bytes), q.Tail.Len())
		}
		q.Tail.Release()
		out = append(out, w.bytes...)
	}
	resp.SetVersion(q.Version)
	if err := resp.ReadFrom(out); err != nil {
		r.t.Fatal(err)
	}
}

// value is a batch of one record for each value.
func (r *rig) records(values ...string) []byte {
	r.t.Helper()
	var b batch.Builder
	b.Reset(batch.BuilderOptions{})
	for _, v := range values {
		b.Append(r.now.UnixMilli(), nil, []byte(v), nil)
	}
	built, err := b.Build()
	if err != nil {
		r.t.Fatal(err)
	}
	return append([]byte(nil), built...)
}
