// Package network is the broker's side of its connections: listeners, connection life, framing,
// order of answers, memory budget, clean shutdown.
//
// Place in the road of the bytes: first and last. A connection's reader goroutine reads, cuts
// frames, asks Handler.Admit, parses the header, calls Handler.Serve (package api) and normally
// writes the answer as well. The package knows no API beyond the one fact that Produce may overlap
// Produce, and nothing of logs: an answer that lives in files is a Body which writes itself.
//
// Invariants:
//   - Answers leave in the order of the requests (SURFACE 1), whoever completes them. They wait in
//     a ring of slots; only complete heads of the ring are taken.
//   - Only Produce behind Produce overlaps, at most MaxSlots requests or MaxPendingBytes of
//     frames; every other request is served when the ring is empty.
//   - The socket is written by whoever holds the connection's pen: the reader, a completer or the
//     writer goroutine. A completer makes non-blocking attempts only; what the socket does not take
//     is left to the writer goroutine, which exists only while there is backlog.
//   - Requests alias the buffer they were read into. A slot holds a reference on it until its
//     request is answered; a buffer is refilled only where nobody else can see it. With the build
//     tag invariants released buffers are poisoned.
//   - Frames whose charge is above BudgetThreshold are admitted to a byte budget before their body
//     is read.
//
// Concurrency: one reader goroutine per connection, at most one writer goroutine, one accept
// goroutine per listener; Request.Complete comes from anywhere. conn.mu guards the ring, the pen
// and the counters and is never held during I/O, callbacks or sends. Lock order: Server.mu,
// conn.mu; the locks of pool and budget are leaves. A waiting connection on Linux TCP holds no
// buffers: it is parked in RawConn.Read.
//
//   - Memory that waits for slow clients, for the rest of a frame or to be taken as an answer, is bounded over all
//     connections: beyond the bound those that have waited longest are closed.
//
// Known limits: while Serve waits nobody reads; a handler that waits long asks Request.Left. SASL and TLS listeners are refused until they exist;
// a net.Listener that yields TLS connections works, without sendfile and descriptor tricks.
//
// Files: handler.go (contract to package api), options.go (Options, Listener), server.go (Server),
// accept.go (accept loop, limits), conn.go (life of a connection), input.go (read buffer), pool.go
// (buffers), frame.go (frames to requests), slot.go (ring, Complete), output.go (pen, answers),
// body.go (Writer), budget.go (memory budget), holding.go (memory that waits for slow clients), deadline.go (idle, frame and mute times), stats.go,
// request_stats.go (requests by API),
// socket_linux.go and socket_other.go (system calls and their portable twins).
package network
