// Package cli is the command line: a table of commands, each in a file of its own, and the tools by
// Kafka's names.
//
// Place: on top of everything; cmd/thalweg only calls Main. Commands print results to Out, and one clear
// sentence to Err when something is wrong; they never print a stack trace.
//
// Exit codes: 0 done, 1 it failed, 2 the words of the call were wrong. The tools by Kafka's names have
// Kafka's instead: 1 for both.
//
// Packages below: kafkatool (those tools), option (how they read their words), properties (files like
// server.properties).
//
// Files: cli.go (Main, the table, help), version.go, server.go (a broker in the foreground) with
// server_arguments.go, server_ignored.go (keys without effect), server_daemon.go (in the background),
// server_log.go (its rotated log), server_stop.go.
package cli
