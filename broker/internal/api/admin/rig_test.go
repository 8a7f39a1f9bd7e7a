package admin

import (
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/controller"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rig is the handlers over a real controller whose decisions are committed at once, in a cluster of
// brokers 1 (this one), 2, and 3, which is fenced.
type rig struct {
	t          *testing.T
	h          *Handlers
	loader     *metadata.Loader
	machine    *controller.Machine
	controller *controller.Controller

	proposed []quorum.Entry
	index    uint64
	offset   int64
	ids      byte
	ended    bool            // the quorum does not answer any more
	deny     map[string]bool // "operation/name" that nobody may do
	listener string          // on which requests come in
}

const clusterID = "AQIDBAUGBwgJCgsMDQ4PEA"

func newRig(t *testing.T) *rig {
	t.Helper()
	return newRigWith(t, map[string]string{"log.retention.hours": "24", "message.max.bytes": "2000000"})
}

func newRigWith(t *testing.T, properties map[string]string) *rig {
	t.Helper()
	r := &rig{t: t, deny: map[string]bool{}, index: 1, listener: "PLAINTEXT"}
	defaults, err := metadata.NewDefaults(properties)
	if err != nil {
		t.Fatal(err)
	}
	r.loader = metadata.NewLoader(metadata.ImageOptions{ClusterID: clusterID, NodeID: 1, Defaults: defaults})
	r.controller = controller.New(controller.Options{
		ClusterID: clusterID, NodeID: 1, Rand: rand.New(rand.NewPCG(1, 1)),
		UUID: func() kafka.UUID { r.ids++; return kafka.UUID{0: r.ids, 15: 0xff} },
	}, r.loader.Current(), r)
	r.machine = &controller.Machine{Loader: r.loader, Controller: r.controller, Now: func() int64 { return 1 }}
	r.h = New(Options{
		Self: 1, Image: r.loader.Current, Controller: r, Authorizer: r, Limiter: quota.Unlimited{},
		Logger: slog.New(slog.DiscardHandler),
	})
	r.machine.Lead(quorum.State{Leader: 1, Term: 1, Self: true})
	r.commit()
	for id := int32(1); id <= 3; id++ {
		r.register(id)
	}
	return r
}

func (r *rig) register(id int32) {
	r.t.Helper()
	reg := kmsg.NewPtrBrokerRegistrationRequest()
	reg.Version, reg.BrokerID, reg.ClusterID, reg.IncarnationID, reg.PreviousBrokerEpoch = 4, id, clusterID, [16]byte{byte(id)}, -1
	reg.LogDirs = [][16]byte{{byte(id), 14: 1}}
	l := kmsg.NewBrokerRegistrationRequestListener()
	l.Name, l.Host, l.Port = "PLAINTEXT", "host", uint16(9090+id)
	reg.Listeners = append(reg.Listeners, l)
	rack := "r"
	reg.Rack = &rack
	for _, f := range controller.SupportedFeatures() {
		n := kmsg.NewBrokerRegistrationRequestFeature()
		n.Name, n.MinSupportedVersion, n.MaxSupportedVersion = f.Name, f.Min, f.Max
		reg.Features = append(reg.Features, n)
	}
	r.do(func() controller.Decision { return r.controller.RegisterBroker(reg, 1) })
	if id != 3 {
		r.beat(id, false)
	}
}

// beat sends a heartbeat, which unfences or fences the broker.
func (r *rig) beat(id int32, fence bool) {
	r.t.Helper()
	beat := kmsg.NewPtrBrokerHeartbeatRequest()
	beat.WantFence = fence
	beat.BrokerID, beat.BrokerEpoch = id, int64(r.loader.Current().Broker(kafka.BrokerID(id)).Epoch)
	beat.CurrentMetadataOffset = r.loader.Current().Offset()
	r.do(func() controller.Decision { return r.controller.BrokerHeartbeat(beat, 1) })
}

// Propose takes a batch as the quorum does.
func (r *rig) Propose(b batch.Batch) (uint64, error) {
	b.SetBaseOffset(r.offset)
	r.proposed = append(r.proposed, quorum.Entry{Index: r.index, Term: 1, Offset: r.offset, Batch: b})
	r.index++
	r.offset = b.NextOffset()
	return r.index - 1, nil
}

func (r *rig) commit() {
	r.t.Helper()
	entries := r.proposed
	r.proposed = nil
	if err := r.machine.Apply(entries); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) do(decide func() controller.Decision) (answer any, err error) {
	r.t.Helper()
	r.controller.Do(1, decide, func(a any, e error) { answer, err = a, e })
	r.commit()
	return answer, err
}

// Request makes the rig the way to the controller.
func (r *rig) Request(req kmsg.Request, caller controller.Caller, done func(kmsg.Response, error)) {
	if r.ended {
		return
	}
	answer, err := r.do(func() controller.Decision { return r.controller.Request(req, caller, 1) })
	resp, _ := answer.(kmsg.Response)
	done(resp, err)
}

// Allowed makes the rig its own authorizer.
func (r *rig) Allowed(_ security.Principal, _ string, op security.Operation, _ security.Resource, name string) bool {
	return !r.deny[operationNames[op]+"/"+name] && !r.deny[operationNames[op]]
}

var operationNames = map[security.Operation]string{
	security.OpDescribe: "describe", security.OpAlter: "alter", security.OpDelete: "delete", security.OpCreate: "create",
	security.OpDescribeConfigs: "describe-configs", security.OpAlterConfigs: "alter-configs",
}

// call sends a request in its version through serve and decodes the answer.
func call[R kmsg.Response](r *rig, serve func(*network.Request) network.Disposition, req kmsg.Request) R {
	r.t.Helper()
	q := &network.Request{
		Header:  wire.Header{Key: req.Key(), Version: req.GetVersion()},
		Payload: req.AppendTo(nil),
		Session: &network.Session{Listener: r.listener, Principal: security.Anonymous},
		Now:     time.UnixMilli(1),
	}
	if d := serve(q); d != network.Answered {
		r.t.Fatalf("%s v%d ended by %d", kmsg.NameForKey(req.Key()), req.GetVersion(), d)
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if err := resp.ReadFrom(q.Out); err != nil {
		r.t.Fatalf("%s v%d: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	return resp.(R)
}

// create makes topics with the given numbers of partitions, on brokers 1 and 2.
func (r *rig) create(name string, partitions int32, configs ...string) kafka.TopicID {
	r.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 7, 1000
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, -1, -1
	for i := range partitions {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = i, []int32{1 + i%2, 2 - i%2}
		t.ReplicaAssignment = append(t.ReplicaAssignment, a)
	}
	for i := 0; i < len(configs); i += 2 {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = configs[i], &configs[i+1]
		t.Configs = append(t.Configs, c)
	}
	req.Topics = append(req.Topics, t)
	resp := call[*kmsg.CreateTopicsResponse](r, r.h.CreateTopics, req)
	if resp.Topics[0].ErrorCode != 0 {
		r.t.Fatalf("create %s: %+v", name, resp.Topics[0])
	}
	return resp.Topics[0].TopicID
}

// notLeading is the state of a node whose quorum is led by another.
var notLeading = quorum.State{Leader: 2, Term: 2}
