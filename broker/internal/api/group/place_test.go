package group

import (
	"testing"
)

// TestJavaHash: the numbers are those of java.lang.String.hashCode, made positive as Kafka does.
func TestJavaHash(t *testing.T) {
	f := func(s string, want int32) {
		t.Helper()
		if got := javaHash(s); got != want {
			t.Errorf("javaHash(%q) = %d, want %d", s, got, want)
		}
	}
	f("", 0)
	f("abc", 96354)
	f("äöü", 226986)
	f("😀", 1772899) // two UTF-16 units
	f("console-consumer-12345", 158455506)
	f("my-consumer-group", 1513705513)
	f("polygenelubricants", 0) // hashes to the smallest number
}
