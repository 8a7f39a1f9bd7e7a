package admin

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// GetTelemetrySubscriptions: key 71, version 0. Served with client.telemetry.enable, as in Kafka with a receiver. Differs from
// Kafka: the port of a client is not matched; after UNKNOWN_SUBSCRIPTION_ID a client may ask again at once.
//
//	0   (KIP-714)
func (h *Handlers) GetTelemetrySubscriptions(r *network.Request) network.Disposition {
	req := kmsg.NewPtrGetTelemetrySubscriptionsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	id := kafka.UUID(req.ClientInstanceID)
	if id == (kafka.UUID{}) {
		id = h.UUID()
	}
	resp := kmsg.NewPtrGetTelemetrySubscriptionsResponse()
	t := &h.telemetry
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.clientLocked(h.Image(), id, r)
	if refusal := t.askLocked(c, r.Now.UnixMilli()); refusal != nil {
		resp.ErrorCode = refusal.Code
		return message.Answer(r, resp)
	}
	resp.ClientInstanceID, resp.SubscriptionID, resp.RequestedMetrics = id, c.subscribed, c.metrics
	resp.AcceptedCompressionTypes = []int8{int8(compress.Zstd), int8(compress.LZ4), int8(compress.Gzip), int8(compress.Snappy)}
	resp.PushIntervalMillis, resp.TelemetryMaxBytes, resp.DeltaTemporality = int32(c.intervalMs), int32(h.TelemetryMaxBytes), true
	return message.Answer(r, resp)
}
