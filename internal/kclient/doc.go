// Package kclient sets up clients of any Kafka cluster from configurations under Kafka's names:
// the .properties files and key=value pairs that operators already have.
//
// Place: below everything that is a client of the protocol (tools, registry, connect, streams, …),
// above franz-go, which it configures and does not wrap.
//
// Invariants: a key is taken, or named among the unused ones, or refused with its name; none is
// passed over in silence. Nothing is written to files or terminals from here.
//
// Concurrency: the functions may be called from any goroutine; a *kgo.Client likewise.
//
// Files: config.go (Config: keys into options, by role), group.go (those of members of groups), security.go (TLS and SASL), jaas.go (the
// login modules of sasl.jaas.config), reach.go (a client that has reached its cluster, or why not),
// message.go (what to tell a person about an error), peek.go (the first record behind an offset).
package kclient
