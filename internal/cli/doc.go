// Package cli is the command line: a tree of commands made with cobra. Our own commands are in package command;
// here are the server, what surrounds it, and the tools by Kafka's names, which read their words themselves.
//
// Place: on top of everything; cmd/thalweg only calls Main. Commands print results to Out, and one clear
// line to Err when something is wrong: what failed and what to try. They never print a stack trace.
//
// Exit codes: 0 done, 1 it failed, 2 the words of the call were wrong, 130 ended by Ctrl-C. The tools by Kafka's
// names have Kafka's instead: 1 for both.
//
// Packages below: command (our own commands), output (tables, JSON, progress), profile (clusters by name), record (records as JSON), doctor (what doctor examines),
// kafkatool (the tools by Kafka's names), option (how they read their words), properties (files like
// server.properties), golden (scripts of command lines, for tests).
//
// Files: cli.go (Main, the tree), help.go, completion.go, version.go, config_show.go, doctor.go, server.go (a broker in the foreground) with
// server_arguments.go, server_ignored.go (keys without effect), server_daemon.go (in the background),
// server_log.go (its rotated log), server_pages_linux.go (memory that only the start needed), server_stop.go.
package cli
