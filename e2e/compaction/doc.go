// Command compaction plays the scenario of Apache Kafka's log compaction verifier against a broker: it writes
// records whose keys come again, some of them tombstones, to compacted topics, waits until the topics have become smaller, reads
// them, and compares the newest value of each key with what it wrote.
//
//	go run ./e2e/compaction -bootstrap-server localhost:9092 -messages 100000 -dups 5 -deletes 10
//
// Beyond Kafka's program it holds every record that is left against the one that it wrote at that offset, and fails if nothing was
// compacted at all.
//
// Tests: TestVerifier plays it against Thalweg and against an Apache Kafka. TestBothWays moves compacted partitions, with both brokers
// stopped, from one's directory into the other's: they are read, written on and compacted further there, and then
// moved back; so are those of Kafka's with aborted transactions.
//
// Files: plan.go (what is written, and the comparison), main.go, compaction_test.go, settings_test.go.
package main
