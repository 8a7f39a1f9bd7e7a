package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Versions that every broker of the last years serves, with topics by name.
const (
	produceVersion = 9
	fetchVersion   = 12
)

// frameOf is a request as a client sends it, with its size in front.
func frameOf(req kmsg.Request) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("bench")).AppendRequest(nil, req, 1)
}

// place is where something stands in a request or an answer.
type place int

// placeOf finds what differs between two encodings of one message.
func placeOf(a, b []byte) place {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return place(i)
		}
	}
	panic("BUG: two messages that should differ do not")
}

// produce is a prepared Produce of one batch to one partition.
type produce struct {
	frame     []byte
	partition place // int32 in the frame
	code      place // int16 in the answer, behind its size
}

func newProduce(topic string, acks int16, records []byte) produce {
	build := func(partition int32) []byte {
		req := kmsg.NewPtrProduceRequest()
		req.SetVersion(produceVersion)
		req.Acks, req.TimeoutMillis = acks, 30_000
		rt := kmsg.NewProduceRequestTopic()
		rt.Topic = topic
		rp := kmsg.NewProduceRequestTopicPartition()
		rp.Partition, rp.Records = partition, records
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		return frameOf(req)
	}
	answer := func(code int16) []byte {
		resp := kmsg.NewPtrProduceResponse()
		resp.SetVersion(produceVersion)
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic = topic
		rp := kmsg.NewProduceResponseTopicPartition()
		rp.ErrorCode = code
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp.AppendTo(nil)
	}
	return produce{build(0), placeOf(build(0), build(-1)), placeOf(answer(0), answer(-1)) + answerHeader}
}

// answerHeader is the correlation id and an empty section of tagged fields.
const answerHeader = 5

func (p produce) to(frame []byte, partition int) {
	binary.BigEndian.PutUint32(frame[p.partition:], uint32(partition))
}

// check is whether the answer says that the batch was written.
func (p produce) check(answer []byte) error {
	if len(answer) < int(p.code)+2 {
		return fmt.Errorf("produce: an answer of %d bytes", len(answer))
	}
	return kerr.ErrorForCode(int16(binary.BigEndian.Uint16(answer[p.code:])))
}

// fetch is a prepared Fetch of one partition outside of any session.
type fetch struct {
	frame             []byte
	partition, offset place
	code              place // int16 in the answer, behind its size
}

func newFetch(topic string, maxBytes, waitMs int32) fetch {
	build := func(partition int32, offset int64) []byte {
		req := kmsg.NewPtrFetchRequest()
		req.SetVersion(fetchVersion)
		req.MaxBytes, req.MinBytes, req.MaxWaitMillis = maxBytes, 1, waitMs
		req.SessionEpoch = -1
		rt := kmsg.NewFetchRequestTopic()
		rt.Topic = topic
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = partition, offset, maxBytes
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		return frameOf(req)
	}
	answer := func(code int16) []byte {
		resp := kmsg.NewPtrFetchResponse()
		resp.SetVersion(fetchVersion)
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic = topic
		rp := kmsg.NewFetchResponseTopicPartition()
		rp.ErrorCode = code
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp.AppendTo(nil)
	}
	return fetch{frame: build(0, 0), partition: placeOf(build(0, 0), build(-1, 0)), offset: placeOf(build(0, 0), build(0, -1)),
		code: placeOf(answer(0), answer(-1)) + answerHeader}
}

// check is whether the answer has the partition without an error.
func (f fetch) check(answer []byte) error {
	if len(answer) < int(f.code)+2 {
		return fmt.Errorf("fetch: an answer of %d bytes", len(answer))
	}
	return kerr.ErrorForCode(int16(binary.BigEndian.Uint16(answer[f.code:])))
}

func (f fetch) at(frame []byte, partition int, offset int64) {
	binary.BigEndian.PutUint32(frame[f.partition:], uint32(partition))
	binary.BigEndian.PutUint64(frame[f.offset:], uint64(offset))
}

// errShort: an answer has fewer records than are there.
var errShort = errors.New("fetch: an answer with too few records")

// fetched reads a whole answer and returns its records.
func fetched(answer []byte) ([]byte, error) {
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(fetchVersion)
	if err := resp.ReadFrom(answer[answerHeader:]); err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, errShort
	}
	p := resp.Topics[0].Partitions[0]
	return bytes.Clone(p.RecordBatches), kerr.ErrorForCode(p.ErrorCode)
}
