package wire

import "github.com/thalweg-io/thalweg/internal/kafka"

// A Fetch answer is written in pieces, because the records between them go from the file to the
// socket without passing through here:
//
//	head (topic (partition RECORDS partition-end)* topic-end)* end
//
// Each AppendFetch… function appends one piece to dst; its size is known beforehand by the
// Fetch…Size function of the same name, so the frame's length can be written first. Fields that a
// version does not have are left out. Versions 4 to 18; none allocates if dst has room.
//
//	5  log start offset
//	7  error code and session id (KIP-227)
//	11 preferred read replica (KIP-392)
//	12 flexible; diverging epoch, current leader, snapshot id, tagged (KIP-595)
//	13 topics by id
//	16 node endpoints, tagged (KIP-951)

// FetchPartitionResult is everything about one partition but its records.
type FetchPartitionResult struct {
	Index                int32
	ErrorCode            int16
	HighWatermark        int64                // -1 on error
	LastStableOffset     int64                // -1 is unknown
	LogStartOffset       int64                // -1 is unknown
	Aborted              []AbortedTransaction // nil is null
	PreferredReadReplica int32                // -1: this one

	DivergingEpoch EpochEndOffset // set: truncate and fetch again
	CurrentLeader  CurrentLeader  // set with NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH
	SnapshotID     SnapshotID     // set: fetch the snapshot instead (metadata log only)
}

// AbortedTransaction lets a READ_COMMITTED consumer skip records (KIP-98).
type AbortedTransaction struct {
	ProducerID  int64
	FirstOffset int64
}

// EpochEndOffset is the largest epoch up to which logs may agree, and its end (exclusive).
type EpochEndOffset struct {
	Epoch     int32
	EndOffset int64
	Set       bool // else it is left out
}

// SnapshotID names a snapshot of the metadata log: everything before EndOffset.
type SnapshotID struct {
	EndOffset int64
	Epoch     int32
	Set       bool // else it is left out
}

func (e *EpochEndOffset) written() bool { return e.Set && (e.Epoch != -1 || e.EndOffset != -1) }
func (s *SnapshotID) written() bool     { return s.Set && (s.Epoch != -1 || s.EndOffset != -1) }

const epochOffsetSize = 4 + 8 + 1 // of both, with an empty section of tags

// AppendFetchHead appends what precedes the topics.
func AppendFetchHead(dst []byte, version int16, throttleMs int32, errorCode int16, sessionID int32, topics int) []byte {
	dst = appendInt32(dst, throttleMs)
	if version >= 7 {
		dst = appendInt16(dst, errorCode)
		dst = appendInt32(dst, sessionID)
	}
	return appendCount(dst, topics, version >= 12)
}

// FetchHeadSize is the size of what AppendFetchHead appends.
func FetchHeadSize(version int16, topics int) int {
	n := 4 + countSize(topics, version >= 12)
	if version >= 7 {
		n += 2 + 4
	}
	return n
}

// AppendFetchTopic opens a topic: by name up to version 12, by id from 13.
func AppendFetchTopic[T text](dst []byte, version int16, name T, id kafka.TopicID, partitions int) []byte {
	if version >= 13 {
		dst = append(dst, id[:]...)
	} else {
		dst = appendString(dst, name, version >= 12)
	}
	return appendCount(dst, partitions, version >= 12)
}

// FetchTopicSize is the size of what AppendFetchTopic and AppendFetchTopicEnd append; nameLen is
// the length of the topic's name.
func FetchTopicSize(version int16, nameLen, partitions int) int {
	n := countSize(partitions, version >= 12)
	switch {
	case version >= 13:
		return n + 16 + 1
	case version >= 12:
		return n + compactSize(nameLen) + 1
	}
	return n + 2 + min(nameLen, maxString)
}

// AppendFetchPartition appends a partition up to and including the length of its records.
// recordsLen < 0 is null; else exactly that many bytes must follow before the partition's end.
func AppendFetchPartition(dst []byte, version int16, p *FetchPartitionResult, recordsLen int) []byte {
	flexible := version >= 12
	dst = appendInt32(dst, p.Index)
	dst = appendInt16(dst, p.ErrorCode)
	dst = appendInt64(dst, p.HighWatermark)
	dst = appendInt64(dst, p.LastStableOffset)
	if version >= 5 {
		dst = appendInt64(dst, p.LogStartOffset)
	}
	dst = p.appendAborted(dst, flexible)
	if version >= 11 {
		dst = appendInt32(dst, p.PreferredReadReplica)
	}
	return appendCount(dst, max(recordsLen, -1), flexible)
}

func (p *FetchPartitionResult) appendAborted(dst []byte, flexible bool) []byte {
	n := len(p.Aborted)
	if p.Aborted == nil {
		n = -1
	}
	dst = appendCount(dst, n, flexible)
	for i := range p.Aborted {
		dst = appendInt64(dst, p.Aborted[i].ProducerID)
		dst = appendInt64(dst, p.Aborted[i].FirstOffset)
		if flexible {
			dst = append(dst, 0)
		}
	}
	return dst
}

// FetchPartitionSize is the size of what AppendFetchPartition and AppendFetchPartitionEnd append,
// without the records.
func FetchPartitionSize(version int16, p *FetchPartitionResult, recordsLen int) int {
	flexible := version >= 12
	aborted := len(p.Aborted)
	n := 4 + 2 + 8 + 8 + countSize(max(recordsLen, -1), flexible) + 16*aborted
	if p.Aborted == nil {
		n += countSize(-1, flexible)
	} else {
		n += countSize(aborted, flexible)
	}
	if version >= 5 {
		n += 8
	}
	if version >= 11 {
		n += 4
	}
	if flexible {
		n += aborted + 1
		if p.DivergingEpoch.written() {
			n += 2 + epochOffsetSize
		}
		if p.CurrentLeader.written() {
			n += 2 + currentLeaderSize
		}
		if p.SnapshotID.written() {
			n += 2 + epochOffsetSize
		}
	}
	return n
}

// AppendFetchPartitionEnd appends what follows the records: the tagged fields.
func AppendFetchPartitionEnd(dst []byte, version int16, p *FetchPartitionResult) []byte {
	if version < 12 {
		return dst
	}
	tags := len(dst)
	dst = append(dst, 0)
	if e := &p.DivergingEpoch; e.written() {
		dst[tags]++
		dst = append(dst, 0, epochOffsetSize)
		dst = appendInt32(dst, e.Epoch)
		dst = appendInt64(dst, e.EndOffset)
		dst = append(dst, 0)
	}
	if p.CurrentLeader.written() {
		dst[tags]++
		dst = p.CurrentLeader.append(dst, 1)
	}
	if s := &p.SnapshotID; s.written() {
		dst[tags]++
		dst = append(dst, 2, epochOffsetSize)
		dst = appendInt64(dst, s.EndOffset)
		dst = appendInt32(dst, s.Epoch)
		dst = append(dst, 0)
	}
	return dst
}

// AppendFetchTopicEnd closes a topic. Its size is part of FetchTopicSize.
func AppendFetchTopicEnd(dst []byte, version int16) []byte {
	if version < 12 {
		return dst
	}
	return append(dst, 0)
}

// AppendFetchEnd closes the answer; endpoints are those of the leaders named in the partitions.
func AppendFetchEnd(dst []byte, version int16, endpoints []NodeEndpoint) []byte {
	switch {
	case version >= 16:
		return appendEndpointTags(dst, endpoints)
	case version >= 12:
		return append(dst, 0)
	}
	return dst
}

// FetchEndSize is the size of what AppendFetchEnd appends.
func FetchEndSize(version int16, endpoints []NodeEndpoint) int {
	switch {
	case version >= 16 && len(endpoints) > 0:
		n := endpointsSize(endpoints)
		return 2 + UvarintLen(uint32(n)) + n
	case version >= 12:
		return 1
	}
	return 0
}
