// Package judge lets an Apache Kafka judge the files that Thalweg writes, and the other way round.
//
// TestDump: Kafka's own tool reads every file of Thalweg's data directory, and of Kafka's, without a complaint, and
// our kafka-dump-log prints the same, letter for letter, with every option; TestDumpDamaged does so with damaged files. TestMove: with both brokers stopped,
// partitions are moved from one's directory into the other's, by hand and with "log adopt"; the other one serves every batch byte for
// byte, knows the producers and goes on, and then all goes back. TestLock: of the two only one has a directory.
//
// Files: settings_test.go, client_test.go (what is written and read, batch by
// batch), dump_test.go, damage_test.go, move_test.go, lock_test.go.
package judge
