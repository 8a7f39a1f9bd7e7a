package register

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var key = Key{Group: "g", Topic: "t"}

// TestCheck: small histories by hand. w and r are a write and a read that are done, u a write of unknown outcome, x a refused one;
// each has a value, a beginning and an end.
func TestCheck(t *testing.T) {
	f := func(ok bool, history string) {
		t.Helper()
		h := &History{}
		for i, text := range strings.Split(history, ",") {
			o := Op{Key: key, Client: i}
			var kind rune
			if _, err := fmt.Sscanf(strings.TrimSpace(text), "%c%s %d-%d", &kind, &o.Value, &o.Begin, &o.End); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if o.Value == "0" {
				o.Value = None
			}
			o.Write = kind != 'r'
			switch kind {
			case 'u':
				o.Outcome = Unknown
			case 'x':
				o.Outcome = Refused
			}
			h.Add(o)
		}
		r := h.Check(0)
		if got := len(r.Violations) == 0; got != ok || len(r.Undecided) > 0 {
			t.Errorf("%s: linearizable %t, want %t: %v", history, got, ok, r.Violations)
		}
	}
	f(true, "r0 1-2, wa 3-4, ra 5-6, ra 7-8")
	f(false, "wa 1-2, r0 3-4")
	f(false, "wa 1-2, wb 3-4, ra 5-6")
	f(true, "wa 1-5, wb 2-6, ra 7-8")
	f(true, "wa 1-5, wb 2-6, rb 7-8")
	f(false, "wa 1-5, wb 2-6, ra 7-8, rb 9-10") // once it is a, it stays so
	f(true, "wa 1-9, r0 2-3, ra 4-5")
	f(false, "wa 1-9, ra 2-3, r0 4-5") // seen, and gone again
	// Of unknown outcome.
	f(true, "wa 1-2, ub 3-4, ra 5-6")
	f(true, "wa 1-2, ub 3-4, rb 5-6")
	f(true, "wa 1-2, ub 3-4, ra 5-6, rb 7-8, rb 9-10") // it comes late
	f(false, "wa 1-2, ub 3-4, rb 5-6, ra 7-8")         // it does not go again
	f(true, "wa 1-2, ub 3-4, wc 5-6, rc 7-8, rb 9-10") // after what came later
	f(false, "wa 1-2, ra 3-4, rb 5-6, ub 7-8")         // before it was sent
	f(true, "ua 1-2, ub 1-2, uc 1-2, ud 1-2, r0 3-4")
	f(true, "ua 1-2, ub 1-2, uc 1-2, ud 1-2, rc 3-4, ra 5-6, rd 7-8, rb 9-10")
	f(false, "ua 1-2, ub 1-2, rb 3-4, ra 5-6, rb 7-8")
	// Refused, and never sent.
	f(true, "wa 1-2, xb 3-4, ra 5-6")
	f(false, "wa 1-2, xb 3-4, rb 5-6")
	f(false, "wa 1-2, rz 3-4")
}

// TestKeysAreApart: groups, topics, partitions and lives are registers of their own.
func TestKeysAreApart(t *testing.T) {
	h := &History{}
	for i, k := range []Key{{"g", "t", 0, 0}, {"h", "t", 0, 0}, {"g", "u", 0, 0}, {"g", "t", 1, 0}, {"g", "t", 0, 1}} {
		v := fmt.Sprint(i)
		h.Add(Op{Key: k, Write: true, Value: v, Begin: 1, End: 2})
		h.Add(Op{Key: k, Value: v, Begin: 3, End: 4})
	}
	if r := h.Check(0); r.Registers != 5 || len(r.Violations) != 0 || r.Reads != 5 || r.Writes != 5 {
		t.Error(r)
	}
}

// TestLaterLife: it begins with one value, whatever that is.
func TestLaterLife(t *testing.T) {
	f := func(ok bool, reads ...string) {
		t.Helper()
		h := &History{}
		for i, v := range reads {
			h.Add(Op{Key: Key{Group: "g", Life: 1}, Value: v, Begin: int64(2 * i), End: int64(2*i + 1)})
		}
		h.Add(Op{Key: Key{Group: "g", Life: 1}, Value: "w", Write: true, Begin: 100, End: 101})
		h.Add(Op{Key: Key{Group: "g", Life: 1}, Value: "w", Begin: 102, End: 103})
		if r := h.Check(0); len(r.Violations) == 0 != ok {
			t.Errorf("%q: %v", reads, r)
		}
	}
	f(true)
	f(true, None, None)
	f(true, "old", "old")
	f(false, "old", "older")
	f(false, None, "old")
}

// TestRandomHistories: what a register has really done passes, with many clients and a third of the outcomes unknown; the same
// with one read that returns an older value does not.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		h := play(rng, 60, -1)
		if r := h.Check(0); len(r.Violations) != 0 {
			t.Fatalf("seed %d: %v", seed, r.Violations)
		}
		rng = rand.New(rand.NewPCG(seed, 1))
		h = play(rng, 60, 30+int(seed%20))
		if r := h.Check(0); len(r.Violations) != 1 {
			t.Fatalf("seed %d: a stale read is not noticed", seed)
		}
	}
}

// play lets clients write and read a register, each operation at one moment of its time. After the step stale one reads what the
// register held before, by an acknowledged write.
func play(rng *rand.Rand, steps, stale int) *History {
	h := &History{}
	value, before := None, None
	read := func(at int64, v string) {
		h.Add(Op{Key: key, Client: rng.IntN(4), Value: v, Begin: at - rng.Int64N(40), End: at + rng.Int64N(40)})
	}
	for i := range steps {
		at := int64(100 + 10*i)
		o := Op{Key: key, Client: rng.IntN(4), Value: fmt.Sprint("v", i), Write: true, Begin: at - rng.Int64N(40), End: at + rng.Int64N(40)}
		switch rng.IntN(6) {
		case 0, 1:
			before, value = o.Value, o.Value
			h.Add(o)
		case 2: // unknown, and happened; the client gave up before
			value = o.Value
			o.End, o.Outcome = at-1, Unknown
			o.Begin = o.End - 5
			h.Add(o)
		case 3: // unknown, and did not
			o.Outcome = Unknown
			h.Add(o)
		default:
			read(at, value)
		}
		if i == stale {
			at += 100
			last := fmt.Sprint("last", i)
			h.Add(Op{Key: key, Value: last, Write: true, Begin: at, End: at + 1})
			h.Add(Op{Key: key, Value: last, Begin: 100_000, End: 100_001})
			h.Add(Op{Key: key, Value: before, Begin: 100_002, End: 100_003})
			return h
		}
	}
	return h
}

// TestReport: counts, and a violation that shows where the order ends.
func TestReport(t *testing.T) {
	h := &History{}
	h.Add(Op{Key: key, Write: true, Value: "a", Begin: 1, End: 2})
	h.Add(Op{Key: key, Write: true, Value: "b", Begin: 3, End: 4, Outcome: Unknown})
	h.Add(Op{Key: key, Write: true, Value: "c", Begin: 3, End: 4, Outcome: Unknown})
	h.Add(Op{Key: key, Write: true, Value: "d", Begin: 3, End: 4, Outcome: Refused})
	h.Add(Op{Key: key, Client: 7, Value: "b", Begin: 5, End: 6})
	h.Add(Op{Key: key, Client: 8, Value: "a", Begin: 7, End: 8})
	r := h.Check(0)
	want := "1 registers, 2 reads, 4 writes (1 refused, 2 or 50.0 % of unknown outcome, 1 of these read later), 1 not linearizable, 0 undecided"
	if r.String() != want {
		t.Errorf("%s\nwant %s", r, want)
	}
	if len(r.Violations) != 1 || !strings.Contains(r.Violations[0].String(), `none of these comes next:
	client 8 reads "a" in [7, 8]`) || !strings.HasPrefix(r.Violations[0].String(), "g/t-0: ") {
		t.Errorf("%v", r.Violations)
	}
}

// TestTwins: a rig that writes a value twice is told so.
func TestTwins(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	h := &History{}
	h.Add(Op{Key: key, Write: true, Value: "a"})
	h.Add(Op{Key: key, Write: true, Value: "a"})
	h.Check(0)
}
