package replica

import (
	"fmt"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// AcksAll asks for an answer only when the whole in-sync set has the records.
const AcksAll = -1

// AppendOptions says how a client wants its records appended. The caller owns it and may use it again.
type AppendOptions struct {
	Acks      int16
	AllowZstd bool             // Produce v7 and later (SURFACE 33)
	Now       time.Time        // broker time
	Validator *batch.Validator // scratch of the caller, used by one goroutine at a time
	rules     batch.Rules
}

// Appended says where a batch went.
type Appended struct {
	BaseOffset   int64
	LastOffset   int64 // inclusive
	AppendTimeMs int64 // -1 unless the topic uses LogAppendTime
	LogStart     int64
	Epoch        kafka.LeaderEpoch
}

// Append validates one client's batch and appends it as the leader (SURFACE 33-45). It sets base
// offset and leader epoch in records, in place; records may be released when Append has returned.
// With acks=all the caller then waits until Committed says so.
// A batch that an idempotent producer sends again is not appended again: the answer is where the original is
// (SURFACE 48), and acks=all waits for that.
// Errors: ErrNotLeader, ErrNotEnoughReplicas (nothing appended, R-29), ErrOffline, *batch.Invalid,
// and the log's own (sequence, producer epoch, no space). On any error nothing was appended. It does not block on the disk's
// flush, except for the log's bound on unflushed bytes. It allocates nothing unless it fails.
func (p *Partition) Append(records []byte, o *AppendOptions) (Appended, error) {
	a, err := p.appendClient(records, o)
	p.counters.appended(a.LastOffset+1-a.BaseOffset, len(records), err)
	return a, err
}

func (p *Partition) appendClient(records []byte, o *AppendOptions) (Appended, error) {
	if _, err := p.leading(kafka.NoLeaderEpoch); err != nil {
		return Appended{}, err
	}
	if err := p.writable(); err != nil {
		return Appended{}, err
	}
	cfg := p.config.Load()
	nowMs := o.Now.UnixMilli()
	o.rules = batch.Rules{
		MaxBytes: cfg.MaxMessageBytes, Compacted: cfg.CleanupCompact,
		BeforeMaxMs: cfg.BeforeMaxMs, AfterMaxMs: cfg.AfterMaxMs,
		LogAppendTime: cfg.TimestampLogAppend, NowMs: nowMs, AllowZstd: o.AllowZstd,
		Budget: compress.DefaultBudget(int(cfg.MaxMessageBytes)),
	}
	b, err := o.Validator.Client(records, &o.rules)
	if err != nil {
		return Appended{}, err
	}
	if cfg.Recompress && b.Codec() != cfg.Codec {
		r := batch.BorrowRecoder()
		defer r.Return()
		if b, err = recode(r, b, cfg, &o.rules); err != nil {
			return Appended{}, err
		}
	}
	appendTime := int64(-1)
	if cfg.TimestampLogAppend {
		appendTime = nowMs // Client has stamped it
	}
	a, duplicate, err := p.append(b, o.Acks, nowMs)
	a.AppendTimeMs = appendTime
	if duplicate.Duplicate && cfg.TimestampLogAppend {
		a.AppendTimeMs = duplicate.MaxTimestamp // the original's (SURFACE 48)
	}
	return a, err
}

// recode brings a client's batch into the topic's compression. As in Kafka what counts for max.message.bytes is the batch as it is
// stored, too.
func recode(r *batch.Recoder, b batch.Batch, cfg *metadata.TopicConfig, rules *batch.Rules) (batch.Batch, error) {
	out, err := r.Recode(b, cfg.Codec, cfg.CompressionLevel, rules.Budget)
	if err != nil {
		return nil, fmt.Errorf("recompress to %v: %w", cfg.Codec, err)
	}
	if len(out) > int(rules.MaxBytes) {
		return nil, &batch.Invalid{Code: batch.ReasonTooLarge,
			Message: fmt.Sprintf("the batch has %d bytes in the topic's compression, the topic allows %d", len(out), rules.MaxBytes)}
	}
	return out, nil
}

func (p *Partition) append(b batch.Batch, acks int16, nowMs int64) (Appended, storage.Outcome, error) {
	p.mu.RLock()
	r := p.role.Load()
	if !r.leading {
		p.appended()
		return Appended{}, storage.Outcome{}, ErrNotLeader
	}
	if acks == AcksAll && !p.enough(r) {
		p.appended()
		return Appended{}, storage.Outcome{}, ErrNotEnoughReplicas
	}
	out, err := p.log().AppendClient(b, r.epoch, nowMs)
	p.appended()
	if err != nil {
		return Appended{}, out, err
	}
	p.advance()
	return Appended{
		BaseOffset: out.BaseOffset, LastOffset: out.LastOffset, LogStart: p.log().LogStartOffset(), Epoch: r.epoch,
	}, out, nil
}

// Committed says how an append with acks=all stands: nil when the high watermark has passed it
// ErrUncommitted while it has not, ErrNotLeader, ErrNotEnoughReplicasAfterAppend, storage.ErrStalled or
// ErrOffline when it is not known whether it ever will.
func (p *Partition) Committed(a Appended) error {
	if err := p.Err(); err != nil {
		return err
	}
	r := p.role.Load()
	switch {
	case !r.leading || r.epoch != a.Epoch:
		return ErrNotLeader
	case p.HighWatermark() > a.LastOffset:
		return nil
	case !p.enough(r):
		return ErrNotEnoughReplicasAfterAppend
	case p.stalled.Load():
		return storage.ErrStalled
	}
	return ErrUncommitted
}
