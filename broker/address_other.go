//go:build !unix

package broker

import (
	"errors"
	"syscall"
)

// wsaeaddrinuse is Windows' WSAEADDRINUSE.
const wsaeaddrinuse = syscall.Errno(10048)

func isAddrInUse(err error) bool { return errors.Is(err, wsaeaddrinuse) }
