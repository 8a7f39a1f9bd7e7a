package network

import (
	"bytes"
	"testing"
)

// Goal: buffers come back to their class, the last one first, and what is kept is bounded.
func TestPool(t *testing.T) {
	p := &pool{maxRetained: 20 << 10}
	for _, c := range []struct{ size, want int }{
		{1, 4 << 10}, {4 << 10, 4 << 10}, {4<<10 + 1, 8 << 10}, {1 << 20, 1 << 20}, {8 << 20, 8 << 20}, {8<<20 + 1, 8<<20 + 1},
	} {
		if b := p.get(c.size); len(b.data) != c.want {
			t.Errorf("get(%d) has %d bytes, want %d", c.size, len(b.data), c.want)
		}
	}
	a, b, big, over := p.get(4<<10), p.get(4<<10), p.get(16<<10), p.get(9<<20)
	a.retain()
	a.release()
	b.release()
	a.release()
	big.release() // 8 KiB are kept already
	over.release()
	if n := p.retained.Load(); n != 8<<10 {
		t.Errorf("%d bytes retained, want 8 KiB", n)
	}
	if p.get(100) != a || p.get(100) != b {
		t.Error("buffers not reused, last one first")
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic when released too often")
		}
	}()
	big.release()
}

// Goal: reads grow with full reads, shrink with two short ones, within bounds.
func TestReadSizeAdapts(t *testing.T) {
	in := new(input)
	in.init(&pool{})
	read := func(n int) {
		p := in.space()
		n = min(n, len(p))
		in.filled(n, len(p))
		in.need = in.end - in.start
		in.take()
		in.expect = 0 // small frames
		in.park()
	}
	want := func(size int) {
		t.Helper()
		if in.readSize != size {
			t.Fatalf("read size %d, want %d", in.readSize, size)
		}
	}
	read(maxRead)
	want(2 * minRead)
	for range 20 {
		read(maxRead)
	}
	want(maxRead)
	read(10)
	want(maxRead)
	read(maxRead / 2) // not short: the count starts anew
	read(10)
	want(maxRead)
	read(10)
	want(maxRead / 2)
	for range 20 {
		read(10)
	}
	want(minRead)
}

// Goal: big frames of one size, each still referenced by a pending request, are read straight into
// place: no byte of them is moved once the size is known. Method: look where the reads go.
func TestBigFramesAreNotMoved(t *testing.T) {
	in := new(input)
	in.init(&pool{})
	const size = 1 << 20
	for i := range 5 {
		p := in.space()
		if i > 0 && (len(p) != size || in.start != 0) {
			t.Fatalf("frame %d: space of %d bytes at %d, want %d at 0", i, len(p), in.start, size)
		}
		first := len(p)
		in.filled(first, first)
		in.need = size
		for in.end-in.start < size {
			p := in.space()
			if i > 0 && in.end+len(p) != in.start+size { // the first is a claim: memory follows what arrives
				t.Fatalf("frame %d: space ends at %d, want the frame's end", i, in.end+len(p)-in.start)
			}
			in.filled(min(len(p), 100_000), len(p))
		}
		in.buf.retain() // the pending request
		in.take()
	}
}

// Goal: frames of the size of a common batch come several in a read, so that their answers may leave together, although each is more
// than is trusted. Method: a client whose frames are always there.
func TestMiddlingFramesAreReadTogether(t *testing.T) {
	in := new(input)
	in.init(&pool{})
	const size = bigFrame + 4<<10
	reads, frames := 0, 0
	for frames < 100 {
		p := in.space()
		in.filled(len(p), len(p))
		for reads++; ; frames++ {
			in.need = size // what admission finds in the first bytes
			if in.end-in.start < size {
				break
			}
			in.take()
		}
	}
	if in.readSize != maxRead || reads > frames*2/3 {
		t.Errorf("%d reads of up to %d bytes for %d frames", reads, in.readSize, frames)
	}
}

// Goal: the length of a frame is a claim: beyond what the client has sent before, memory follows the bytes that have arrived,
// at most twice as much, and the frame is whole in the end.
func TestHugeFrameGrowsWithItsBytes(t *testing.T) {
	in := new(input)
	in.init(&pool{})
	in.need = 30 << 20
	fill := func(p []byte, at int) {
		for i := range p {
			p[i] = byte((at + i) >> 12)
		}
	}
	have := 0
	for have < in.need {
		p := in.space()
		if size := len(in.buf.data); size > max(8<<20, 2*have) {
			t.Fatalf("buffer of %d bytes when %d have arrived", size, have)
		}
		p = p[:min(len(p), 1_000_000)]
		fill(p, have)
		in.filled(len(p), len(p))
		have += len(p)
	}
	frame := in.take()
	want := make([]byte, 30<<20)
	fill(want, 0)
	if !bytes.Equal(frame, want[4:]) {
		t.Error("the frame has changed on its way")
	}
}
