// Package admin serves the APIs that describe and change the cluster: topics, partitions, configs, elections, features,
// the quorum.
//
// Place in the road of the bytes: network → here → the metadata image for questions, the
// controller for changes. Handlers authorize, translate and answer; every decision is the controller's.
//
// Concurrency: handlers run on the connection's reader goroutine and may wait there for the
// controller, within the request's time-out.
//
// Files: telemetry.go (clients that push their metrics), handlers.go (Handlers and what they share), decide.go (waiting for the controller), operations.go
// (authorized operations), auto_create.go (topics that a Metadata request brings into being), and a file for each
// API or pair of them, named like it.
package admin
