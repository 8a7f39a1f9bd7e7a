package network

import (
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/security"
)

// accept serves what comes in on ln until ln is closed by us. Errors (descriptors run out, a
// client gone before it was accepted) never end it: it backs off and tries again.
func (s *Server) accept(ln net.Listener, l Listener) {
	defer s.wg.Done()
	gap := acceptMinGap
	for {
		nc, err := ln.Accept()
		if err == nil {
			gap = acceptMinGap
			if d := s.rate.Record(1, time.Now()); d > 0 && !s.pause(d) {
				nc.Close()
				return
			}
			if tcp, ok := nc.(*net.TCPConn); ok && s.opts.SendBuffer > 0 {
				_ = tcp.SetWriteBuffer(s.opts.SendBuffer) // without it the connection serves as well
			}
			// An error means that the connection is closed already, and counted.
			_ = s.serve(nc, l, true)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		s.opts.Logger.Warn("accept failed", slog.String("listener", l.Name), slog.Any("error", err))
		if !s.pause(gap) {
			return
		}
		gap = min(gap*2, acceptMaxGap)
	}
}

// pause waits for d; it returns false if the server is closing.
func (s *Server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.quit:
		return false
	}
}

// errTooMany: a limit on the number of connections is reached.
var errTooMany = errors.New("too many connections")

// serve registers nc and starts its reader, or closes it.
func (s *Server) serve(nc net.Conn, l Listener, limited bool) error {
	host := remoteHost(nc)
	c, err := s.register(nc, l, host, limited)
	if err != nil {
		nc.Close()
		s.opts.Logger.Debug("connection refused", slog.String("listener", l.Name),
			slog.String("remote", host), slog.Any("error", err))
		return err
	}
	go c.run()
	return nil
}

func (s *Server) register(nc net.Conn, l Listener, host string, limited bool) (*conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closing {
		return nil, ErrServerClosed
	}
	d := s.doorLocked(l.Name)
	if limited {
		if over(s.mu.limited, s.opts.MaxConnections) || s.overIPLocked(host) || s.overRate(host) {
			s.mu.past.Refused++
			d.refused++
			return nil, errTooMany
		}
		s.mu.limited++
		s.mu.perIP[host]++
	}
	if l.Principal == (security.Principal{}) {
		l.Principal = security.Anonymous
	}
	c := newConn(s, nc, Session{ID: s.lastID.Add(1), Listener: l.Name, RemoteHost: host, Principal: l.Principal})
	c.limited = limited
	s.mu.conns[c] = struct{}{}
	d.open++
	d.accepted++
	s.mu.past.Accepted++
	s.wg.Add(1)
	return c, nil
}

// overIPLocked reports whether an address has as many connections as it may.
func (s *Server) overIPLocked(host string) bool {
	if limit, ok := s.opts.PerIPOverrides[host]; ok {
		return s.mu.perIP[host] >= limit
	}
	return over(s.mu.perIP[host], s.opts.MaxConnectionsPerIP) && !plantedManyPerIP
}

// overRate reports whether an address opens connections faster than its quota allows. One that is refused does not count.
func (s *Server) overRate(host string) bool {
	if s.opts.IPQuota == nil {
		return false
	}
	a := s.opts.IPQuota(host)
	now := time.Now()
	if a.Record(1, now) == 0 {
		return false
	}
	a.Unrecord(1, now)
	return true
}

func over(n, limit int) bool { return limit > 0 && n >= limit }

// forget takes a closed connection out and keeps its counters.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.mu.Lock()
	s.mu.past.add(&c.mu.seen)
	s.mu.past.Closed[c.mu.reason]++
	c.mu.Unlock()
	delete(s.mu.conns, c)
	s.doorLocked(c.session.Listener).open--
	if c.limited {
		s.mu.limited--
		if s.mu.perIP[c.session.RemoteHost]--; s.mu.perIP[c.session.RemoteHost] == 0 {
			delete(s.mu.perIP, c.session.RemoteHost)
		}
	}
}

// remoteHost is the peer's address without its port.
func remoteHost(nc net.Conn) string {
	addr := nc.RemoteAddr()
	if addr == nil {
		return ""
	}
	if host, _, err := net.SplitHostPort(addr.String()); err == nil {
		return host
	}
	return addr.String()
}
