// Package data serves the APIs about the logs of this broker: Produce, Fetch, ListOffsets, OffsetForLeaderEpoch,
// DeleteRecords, DescribeLogDirs.
//
// Place in the road of the bytes: network → here → replica. Handlers parse, authorize, account to
// the quota, split by partition and put the answers together; they decide nothing about logs. A Kafka
// error code appears here and not below.
//
// Invariants: in steady state Produce and Fetch allocate nothing. What a handler keeps of a
// request lives in the request's slot (Request.Scratch) and is dropped when it has been answered; what outlives it
// is in the session cache, within its bounds.
//
// Concurrency: handlers run on the connection's reader goroutine; a Produce with acks=all is finished by
// whoever moved the last high watermark it waited for.
//
// Files: handlers.go (Handlers and what they share), errors.go (errors to Kafka's codes),
// produce.go, fetch.go, fetch_answer.go (the answer as a network.Body), fetch_session.go (a Fetch and its session),
// session.go (one fetch session), session_cache.go (all of them), and a file for each of the other APIs.
package data
