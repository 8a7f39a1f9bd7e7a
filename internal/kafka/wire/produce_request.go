package wire

import "github.com/thalweg-io/thalweg/internal/kafka"

// Versions of Produce that Parse and Append know.
const (
	ProduceMin = 3
	ProduceMax = 13
)

// ProduceRequest is a view of a Produce request (key 0, versions 3 to 13). It aliases the body it
// was parsed from, record bytes included, and keeps its slices from parse to parse (see Parse).
//
//	3  transactional id (KIP-98), records are batches of magic 2
//	7  zstd allowed (KIP-110)
//	9  flexible (KIP-482)
//	12 transactions without AddPartitionsToTxn (KIP-890)
//	13 topics by id instead of name (KIP-516)
type ProduceRequest struct {
	Version         int16
	TransactionalID []byte // nil is null
	Acks            int16  // as sent: -1, 0, 1 are valid, others must be refused
	TimeoutMs       int32
	Topics          []ProduceTopic

	partitions []ProducePartition // backs Topics[i].Partitions; outgrown arrays stay valid
	memory     int                // bytes that Parse may still allocate
}

// ProduceTopic is the part of a request for one topic.
type ProduceTopic struct {
	Name       []byte        // versions 3 to 12; not checked
	ID         kafka.TopicID // versions 13 and up
	Partitions []ProducePartition
}

// ProducePartition is the records for one partition.
type ProducePartition struct {
	Index   int32
	Records []byte // as sent, not looked at; nil is null; no spare capacity
}

// produceMemory bounds what Parse may allocate for a body of n bytes. Frames are large for their
// records' sake; one partition with the smallest batch takes 80 bytes on the wire and up to 192
// here, so nothing is refused that carries records, while topics without partitions, at 64 bytes
// for 3, soon are.
func produceMemory(n int) int { return min(chargeBase+4*n, produceMaxDecode/5*4) }

// Parse reads a body (frame without header). On success r holds exactly what body says; bytes
// behind the last field are ignored, as in Kafka. On failure, which is ErrMalformed, r is empty.
// Parse resets r first; in steady state it does not allocate. Not for concurrent use.
func (r *ProduceRequest) Parse(version int16, body []byte) error {
	r.Reset()
	if version < ProduceMin || version > ProduceMax {
		return ErrVersion
	}
	in := Reader{b: body, flexible: version >= 9}
	r.Version = version
	r.memory = produceMemory(len(body))
	r.TransactionalID = in.NullableString()
	r.Acks = in.Int16()
	r.TimeoutMs = in.Int32()
	r.readTopics(&in)
	if in.flexible {
		in.SkipTags()
	}
	if in.err != nil {
		r.Reset()
	}
	return in.err
}

// Reset drops what r holds of the last frame, and its slices if they grew beyond MaxKept. Call it
// when the request has been answered: a view must not outlive its frame, and an idle connection
// must not hold what one large request needed.
func (r *ProduceRequest) Reset() {
	*r = ProduceRequest{Topics: emptied(r.Topics), partitions: emptied(r.partitions)}
}

func (r *ProduceRequest) readTopics(in *Reader) {
	minTopic, byID := 2+4, r.Version >= 13 // empty name, no partitions
	switch {
	case byID:
		minTopic = 16 + 1 + 1
	case in.flexible:
		minTopic = 1 + 1 + 1
	}
	n := in.Count(minTopic)
	r.Topics = growWithin(in, r.Topics, n, &r.memory)
	for ; n > 0 && in.err == nil; n-- {
		var t ProduceTopic
		if byID {
			t.ID = in.UUID()
		} else {
			t.Name = in.String()
		}
		t.Partitions = r.readPartitions(in)
		if in.flexible {
			in.SkipTags()
		}
		r.Topics = append(r.Topics, t)
	}
}

func (r *ProduceRequest) readPartitions(in *Reader) []ProducePartition {
	minPartition := 4 + 4 // index, null records
	if in.flexible {
		minPartition = 4 + 1 + 1
	}
	n := in.Count(minPartition)
	first := len(r.partitions)
	r.partitions = growWithin(in, r.partitions, n, &r.memory)
	for ; n > 0 && in.err == nil; n-- {
		p := ProducePartition{Index: in.Int32(), Records: in.NullableBytes()}
		if in.flexible {
			in.SkipTags()
		}
		r.partitions = append(r.partitions, p)
	}
	return r.partitions[first:len(r.partitions):len(r.partitions)]
}
