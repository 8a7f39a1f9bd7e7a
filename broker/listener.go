package broker

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// Listener is one entry of listeners: NAME://host:port.
type Listener struct {
	Name string
	Host string // "" is every interface
	Port int    // 0 lets the system choose
	// Protocol is the security protocol; "" is the one that Name names, or else PLAINTEXT. Only PLAINTEXT is
	// served: a broker with any other does not start.
	Protocol string
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
		six, err := listen("tcp", net.JoinHostPort("::1", strconv.Itoa(l.Port)))
		switch {
		case err == nil:
			lns = append(lns, six)
		case isAddrInUse(err): // clients that try ::1 first would reach somebody else
			_ = ln.Close()
			return nil, l, err
		}
	}
	return lns, l, nil
}

// protocols are Kafka's security protocols, which are also listener names that need no mapping.
var protocols = []string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}

// protocol is the listener's security protocol.
func (l Listener) protocol() string {
	switch {
	case l.Protocol != "":
		return l.Protocol
	case slices.Contains(protocols, l.Name):
		return l.Name
	}
	return "PLAINTEXT"
}
