package memnet

// ring is a queue of bytes in a circle that grows by doubling; the owner bounds it.
type ring struct {
	buf         []byte
	first, held int
}

// push appends a copy of p.
func (r *ring) push(p []byte) {
	r.grow(r.held + len(p))
	for len(p) > 0 {
		at := (r.first + r.held) % len(r.buf)
		k := copy(r.buf[at:], p)
		r.held += k
		p = p[k:]
	}
}

// flip changes one bit of the byte that is back bytes before the end, from 1.
func (r *ring) flip(back int, bit uint) {
	r.buf[(r.first+r.held-back)%len(r.buf)] ^= 1 << bit
}

// pop moves min(len(p), held) bytes to p.
func (r *ring) pop(p []byte) (n int) {
	for n < len(p) && r.held > 0 {
		part := r.buf[r.first:min(r.first+r.held, len(r.buf))]
		k := copy(p[n:], part)
		r.first = (r.first + k) % len(r.buf)
		r.held -= k
		n += k
	}
	if r.held == 0 {
		r.first = 0
	}
	return n
}

// cut drops the last bytes so that held are left.
func (r *ring) cut(held int) { r.held = held }

const ringLeast = 4 << 10

func (r *ring) grow(size int) {
	if size <= len(r.buf) {
		return
	}
	next := max(len(r.buf), ringLeast)
	for next < size {
		next *= 2
	}
	fresh := make([]byte, next)
	held := r.held
	for n := 0; n < held; {
		n += r.pop(fresh[n:held])
	}
	r.buf, r.first, r.held = fresh, 0, held
}
