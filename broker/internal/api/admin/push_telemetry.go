package admin

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// PushTelemetry: key 72, version 0. Served with client.telemetry.enable. Differs from Kafka: there are no plugins; what is
// accepted is decoded to see that it can be, counted, and the last push of each client is kept within bounds.
//
//	0   (KIP-714)
func (h *Handlers) PushTelemetry(r *network.Request) network.Disposition {
	req := kmsg.NewPtrPushTelemetryRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrPushTelemetryResponse()
	if refusal := h.push(r, req); refusal != nil {
		resp.ErrorCode = refusal.Code
	}
	return message.Answer(r, resp)
}

func (h *Handlers) push(r *network.Request, req *kmsg.PushTelemetryRequest) *kerr.Error {
	id := kafka.UUID(req.ClientInstanceID)
	if id == (kafka.UUID{}) || id == (kafka.UUID{15: 1}) {
		return kerr.InvalidRequest
	}
	p := &push{req.SubscriptionID, req.Terminating, req.CompressionType, req.Metrics, h.TelemetryMaxBytes}
	t := &h.telemetry
	t.mu.Lock()
	c := t.clientLocked(h.Image(), id, r)
	refusal := t.admitLocked(c, p, r.Now.UnixMilli())
	t.mu.Unlock()
	if refusal == nil && len(p.metrics) > 0 {
		var d compress.Decompressor
		if _, err := d.Decompress(nil, compress.Codec(p.codec), p.metrics, compress.Budget{MaxBytes: maxTelemetryDecoded}); err != nil {
			refusal = kerr.InvalidRecord
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if refusal != nil {
		c.lastError = refusal.Code
		return refusal
	}
	c.lastError = 0
	if len(p.metrics) > 0 {
		t.keepLocked(c, p)
	}
	return nil
}
