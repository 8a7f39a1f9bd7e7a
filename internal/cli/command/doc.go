// Package command holds our own commands: topic, produce, consume, group, config, cluster and profile,
// each of which works with any Kafka cluster.
//
// Place: internal/cli puts them into its tree beside the server and the tools by Kafka's names; they
// reach clusters through internal/kclient and franz-go and know nothing of the broker's insides.
//
// Habits: results go to Out, as a table to a terminal, as plain lines to a pipe, as JSON if asked;
// what is said beside them goes to Err. What changes something knows --dry-run. An error is one line: what failed,
// and what to try. Nothing is printed twice, nothing is silent.
//
// Concurrency: a command runs on one goroutine and ends when its context does (Ctrl-C).
//
// Files: env.go (Env, and one run of a command), connect.go (from flags and profiles to a client), fault.go
// (errors and their remedies), change.go (what has been done to many things), complete.go (names for the
// shell), help.go; then one file or more for each command: topic*.go, produce*.go, consume*.go, group*.go, config*.go,
// log*.go, profile.go. bench.go measures brokers that it starts itself.
package command
