// Package data serves the APIs that move records: Produce, Fetch, ListOffsets.
//
// Place in the road of the bytes: network → here → replica. Handlers parse, authorize, account to
// the quota, split by partition and put the answers together; they decide nothing about logs. A Kafka
// error code appears here and not below.
//
// Invariants: in steady state Produce and Fetch allocate nothing. What a handler keeps of a
// request lives in the request's slot (Request.Scratch) and is dropped when it has been answered.
//
// Concurrency: handlers run on the connection's reader goroutine; a Produce with acks=all is finished by
// whoever moved the last high watermark it waited for.
//
// Files: handlers.go (Handlers and what they share), errors.go (errors to Kafka's codes),
// produce.go, fetch.go, fetch_answer.go (the answer as a network.Body), list_offsets.go.
package data
