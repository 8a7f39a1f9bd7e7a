package trial

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/e2e/foreign"
	"github.com/thalweg-io/thalweg/internal/history"
)

// TestRecorder: what producers and readers tell becomes a history that is judged, whatever went wrong
// in it.
func TestRecorder(t *testing.T) {
	const one, two = int64(1)<<40 | 1, int64(1)<<40 | 2
	sent := func(value int64) foreign.Event { return foreign.Event{Kind: foreign.Sent, Value: value} }
	acked := func(value, offset int64) foreign.Event {
		return foreign.Event{Kind: foreign.Acked, Value: value, Offset: offset}
	}
	f := func(name string, events []foreign.Event, read []int64, wrong ...history.Kind) {
		t.Helper()
		r := newRecorder([]string{"topic"})
		for _, e := range events {
			r.Produced(e)
		}
		op := r.h.Invoke(r.now(), history.Call{Client: consumerClient, Process: 99, F: history.Poll})
		r.h.Poll(op)
		for offset, value := range read {
			r.h.Read(op, r.h.Key("topic", 0), int64(offset), history.Value(value))
		}
		r.h.Complete(r.now(), op, history.OK, "")
		report, err := r.judge()
		if report == nil || (err == nil) != (len(wrong) == 0) {
			t.Fatalf("%s: %v", name, err)
		}
		for _, k := range wrong {
			if report.Counts[k].Violations == 0 {
				t.Errorf("%s: %v was not found: %v", name, k, err)
			}
		}
	}
	both := []foreign.Event{sent(one), sent(two), acked(two, 1), acked(one, 0)}
	f("as acknowledged", both, []int64{one, two})
	f("lost", both, []int64{one}, history.Unseen)
	f("lost below", both, []int64{two}, history.LostWrite)
	f("twice", both, []int64{one, two, two}, history.Duplicate)
	f("moved", both, []int64{two, one}, history.InconsistentOffset, history.NonmonotonicSend)
	f("never sent", []foreign.Event{sent(one), acked(one, 0)}, []int64{one, two}, history.PhantomRead)
	f("not taken by the client, and read", []foreign.Event{sent(one), {Kind: foreign.Untold, Value: one}}, []int64{one}, history.AbortedRead)
	f("not yet known", []foreign.Event{sent(one)}, nil)
}

// TestTrouble: an outcome that stays open, a producer that gives up and an outcome of nothing are told,
// though the history is fine.
func TestTrouble(t *testing.T) {
	for _, events := range [][]foreign.Event{
		{{Kind: foreign.Sent, Value: 5}, {Kind: foreign.Open, Value: 5, Text: "timed out"}},
		{{Kind: foreign.Fatal, Text: "no more"}},
		{{Kind: foreign.Acked, Value: 5}},
	} {
		r := newRecorder([]string{"topic"})
		for _, e := range events {
			r.Produced(e)
		}
		if report, err := r.judge(); err == nil || !report.Valid() {
			t.Errorf("%v: %v", events, err)
		}
	}
}

// TestProgress: it waits for the slowest producer, also for one that has not begun.
func TestProgress(t *testing.T) {
	r := newRecorder([]string{"topic"})
	r.expect(1)
	r.expect(2)
	send := func(client, n int64) {
		value := client<<40 | n
		r.Produced(foreign.Event{Kind: foreign.Sent, Value: value})
		r.Produced(foreign.Event{Kind: foreign.Acked, Value: value, Offset: n})
	}
	send(1, 0)
	since := r.acked()
	send(1, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := r.progress(ctx, since, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v: client 2 has not begun", err)
	}
	done := make(chan error, 1)
	go func() { done <- r.progress(t.Context(), since, 1) }()
	send(2, 0)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
