package api

import (
	"errors"
	"fmt"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/api/admin"
	"github.com/thalweg-io/thalweg/broker/internal/api/data"
	"github.com/thalweg-io/thalweg/broker/internal/api/group"
	"github.com/thalweg-io/thalweg/broker/internal/api/txn"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// Options is what a Server works with. All fields are needed.
type Options struct {
	Self     kafka.BrokerID
	Image    func() *metadata.Image
	Limiter  quota.Limiter
	Data     *data.Handlers
	Admin    *admin.Handlers
	Group    *group.Handlers
	Txn      *txn.Handlers
	MaxFrame int // socket.request.max.bytes
}

// Server dispatches requests: the network.Handler of every listener.
type Server struct {
	self     kafka.BrokerID
	image    func() *metadata.Image
	limiter  quota.Limiter
	data     *data.Handlers
	admin    *admin.Handlers
	group    *group.Handlers
	txn      *txn.Handlers
	maxFrame int
	table    *table
}

// NewServer returns a server.
func NewServer(o Options) *Server {
	s := &Server{
		self: o.Self, image: o.Image, limiter: o.Limiter,
		data: o.Data, admin: o.Admin, group: o.Group, txn: o.Txn, maxFrame: o.MaxFrame,
	}
	s.table = newTable(s)
	return s
}

var (
	// errUnknownAPI: a key or version that is not served; Kafka, too, just closes (SURFACE 2).
	errUnknownAPI = errors.New("API key or version is not served")
	// errTooLarge: a frame over the limit of its API or of the broker (SURFACE 6).
	errTooLarge = errors.New("request is too large")
)

// Admit is the size gate and the memory charge, before the body of a frame is read.
func (s *Server) Admit(_ *network.Session, key, version int16, size int) (int64, error) {
	e, ok := s.table.find(key, version)
	if e == nil || !ok && key != keyApiVersions { // ApiVersions answers any version (KIP-511)
		return 0, fmt.Errorf("%w: key %d version %d", errUnknownAPI, key, version)
	}
	if limit := min(s.maxFrame, wire.LimitOf(key).MaxFrame); size > limit && !plantedNoGate {
		return 0, fmt.Errorf("%w: %s of %d bytes, at most %d", errTooLarge, e.Name, size, limit)
	}
	return wire.Charge(key, size), nil
}

// Serve runs a request's handler.
func (s *Server) Serve(r *network.Request) network.Disposition {
	e, ok := s.table.find(r.Key, r.Version)
	switch {
	case ok:
		if a := s.limiter.Account(quota.RequestTime, r.Session.Principal, r.ClientID); a != nil {
			return s.timed(e, r, a)
		}
		return e.serve(r)
	case r.Key == keyApiVersions:
		return s.unsupportedApiVersions(r)
	}
	return network.Hangup
}

// timed runs a handler for a client with a request quota. What earlier requests have used decides on this answer's
// throttle time; the time of this one is known when its answer is made. Waiting does not count, nor does what others
// do for a pending request.
func (s *Server) timed(e *Entry, r *network.Request, a *quota.Account) network.Disposition {
	start := time.Now()
	r.Mute = a.Record(0, start)
	waited := time.Duration(0)
	d := e.serve(r)
	if d != network.Pending { // then r is no longer ours
		waited = r.Waited
	}
	end := time.Now()
	a.Record(quota.ThreadTime(end.Sub(start)-waited), end)
	return d
}
