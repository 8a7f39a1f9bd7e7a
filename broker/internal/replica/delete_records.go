package replica

import (
	"errors"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// ErrPolicy: the topic's cleanup.policy does not allow to delete records.
var ErrPolicy = errors.New("cleanup.policy does not allow to delete records")

// ToHighWatermark as an offset of DeleteRecords stands for the high watermark.
const ToHighWatermark = -1

// DeleteRecords moves the log start up to an offset at or below the high watermark and returns the low watermark,
// which is the log start: while the other replicas of a partition do not fetch, its high watermark does not
// move, so there is nothing of theirs to wait for. An offset below the log start changes nothing. It waits for the
// disk. Errors: those of Read, ErrPolicy, storage.ErrOffsetOutOfRange (SURFACE 85, KIP-107).
func (p *Partition) DeleteRecords(offset int64) (low int64, err error) {
	if _, err := p.leading(kafka.NoLeaderEpoch); err != nil {
		return -1, err
	}
	if !p.config.Load().CleanupDelete {
		return -1, ErrPolicy
	}
	if err := p.writable(); err != nil {
		return -1, err
	}
	p.mu.RLock() // no change of the leadership in between
	defer p.appended()
	if !p.role.Load().leading {
		return -1, ErrNotLeader
	}
	hw := p.HighWatermark()
	if offset == ToHighWatermark {
		offset = hw
	}
	if offset < 0 || offset > hw && !plantedDeleteUncommitted {
		return -1, storage.ErrOffsetOutOfRange
	}
	if err := p.log().SetLogStartOffset(offset); err != nil {
		return -1, err
	}
	return p.log().LogStartOffset(), nil
}
