// Package txn serves the APIs of idempotent and transactional producers: InitProducerId.
//
// Place in the road of the bytes: network → here → the controller, which hands out blocks of
// producer ids; later the transaction coordinator.
//
// Concurrency: handlers run on the connection's reader goroutine and may wait there for a block of ids.
//
// Files: init_producer_id.go (the API), producer_ids.go (this broker's stock of ids).
package txn
