// Package admin serves the APIs that describe and change the cluster: Metadata, CreateTopics.
//
// Place in the road of the bytes: network → here → the metadata image for questions, the
// controller for changes. Handlers authorize, translate and answer; every decision is the controller's.
//
// Concurrency: handlers run on the connection's reader goroutine and may wait there for the
// controller, within the request's time-out.
//
// Files: handlers.go (Handlers and what they share), metadata.go, auto_create.go (topics that
// a Metadata request brings into being), create_topics.go, operations.go (authorized operations).
package admin
