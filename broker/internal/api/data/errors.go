package data

import (
	"errors"
	"log/slog"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/twmb/franz-go/pkg/kerr"
)

var (
	errUnknownTopic    = errors.New("unknown topic or partition")
	errUnknownTopicID  = errors.New("unknown topic id")
	errNotAllowed      = errors.New("not authorized")
	errTransaction     = errors.New("transactional records without an open transaction")
	errTransactionalID = errors.New("transactional records without a transactional id")
	errTimedOut        = errors.New("not committed in time")
	errInternalTopic   = errors.New("clients may not write to internal topics")
	errAcks            = errors.New("acks must be -1, 0 or 1")
)

// codes maps errors from below to Kafka's, first match wins.
var codes = []struct {
	err  error
	code *kerr.Error
}{
	{errUnknownTopic, kerr.UnknownTopicOrPartition},
	{errUnknownTopicID, kerr.UnknownTopicID},
	{errNotAllowed, kerr.TopicAuthorizationFailed},
	{errTransaction, kerr.InvalidTxnState},
	{errTransactionalID, kerr.TransactionalIDAuthorizationFailed},
	{errTimedOut, kerr.RequestTimedOut},
	{errInternalTopic, kerr.InvalidTopicException},
	{errAcks, kerr.InvalidRequiredAcks},
	{replica.ErrDeleted, kerr.UnknownTopicOrPartition},
	{replica.ErrNoSuchDir, kerr.LogDirNotFound},
	{replica.ErrNoReplica, kerr.ReplicaNotAvailable},
	{replica.ErrPolicy, kerr.PolicyViolation},
	{replica.ErrOffline, kerr.KafkaStorageError},
	{storage.ErrOffline, kerr.KafkaStorageError},
	{storage.ErrStalled, kerr.KafkaStorageError}, // S-13: retriable
	{storage.ErrClosed, kerr.NotLeaderForPartition},
	{replica.ErrNotLeader, kerr.NotLeaderForPartition},
	{replica.ErrFencedEpoch, kerr.FencedLeaderEpoch},
	{replica.ErrUnknownEpoch, kerr.UnknownLeaderEpoch},
	{replica.ErrNotEnoughReplicas, kerr.NotEnoughReplicas},
	{replica.ErrNotEnoughReplicasAfterAppend, kerr.NotEnoughReplicasAfterAppend},
	{replica.ErrOffsetNotAvailable, kerr.OffsetNotAvailable},
	{replica.ErrTimestamp, kerr.UnsupportedVersion},
	{storage.ErrOffsetOutOfRange, kerr.OffsetOutOfRange},
	{storage.ErrTooLarge, kerr.RecordListTooLarge},
	{storage.ErrOutOfOrderSequence, kerr.OutOfOrderSequenceNumber},
	{storage.ErrInvalidProducerEpoch, kerr.InvalidProducerEpoch}, // SURFACE 50
	{storage.ErrInvalidTxnState, kerr.InvalidTxnState},
	{storage.ErrCoordinatorFenced, kerr.TransactionCoordinatorFenced},
	{storage.ErrFull, kerr.KafkaStorageError}, // S-11: retriable
}

// codeOf is Kafka's code for an error of a partition; 0 for nil. What is in no table is a fault of the log:
// KAFKA_STORAGE_ERROR, which clients retry elsewhere, and never UNKNOWN_SERVER_ERROR.
func (h *Handlers) codeOf(err error) int16 {
	if err == nil {
		return 0
	}
	var invalid *batch.Invalid
	if errors.As(err, &invalid) {
		return reasonCode(invalid.Code).Code
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code.Code
		}
	}
	h.Logger.Error("log operation failed", slog.Any("err", err))
	return kerr.KafkaStorageError.Code
}

func reasonCode(r batch.Reason) *kerr.Error {
	switch r {
	case batch.ReasonCorrupt:
		return kerr.CorruptMessage
	case batch.ReasonTooLarge:
		return kerr.MessageTooLarge
	case batch.ReasonTimestamp:
		return kerr.InvalidTimestamp
	case batch.ReasonCompression:
		return kerr.UnsupportedCompressionType
	}
	return kerr.InvalidRecord
}

// perConnection is what the reader goroutine of a connection uses for one request at a time.
type perConnection struct {
	validator batch.Validator
}

func connectionOf(r *network.Request) *perConnection {
	c, ok := r.Session.Scratch.(*perConnection)
	if !ok {
		c = new(perConnection)
		r.Session.Scratch = c
	}
	return c
}
