// Package kafkatool holds the tools under Kafka's names: kafka-topics, kafka-console-producer and
// the rest, with Kafka's options, output and exit codes, so that scripts and habits go on working.
//
// Place: below internal/cli, which hands over the words after the tool's name. The tools are clients
// of the protocol and work against any Kafka cluster; what a cluster does not serve is told.
//
// Invariants: output is letter for letter that of Apache Kafka's tools (4.x), errors included, but
// without stack traces; every option of a tool is acted on, or named as without effect. Golden tests
// in testdata hold the outputs.
//
// Concurrency: a tool runs in the goroutine of its caller and ends when its context does.
//
// Files: tool.go (the table, running one), call.go (one run: options, connecting), cluster.go,
// group_requests.go (requests that several tools make), java_order.go, java_errors.go, java_text.go, iso8601.go (what
// Java's library does for Kafka's tools), topics*.go and one file or a few per tool.
package kafkatool
