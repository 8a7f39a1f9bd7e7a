package wire

import "github.com/thalweg-io/thalweg/internal/kafka"

// ProduceResponse is the answer to a Produce request. Fields that a version does not have are left
// out of it. Strings longer than 32767 bytes are cut.
//
//	5  log start offset
//	8  record errors and error message (KIP-467)
//	9  flexible
//	10 current leader and node endpoints, tagged (KIP-951)
//	13 topics by id
type ProduceResponse struct {
	ThrottleMs int32
	Topics     []ProduceTopicResult
	Endpoints  []NodeEndpoint // of the leaders named in the results; version 10 and up
}

// ProduceTopicResult holds the results of one topic.
type ProduceTopicResult struct {
	Name       []byte        // versions 3 to 12
	ID         kafka.TopicID // versions 13 and up
	Partitions []ProduceResult
}

// ProduceResult is what became of the records for one partition.
type ProduceResult struct {
	Index           int32
	ErrorCode       int16
	BaseOffset      int64 // of the first record; -1 on error
	LogAppendTimeMs int64 // -1 unless the topic uses LogAppendTime
	LogStartOffset  int64 // -1 is unknown
	RecordErrors    []ProduceRecordError
	ErrorMessage    string        // "" is null
	Leader          CurrentLeader // set with NOT_LEADER_OR_FOLLOWER
}

// ProduceRecordError says which record of a batch was refused and why.
type ProduceRecordError struct {
	Index   int32  // in the batch, from 0
	Message string // "" is null
}

// CurrentLeader tells a client that asked the wrong broker who leads (KIP-951).
type CurrentLeader struct {
	ID, Epoch int32 // -1 is unknown
	Set       bool  // else it is left out
}

func (l *CurrentLeader) written() bool { return l.Set && (l.ID != -1 || l.Epoch != -1) }

const currentLeaderSize = 4 + 4 + 1 // with its own, empty section of tags

func (l *CurrentLeader) append(dst []byte, tag byte) []byte {
	dst = append(dst, tag, currentLeaderSize)
	dst = appendInt32(dst, l.ID)
	dst = appendInt32(dst, l.Epoch)
	return append(dst, 0)
}

// NodeEndpoint is where a broker can be reached on the listener of the request.
type NodeEndpoint struct {
	ID   int32
	Host string
	Port int32
	Rack string // "" is null
}

// Append appends the body of the answer (no header) and allocates only if dst is too small. The
// version is that of the request, 3 to 13.
func (r *ProduceResponse) Append(dst []byte, version int16) []byte {
	flexible := version >= 9
	dst = appendCount(dst, len(r.Topics), flexible)
	for i := range r.Topics {
		dst = r.Topics[i].append(dst, version)
	}
	dst = appendInt32(dst, r.ThrottleMs)
	if version >= 10 {
		return appendEndpointTags(dst, r.Endpoints)
	}
	if flexible {
		dst = append(dst, 0)
	}
	return dst
}

func (t *ProduceTopicResult) append(dst []byte, version int16) []byte {
	flexible := version >= 9
	if version >= 13 {
		dst = append(dst, t.ID[:]...)
	} else {
		dst = appendString(dst, t.Name, flexible)
	}
	dst = appendCount(dst, len(t.Partitions), flexible)
	for i := range t.Partitions {
		dst = t.Partitions[i].append(dst, version)
	}
	if flexible {
		dst = append(dst, 0)
	}
	return dst
}

func (p *ProduceResult) append(dst []byte, version int16) []byte {
	dst = appendInt32(dst, p.Index)
	dst = appendInt16(dst, p.ErrorCode)
	dst = appendInt64(dst, p.BaseOffset)
	dst = appendInt64(dst, p.LogAppendTimeMs)
	if version >= 5 {
		dst = appendInt64(dst, p.LogStartOffset)
	}
	if version >= 8 {
		dst = p.appendErrors(dst, version >= 9)
	}
	if version < 9 {
		return dst
	}
	if version >= 10 && p.Leader.written() {
		return p.Leader.append(append(dst, 1), 0)
	}
	return append(dst, 0)
}

func (p *ProduceResult) appendErrors(dst []byte, flexible bool) []byte {
	dst = appendCount(dst, len(p.RecordErrors), flexible)
	for i := range p.RecordErrors {
		dst = appendInt32(dst, p.RecordErrors[i].Index)
		dst = appendNullable(dst, p.RecordErrors[i].Message, flexible)
		if flexible {
			dst = append(dst, 0)
		}
	}
	return appendNullable(dst, p.ErrorMessage, flexible)
}

// appendEndpointTags appends the last section of tags of a Produce or Fetch answer: field 0, the
// endpoints, unless there are none.
func appendEndpointTags(dst []byte, endpoints []NodeEndpoint) []byte {
	if len(endpoints) == 0 {
		return append(dst, 0)
	}
	dst = append(dst, 1, 0)
	dst = AppendUvarint(dst, uint32(endpointsSize(endpoints)))
	dst = appendCount(dst, len(endpoints), true)
	for i := range endpoints {
		e := &endpoints[i]
		dst = appendInt32(dst, e.ID)
		dst = appendString(dst, e.Host, true)
		dst = appendInt32(dst, e.Port)
		dst = appendNullable(dst, e.Rack, true)
		dst = append(dst, 0)
	}
	return dst
}

// endpointsSize is the size of field 0 behind its own size.
func endpointsSize(endpoints []NodeEndpoint) int {
	n := UvarintLen(uint32(len(endpoints) + 1))
	for i := range endpoints {
		n += 4 + compactSize(len(endpoints[i].Host)) + 4 + 1
		if rack := len(endpoints[i].Rack); rack > 0 {
			n += compactSize(rack)
		} else {
			n++
		}
	}
	return n
}
