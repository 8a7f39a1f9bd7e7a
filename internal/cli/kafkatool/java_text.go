package kafkatool

import (
	"strings"
	"unicode/utf8"
)

// javaText decodes UTF-8 as Java's String does: what is no UTF-8 becomes U+FFFD, one for the longest beginning of a character
// that its bytes could have become, and one for a whole surrogate. Go's own conversion gives one for each byte.
func javaText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			n = malformed(b)
		}
		s.WriteRune(r)
		b = b[n:]
	}
	return s.String()
}

// malformed is how many bytes at the beginning of b, which begins with no character, are one mistake.
func malformed(b []byte) int {
	low, high, size := byte(0x80), byte(0xbf), 0 // of the second byte; of the whole
	switch c := b[0]; {
	case c >= 0xe0 && c <= 0xef:
		size = 3
		if c == 0xe0 {
			low = 0xa0
		}
	case c >= 0xf0 && c <= 0xf4:
		size = 4
		if c == 0xf0 {
			low = 0x90
		}
		if c == 0xf4 {
			high = 0x8f
		}
	}
	if size == 0 || len(b) < 2 || b[1] < low || b[1] > high {
		return 1
	}
	n := 2
	for n < min(size, len(b)) && b[n]&0xc0 == 0x80 {
		n++
	}
	return n
}
