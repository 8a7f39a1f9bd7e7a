package history

import (
	"io"
	"runtime"
	"testing"
)

// big is a million sends to 64 keys and three million reads. With transactions every operation is
// one that sends a value and polls three, so that the graph has four million edges; without, each
// value is an operation and three consumers poll a hundred records at a time.
func big(txns bool) *History {
	const keys, sends, readers = 64, 1_000_000, 3
	h := New()
	for k := range keys {
		h.Key("topic", int32(k))
	}
	now := int64(0)
	send := func(f F, i int) OpID {
		now += 1000
		id := h.Invoke(now, Call{Process: Process(i % 16), F: f})
		h.Acked(id, h.Send(id, Key(i%keys), Value(i/keys)), int64(i/keys))
		return id
	}
	var at [readers]int // each reads round robin over the keys, as the values were sent
	poll := func(id OpID, r, n int) {
		h.Poll(id)
		for range n {
			h.Read(id, Key(at[r]%keys), int64(at[r]/keys), Value(at[r]/keys))
			at[r]++
		}
	}
	for i := range sends {
		if !txns {
			h.Complete(now+500, send(Send, i), OK, "")
			continue
		}
		id := send(Txn, i)
		h.ops[id].Process = Process(i % readers)
		if i >= readers {
			poll(id, i%readers, min(readers, i-at[i%readers]))
		}
		h.Complete(now+500, id, OK, "")
	}
	for r := range readers {
		for at[r] < sends {
			now += 1000
			id := h.Invoke(now, Call{Process: Process(100 + r), F: Poll})
			if txns {
				h.ops[id].Process = Process(r)
			}
			poll(id, r, min(100, sends-at[r]))
			h.Complete(now+500, id, OK, "")
		}
	}
	return h
}

func benchmarkCheck(b *testing.B, txns bool) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	h := big(txns)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		r, err := Check(h, Options{})
		if err != nil || !r.Valid() {
			b.Fatal(err, r)
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-history")
}

// BenchmarkCheck: a million sends and three million reads.
func BenchmarkCheck(b *testing.B) {
	b.Run("sends", func(b *testing.B) { benchmarkCheck(b, false) })
	b.Run("txns", func(b *testing.B) { benchmarkCheck(b, true) })
}

// BenchmarkRecord is the cost of building the history.
func BenchmarkRecord(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		big(false)
	}
}

// BenchmarkWriteJSON writes it.
func BenchmarkWriteJSON(b *testing.B) {
	h := big(false)
	for b.Loop() {
		if err := WriteJSON(io.Discard, h); err != nil {
			b.Fatal(err)
		}
	}
}
