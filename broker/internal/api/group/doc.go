// Package group serves the APIs of consumer groups: who coordinates them, their members, their offsets.
//
// Place in the road of the bytes: network → here → coordinator (decide, append, replay, wait for the commit) → reply.
// A handler decodes, authorizes and resolves topics; what a group makes of it is decided in coordinator/group, on the loop of the
// group's shard. A request about several groups is split over their shards and its answers are gathered.
//
// Concurrency: handlers run on the connection's reader goroutine and keep no state; answers are completed on the loops of the
// coordinator, which never wait for a socket.
//
// Files: handlers.go (Handlers, the way to a shard), gather.go (several groups in one request), place.go (which shard a group
// belongs to), topics.go (topics of commits and fetches), and one file for each API.
package group
