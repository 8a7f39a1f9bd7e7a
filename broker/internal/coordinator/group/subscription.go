package group

import "encoding/binary"

// subscriptionTopics reads the topics of a subscription of the classic consumer protocol, of which every version begins as
// version 0 does. ok is false if it cannot be read.
//
//	int16 version | int32 n | n × (int16 length | topic) | …
func subscriptionTopics(b []byte) (topics []string, ok bool) {
	if len(b) < 6 {
		return nil, false
	}
	n := int32(binary.BigEndian.Uint32(b[2:]))
	b = b[6:]
	if n < 0 || int64(n)*2 > int64(len(b)) {
		return nil, false
	}
	topics = make([]string, 0, n)
	for range n {
		if len(b) < 2 {
			return nil, false
		}
		size := int(int16(binary.BigEndian.Uint16(b)))
		if size < 0 || size > len(b)-2 {
			return nil, false
		}
		topics = append(topics, string(b[2:2+size]))
		b = b[2+size:]
	}
	return topics, true
}
