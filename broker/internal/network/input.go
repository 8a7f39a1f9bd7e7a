package network

// input is the read buffer of a connection. Frames are served in place, so the buffer may be
// referenced by open requests; input appends behind what they see and moves on to another buffer
// when it has used this one up. Used by the reader goroutine only.
//
//	data:  | seen by open requests ... | start: frame in progress | end: free ... |
type input struct {
	pool       *pool
	buf        *buffer // nil while nothing is buffered and the connection waits
	start, end int
	need       int  // size of the frame in progress with its length field; 0: not known yet
	readSize   int  // adapts from minRead to maxRead
	short      bool // the last read was a short one
	expect     int  // size of the last frame if it was above exactFrame: the next is likely to be, too
}

func (in *input) init(p *pool) {
	in.pool = p
	in.readSize = minRead
}

func (in *input) buffered() []byte {
	if in.buf == nil {
		return nil
	}
	return in.buf.data[in.start:in.end]
}

// partial says that a frame has begun to arrive. (After the reader has served what is buffered,
// whatever is left is one.)
func (in *input) partial() bool { return in.end > in.start }

// space returns where to read to, at least one byte. What is buffered may move.
func (in *input) space() []byte {
	if in.buf != nil && !in.partial() && in.mine() {
		in.start, in.end = 0, 0
	}
	want, size := in.need, in.need
	trust := max(bigFrame, min(in.expect, maxPooled)) // what the client has shown to mean
	switch have := in.end - in.start; {
	case have == 0:
		want = max(minRead, min(in.expect, maxPooled))
		size = want
	case in.need == 0: // a few bytes, not enough to be admitted
		want, size = minRead, minRead
	case in.need > trust: // a claim; memory follows what arrives
		want = min(in.need, max(trust, have+1))
		size = min(in.need, max(trust, 2*have))
	}
	if in.buf == nil || len(in.buf.data)-in.start < want {
		in.move(max(size, in.readSize))
	}
	return in.buf.data[in.end:in.limit()]
}

// limit is how far to read: a big frame exactly to its end, so that the next one begins at the
// start of a buffer and need not be moved.
func (in *input) limit() int {
	size := in.need
	if size == 0 && !in.partial() {
		size = in.expect
	}
	if size > exactFrame {
		return min(in.start+size, len(in.buf.data))
	}
	return len(in.buf.data)
}

// mine says that nobody else sees the buffer. Nobody but the reader takes references.
func (in *input) mine() bool { return in.buf.refs.Load() == 1 }

// move brings what is buffered to the start of a buffer of at least size bytes.
func (in *input) move(size int) {
	if in.buf != nil && in.mine() && size <= len(in.buf.data) {
		in.end = copy(in.buf.data, in.buffered())
		in.start = 0
		return
	}
	b := in.pool.get(size)
	n := copy(b.data, in.buffered())
	in.close()
	in.buf, in.end = b, n
}

// filled notes a read of n bytes into a space of the given size.
func (in *input) filled(n, space int) {
	in.end += n
	if in.need > exactFrame || in.expect > 0 {
		return // such reads say nothing about small frames
	}
	switch {
	case n == space && space >= in.readSize/2: // the rest of the buffer may have been taken by a frame in progress
		in.readSize = min(2*in.readSize, maxRead)
		in.short = false
	case n >= in.readSize/2:
		in.short = false
	case in.short:
		in.readSize = max(in.readSize/2, minRead)
		in.short = false
	default:
		in.short = true
	}
}

// shrink goes back to the smallest buffer at once, for connections that keep theirs.
func (in *input) shrink() { in.readSize, in.expect = minRead, 0 }

// take ends the frame in progress and returns it without its length field. It aliases buf.
func (in *input) take() []byte {
	frame := in.buf.data[in.start+4 : in.start+in.need : in.start+in.need]
	in.start += in.need
	in.expect = 0
	if in.need > exactFrame {
		in.expect = in.need
	}
	in.need = 0
	return frame
}

// park gives the buffer back if nothing is buffered.
func (in *input) park() {
	if in.buf != nil && !in.partial() {
		in.close()
	}
}

func (in *input) close() {
	if in.buf != nil {
		in.buf.release()
	}
	in.buf, in.start, in.end = nil, 0, 0
}
