// Package cli is the command line: a table of commands, each in a file of its own.
//
// Place: on top of everything; cmd/thalweg only calls Main. Commands print results to Out, and one clear
// sentence to Err when something is wrong; they never print a stack trace.
//
// Exit codes: 0 done, 1 it failed, 2 the words of the call were wrong.
//
// Files: cli.go (Main, the table, help), server.go, version.go, properties.go (files like server.properties).
package cli
