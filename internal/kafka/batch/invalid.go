package batch

import (
	"fmt"
	"strconv"
)

// Reason is the kind of a refusal. Each stands for one Kafka error; the code itself is api's.
type Reason uint8

// Reasons, with the error that Kafka answers. Where Kafka answers UNKNOWN_SERVER_ERROR because a
// codec library threw (damaged stream, unknown codec id), the nearest error that a client does not
// retry is taken.
const (
	// ReasonCorrupt: CORRUPT_MESSAGE. Checksum, impossible length, unknown magic. Retriable: the
	// bytes may have been damaged on the way.
	ReasonCorrupt Reason = iota + 1
	// ReasonInvalidRecord: INVALID_RECORD. No batch or several, header or records that break a
	// rule, a compressed stream that cannot be decoded.
	ReasonInvalidRecord
	// ReasonTooLarge: MESSAGE_TOO_LARGE. Above max.message.bytes, or decoded above the budget; Java
	// producers split the batch and try again.
	ReasonTooLarge
	// ReasonTimestamp: INVALID_TIMESTAMP. A record outside the window, or a LogAppendTime batch.
	ReasonTimestamp
	// ReasonCompression: UNSUPPORTED_COMPRESSION_TYPE. zstd before Produce v7, unknown codec id,
	// streams of kinds that Kafka's clients cannot read.
	ReasonCompression
	// ReasonMagic: INVALID_RECORD, like Kafka since Produce v3. Message formats v0 and v1.
	ReasonMagic
)

// String is a word for logs.
func (r Reason) String() string {
	switch r {
	case ReasonCorrupt:
		return "corrupt"
	case ReasonInvalidRecord:
		return "invalid record"
	case ReasonTooLarge:
		return "too large"
	case ReasonTimestamp:
		return "invalid timestamp"
	case ReasonCompression:
		return "unsupported compression"
	case ReasonMagic:
		return "unsupported magic"
	}
	return "reason " + strconv.Itoa(int(r))
}

// Invalid says why a batch was refused. The whole batch is refused also if only some records are
// wrong (SURFACE 36).
type Invalid struct {
	Code    Reason
	Message string        // for the client, about the batch
	Records []RecordError // in order of index; at most MaxRecordErrors
}

// RecordError is what is wrong with one record.
type RecordError struct {
	Index   int32 // of the record within the batch
	Message string
}

// MaxRecordErrors bounds the list in an answer: a batch of tiny wrong records would otherwise be
// answered by much more than it took to send.
const MaxRecordErrors = 256

// Error implements error.
func (e *Invalid) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Message) }

func invalidf(code Reason, format string, args ...any) *Invalid {
	return &Invalid{Code: code, Message: fmt.Sprintf(format, args...)}
}
