// Package group is the group coordinator: consumer groups of the classic protocol and of KIP-848, and the offsets that they commit.
// A Shard is the groups of one partition of __consumer_offsets.
//
// Place in the road of the bytes: api/group → coordinator (the runtime) → here: a method decides, what it appends is replayed, and
// the answer goes out when that is committed.
//
// Invariants:
//   - What is durable is what the records say. A rebalance of a classic group is soft until the leader's assignment is written;
//     a crash before that brings the former generation back, and its members join again.
//   - Every request is answered exactly once, also when the shard is discarded.
//   - A consumer group hands a partition out only when its former owner has confirmed that it gave it back.
//   - Records are Kafka's, byte for byte (internal/kafka/schema), and written when Kafka writes them.
//   - "Unknown" is -1 on the wire, never 0.
//
// Concurrency: a core. All methods of a Shard run one at a time on the loop of its shard; nothing here starts a goroutine, reads
// a clock or depends on map order.
//
// Files: shard.go (Shard), config.go, record.go (replay); classic_group.go (the state of a classic group), classic_join.go,
// classic_rebalance.go, classic_sync.go, heartbeat.go, leave.go (its requests), classic_record.go, subscription.go (its bytes);
// offsets.go, offset_commit.go, offset_fetch.go, offset_delete.go, offset_expiry.go; delete.go, describe.go, summary.go (groups of both
// types); consumer_group.go (the state of a consumer group, KIP-848), assignment.go, consumer_record.go (its bytes),
// consumer_decision.go (targets, and the steps towards them), consumer_heartbeat.go, consumer_haste.go, consumer_describe.go, consumer_offsets.go
// (its requests), assignor.go, regex.go; migration.go, migration_requests.go (between the two).
package group
