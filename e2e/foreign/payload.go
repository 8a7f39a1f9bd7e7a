package foreign

import (
	"bytes"
	"fmt"
	"strconv"
)

// clientShift: a value is the number of the client and of its record.
const clientShift = 40

// valueOf is the value of a client's n-th record.
func valueOf(client, n int64) int64 { return client<<clientShift | n }

// ClientOf is the number of the client that sends a value.
func ClientOf(value int64) int64 { return value >> clientShift }

// Payload is the bytes of a record: its number, again and again, to a length that hangs on it.
func Payload(value int64) []byte {
	unit := strconv.AppendInt(nil, value, 10)
	unit = append(unit, ' ')
	size := len(unit) + int(value%400)
	return bytes.Repeat(unit, size/len(unit)+1)[:size]
}

// ValueIn reads back the number of a record, whose bytes must all be right.
func ValueIn(payload []byte) (int64, error) {
	text, _, _ := bytes.Cut(payload, []byte{' '})
	value, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || value < 0 || !bytes.Equal(payload, Payload(value)) {
		return 0, fmt.Errorf("%d bytes that nobody wrote: %.60q", len(payload), payload)
	}
	return value, nil
}
