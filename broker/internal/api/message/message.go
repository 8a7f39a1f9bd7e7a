// Package message turns request bytes into kmsg requests and kmsg responses into answers, for all
// APIs but the two hot ones. It is the one place where kmsg decodes what a client sent, so the
// gate that stands before the decoder (wire.Check) cannot be forgotten.
//
// Place in the road of the bytes: between network and the handlers of api/*.
//
// Concurrency: functions without state.
package message

import (
	"math"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Decode reads the request's body into req, setting its version. What it yields does not alias the
// frame. An error means that the bytes are malformed: the connection is to be closed (SURFACE 2).
func Decode(r *network.Request, req kmsg.Request) error {
	if err := wire.Check(r.Key, r.Version, r.Payload); err != nil {
		return err
	}
	req.SetVersion(r.Version)
	return req.ReadFrom(r.Payload)
}

// Answer encodes resp, in the request's version, as the answer. If the client is to be throttled, the answer says so.
func Answer(r *network.Request, resp kmsg.Response) network.Disposition {
	resp.SetVersion(r.Version)
	if r.Mute > 0 {
		if t, ok := resp.(kmsg.SetThrottleResponse); ok {
			t.SetThrottle(ThrottleMs(r))
		}
	}
	r.Out = resp.AppendTo(r.Out)
	return network.Answered
}

// ThrottleMs is what the answer of r tells as throttle_time_ms.
func ThrottleMs(r *network.Request) int32 { return int32(min(r.Mute.Milliseconds(), math.MaxInt32)) }
