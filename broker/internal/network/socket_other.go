//go:build !linux

package network

import "io"

// socket is empty: connections are read and written through net.Conn alone.
type socket struct{}

func (*socket) init(*conn) {}

// read is the reader's loop.
func (c *conn) read() { c.readPlain() }

// left cannot be seen.
func (c *conn) left() bool { return false }

func (c *conn) drained() bool { return false }

// tryWrite takes nothing: all is left to blocking writes.
func (c *conn) tryWrite([]byte) (int, error) { return 0, nil }

// sendFile sends nothing: all is left to copying.
func (c *conn) sendFile(io.ReaderAt, int64, int64) (int64, error) { return 0, nil }
