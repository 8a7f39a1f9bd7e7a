package messages

import "encoding/binary"

// headEnd is where the correlation id of a frame ends: length, key, version, correlation id.
const headEnd = 12

// damage changes a frame in one of many ways. Its length prefix stays right, so that what follows it is
// read as the next frame. held is true for one whose answer need not come: it asks the broker to wait.
func (r *random) damage(frame []byte) []byte {
	b := append([]byte(nil), frame...)
	body := b[4:]
	switch r.IntN(8) {
	case 0, 1: // bits
		for range 1 + r.IntN(4) {
			body[r.IntN(len(body))] ^= 1 << r.IntN(8)
		}
	case 2: // cut
		b = b[:4+r.IntN(len(body)+1)]
	case 3: // a length or a count in the middle
		if at := headEnd + r.IntN(len(b)); at+4 <= len(b) {
			lies := []uint32{0x7fffffff, 0xffffffff, 0x80000000, 0x00ffffff, 0xffffff7f, uint32(r.IntN(100_000))}
			binary.BigEndian.PutUint32(b[at:], lies[r.IntN(len(lies))])
		}
	case 4: // another version, or another API
		if r.IntN(2) == 0 {
			binary.BigEndian.PutUint16(body[2:], uint16(r.Uint32()))
		} else {
			binary.BigEndian.PutUint16(body[2:], uint16(r.IntN(20)))
		}
	case 5: // something behind the end
		for range 1 + r.IntN(40) {
			b = append(b, byte(r.Uint32()))
		}
	case 6: // a part twice, a part missing
		i, j := r.IntN(len(body)), r.IntN(len(body))
		b = append(append(append([]byte(nil), b[:4]...), body[:i]...), body[j:]...)
	case 7: // noise over a part
		for i := headEnd + r.IntN(len(b)); i < len(b); i++ {
			b[i] = byte(r.Uint32())
		}
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}
