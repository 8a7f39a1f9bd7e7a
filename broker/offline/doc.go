// Package offline reads the files of a data directory without a broker: segments and snapshots of
// record batches, their indexes, the snapshots of producers, and the records of Kafka's own topics.
//
// Place: above the formats of internal/kafka, below internal/cli, whose kafka-dump-log and
// "thalweg log" print what is read here. It takes what it is given: files of a broker that runs,
// files of Apache Kafka, and damaged ones.
//
// Invariants: nothing is written but by WriteMeta, Repair.Apply and Adoption.Apply, which have the directories' locks. A damaged byte is an error with its place, or shows in what is
// returned (Entry.Valid); it does not panic and does not make a reader take more memory than the
// file has bytes, beyond what compress.Budget allows for one batch.
//
// Concurrency: a value is used by one goroutine at a time.
//
// Files: entries.go (the batches of a file), index.go (.index, .timeindex, .txnindex), snapshot.go
// (.snapshot), shape.go and records.txt (the fields of the records of Kafka's own topics, made by
// testdata/gen from Kafka's classes), decode.go (those records as JSON, as Kafka's tools print
// them), topics.go (which shape a record has), verify.go (whether a log is whole), commitlog.go (the files of a commit log), repair.go and repair_intent.go (cutting a damaged one), adopt.go (copying one to another cluster), meta.go (the identity
// of a data directory).
package offline
