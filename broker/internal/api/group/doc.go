// Package group serves the APIs of consumer groups: FindCoordinator, which for now has nobody to name.
//
// Place in the road of the bytes: network → here; later → the group coordinator.
//
// Concurrency: handlers run on the connection's reader goroutine and keep no state.
//
// Files: handlers.go (Handlers), find_coordinator.go.
package group
