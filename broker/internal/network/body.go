package network

import (
	"errors"
	"fmt"
	"io"
)

// ErrFileEnded: the source of an answer held fewer bytes than were promised to the client. The
// connection is closed (ARCHITECTURE, durability 9).
var ErrFileEnded = errors.New("file ended inside an answer")

// sender is the Writer of a connection, for the holder of the pen. Small pieces and small ranges
// are gathered in out, so that an answer with a small tail is one write; larger ones go straight
// to the socket behind it.
type sender struct {
	c       *conn
	written int64 // of the body being written
}

// Write implements io.Writer. It keeps no reference to p.
func (s *sender) Write(p []byte) (int, error) {
	c := s.c
	s.written += int64(len(p))
	if len(p) <= smallAnswer {
		if err := s.makeRoom(len(p)); err != nil {
			return 0, err
		}
		c.appendOut(p)
		return len(p), nil
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	if err := c.writeAll(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// SendFile implements Writer. A small range is copied behind what precedes it, so that the answer is one write: up to
// 64 KiB of records that costs less than sendfile, which needs three (header, range, end) and wakes the client for each.
// At 128 KiB both cost the same, at 256 KiB copying costs a third more (bench, F1 and F2b).
func (s *sender) SendFile(src io.ReaderAt, off, n int64) error {
	c := s.c
	s.written += n
	if n <= smallRange {
		return s.readInto(src, off, int(n))
	}
	if err := c.flush(); err != nil {
		return err
	}
	sent, err := c.sendFile(src, off, n)
	if err == nil && sent < n {
		err = s.copyFile(src, off+sent, n-sent)
	}
	return err
}

func (s *sender) makeRoom(n int) error {
	if n <= s.c.outRoom() {
		return nil
	}
	return s.c.flush()
}

// readInto appends a range to out.
func (s *sender) readInto(src io.ReaderAt, off int64, n int) error {
	if n == 0 {
		return nil
	}
	c := s.c
	switch {
	case n <= c.outRoom():
		c.makeOut()
	case len(c.out) > smallAnswer: // not to copy it
		if err := c.flush(); err != nil {
			return err
		}
		fallthrough
	default:
		c.growOut(n + trailRoom)
	}
	end := len(c.out) + n
	if err := readFull(src, c.out[len(c.out):end], off); err != nil {
		return err
	}
	c.out = c.out[:end]
	return nil
}

// copyFile is the portable twin of sendfile.
func (s *sender) copyFile(src io.ReaderAt, off, n int64) error {
	buf := s.c.server.pool.get(sendPiece)
	defer buf.release()
	for n > 0 {
		p := buf.data[:min(n, sendPiece)]
		if err := readFull(src, p, off); err != nil {
			return err
		}
		if err := s.c.writeAll(p); err != nil {
			return err
		}
		off += int64(len(p))
		n -= int64(len(p))
	}
	return nil
}

// readFull fills p from off or says that the file has ended.
func readFull(src io.ReaderAt, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = ErrFileEnded
	}
	return fmt.Errorf("read %d bytes at %d: %w", len(p), off, err)
}
