// Package profile remembers clusters by name: where each is, and how to log in there.
//
// Place: below the commands. A profile is a client configuration under Kafka's names, as a .properties
// file would hold it.
//
// Invariants: the file belongs to its user alone (0600), is replaced as a whole and never half written.
// Secrets are kept in it and shown by nobody.
//
// Concurrency: two commands that change the file at once leave one of the two states, never a mixture.
//
// Files: profile.go (File: read, change, write), secret.go (which keys are secrets).
package profile
