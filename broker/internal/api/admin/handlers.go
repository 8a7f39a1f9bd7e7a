package admin

import (
	"log/slog"

	"github.com/thalweg-io/thalweg/broker/internal/controller"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Controller is the way to whoever decides: the controller in this process, or later the one that leads
// the quorum elsewhere.
type Controller interface {
	// Request has a request decided and, once the decision is committed, calls done with the response of its
	// kind. It does not block; done is called exactly once, on any goroutine, and must not block
	// either. An error (there is no active controller, it lost its leadership) means that the outcome is not known.
	Request(req kmsg.Request, caller controller.Caller, done func(kmsg.Response, error))
}

// Options is what the handlers work with. All fields but Server and Preparing are needed.
type Options struct {
	Self       kafka.BrokerID
	Image      func() *metadata.Image // the present one; must not block
	Controller Controller
	Authorizer security.Authorizer
	Limiter    quota.Limiter
	AutoCreate bool // auto.create.topics.enable
	NoDelete   bool // the negation of delete.topic.enable
	Server     []ServerConfig
	Logger     *slog.Logger
	// Preparing reports whether a partition that this broker is to lead in an epoch cannot be served yet; it must not block.
	Preparing func(kafka.TopicID, int32, kafka.LeaderEpoch) bool

	// Telemetry is client.telemetry.enable: clients may push their metrics (KIP-714). It needs the two below.
	Telemetry         bool
	TelemetryMaxBytes int               // telemetry.max.bytes, of one push as it comes
	UUID              func() kafka.UUID // makes ids of clients; any goroutine
}

// Handlers serves the APIs of this package. Its methods fit api's dispatch table.
type Handlers struct {
	Options
	creating  creating
	telemetry telemetry
}

// New returns the handlers.
func New(o Options) *Handlers { return &Handlers{Options: o} }

func (h *Handlers) allowed(r *network.Request, op security.Operation, res security.Resource, name string) bool {
	return h.Authorizer.Allowed(r.Session.Principal, r.Session.RemoteHost, op, res, name)
}

// mayCreate reports whether the client may create a topic: CREATE on the cluster or on the topic.
func (h *Handlers) mayCreate(r *network.Request, topic string) bool {
	return h.allowed(r, security.OpCreate, security.ResourceCluster, security.ClusterName) ||
		h.allowed(r, security.OpCreate, security.ResourceTopic, topic)
}

// caller is who asks, as the controller needs to know. It may be used after the request has ended.
func (h *Handlers) caller(r *network.Request) controller.Caller {
	p, host := r.Session.Principal, r.Session.RemoteHost
	return controller.Caller{
		Principal: p.String(),
		MayDescribeConfigs: func(topic string) bool {
			return h.Authorizer.Allowed(p, host, security.OpDescribeConfigs, security.ResourceTopic, topic)
		},
	}
}
