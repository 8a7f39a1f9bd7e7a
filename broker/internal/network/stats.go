package network

import (
	"slices"
	"strings"
)

// Counters are what a connection, or a server, has done since its start.
type Counters struct {
	Requests      int64
	BytesIn       int64
	BytesOut      int64 // all, those by sendfile included
	ReadCalls     int64 // system calls where the connection is a Linux socket, else calls of Read
	WriteCalls    int64 // system calls, without sendfile
	SendfileCalls int64
	SendfileBytes int64
}

func (c *Counters) add(o *Counters) {
	c.Requests += o.Requests
	c.BytesIn += o.BytesIn
	c.BytesOut += o.BytesOut
	c.ReadCalls += o.ReadCalls
	c.WriteCalls += o.WriteCalls
	c.SendfileCalls += o.SendfileCalls
	c.SendfileBytes += o.SendfileBytes
}

// CloseReason is why a connection ended.
type CloseReason uint8

// Reasons, in the order of Stats.Closed.
const (
	ClosedByClient  CloseReason = iota // end of input
	ClosedReadError                    // reset, or another read error
	ClosedWriteError
	ClosedIdle        // IdleTimeout
	ClosedSlowFrame   // a frame did not arrive in time
	ClosedBadFrame    // length out of bounds, header malformed
	ClosedNotAdmitted // Handler.Admit refused the request
	ClosedHangup      // the handler said Hangup
	ClosedShutdown    // Shutdown or Close of the server
	ClosedMemory      // PartialBytes or UnsentBytes used up
	CloseReasons      // how many there are
)

// String is a word for logs and metrics.
func (r CloseReason) String() string {
	return [...]string{"client", "read-error", "write-error", "idle", "slow-frame", "bad-frame",
		"not-admitted", "hangup", "shutdown", "memory", "unknown"}[min(r, CloseReasons)]
}

// Stats is a snapshot of a server.
type Stats struct {
	Counters
	Connections  int                 // open now
	Accepted     int64               // connections served, ever
	Refused      int64               // connections closed at once: over a limit
	Closed       [CloseReasons]int64 // by CloseReason
	BudgetBytes  int64               // memory budget in use
	PartialBytes int64               // held by frames of which a part has arrived
	UnsentBytes  int64               // held by answers that clients do not take
}

// Stats sums up all connections, open and closed. Counts of a connection are as of its last
// request or write. Safe for concurrent use.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.mu.past
	out.Connections = len(s.mu.conns)
	for c := range s.mu.conns {
		c.mu.Lock()
		out.add(&c.mu.seen)
		c.mu.Unlock()
	}
	out.BudgetBytes = s.budget.inUse()
	out.PartialBytes, out.UnsentBytes = s.partial.bytes.Load(), s.unsent.bytes.Load()
	return out
}

// door is what is counted per listener name.
type door struct {
	open              int
	accepted, refused int64
}

func (s *Server) doorLocked(name string) *door {
	d := s.mu.doors[name]
	if d == nil {
		d = new(door)
		s.mu.doors[name] = d
	}
	return d
}

// ListenerStats is a snapshot of the connections of one listener name.
type ListenerStats struct {
	Name        string
	Connections int   // open now
	Accepted    int64 // ever
	Refused     int64 // closed at once: over a limit
}

// Listeners describes the listener names that connections came in on, in order of name. Safe for concurrent use.
func (s *Server) Listeners() []ListenerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]ListenerStats, 0, len(s.mu.doors))
	for name, d := range s.mu.doors {
		out = append(out, ListenerStats{name, d.open, d.accepted, d.refused})
	}
	slices.SortFunc(out, func(a, b ListenerStats) int { return strings.Compare(a.Name, b.Name) })
	return out
}
