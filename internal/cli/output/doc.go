// Package output shows what a command has found: as a table to a person, as plain lines to a pipe, or
// as JSON.
//
// Place: below the commands; it knows nothing of Kafka.
//
// Invariants: plain is one line per row, its cells separated by tabs, without a heading, so that cut
// and awk read it; JSON is one document, whose keys are the columns' names in the order of the columns.
// A value that is missing is "-" in text and null in JSON. Line breaks and other control characters
// never reach a cell of a table.
//
// Concurrency: a Table and a Progress belong to one goroutine.
//
// Files: format.go (table, plain or json), table.go (rows and columns), json.go, progress.go (how far a
// long work has come, with rate and remaining time), units.go (bytes and numbers for people).
package output
