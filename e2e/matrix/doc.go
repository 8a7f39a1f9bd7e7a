// Matrix runs common Kafka clients, each as a process of its own, against the real binary and
// writes down what each of them does with it.
//
//	go run ./e2e/matrix                run all, print the matrix, compare it with docs/clients.md
//	go run ./e2e/matrix -write         and write docs/clients.md
//	go run ./e2e/matrix -only kafkajs  run the clients whose name matches a regular expression
//
//	go run ./e2e/matrix -servers HOST:PORT   ask another cluster, which should be new, for comparison
//
// Run it at the top of the repository. It ends with 1 if the page differs from what came out. A
// client whose tools are missing on this machine is skipped, and its row not compared, unless CI=true.
//
// Every cell is observed, none is declared: a column is a probe, a record or several that a client
// writes, that franz-go then reads and compares byte for byte with what was asked for, and that
// franz-go has written and the client reads. A cell that is not full wants a note that tells why.
//
// A client is a program that answers lines of JSON on its standard input with lines of JSON:
//
//	{"do":"hello"}                                             → {"version":"2.2.4"}
//	{"do":"create","topic":"t","partitions":3}                 → {}
//	{"do":"produce","topic":"t","codec":"lz4","records":[…]}   → {} once all are acknowledged, to partition 0
//	{"do":"consume","topic":"t","count":9}                     → {"records":[…]} from the beginning of partition 0
//	{"do":"seek","topic":"t","count":1,"ts":1760000000000}     → {"records":[…]} from that time on
//
// or with {"error":"…"}. A record is {"offset":0,"ts":…,"key":…,"value":…,"headers":[{"name":…,"value":…}]},
// its bytes in base64 or null. What a client cannot say, such as a null header value, it says as it can.
//
// Started with four arguments (servers, group, topic, assignor) a program is a member of a group:
// it prints "PARTITION OFFSET" for every record and leaves when its standard input ends.
//
// The programs are built in a directory of the user's cache (THALWEG_E2E_CACHE names another), from
// Maven Central, PyPI, npm and the Go module proxy. Those in Go are a module of their own, so that
// what they need is not required by Thalweg.
//
// Files: main.go (flags, order of things), table.go (the clients), program.go (a client's process), kcat.go
// (kcat in that role), probe.go (what is asked of a client), record.go (records, and comparing them),
// franz.go (the reader and writer that judges), group.go (groups), snippet.go (the
// programs of the README), page.go (docs/clients.md); go/, java/, js/ and python/
// (the programs).
package main
