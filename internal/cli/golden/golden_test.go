package golden

import (
	"slices"
	"testing"
)

// TestBlock: a command line may have several lines, and its input stands among them.
func TestBlock(t *testing.T) {
	line, stdin := block("a b\n< one\\ttwo\n<\n<  three\nc")
	if line != "a b c" || stdin != "one\ttwo\n\n three\n" {
		t.Errorf("%q, %q", line, stdin)
	}
}

// TestWords: quotes keep spaces, and stand alone.
func TestWords(t *testing.T) {
	if got := Words("a  'b  c' '' d=e"); !slices.Equal(got, []string{"a", "b  c", "", "d=e"}) {
		t.Errorf("%q", got)
	}
}

// TestOutcome: both outputs and the code, without what differs from run to run.
func TestOutcome(t *testing.T) {
	p := Player{Unsteady: Unsteady(`\d{13}`, "NOW", `at NOW`, "THEN")}
	got := p.Steady(Outcome("127.0.0.1:4567 at 1700000000000\tin /d/x\n", "no\n4567", 3), "127.0.0.1:4567", "/d")
	if want := "ADDR THEN→in DIR/x\n! no\n! PORT\nexit 3\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
