package storage

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// setting is one way to keep a log that nobody who uses it may notice.
type setting struct {
	name   string
	cfg    Config
	dir    DirOptions
	failed bool // every start finds word of a failed disk
	bare   bool // every start finds no index files and no epochs
}

func settings() []setting {
	return []setting{
		{name: "defaults"},
		{name: "small segments", cfg: Config{SegmentBytes: 700}},
		{name: "small segments, each index entry", cfg: Config{SegmentBytes: 1100, IndexIntervalBytes: -1}},
		{name: "index files that are full", cfg: Config{SegmentIndexBytes: 36, IndexIntervalBytes: 50}},
		{name: "segments by age", cfg: Config{SegmentMs: 25, SegmentJitterMs: 7}},
		{name: "os", cfg: Config{Flush: FlushOS, SegmentBytes: 2000}},
		{name: "sparse", cfg: Config{Sparse: true, SegmentBytes: 900}},
		{name: "one open file", cfg: Config{SegmentBytes: 700}, dir: DirOptions{MaxOpenFiles: 1}},
		{name: "a checkpoint after every sync", cfg: Config{SegmentBytes: 900}, dir: DirOptions{CheckpointBytes: 1}},
		{name: "a failed disk", cfg: Config{SegmentBytes: 900}, failed: true},
		{name: "no commit log", cfg: Config{SegmentBytes: 900}, dir: DirOptions{CommitLogBytes: -1}},
		{name: "the smallest commit log", cfg: Config{SegmentBytes: 900}, dir: DirOptions{CommitLogBytes: 1}},
		{name: "no caches", cfg: Config{SegmentBytes: 900}, bare: true},
	}
}

// TestMetamorphic plays the same random operations, with clean restarts, kills and changes of settings in between, under
// every setting: whoever appends, reads and asks gets the same answers.
func TestMetamorphic(t *testing.T) {
	for seed := range uint64(seeds(t, 12)) {
		var want []string
		for _, s := range settings() {
			p := &play{t: t, set: s, rng: rand.New(rand.NewPCG(seed, 77)), mem: vfs.NewMem(), ts: 1000, ids: [3]kafka.ProducerID{0, 1, 2}}
			got := p.run(120)
			if want == nil {
				want = got
				continue
			}
			for i, w := range want {
				if i >= len(got) || got[i] != w {
					t.Fatalf("seed %d, operation %d under %q: %s, under the first setting: %s", seed, i, s.name, got[min(i, len(got)-1)], w)
				}
			}
		}
	}
}

// play is one run under one setting. Its choices depend on the seed and on answers only.
type play struct {
	t   *testing.T
	set setting
	rng *rand.Rand
	mem *vfs.MemFS
	d   *Dir
	l   *Log

	epoch kafka.LeaderEpoch
	ts    int64
	ids   [3]kafka.ProducerID // who sends
	seqs  [3]int32            // their next sequence numbers
	out   []string
}

func (p *play) open() {
	p.t.Helper()
	if p.set.failed && p.d != nil {
		putFile(p.t, p.mem, testDir+"/"+failedFile, nil)
	}
	if p.set.bare && p.d != nil {
		names, err := p.mem.List(testDir + "/t-0")
		if err != nil {
			p.t.Fatal(err)
		}
		for _, name := range names {
			for _, ext := range []string{extIndex, extTime, epochFile} {
				if len(name) >= len(ext) && name[len(name)-len(ext):] == ext {
					if err := p.mem.Remove(testDir + "/t-0/" + name); err != nil {
						p.t.Fatal(err)
					}
				}
			}
		}
	}
	o := p.set.dir
	if o.CommitLogBytes == 0 {
		o.CommitLogBytes = 64 << 10
	}
	o.ClusterID, o.NodeID, o.Random = "cluster", 7, counter()
	var err error
	if p.d, err = OpenDir(p.mem, testDir, o); err == nil {
		p.l, err = p.d.OpenLog(testTopic, p.set.cfg, nil)
	}
	if err != nil {
		p.t.Fatalf("%s: %v", p.set.name, err)
	}
}

func (p *play) run(n int) []string {
	p.open()
	for range n {
		p.out = append(p.out, p.step())
	}
	p.out = append(p.out, p.read(p.l.LogStartOffset(), math.MaxInt64))
	if err := p.d.Close(true, 0); err != nil {
		p.t.Fatalf("%s: %v", p.set.name, err)
	}
	return p.out
}

// step does one thing and returns what its caller sees.
func (p *play) step() string {
	start, end := p.l.LogStartOffset(), p.l.LogEndOffset()
	within := func() int64 { return start + p.rng.Int64N(end-start+1) }
	p.ts += int64(p.rng.IntN(9)) - 2
	switch r := p.rng.IntN(100); {
	case r < 30:
		return p.send()
	case r < 45:
		if p.rng.IntN(5) == 0 {
			p.epoch++
		}
		codec := []compress.Codec{compress.None, compress.None, compress.LZ4}[p.rng.IntN(3)]
		base, err := p.l.Append(makeBatch(1+p.rng.IntN(5), p.rng.IntN(50), p.ts, codec), p.epoch, p.ts)
		return fmt.Sprint("append ", base, err)
	case r < 52:
		b := makeBatch(1+p.rng.IntN(3), 20, p.ts, compress.None)
		b.SetBaseOffset(end + int64(p.rng.IntN(8)/7)) // now and then it does not fit
		b.SetLeaderEpoch(p.epoch)
		if b.BaseOffset() != end && p.set.cfg.Sparse { // the one thing that this setting allows
			return fmt.Sprint("follow ", end, true)
		}
		a, err := p.l.AppendAsFollower(b, p.ts)
		return fmt.Sprint("follow ", a.NextOffset, errors.Is(err, ErrNotContiguous))
	case r < 65:
		return p.read(within(), within())
	case r < 72:
		o, ts, e, err := p.l.OffsetForTimestamp(p.ts-int64(p.rng.IntN(80)), within())
		return fmt.Sprint("time ", o, ts, e, err)
	case r < 74:
		o, ts, e, err := p.l.MaxTimestamp(within())
		return fmt.Sprint("max time ", o, ts, e, err)
	case r < 77:
		if start == end {
			return "no epochs"
		}
		at := start + p.rng.Int64N(end-start)
		e := p.l.EpochAt(at)
		found, until := p.l.EndOffsetForEpoch(e)
		return fmt.Sprint("epoch of ", at, e, found, until)
	case r < 82:
		err := p.l.TruncateTo(within())
		p.learn()
		return fmt.Sprint("truncated to ", p.l.LogEndOffset(), err)
	case r < 84:
		err := p.l.SetLogStartOffset(within())
		p.learn()
		return fmt.Sprint("start ", p.l.LogStartOffset(), err)
	case r < 90:
		p.d.SyncOnce()
		return fmt.Sprint("sync ", p.d.Err())
	case r < 92:
		return fmt.Sprint("checkpoint ", p.d.Checkpoint())
	case r < 94:
		if err := p.d.Close(true, 0); err != nil {
			p.t.Fatalf("%s: %v", p.set.name, err)
		}
		p.open()
	case r < 97:
		p.mem = killed(p.mem)
		p.open()
	default:
		if err := p.l.Close(); err != nil {
			p.t.Fatalf("%s: %v", p.set.name, err)
		}
		var err error
		if p.l, err = p.d.OpenLog(testTopic, p.set.cfg, nil); err != nil {
			p.t.Fatalf("%s: %v", p.set.name, err)
		}
	}
	p.learn()
	return fmt.Sprint("opened ", p.l.LogStartOffset(), p.l.LogEndOffset(), p.read(p.l.LogStartOffset(), math.MaxInt64), p.ids, p.seqs)
}

// send is an idempotent client's batch, and perhaps the same again, or one that is out of order.
func (p *play) send() string {
	id := p.rng.IntN(len(p.seqs))
	s := sent{id: p.ids[id], seq: p.seqs[id], n: 1 + p.rng.IntN(3), ts: p.ts}
	if p.rng.IntN(8) == 0 {
		s.seq += 2
	}
	out := "send"
	for range 1 + p.rng.IntN(2) {
		o, err := p.l.AppendClient(s.batch(), p.epoch, p.ts)
		out += fmt.Sprint(" ", o, err)
		if err == nil && !o.Duplicate {
			p.seqs[id] = s.seq + int32(s.n)
		}
	}
	return out
}

// learn takes the producers' next sequence numbers from the log, as a truncation may take them back. One of whom no
// batch is left gets a new id: whether the log still knows the old one depends on where snapshots were taken.
func (p *play) learn() {
	known := stateOf(p.l)
	for i := range p.ids {
		s, ok := known[p.ids[i]]
		if n := len(s.window); ok && n > 0 && s.window[n-1].last >= p.l.LogStartOffset() {
			p.seqs[i] = s.window[n-1].seq + 1
			continue
		}
		p.ids[i] += kafka.ProducerID(len(p.ids))
		p.seqs[i] = 0
	}
}

// read reads everything from an offset up to a bound.
func (p *play) read(from, bound int64) string {
	var all bytes.Buffer
	all.Write(readAll(p.t, p.l, from, bound))
	return fmt.Sprintf("read %d %d: %d bytes %08x", from, bound, all.Len(), crc32.ChecksumIEEE(all.Bytes()))
}
