// Package kafka is the vocabulary that every other package shares: topics, partitions, epochs,
// producer ids, isolation levels. It is pure: no I/O, no goroutine, no clock.
//
// Place in the road of the bytes: everywhere. Numbers that must not be mixed up have types of
// their own (LeaderEpoch is not a BrokerEpoch), offsets are int64 with the convention of
// the whole code base: HighWatermark, LogEndOffset, LastStableOffset are exclusive; BaseOffset,
// LastOffset, LogStartOffset are inclusive.
//
// Files: ids.go (numbers and UUIDs), topic.go (topic names, topic-partition pairs).
package kafka
