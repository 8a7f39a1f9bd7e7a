// Package memnet is a network in memory: named hosts, listeners and stream connections that keep
// the contract of net.Conn, with faults per directed link.
//
// It stands where TCP stands in tests: below the broker's listeners and the clients' dialers. A
// link is the way from one host to another host; both ways of a connection are two links. A link
// can have latency, a bandwidth, lost segments (a stall as long as TCP's retransmission), resets
// in the middle of a write, flipped bits, and it can be blocked: then bytes on their way, and
// the end of the stream, wait until it heals. Dialing over a blocked link hangs.
//
// Invariants: bytes arrive in order and once, or the connection ends with an error; what had
// arrived before a fault stays readable; a full buffer blocks the writer (back-pressure); every
// blocked call ends at its deadline, and at Close.
//
// Time is package time's and there are no real sockets and no goroutines, so everything works in
// testing/synctest bubbles: bytes carry their time of arrival and readers wait for it. Random
// numbers come from the seed, per connection and direction, so the faults of one connection do
// not depend on what others do. All methods are safe for concurrent use.
//
// Not modelled: acknowledgements (a link blocked one way does not slow the other way), the end of
// a connection after many minutes of retransmission, and the reset that some systems send when a
// connection is closed with unread bytes.
//
// Files: network.go (Network, listening), listener.go, dial.go, link.go (Link, partitions),
// conn.go (the net.Conn), pipe.go (one direction of it), ring.go (its bytes), addr.go.
package memnet
