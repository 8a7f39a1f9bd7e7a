package messages

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// headEnd is where the correlation id of a frame ends: length, key, version, correlation id.
const headEnd = 12

// MostPartitions is how many partitions a damaged message may ask for. Kafka has no bound below 10,000 in one request, and
// a hundred requests like that keep any broker busy making directories for the rest of the day.
const MostPartitions = 200

// big says whether a damaged frame is a valid request for more than MostPartitions.
func big(frame []byte) bool {
	h, body, err := wire.ParseHeader(frame[4:])
	if err != nil || wire.Check(h.Key, h.Version, body) != nil {
		return false
	}
	q := kmsg.RequestForKey(h.Key)
	q.SetVersion(h.Version)
	if q.ReadFrom(body) != nil {
		return false
	}
	total := 0
	switch q := q.(type) {
	case *kmsg.CreateTopicsRequest:
		for _, t := range q.Topics {
			total += int(max(t.NumPartitions, 0))
		}
	case *kmsg.CreatePartitionsRequest:
		for _, t := range q.Topics {
			total += int(max(t.Count, 0))
		}
	}
	return total > MostPartitions
}

// damage makes a damaged frame that is not big.
func (r *random) damage(frame []byte) []byte {
	for {
		if b := r.damageOnce(frame); !big(b) {
			return b
		}
	}
}

// damageOnce changes a frame in one of many ways. Its length prefix stays right, so that what follows it is
// read as the next frame.
func (r *random) damageOnce(frame []byte) []byte {
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
