package broker

import (
	"net"
	"strconv"
	"strings"
)

// Listener is one entry of listeners: NAME://host:port.
type Listener struct {
	Name string
	Host string // "" is every interface
	Port int    // 0 lets the system choose
}

// ParseListener reads NAME://host:port. The host may be empty (every interface) or in brackets (IPv6).
func ParseListener(s string) (Listener, error) {
	name, address, ok := strings.Cut(strings.TrimSpace(s), "://")
	if !ok || name == "" {
		return Listener{}, badConfig("listener %q is not NAME://host:port", s)
	}
	host, port, err := net.SplitHostPort(address)
	n, perr := strconv.Atoi(port)
	if err != nil || perr != nil || n < 0 || n > 65535 {
		return Listener{}, badConfig("listener %q is not NAME://host:port", s)
	}
	return Listener{Name: strings.ToUpper(name), Host: host, Port: n}, nil
}

// ParseListeners reads a comma-separated list of listeners.
func ParseListeners(s string) ([]Listener, error) {
	var out []Listener
	for _, part := range strings.Split(s, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		l, err := ParseListener(part)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// String is the form that ParseListener reads.
func (l Listener) String() string { return l.Name + "://" + l.Address() }

// Address is host:port.
func (l Listener) Address() string { return net.JoinHostPort(l.Host, strconv.Itoa(l.Port)) }

// open binds the listener's sockets. "localhost" is both loopback addresses, where there are both, on the same
// port, because clients try either first. The port that was bound is in the result.
func (l Listener) open(listen func(network, address string) (net.Listener, error)) ([]net.Listener, Listener, error) {
	host := l.Host
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ln, err := listen("tcp", net.JoinHostPort(host, strconv.Itoa(l.Port)))
	if err != nil {
		return nil, l, err
	}
	if a, ok := ln.Addr().(*net.TCPAddr); ok {
		l.Port = a.Port
	}
	lns := []net.Listener{ln}
	if l.Host == "localhost" {
		if six, err := listen("tcp", net.JoinHostPort("::1", strconv.Itoa(l.Port))); err == nil {
			lns = append(lns, six)
		}
	}
	return lns, l, nil
}
