package history

import (
	"fmt"
	"reflect"
	"testing"
)

const testKeys = 5

func valid(seed uint64) (*model, []*rec) {
	m := newModel(seed, testKeys, 4)
	return m, m.run(200)
}

func check(t *testing.T, recs []*rec) (*History, *Report) {
	t.Helper()
	h := build(testKeys, recs)
	r, err := Check(h, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return h, r
}

// TestValid: histories of a broker without bugs show no violation, and the states that make the
// checks hard do occur in them.
func TestValid(t *testing.T) {
	var seen [NumKinds]int
	outcomes := map[string]int{}
	for seed := range uint64(600) {
		_, recs := valid(seed)
		h, r := check(t, recs)
		if !r.Valid() {
			t.Fatalf("seed %d:\n%s", seed, r)
		}
		for k, c := range r.Counts {
			seen[k] += c.Allowed
		}
		for id := range h.Len() {
			op := h.Op(OpID(id))
			outcomes[fmt.Sprint(op.F, op.Outcome)]++
		}
	}
	for _, k := range []Kind{PollSkip, NonmonotonicPoll, IntSendSkip, WriteCycle, MixedCycle} {
		if seen[k] == 0 {
			t.Errorf("no history shows an allowed %s", k)
		}
	}
	for _, want := range []string{"send ok", "send open", "send fail", "txn ok", "txn open", "txn fail", "poll ok", "crash ok", "subscribe ok"} {
		if outcomes[want] == 0 {
			t.Errorf("no history has a %s", want)
		}
	}
}

// TestDeterministic: the same history gives the same report, twice in one process.
func TestDeterministic(t *testing.T) {
	for seed := range uint64(20) {
		_, recs := valid(seed)
		_, a := check(t, recs)
		_, b := check(t, recs)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: two reports", seed)
		}
	}
}
