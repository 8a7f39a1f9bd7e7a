package kclient

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Place is a place in a partition. TopicID is that of the topic's metadata, zero for clusters without ids.
type Place struct {
	Topic     string
	TopicID   [16]byte
	Partition int32
	Leader    int32 // the broker to ask
	Offset    int64
}

// peekBytes is how much a peek asks for; a broker gives at least one batch.
const peekBytes = 64 << 10

// Peeked is what stands at a place.
type Peeked struct {
	// Record is the first one that a consumer would see, nil if there is none yet.
	Record *kgo.Record
	// Next is the offset that would be fetched next after what the broker has sent.
	Next int64
	// End is the offset after the last one that a consumer may see.
	End int64
}

// Peek looks for the first record at or behind a place that a consumer would see, with committed: of no open or
// aborted transaction. A partition may skip offsets, after compaction or where transactions end. It asks one broker
// once and does not wait for records. Errors: of the connection, or a *kerr.Error of the broker.
func Peek(ctx context.Context, cl *kgo.Client, at Place, committed bool) (Peeked, error) {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = -1, 0, 1, peekBytes, -1
	level := kgo.ReadUncommitted()
	if committed {
		req.IsolationLevel, level = 1, kgo.ReadCommitted()
	}
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.TopicID = at.Topic, at.TopicID
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = at.Partition, at.Offset, peekBytes
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	answer, err := cl.Broker(int(at.Leader)).RetriableRequest(ctx, req)
	if err != nil {
		return Peeked{}, err
	}
	resp := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return Peeked{}, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return Peeked{}, fmt.Errorf("an answer about %d topics to a question about one partition", len(resp.Topics))
	}
	part, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Offset: at.Offset, IsolationLevel: level, Topic: at.Topic, Partition: at.Partition},
		&resp.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	if part.Err != nil {
		return Peeked{}, part.Err
	}
	p := Peeked{Next: next, End: part.HighWatermark}
	if committed {
		p.End = part.LastStableOffset
	}
	if len(part.Records) > 0 {
		p.Record = part.Records[0]
	}
	return p, nil
}
