package wire

import (
	"math"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Versions of Fetch that Parse and the Append functions know.
const (
	FetchMin = 4
	FetchMax = 18
)

// FetchRequest is a view of a Fetch request (key 1, versions 4 to 18). It aliases the body it was
// parsed from and keeps its slices from parse to parse. Fields that a version does not have hold
// the default given here.
//
//	5  log start offset of followers
//	7  sessions (KIP-227)
//	9  current leader epoch (KIP-320)
//	11 rack (KIP-392)
//	12 flexible; last fetched epoch (KIP-595), cluster id
//	13 topics by id (KIP-516)
//	15 replica id and epoch in a tagged field (KIP-903)
//	17 directory id (KIP-853)
//	18 high watermark of followers (KIP-1166)
type FetchRequest struct {
	Version      int16
	ReplicaID    int32 // -1: a consumer
	ReplicaEpoch int64 // -1
	MaxWaitMs    int32
	MinBytes     int32
	MaxBytes     int32
	Isolation    int8  // as sent; kafka.Isolation has the valid ones
	SessionID    int32 // 0
	SessionEpoch int32 // -1: no session
	Topics       []FetchTopic
	Forgotten    []ForgottenTopic // nil
	RackID       []byte           // nil; empty is no rack too
	ClusterID    []byte           // nil is null

	partitions []FetchPartition // backs Topics[i].Partitions; outgrown arrays stay valid
	forgotten  []int32          // backs Forgotten[i].Partitions, likewise
}

// FetchTopic is the part of a request for one topic.
type FetchTopic struct {
	Name       []byte        // versions 4 to 12; not checked
	ID         kafka.TopicID // versions 13 and up
	Partitions []FetchPartition
}

// FetchPartition is what is wanted of one partition.
type FetchPartition struct {
	Index              int32
	CurrentLeaderEpoch int32 // -1: do not compare
	FetchOffset        int64
	LastFetchedEpoch   int32 // -1
	LogStartOffset     int64 // of a follower; -1
	MaxBytes           int32
	DirectoryID        kafka.UUID // of a follower; zero
	HighWatermark      int64      // as a follower knows it; math.MaxInt64
}

// ForgottenTopic names partitions that leave the session.
type ForgottenTopic struct {
	Name       []byte        // versions 7 to 12
	ID         kafka.TopicID // versions 13 and up
	Partitions []int32
}

// Parse reads a body (frame without header). On success r holds exactly what body says; bytes
// behind the last field are ignored, as in Kafka. On failure, which is ErrMalformed, r is empty.
// Parse resets r first; in steady state it does not allocate. Not for concurrent use.
func (r *FetchRequest) Parse(version int16, body []byte) error {
	r.Reset()
	if version < FetchMin || version > FetchMax {
		return ErrVersion
	}
	in := Reader{b: body, flexible: version >= 12}
	r.Version = version
	r.readHead(&in)
	r.readTopics(&in)
	if version >= 7 {
		r.readForgotten(&in)
	}
	if version >= 11 {
		r.RackID = in.String()
	}
	if in.flexible {
		r.readTags(&in)
	}
	if in.err != nil {
		r.Reset()
	}
	return in.err
}

// Reset drops what r holds of the last frame, and its slices if they grew beyond MaxKept. Call it
// when the request has been answered: a view must not outlive its frame, and an idle connection
// must not hold what one large request needed.
func (r *FetchRequest) Reset() {
	*r = FetchRequest{
		ReplicaID: -1, ReplicaEpoch: -1, SessionEpoch: -1,
		Topics: emptied(r.Topics), partitions: emptied(r.partitions),
		Forgotten: emptied(r.Forgotten), forgotten: emptied(r.forgotten),
	}
}

func (r *FetchRequest) readHead(in *Reader) {
	if r.Version <= 14 {
		r.ReplicaID = in.Int32()
	}
	r.MaxWaitMs = in.Int32()
	r.MinBytes = in.Int32()
	r.MaxBytes = in.Int32()
	r.Isolation = in.Int8()
	if r.Version >= 7 {
		r.SessionID = in.Int32()
		r.SessionEpoch = in.Int32()
	}
}

// minTopic is the size of a topic with an empty name, or an id, and no partitions.
func (r *FetchRequest) minTopic() int {
	switch {
	case r.Version >= 13:
		return 16 + 1 + 1
	case r.Version >= 12:
		return 1 + 1 + 1
	}
	return 2 + 4
}

// minPartition is the size of a partition without tagged fields.
func (r *FetchRequest) minPartition() int {
	n := 4 + 8 + 4 // index, offset, max bytes
	if r.Version >= 5 {
		n += 8 // log start
	}
	if r.Version >= 9 {
		n += 4 // current epoch
	}
	if r.Version >= 12 {
		n += 4 + 1 // last fetched epoch, tags
	}
	return n
}

func (r *FetchRequest) readTopics(in *Reader) {
	n := in.Count(r.minTopic())
	r.Topics = grow(r.Topics, n)
	for ; n > 0 && in.err == nil; n-- {
		var t FetchTopic
		t.Name, t.ID = r.readTopicKey(in)
		t.Partitions = r.readPartitions(in)
		if in.flexible {
			in.SkipTags()
		}
		r.Topics = append(r.Topics, t)
	}
}

func (r *FetchRequest) readTopicKey(in *Reader) (name []byte, id kafka.TopicID) {
	if r.Version >= 13 {
		return nil, in.UUID()
	}
	return in.String(), id
}

func (r *FetchRequest) readPartitions(in *Reader) []FetchPartition {
	n := in.Count(r.minPartition())
	first := len(r.partitions)
	r.partitions = grow(r.partitions, n)
	for ; n > 0 && in.err == nil; n-- {
		r.partitions = r.partitions[:len(r.partitions)+1]
		r.readPartition(in, &r.partitions[len(r.partitions)-1])
	}
	return r.partitions[first:len(r.partitions):len(r.partitions)]
}

func (r *FetchRequest) readPartition(in *Reader, p *FetchPartition) {
	*p = FetchPartition{CurrentLeaderEpoch: -1, LastFetchedEpoch: -1, LogStartOffset: -1, HighWatermark: math.MaxInt64}
	p.Index = in.Int32()
	if r.Version >= 9 {
		p.CurrentLeaderEpoch = in.Int32()
	}
	p.FetchOffset = in.Int64()
	if r.Version >= 12 {
		p.LastFetchedEpoch = in.Int32()
	}
	if r.Version >= 5 {
		p.LogStartOffset = in.Int64()
	}
	p.MaxBytes = in.Int32()
	if in.flexible {
		r.readPartitionTags(in, p)
	}
}

func (r *FetchRequest) readPartitionTags(in *Reader, p *FetchPartition) {
	for t := in.Tags(); in.NextTag(&t); {
		body := Reader{b: t.Body, flexible: true}
		switch t.ID {
		case 0:
			in.known(r.Version >= 17)
			p.DirectoryID = body.UUID()
		case 1:
			in.known(r.Version >= 18)
			p.HighWatermark = body.Int64()
		default:
			continue
		}
		in.finish(&body)
	}
}

func (r *FetchRequest) readForgotten(in *Reader) {
	n := in.Count(r.minTopic())
	r.Forgotten = grow(r.Forgotten, n)
	for ; n > 0 && in.err == nil; n-- {
		var t ForgottenTopic
		t.Name, t.ID = r.readTopicKey(in)
		m := in.Count(4)
		first := len(r.forgotten)
		r.forgotten = grow(r.forgotten, m)
		for ; m > 0; m-- {
			r.forgotten = append(r.forgotten, in.Int32())
		}
		t.Partitions = r.forgotten[first:len(r.forgotten):len(r.forgotten)]
		if in.flexible {
			in.SkipTags()
		}
		r.Forgotten = append(r.Forgotten, t)
	}
}

func (r *FetchRequest) readTags(in *Reader) {
	for t := in.Tags(); in.NextTag(&t); {
		body := Reader{b: t.Body, flexible: true}
		switch t.ID {
		case 0:
			r.ClusterID = body.NullableString()
		case 1:
			in.known(r.Version >= 15)
			r.ReplicaID = body.Int32()
			r.ReplicaEpoch = body.Int64()
			body.SkipTags()
		default:
			continue
		}
		in.finish(&body)
	}
}
