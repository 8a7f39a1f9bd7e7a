// Package quota limits what a client may use: bytes produced and fetched, time of requests, controller mutations, new
// connections (KIP-13, 124, 257, 546, 599, 612).
//
// Place in the road of the bytes: every handler of api reports what a request used and is told how long the client is to
// be throttled; network then mutes the connection for that time (SURFACE 8). It knows nothing of sockets.
//
// Invariants:
//   - Without client quotas a lookup is one atomic load and nothing is allocated.
//   - Clients choose their client ids, so everything that is kept per client is bounded: maxClients, maxAccounts,
//     maxSeries. Who finds no room shares an account with the others of the same quota that found none.
//   - A throttle time is what would have brought the observed rate back to the limit: (observed − limit) ÷ limit × window
//     (SURFACE 10), at most MaxThrottle.
//
// Concurrency: called by every connection at once; must not block. It reads no clock: the time comes as an argument.
// Lock order: Manager.mu, Account.mu.
//
// Files: quota.go (Kind, Limiter), account.go (the use of one client), manager.go (which account is whose),
// throttled.go (who was throttled).
package quota
