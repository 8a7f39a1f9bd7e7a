// Package e2e starts the real binary and lets foreign clients talk to it over loopback TCP:
// what a user would see, and nothing of the insides. It imports no broker package.
//
// A node is a process of cmd/thalweg with a data directory of its own; it can be stopped,
// killed and started again on the same address. The clients are processes too: kcat (librdkafka)
// and franz-go, the latter being this test binary started again in a client's role. What they
// write is a function of a seed, so that whoever reads can check every byte; what was
// acknowledged is kept in a journal, so that after a crash every acknowledged record must be at
// its acknowledged offset and nothing foreign beside it.
//
// Without kcat its tests are skipped visibly, or fail if the environment says CI=true.
// THALWEG_BIN names a binary to test instead of building one; THALWEG_E2E_ROUNDS sets the
// number of crashes per test.
//
// Files, all of them tests:
//
//	main_test.go       the roles of this binary; building the one under test
//	node_test.go       a broker process: start, stop, kill, restart, its output
//	records_test.go    what is written: records as a function of seed and number
//	journal_test.go    what was acknowledged, and checking a partition against it
//	franz_test.go      the franz-go client: produce, verify, list, tail
//	kcat_test.go       the kcat client, and what its output must be to the byte
//	clients_test.go    both clients, every codec, seeking, each reading the other, restart
//	crash_test.go      kill -9 while producing
//	group_test.go      consumer groups of kcat, kill -9 while offsets are committed
//	directories_test.go  several data directories, one of them missing or failing
//	repair_test.go     a damaged log, and "log repair"
//	tour_test.go       the commands of docs/tour.md, which it writes; pty_*_test.go gives them a terminal
//	bench_linux_test.go  "bench" with very little work: its files, what cannot be measured, Ctrl-C
//	commands_test.go   our own commands as processes: Ctrl-C, a broken pipe, completion
//	apache_test.go     the same commands against an Apache Kafka say the same
//	checkout_test.go   the six commands of Kafka's first minute in a clean checkout, on port 9092
//	configuration_test.go, daemon_linux_test.go  Kafka's own files, wrong values, -daemon
//	lifecycle_test.go  addresses and directories in use, signals, unknown topics
//
// Package planted beside it shows that the guards of the tree are watched by tests.
package e2e
