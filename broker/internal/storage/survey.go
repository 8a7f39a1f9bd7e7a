package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// SegmentState is what Survey has seen of one segment.
type SegmentState struct {
	Base, Size int64
	// Good is where the first bad batch begins, Size if there is none. Nothing after a bad batch is looked at.
	Good int64
	// Indexed is false if an index file is missing or does not say where batches are. The active segment needs none.
	Indexed bool
}

// State is what Survey has seen of a log.
type State struct {
	Segments []SegmentState // in order of their bases
	Bad      int            // the segment with the first bad batch, or that does not follow the one before; -1 none
	Reason   string         // what is bad
	Start    int64          // the first segment's base
	End      int64          // the offset after the last good batch (exclusive), or the base of an empty last segment
	Swap     bool           // there is a compaction that was not finished; the next opening does so
	Gaps     [][2]int64     // offsets that no batch holds, first and last, before End
}

// Survey reads the log in a directory that nobody has open from its first to its last byte, by the rules of recovery: sizes,
// checksums, offsets and epochs in order. Segments that lie wholly below the log start are not looked at. It stops at the first bad batch. Gaps between batches are bad unless sparse
// allows them (cleanup.policy=compact), and epochs that fall unless anyEpoch does. It writes nothing. Errors are of reading; a log without segments is empty.
func Survey(v vfs.FS, dir string, logStart int64, sparse, anyEpoch bool) (*State, error) {
	names, err := v.List(dir)
	if err != nil {
		return nil, err
	}
	st := &State{Bad: -1}
	for _, name := range names {
		st.Swap = st.Swap || strings.HasSuffix(name, extSwap)
		base, ok := parseSegmentName(name, extLog)
		if !ok {
			continue
		}
		info, err := v.Stat(dir + "/" + name)
		if err != nil {
			return nil, err
		}
		st.Segments = append(st.Segments, SegmentState{Base: base, Size: info.Size, Good: info.Size, Indexed: true})
	}
	slices.SortFunc(st.Segments, func(a, b SegmentState) int { return int(min(max(a.Base-b.Base, -1), 1)) })
	if len(st.Segments) == 0 {
		return st, nil
	}
	for len(st.Segments) > 1 && st.Segments[1].Base <= logStart {
		st.Segments = st.Segments[1:]
	}
	st.Start, st.End = st.Segments[0].Base, st.Segments[0].Base
	y := surveyor{v: v, dir: dir, state: st, order: order{next: st.Start, epoch: kafka.NoLeaderEpoch, sparse: sparse, any: anyEpoch}}
	for i := range st.Segments {
		if err := y.segment(i); err != nil {
			return nil, err
		}
		if st.Bad >= 0 {
			return st, nil
		}
	}
	st.End = max(st.End, st.Segments[len(st.Segments)-1].Base)
	return st, nil
}

type surveyor struct {
	v     vfs.FS
	dir   string
	state *State
	order order
	jump  *jump // the last good batch, if it left a gap before it
}

// jump is a batch that left a gap before it.
type jump struct {
	segment   int
	pos, prev int64 // where it is; the offset that was expected
	base      int64
}

func (y *surveyor) segment(i int) error {
	st := &y.state.Segments[i]
	if next := y.order.next; st.Base < next || st.Base > next && !y.order.sparse {
		y.state.Bad, y.state.Reason, st.Good = i, fmt.Sprintf("segment %d where %d was expected", st.Base, next), 0
		y.blameJump(st.Base)
		return nil
	}
	y.order.next = st.Base
	s := newSegment(newFileCache(y.v, 0), y.dir, st.Base)
	s.mu.size = st.Size
	f, err := y.v.Open(s.log.path())
	if err != nil {
		return err
	}
	defer f.Close()
	x, ok, err := s.readIndex(y.v)
	if err != nil {
		return err
	}
	check := indexCheck{index: x, base: st.Base, max: noTime}
	last := i == len(y.state.Segments)-1
	var reason string
	st.Good, reason, err = verify(f, s, 0, st.Size, &y.order, func(pos int64, h batch.Batch) {
		y.gap(i, pos, h)
		check.batch(pos, h)
	})
	if err != nil {
		return err
	}
	st.Indexed = ok && check.whole() || last && y.unindexed(s)
	if reason == "" {
		return nil
	}
	y.state.Bad, y.state.Reason = i, reason
	var base [8]byte
	if st.Size-st.Good >= batch.HeaderSize {
		if _, err := f.ReadAt(base[:], st.Good); err != nil {
			return err
		}
		y.blameJump(int64(binary.BigEndian.Uint64(base[:])))
	}
	return nil
}

// gap notes offsets between the batches before and h, which is in segment i.
func (y *surveyor) gap(i int, pos int64, h batch.Batch) {
	prev := y.state.End
	y.jump = nil
	if h.BaseOffset() > prev {
		y.state.Gaps = append(y.state.Gaps, [2]int64{prev, h.BaseOffset() - 1})
		y.jump = &jump{i, pos, prev, h.BaseOffset()}
	}
	y.state.End = h.LastOffset() + 1
}

// blameJump moves the damage to a batch that left a gap before it, if what follows it, with this base offset, goes on within the gap: no
// checksum covers the offset of a batch, and compaction does not go back.
func (y *surveyor) blameJump(base int64) {
	j := y.jump
	if j == nil || base < j.prev || base >= y.state.End {
		return
	}
	st := y.state
	st.Bad, st.End, st.Segments[j.segment].Good = j.segment, j.prev, j.pos
	st.Reason = fmt.Sprintf("base offset %d where %d was expected, and offset %d comes next", j.base, j.prev, base)
	st.Gaps = st.Gaps[:len(st.Gaps)-1]
}

// unindexed reports whether neither index file is there.
func (y *surveyor) unindexed(s *segment) bool {
	_, err1 := y.v.Stat(s.indexes().idx.path())
	_, err2 := y.v.Stat(s.indexes().tidx.path())
	return err1 != nil && err2 != nil
}

// indexCheck holds the entries of an index against the batches as they come.
type indexCheck struct {
	index
	base  int64
	max   timeEntry
	wrong bool
}

func (c *indexCheck) batch(pos int64, h batch.Batch) {
	rel := uint32(h.LastOffset() - c.base)
	if len(c.offsets) > 0 && int64(c.offsets[0].pos) <= pos {
		c.wrong = c.wrong || c.offsets[0] != offsetEntry{rel, uint32(pos)}
		c.offsets = c.offsets[1:]
	}
	if ts := h.MaxTimestamp(); ts > c.max.ts {
		c.max = timeEntry{ts, rel}
	}
	for len(c.times) > 0 && c.times[0].rel <= rel {
		c.wrong = c.wrong || c.times[0] != c.max
		c.times = c.times[1:]
	}
}

func (c *indexCheck) whole() bool { return !c.wrong && len(c.offsets) == 0 && len(c.times) == 0 }

// RebuildIndexes makes both index files of a segment anew, with an entry every interval bytes; 0: 4096. sealed says that it
// is not the log's last segment. The names are durable after SyncDir. The log must not be open.
func RebuildIndexes(v vfs.FS, dir string, base int64, sealed bool, interval int32) error {
	s := newSegment(newFileCache(v, 0), dir, base)
	info, err := v.Stat(s.log.path())
	if err != nil {
		return err
	}
	s.mu.size = info.Size
	if _, err := s.rebuildIndex(Config{IndexIntervalBytes: interval}.withDefaults().IndexIntervalBytes); err != nil {
		return err
	}
	return s.writeIndex(v, sealed, true)
}

// ReadPoints are the recovery point and the log start that the data directory's checkpoints say of a partition, or what it has taken
// along when it was parked; 0 if nothing.
func ReadPoints(v vfs.FS, dir string, tp kafka.TopicPartition) (recovery, start int64, err error) {
	var at [2]int64
	for i, name := range []string{recoveryPointFile, logStartFile} {
		o, err := readOffsets(v, dir+"/"+name)
		if err != nil && !errors.Is(err, errCheckpoint) {
			return 0, 0, err
		}
		at[i] = o[tp]
	}
	k, _, err := readParked(v, dir+"/"+tp.String())
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return 0, 0, err
	}
	return max(at[0], k.recovery), max(at[1], k.start), nil
}

// ReadStandalonePoints are those of a log outside a data directory's syncer, by its own directory.
func ReadStandalonePoints(v vfs.FS, dir string) (recovery, start int64, err error) {
	p := &filePoints{disk: &disk{fs: v}, path: dir + "/" + stateFile}
	k, err := p.read()
	return k.recovery, k.start, err
}

// StoppedCleanly reports whether a data directory has the marker of a clean stop.
func StoppedCleanly(v vfs.FS, dir string) (bool, error) {
	_, err := v.Stat(dir + "/" + cleanFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// LowerPoints lowers a partition's recovery point, high watermark and the offset up to which it is compacted in the checkpoints of a data directory that nobody has
// open, durably: to offset, where they are above it.
func LowerPoints(v vfs.FS, dir string, tp kafka.TopicPartition, offset int64) error {
	for _, name := range []string{recoveryPointFile, highWatermarkFile, cleanerFile} {
		o, err := readOffsets(v, dir+"/"+name)
		if err != nil && !errors.Is(err, errCheckpoint) {
			return err
		}
		if at, ok := o[tp]; !ok || at <= offset {
			continue // and what cannot be understood says nothing to a broker
		}
		o[tp] = offset
		if err := writeDurably(v, dir+"/"+name, o.encode()); err != nil {
			return err
		}
	}
	log := dir + "/" + tp.String()
	k, ok, err := readParked(v, log)
	if err != nil || !ok {
		return err
	}
	k.recovery, k.cleaned = min(k.recovery, offset), min(k.cleaned, offset)
	return writeDurably(v, log+"/"+parkedFile, k.encode())
}

// LowerStart makes the log start that is told of a partition at most offset, durably: records that were deleted may be there again.
func LowerStart(v vfs.FS, dir string, tp kafka.TopicPartition, offset int64) error {
	log := dir + "/" + tp.String()
	k, ok, err := readParked(v, log)
	if err == nil && ok && k.start > offset {
		k.start = offset
		err = writeDurably(v, log+"/"+parkedFile, k.encode())
	}
	if err != nil {
		return err
	}
	o, err := readOffsets(v, dir+"/"+logStartFile)
	if err != nil && !errors.Is(err, errCheckpoint) {
		return err
	}
	if o[tp] <= offset {
		return nil
	}
	o[tp] = offset
	return writeDurably(v, dir+"/"+logStartFile, o.encode())
}

// CheckReplay tells what keeps a file of what is to be replayed, by its name in a data directory, from being replayed into a log that ends
// at an offset. Errors: CorruptError, of reading.
func CheckReplay(v vfs.FS, dir, name string, end int64) error {
	id := kafka.UUID{} // of one in the partition's own directory
	if path.Base(name) == name {
		content, err := readFile(v, dir+"/"+metaFile)
		if err != nil {
			return err
		}
		m, err := parseMeta(content)
		if err != nil {
			return err
		}
		id = m.directory
	}
	r, err := commitlog.Open(v, dir+"/"+name, id)
	if err != nil {
		return err
	}
	if r == nil {
		return unreadableReplay(dir + "/" + name)
	}
	defer r.Close()
	_, err = attach(r, dir+"/"+name, end, kafka.NoLeaderEpoch)
	return err
}

// SetStart and SetRecovered write a partition's log start and its recovery point into the checkpoints of a data directory that nobody has open, durably.
// The recovery point is that of a log whose every byte has been synced up to there.
func SetStart(v vfs.FS, dir string, tp kafka.TopicPartition, offset int64) error {
	return setPoint(v, dir+"/"+logStartFile, tp, offset)
}

// SetSparse notes that a log has gaps, as if compaction had left them, and that nothing of it is compacted yet: see SetStart.
func SetSparse(v vfs.FS, dir string, tp kafka.TopicPartition, start int64) error {
	return setPoint(v, dir+"/"+cleanerFile, tp, start)
}

// SetRecovered: see SetStart.
func SetRecovered(v vfs.FS, dir string, tp kafka.TopicPartition, offset int64) error {
	return setPoint(v, dir+"/"+recoveryPointFile, tp, offset)
}

func setPoint(v vfs.FS, name string, tp kafka.TopicPartition, offset int64) error {
	o, err := readOffsets(v, name)
	if err != nil {
		return err // written anew it would forget the others
	}
	o[tp] = offset
	return writeDurably(v, name, o.encode())
}

// Identity is the topic id in a partition's directory.
func Identity(v vfs.FS, dir string) (kafka.TopicID, error) {
	content, err := readFile(v, dir+"/"+partitionFile)
	if err != nil {
		return kafka.TopicID{}, err
	}
	return parsePartition(content)
}

// OpenTransactions lists the producers with an open transaction at offset end, as the snapshot of that offset tells. ok is false if there is none that can be
// read.
func OpenTransactions(v vfs.FS, dir string, end int64) (open []kafka.ProducerID, ok bool, err error) {
	content, err := readFile(v, segmentName(dir, end, extSnap))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	p, err := parseSnapshot(content, end)
	if err != nil {
		return nil, false, nil
	}
	for _, e := range p.list {
		if e.txnFirst >= 0 {
			open = append(open, e.id)
		}
	}
	return open, true, nil
}

// EmptySnapshot is a producer snapshot in which there is nobody.
func EmptySnapshot() []byte { return (&producers{}).encode() }

// LockDir takes the lock of a data directory that exists. Error: ErrLocked.
func LockDir(v vfs.FS, dir string) (unlock func() error, err error) {
	if _, err := v.Stat(dir); err != nil {
		return nil, err
	}
	lock, err := v.Lock(dir + "/" + lockFile)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	return lock.Close, nil
}
