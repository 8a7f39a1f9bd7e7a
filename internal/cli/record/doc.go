// Package record writes records as lines of JSON and reads them again, without loss.
//
// Place: below the commands produce and consume.
//
// One line is one record:
//
//	{"topic":"orders","partition":0,"offset":7,"timestamp":1800000000000,"key":"k","value":"v","headers":[{"key":"h","value":"x"}]}
//
// A key, a value or a header's value that is null is null. Bytes that are no UTF-8 text are under another name, in
// base64: key_base64, value_base64, within a header likewise. timestamp is in milliseconds since 1970.
//
// Invariants: what Append has written Parse reads to the same key, value, headers (their order, those of the
// same name, null values), timestamp and partition. Parse takes no member that it does not know.
//
// Concurrency: both are pure functions.
//
// Files: append.go, parse.go, filter.go (which records somebody wants to see).
package record
