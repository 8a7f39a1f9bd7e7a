package broker

import (
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/api/txn"
	"github.com/thalweg-io/thalweg/broker/internal/controller"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// control is the way to the active controller. Today it is the one in this process; where it is
// elsewhere, requests will be forwarded to it.
type control struct {
	runner     *quorum.Runner
	controller *controller.Controller
	self       kafka.BrokerID
	replicas   *replica.Manager
	epoch      func() kafka.BrokerEpoch
}

// do runs a decision on the quorum loop; done is called when it is committed, or with an error.
func (c *control) do(decide func(nowMs int64) controller.Decision, done func(answer any, err error)) {
	err := c.runner.Submit(func(*quorum.Core) {
		now := time.Now().UnixMilli()
		c.controller.Do(now, func() controller.Decision { return decide(now) }, done)
	})
	if err != nil {
		done(nil, err)
	}
}

// ask is do for an answer of one type.
func ask[T any](c *control, decide func(nowMs int64) controller.Decision, done func(T, error)) {
	c.do(decide, func(answer any, err error) {
		t, _ := answer.(T)
		done(t, err)
	})
}

// Request implements admin.Controller. Whoever creates partitions is answered when their logs on this broker are
// open, or after the request's time-out: who writes at once then finds a leader.
func (c *control) Request(req kmsg.Request, caller controller.Caller, done func(kmsg.Response, error)) {
	if topics, within := creates(req); len(topics) > 0 {
		answer := done
		done = func(resp kmsg.Response, err error) {
			var once sync.Once
			tell := func() { once.Do(func() { answer(resp, err) }) }
			late := time.AfterFunc(within, tell)
			c.replicas.AfterOpening(func() {
				late.Stop()
				tell()
			}, topics...)
		}
	}
	ask(c, func(now int64) controller.Decision { return c.controller.Request(req, caller, now) }, done)
}

// creates are the topics that a request makes partitions of, and how long its caller waits for them at most.
func creates(req kmsg.Request) (topics []string, within time.Duration) {
	timeoutMs := int32(0)
	switch r := req.(type) {
	case *kmsg.CreateTopicsRequest:
		timeoutMs = r.TimeoutMillis
		for i := range r.Topics {
			topics = append(topics, r.Topics[i].Topic)
		}
	case *kmsg.CreatePartitionsRequest:
		timeoutMs = r.TimeoutMillis
		for i := range r.Topics {
			topics = append(topics, r.Topics[i].Topic)
		}
	}
	return topics, time.Duration(max(timeoutMs, 0)) * time.Millisecond
}

// AllocateProducerIDs implements txn.Allocator.
func (c *control) AllocateProducerIDs(done func(txn.Block, error)) {
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	req.BrokerID, req.BrokerEpoch = int32(c.self), int64(c.epoch())
	ask(c, func(int64) controller.Decision { return c.controller.AllocateProducerIDs(req) },
		func(resp *kmsg.AllocateProducerIDsResponse, err error) {
			switch {
			case err != nil:
				done(txn.Block{}, err)
			case resp.ErrorCode != 0:
				done(txn.Block{}, kerr.ErrorForCode(resp.ErrorCode))
			default:
				done(txn.Block{First: kafka.ProducerID(resp.ProducerIDStart), Size: resp.ProducerIDLen}, nil)
			}
		})
}

func (c *control) register(req *kmsg.BrokerRegistrationRequest, done func(*kmsg.BrokerRegistrationResponse, error)) {
	ask(c, func(now int64) controller.Decision { return c.controller.RegisterBroker(req, now) }, done)
}

func (c *control) assign(req *kmsg.AssignReplicasToDirsRequest, done func(*kmsg.AssignReplicasToDirsResponse, error)) {
	ask(c, func(int64) controller.Decision { return c.controller.AssignReplicasToDirs(req) }, done)
}

func (c *control) heartbeat(req *kmsg.BrokerHeartbeatRequest, done func(*kmsg.BrokerHeartbeatResponse, error)) {
	ask(c, func(now int64) controller.Decision { return c.controller.BrokerHeartbeat(req, now) }, done)
}

// tick lets the controller see which brokers have fallen silent.
func (c *control) tick() {
	_ = c.runner.Submit(func(*quorum.Core) { c.controller.Tick(time.Now().UnixMilli()) }) // ended: nobody to tell
}
