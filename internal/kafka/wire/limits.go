package wire

// Limit is the size gate of one API, asked when only the head of a frame has been read.
type Limit struct {
	// MaxFrame is the most bytes that may follow the length prefix.
	MaxFrame int
	// Amplification bounds the memory of a decoded request, in bytes per byte of its frame, on
	// top of the frame itself: kmsg after Check, Parse for Produce and Fetch. Measured: the worst
	// is a long array of the cheapest elements, say 3 bytes for a structure of 64.
	Amplification int
	// MaxDecode, if not 0, bounds that memory whatever the frame's size.
	MaxDecode int
}

// Bounds of frames. Those of APIs without records are chosen so that no request of a healthy
// client in a cluster of 100,000 partitions is refused.
const (
	// PreAuthMaxFrame bounds frames on a connection that has yet to authenticate.
	PreAuthMaxFrame = 64 << 10
	// SASLMaxFrame bounds SaslAuthenticate (Kafka: sasl.server.max.receive.size).
	SASLMaxFrame = 512 << 10
	// DefaultMaxFrame bounds requests about single things: a group, a broker, some topics.
	DefaultMaxFrame = 1 << 20
	// WideMaxFrame bounds requests that may name every topic or partition of the cluster
	// (100,000 partitions at about 20 bytes, 20,000 topics at 64, with room for twice that).
	WideMaxFrame = 4 << 20
	// BlobMaxFrame bounds the few of those that carry a client's blob for each: OffsetCommit's
	// metadata (up to 4 KiB a partition, commonly 30 bytes), SyncGroup's assignments.
	BlobMaxFrame = 8 << 20
	// telemetryMaxFrame is telemetry.max.bytes (1 MiB by default) and the fields around it.
	telemetryMaxFrame = 1<<20 + 64<<10
	// envelopeMaxFrame holds any forwarded request (at most WideMaxFrame) and who sent it.
	envelopeMaxFrame = WideMaxFrame + 64<<10
)

// Measured amplification: the highest over all versions and array shapes, rounded up by the
// allocator's size classes. TestAmplification repeats the search.
const (
	defaultAmplification  = 19 // 16: compact arrays of empty strings, structures of 48 bytes for 3
	nullableAmplification = 24 // 21.5: structures of 64 bytes for 3, nullable strings that are empty
	metadataAmplification = 26 // 24: version 0 to 8 topics, 48 bytes for an empty name of 2
	blobAmplification     = 1  // bytes alias the frame, strings are copied

	// Parse allows itself 4 (see produceMemory); the rest is for the allocator's size classes.
	produceAmplification = 5
	produceMaxDecode     = 10 << 20 // enough for 40,000 partitions of as many topics
)

// What decoding may take apart from its amplification.
const (
	chargeBase = 1 << 10 // the request itself
	tagCharge  = 360     // an unknown tagged field: a map of its own
	minTagSize = 3       // of one on the wire, with the count of its section
)

// LimitOf returns the size gate of an API after authentication; unknown keys get the smallest
// one, which lets an ApiVersions-like probe be read and refused.
func LimitOf(key int16) Limit {
	if _, _, ok := Versions(key); !ok {
		return Limit{MaxFrame: PreAuthMaxFrame, Amplification: 0}
	}
	switch key {
	case keyProduce:
		return Limit{MaxFrame: MaxFrame, Amplification: produceAmplification, MaxDecode: produceMaxDecode}
	case keySaslAuthenticate:
		return Limit{MaxFrame: SASLMaxFrame, Amplification: blobAmplification}
	case keyPushTelemetry:
		return Limit{MaxFrame: telemetryMaxFrame, Amplification: blobAmplification}
	case keyEnvelope:
		return Limit{MaxFrame: envelopeMaxFrame, Amplification: blobAmplification}
	case keyMetadata:
		return Limit{MaxFrame: WideMaxFrame, Amplification: metadataAmplification}
	case keyFetch, keyOffsetFetch:
		return Limit{MaxFrame: WideMaxFrame, Amplification: nullableAmplification}
	case keyOffsetCommit, keyTxnOffsetCommit:
		return Limit{MaxFrame: BlobMaxFrame, Amplification: nullableAmplification}
	case keySyncGroup:
		return Limit{MaxFrame: BlobMaxFrame, Amplification: defaultAmplification}
	case keyLeaveGroup, keyAlterClientQuotas, keyStreamsGroupHeartbeat, keyStreamsTopology:
		return Limit{MaxFrame: DefaultMaxFrame, Amplification: nullableAmplification}
	}
	if wide(key) {
		return Limit{MaxFrame: WideMaxFrame, Amplification: defaultAmplification}
	}
	return Limit{MaxFrame: DefaultMaxFrame, Amplification: defaultAmplification}
}

// wide reports whether one request may name every topic or partition: consumers without a group
// (ListOffsets, OffsetForLeaderEpoch), the subscription of a member, one transaction over
// everything, admin tools and rebalancers that act on the whole cluster at once, a broker that
// reports for all its partitions, acknowledgements of many records.
func wide(key int16) bool {
	switch key {
	case keyListOffsets, keyOffsetForLeaderEpoch, keyJoinGroup, keyConsumerGroupHeartbeat,
		keyAddPartitionsToTxn, keyWriteTxnMarkers,
		keyCreateTopics, keyDeleteTopics, keyDeleteRecords, keyCreatePartitions, keyElectLeaders,
		keyDescribeConfigs, keyAlterConfigs, keyIncrementalAlterConfigs, keyDescribeTopicPartitions,
		keyDescribeLogDirs, keyAlterPartitionReassignments, keyListPartitionReassignments,
		keyAlterPartition, keyShareFetch, keyShareAcknowledge:
		return true
	}
	return false
}

// PreAuthLimitOf returns the size gate of an API on a connection that has yet to authenticate; ok
// is false if the API may not be used there at all.
func PreAuthLimitOf(key int16) (l Limit, ok bool) {
	switch key {
	case keySaslAuthenticate:
		return LimitOf(key), true
	case keySaslHandshake, keyAPIVersions:
		l = LimitOf(key)
		l.MaxFrame = PreAuthMaxFrame
		return l, true
	}
	return Limit{}, false
}

// Charge is the memory, in bytes, that a request of size bytes (frame without prefix) may take
// until it is answered: the frame and what decoding it allocates.
func Charge(key int16, size int) int64 {
	return int64(size) + decodeCharge(key, size)
}

func decodeCharge(key int16, size int) int64 {
	l := LimitOf(key)
	decoded := int64(size) * int64(l.Amplification)
	if l.MaxDecode > 0 {
		decoded = min(decoded, int64(l.MaxDecode))
	}
	if key != keyProduce && key != keyFetch { // their parsers keep none
		decoded += min(int64(MaxUnknownTags), int64(size/minTagSize)) * tagCharge
	}
	return chargeBase + decoded
}
