// Package api is where a request finds its handler: the dispatch table, the gate before it, and
// ApiVersions, which tells clients what is in the table. The handlers are in data, admin, group and txn, one
// file per API key.
//
// Place in the road of the bytes: network calls Admit and Serve; the handlers call replica and
// the controller. A Kafka error code appears in this package and its children, not below.
//
// Invariants: what the table does not hold is not advertised and closes the connection (SURFACE 2). Every
// entry names its versions, resource, operation and cost; every handler asks the authorizer
// and the quota.
//
// Concurrency: Serve runs on the reader goroutine of each connection. The table does not change.
//
// Files: table.go (the table), server.go (Admit, Serve), api_versions.go.
package api
