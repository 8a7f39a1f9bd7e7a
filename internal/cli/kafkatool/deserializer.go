package kafkatool

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// deserializer renders bytes; nil renders them as they are.
type deserializer func(b []byte) (string, error)

// deserializers are Kafka's own (org.apache.kafka.common.serialization), by class name.
var deserializers = map[string]deserializer{
	"StringDeserializer":     nil,
	"ByteArrayDeserializer":  nil,
	"ByteBufferDeserializer": nil,
	"BytesDeserializer":      func(b []byte) (string, error) { return escaped(b), nil },
	"VoidDeserializer":       func([]byte) (string, error) { return "null", nil },
	"ShortDeserializer":      whole(2, func(n uint64) string { return strconv.Itoa(int(int16(n))) }),
	"IntegerDeserializer":    whole(4, func(n uint64) string { return strconv.Itoa(int(int32(n))) }),
	"LongDeserializer":       whole(8, func(n uint64) string { return strconv.FormatInt(int64(n), 10) }),
	"FloatDeserializer":      whole(4, func(n uint64) string { return javaFloat(float64(math.Float32frombits(uint32(n))), 32) }),
	"DoubleDeserializer":     whole(8, func(n uint64) string { return javaFloat(math.Float64frombits(n), 64) }),
	"BooleanDeserializer":    boolean,
	"UUIDDeserializer":       func(b []byte) (string, error) { return string(b), nil },
}

// findDeserializer takes a class name with or without its package.
func findDeserializer(class string) (deserializer, bool) {
	class = strings.TrimSpace(class)
	d, ok := deserializers[class[strings.LastIndexByte(class, '.')+1:]]
	return d, ok
}

// whole reads a big-endian number of exactly size bytes.
func whole(size int, text func(uint64) string) deserializer {
	return func(b []byte) (string, error) {
		if len(b) != size {
			return "", fmt.Errorf("Size of data received by the deserializer is not %d", size)
		}
		var wide [8]byte
		copy(wide[8-size:], b)
		return text(binary.BigEndian.Uint64(wide[:])), nil
	}
}

func boolean(b []byte) (string, error) {
	if len(b) != 1 || b[0] > 1 {
		return "", fmt.Errorf("Unexpected byte received by BooleanDeserializer")
	}
	return strconv.FormatBool(b[0] == 1), nil
}

// javaFloat prints like Java's Double.toString: at least one digit after the point, and powers of
// ten from 10^7 and below 10^-3.
func javaFloat(f float64, bits int) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return strings.Replace(strconv.FormatFloat(f, 'g', -1, bits), "Inf", "Infinity", 1)[map[bool]int{true: 1, false: 0}[f > 0]:]
	case f == 0 || math.Abs(f) >= 1e-3 && math.Abs(f) < 1e7:
		s := strconv.FormatFloat(f, 'f', -1, bits)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, bits), "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, _ := strconv.Atoi(exponent)
	return mantissa + "E" + strconv.Itoa(n)
}

// escaped renders as Kafka's Bytes: printable ASCII as it is, the rest as \xNN.
func escaped(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		if c >= ' ' && c <= '~' && c != '\\' {
			s.WriteByte(c)
		} else {
			fmt.Fprintf(&s, `\x%02X`, c)
		}
	}
	return s.String()
}
