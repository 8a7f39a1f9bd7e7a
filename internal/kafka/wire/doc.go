// Package wire is the outermost layer of the Kafka protocol: frames, request and response
// headers, the versions of every API key, the gates that stand before a request is decoded, and
// hand-written codecs for the two hot APIs, Produce and Fetch. All other bodies are read and
// written by kmsg; what this package owes them is [Check], which refuses bodies that would make
// a decoder allocate or loop out of proportion to their size.
//
// Place in the road of the bytes: network reads a frame ([FrameSize], [PeekKey], [LimitOf]) and
// its header ([ParseHeader]); api parses Produce and Fetch into views ([ProduceRequest],
// [FetchRequest]) and appends their answers.
//
// Invariants. Nothing here copies or keeps record bytes: everything parsed aliases the frame and
// lives as long as it. No length or count from the network is used before it has been compared
// with the bytes that are left. Parsers refuse what they do not understand with an error that is
// [ErrMalformed] and never panic. In steady state neither parsing nor appending allocates.
//
// Where it is as lax as Kafka, because clients exist that rely on it: bytes after the last field
// of a request are ignored, varints may be padded to five bytes, a null client id is accepted.
// Where it is stricter: tagged fields must ascend, their number is bounded ([MaxTags]), and a
// known tagged field must fill its stated size.
//
// Concurrency: functions and tables are immutable and safe for concurrent use. Requests,
// responses and readers are plain values for one goroutine at a time.
//
// Files: frame.go (length prefix), header.go (request and response headers), versions.go (API
// keys), limits.go (size gate and memory charge), check.go and schema.go (bodies that kmsg will
// decode; the shapes are in schema.txt), reader.go and tags.go (cursor over bytes), varint.go,
// append.go (primitive writers), reuse.go (slices kept between parses), errors.go,
// produce_*.go and fetch_*.go.
package wire
