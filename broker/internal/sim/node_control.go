package sim

import (
	"errors"

	"github.com/thalweg-io/thalweg/broker/internal/controller"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// watched is the node's quorum.Machine with the oracle looking on.
type watched struct {
	n     *node
	inner *controller.Machine
}

// Apply implements quorum.Machine.
func (m *watched) Apply(es []quorum.Entry) error {
	o := m.n.w.oracle
	o.applying(m.n, es)
	if err := m.inner.Apply(es); err != nil {
		return err
	}
	o.applied(m.n)
	return nil
}

// Lead implements quorum.Machine.
func (m *watched) Lead(s quorum.State) {
	m.n.w.oracle.lead(m.n, s)
	m.inner.Lead(s)
}

// ask sends a request to the controller, as far as this node knows it, and decodes the answer.
// Request and answer cross the link in Kafka's encoding.
func (n *node) ask(req kmsg.Request, done func(kmsg.Response, error)) {
	leader := n.core.State().Leader
	if leader == kafka.NoBroker {
		done(nil, kerr.NotController)
		return
	}
	generation := n.generation
	n.w.askNode(n.id, int(leader), req, func(resp kmsg.Response, err error) {
		if n.generation == generation {
			n.later(0, "answer", func() { done(resp, err) })
		}
	})
}

// decide hands a request to this node's controller; done is called when it is answered.
func (n *node) decide(data []byte, key, version int16, done func(kmsg.Response, error)) {
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	if err := req.ReadFrom(data); err != nil {
		n.w.violate("encoding", "request %d v%d: %v", key, version, err)
	}
	now := n.nowMs()
	n.control.Do(now, func() controller.Decision {
		switch req := req.(type) {
		case *kmsg.BrokerRegistrationRequest:
			return n.control.RegisterBroker(req, now)
		case *kmsg.BrokerHeartbeatRequest:
			return n.control.BrokerHeartbeat(req, now)
		case *kmsg.CreateTopicsRequest:
			return n.control.CreateTopics(req, controller.Caller{Principal: "User:sim"})
		case *kmsg.AllocateProducerIDsRequest:
			return n.control.AllocateProducerIDs(req)
		}
		panic("BUG: request that the simulator does not know")
	}, func(answer any, err error) {
		resp, _ := answer.(kmsg.Response)
		n.w.oracle.answered(n, req, resp, err)
		done(resp, err)
	})
	n.advanceSoon()
}

// beat registers the broker, or else sends a heartbeat.
func (n *node) beat() {
	if n.asking {
		return
	}
	if !n.registered {
		n.register()
		return
	}
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.SetVersion(req.MaxVersion())
	req.BrokerID, req.BrokerEpoch = int32(n.id), int64(n.epoch)
	req.CurrentMetadataOffset = n.loader.Current().Offset()
	if n.dir.Err() != nil {
		req.OfflineLogDirs = append(req.OfflineLogDirs, n.dir.ID())
	}
	n.asking = true
	n.ask(req, func(r kmsg.Response, err error) {
		n.asking = false
		resp, _ := r.(*kmsg.BrokerHeartbeatResponse)
		switch {
		case err != nil || resp == nil:
		case resp.ErrorCode == kerr.StaleBrokerEpoch.Code:
			// Another incarnation has registered, or the registration was never committed.
			n.registered, n.incarnation = false, n.uuid()
		case resp.ErrorCode == 0 && !resp.IsFenced:
			n.serving = true
		}
		if !n.serving {
			n.later(tickInterval, "beat", n.beat)
		}
	})
}

func (n *node) register() {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.SetVersion(req.MaxVersion())
	req.BrokerID, req.ClusterID, req.IncarnationID = int32(n.id), clusterID, n.incarnation
	req.PreviousBrokerEpoch = -1
	if epoch, ok := n.dir.Clean(); ok {
		req.PreviousBrokerEpoch = int64(epoch)
	}
	l := kmsg.NewBrokerRegistrationRequestListener()
	l.Name, l.Host, l.Port = "PLAINTEXT", "localhost", uint16(9092+n.id)
	req.Listeners = append(req.Listeners, l)
	for _, f := range controller.SupportedFeatures() {
		r := kmsg.NewBrokerRegistrationRequestFeature()
		r.Name, r.MinSupportedVersion, r.MaxSupportedVersion = f.Name, f.Min, f.Max
		req.Features = append(req.Features, r)
	}
	req.LogDirs = append(req.LogDirs, n.dir.ID())
	n.asking = true
	n.ask(req, func(r kmsg.Response, err error) {
		n.asking = false
		resp, _ := r.(*kmsg.BrokerRegistrationResponse)
		switch {
		case err != nil || resp == nil:
		case resp.ErrorCode == 0:
			n.registered, n.epoch = true, kafka.BrokerEpoch(resp.BrokerEpoch)
			n.w.oracle.registered(n)
		case resp.ErrorCode == kerr.DuplicateBrokerRegistration.Code:
			n.w.some.hit("registration refused while the session runs")
		default:
			n.w.violate("registration", "node %d is refused: %v", n.id, kerr.ErrorForCode(resp.ErrorCode))
		}
		n.later(tickInterval, "beat", n.beat)
	})
}

// errLost: the answer did not come; what became of the request is not known.
var errLost = errors.New("connection lost")

// errRefused: nobody was there; the request certainly had no effect.
var errRefused = errors.New("connection refused")

// errTimeout: no answer in time.
var errTimeout = errors.New("timed out")
