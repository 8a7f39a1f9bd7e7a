// Package doctor examines a machine, a configuration and a cluster, and says what to do about what it finds.
//
// Place: below the command doctor. What is measured (Machine) and what is thought of it (the checks) are apart, so
// that the thinking is tested without a sick machine.
//
// Invariants: every finding that is not ok has a remedy. Nothing is changed, except that a file is written into the
// data directory, or the directory above if that one does not exist, and removed again.
//
// Concurrency: one goroutine.
//
// Files: finding.go, machine.go (Machine, and the real one) with machine_unix.go and its twins, check_disk.go,
// check_machine.go (open files, clock), check_ports.go, check_cluster.go.
package doctor
