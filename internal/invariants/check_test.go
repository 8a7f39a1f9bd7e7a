package invariants

import (
	"bytes"
	"fmt"
	"testing"
)

// Goal: with the switch on, a false condition panics with our text and a poisoned buffer holds
// nothing of the old data; with it off, both leave the world alone. Method: run under both.

func TestCheck(t *testing.T) {
	for _, cond := range []bool{true, false} {
		got := recovered(func() { Check(cond, "base %d above end %d", 7, 5) })
		want := ""
		if Enabled && !cond {
			want = "BUG: base 7 above end 5"
		}
		if got != want {
			t.Errorf("Check(%v) panicked with %q, want %q", cond, got, want)
		}
	}
}

func TestPoison(t *testing.T) {
	b := []byte("old data")
	Poison(b[:3])
	want := []byte("old data")
	if Enabled {
		copy(want, []byte{PoisonByte, PoisonByte, PoisonByte})
	}
	if !bytes.Equal(b, want) {
		t.Errorf("Poison of the first 3 bytes left %x, want %x", b, want)
	}
	Poison(nil)
}

func recovered(f func()) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}
