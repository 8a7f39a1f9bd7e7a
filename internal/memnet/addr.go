package memnet

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Addr is "host:port". Hosts are names without meaning; an empty one is "localhost".
type Addr string

// Network is "mem".
func (Addr) Network() string { return "mem" }

func (a Addr) String() string { return string(a) }

func (a Addr) host() string { return hostOf(string(a)) }

// hostOf returns the host of "host:port" or of "host".
func hostOf(addr string) string {
	host := addr
	if i := strings.LastIndexByte(addr, ':'); i >= 0 && !strings.HasSuffix(addr, "]") {
		host = addr[:i]
	}
	host = strings.Trim(host, "[]")
	if host == "" {
		return "localhost"
	}
	return host
}

// parseAddr normalizes an address with a numeric port.
func parseAddr(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("port of %q is no number from 0 to 65535", addr)
	}
	if host == "" {
		host = "localhost"
	}
	return host, port, nil
}

func joinAddr(host string, port int) Addr { return Addr(net.JoinHostPort(host, strconv.Itoa(port))) }
