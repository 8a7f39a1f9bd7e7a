package admin

import (
	"errors"
	"syscall"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/controller"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// maxDecideWait bounds how long a connection waits for the controller.
	maxDecideWait = 10 * time.Minute
	// decideWaitMs is how long for requests that do not say (request.timeout.ms).
	decideWaitMs = 30_000
)

// decide hands a request to the controller and waits for the answer within its time-out. What it asks for may
// still happen after that. On failure the answer is nil and the code is what each of its subjects
// gets, with text.
func (h *Handlers) decide(r *network.Request, req kmsg.Request, timeoutMs int32) (resp kmsg.Response, code *kerr.Error, text string) {
	return h.decideFor(r, h.caller(r), req, timeoutMs)
}

func (h *Handlers) decideFor(r *network.Request, caller controller.Caller, req kmsg.Request, timeoutMs int32) (resp kmsg.Response, code *kerr.Error, text string) {
	type outcome struct {
		resp kmsg.Response
		err  error
	}
	answered := make(chan outcome, 1)
	h.Controller.Request(req, caller, func(resp kmsg.Response, err error) { answered <- outcome{resp, err} })
	timeout := time.NewTimer(min(max(time.Duration(timeoutMs)*time.Millisecond, 0), maxDecideWait))
	defer timeout.Stop()
	began := time.Now()
	defer func() { r.Waited += time.Since(began) }()
	select {
	case o := <-answered:
		if o.err == nil {
			return o.resp, nil, ""
		}
		h.Logger.Debug("the controller did not decide", "request", kmsg.NameForKey(req.Key()), "err", o.err)
		if errors.Is(o.err, syscall.ENOSPC) {
			return nil, kerr.KafkaStorageError, "The disk of the metadata log is full."
		}
		return nil, kerr.NotController, "This is not the correct controller for this cluster."
	case <-timeout.C:
		return nil, kerr.RequestTimedOut, "The request timed out."
	case <-r.Done():
		return nil, kerr.RequestTimedOut, "The broker is shutting down."
	}
}
