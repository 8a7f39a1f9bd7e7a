package offline

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// CutSuffix ends the name of a file that keeps what Repair has cut off: batches, as they stood in the segment.
const CutSuffix = ".cut"

// temporary ends the names of files that are being written; whoever opens the log next removes them.
const temporary = ".tmp"

// metadataDir is the log of the cluster's metadata, which is not cut: see Repair.Plan.
const metadataDir = "__cluster_metadata-0"

var (
	// ErrInUse is returned by OpenRepair while a broker has the data directory.
	ErrInUse = errors.New("a broker has this data directory; stop it first")
	// ErrNoRepair is returned by Plan for what is not repaired by cutting.
	ErrNoRepair = errors.New("not repaired")
)

// Repair cuts damaged logs of one data directory at their first bad batch. A broker does not do that below its recovery
// point: there, a bad batch is no torn end but a loss, and somebody has to say yes to it.
//
// Everything is kept: what is cut off is copied into files beside the segments first. A crash at any point leaves a log
// for which Plan gives the rest of the plan.
type Repair struct {
	fs     vfs.FS
	dir    string
	unlock func() error
}

// OpenRepair locks a data directory. Errors: ErrInUse, those of the file system.
func OpenRepair(dir string) (*Repair, error) { return openRepair(vfs.OS(), filepath.ToSlash(dir)) }

func openRepair(v vfs.FS, dir string) (*Repair, error) {
	dir = path.Clean(dir)
	if _, err := v.Stat(path.Join(dir, MetaFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no data directory: it has no %s", dir, MetaFile)
	}
	unlock, err := storage.LockDir(v, dir)
	if errors.Is(err, storage.ErrLocked) {
		err = fmt.Errorf("%s: %w", dir, ErrInUse)
	}
	return &Repair{v, dir, unlock}, err
}

// Close gives the lock back.
func (r *Repair) Close() error { return r.unlock() }

// Logs are the names of the partitions' directories, and that of the metadata.
func (r *Repair) Logs() (names []string, err error) {
	all, err := r.fs.List(r.dir)
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		info, err := r.fs.Stat(path.Join(r.dir, name))
		if err != nil {
			return nil, err
		}
		if _, err := kafka.ParseTopicPartition(name); err == nil && info.Dir {
			names = append(names, name)
		}
	}
	return names, nil
}

// Cut is a range of a file, to its end, that is cut off.
type Cut struct {
	File           string // the segment's name in the log's directory
	From, Bytes    int64
	Kept           string // the name of the file that keeps it, in the same directory
	Batches        int    // that can still be read there: their checksums fit
	Records        int64  // in those
	whole          bool   // the whole segment goes
	base, next     int64  // next: the offset after the last readable batch
	alreadyWritten bool
}

// Plan is what Repair would do to a log.
type Plan struct {
	Log      string // the name of its directory
	Reason   string // what is damaged, "" if nothing is
	Torn     string // what is bad at the end, where a broker cuts by itself
	File     string // where
	Position int64
	Start    int64      // offsets that stay: from Start
	End      int64      // up to End (exclusive)
	LostTo   int64      // offsets from End up to this one (exclusive) are lost, as far as can be told
	Cuts     []Cut      // in order of the offsets
	Gaps     [][2]int64 // offsets that no batch holds: compaction leaves such gaps
	Indexes  []string   // segments whose indexes are built anew

	tp       kafka.TopicPartition
	segments []storage.SegmentState
	point    int64  // the recovery point
	clean    bool   // the last stop was clean
	raw      bool   // there is a commit log that no start has looked at yet
	replay   string // the file, in the data directory, of what a start would add to the log at its end, "" none
	told     int64  // the log start that the checkpoints tell
	start    int64  // the one that they are to tell; -1: the same
	begun    bool   // a repair was broken off, or its last step
	resumed  bool   // it is to go on
}

// Damaged reports whether something is to be cut off or has been lost.
func (p *Plan) Damaged() bool { return p.Reason != "" }

// Needed reports whether Apply would change anything.
func (p *Plan) Needed() bool { return p.Damaged() || p.begun || len(p.Indexes) > 0 }

// LostBytes is how much is cut off.
func (p *Plan) LostBytes() (n int64) {
	for _, c := range p.Cuts {
		n += c.Bytes
	}
	return n
}

// Plan reads a log by its directory's name and says what is to be done; it changes nothing. A bad end that a broker cuts off by
// itself, as there is no marker of a clean stop and nothing up to there was once on the disk, is left to it: Torn.
//
// Compaction leaves gaps between offsets; they are no damage unless cutGaps says that the topic is not compacted. Errors: ErrNoRepair,
// wrapped, for the log of the metadata, which a quorum has agreed upon and which must not be shortened by hand, and for a directory without
// its topic's id; those of reading.
func (r *Repair) Plan(name string, cutGaps bool) (*Plan, error) {
	tp, err := kafka.ParseTopicPartition(name)
	if err != nil {
		return nil, err
	}
	p := &Plan{Log: name, tp: tp, start: -1}
	st, err := r.survey(p, cutGaps && name != metadataDir)
	if err != nil {
		return nil, err
	}
	p.Start, p.End, p.LostTo, p.Gaps, p.segments = st.Start, st.End, st.End, st.Gaps, st.Segments
	if st.Bad >= 0 && !p.clean && !p.resumed && st.End >= p.point {
		p.Torn, st.Bad = st.Reason, -1
	}
	for i, s := range st.Segments {
		if !s.Indexed && s.Good == s.Size && (st.Bad < 0 || i < st.Bad) && p.Torn == "" {
			p.Indexes = append(p.Indexes, segmentFile(s.Base, LogSuffix))
		}
	}
	dir := path.Join(r.dir, name)
	switch {
	case st.Bad >= 0:
		bad := st.Segments[st.Bad]
		p.Reason, p.File, p.Position = st.Reason, segmentFile(bad.Base, LogSuffix), bad.Good
		if err := r.cuts(dir, p, st); err != nil {
			return nil, err
		}
	case len(st.Segments) > 0 && p.point > st.End:
		last := st.Segments[len(st.Segments)-1]
		p.Reason, p.File, p.Position = fmt.Sprintf("the file ends before offset %d, up to which it was once on the disk", p.point), segmentFile(last.Base, LogSuffix), last.Size
	}
	p.LostTo = max(p.LostTo, p.point)
	if err := r.beyond(p); err != nil {
		return nil, err
	}
	if p.Damaged() && p.raw && name != metadataDir {
		return nil, fmt.Errorf("%s is damaged, and the commit log beside it has not been looked at since a crash: %w before it has been: start the broker once and stop it", dir, ErrNoRepair)
	}
	if name == metadataDir {
		p.Indexes = nil // made anew at every start
	}
	if p.Damaged() && name == metadataDir {
		return nil, fmt.Errorf("%s at %d: %s: %w: the metadata log is what a quorum has agreed upon; take this node's directory away and let it join again, or restore it from a copy",
			path.Join(dir, p.File), p.Position, p.Reason, ErrNoRepair)
	}
	return p, nil
}

// beyond looks whether what is known of a log beside its segments goes with where it ends: its start, and what is to be added to it.
func (r *Repair) beyond(p *Plan) error {
	switch {
	case p.told > p.End && p.Damaged():
		p.start = p.End
	case p.told > p.End:
		p.start, p.File, p.Position = p.Start, path.Join("..", "log-start-offset-checkpoint"), -1
		p.Reason = fmt.Sprintf("the log's start is said to be %d, and it ends at %d", p.told, p.End)
	case p.replay != "" && !p.Damaged() && !p.raw:
		err := storage.CheckReplay(r.fs, r.dir, p.replay, p.End)
		var bad *storage.CorruptError
		if !errors.As(err, &bad) {
			return err
		}
		p.Reason, p.File, p.Position = bad.Reason, path.Join("..", p.replay), bad.Position
	}
	return nil
}

// survey reads the log and what is known of it.
func (r *Repair) survey(p *Plan, cutGaps bool) (st *storage.State, err error) {
	dir := path.Join(r.dir, p.Log)
	if p.Log == metadataDir {
		var start int64
		if p.point, start, err = storage.ReadStandalonePoints(r.fs, dir); err != nil {
			return nil, err
		}
		return storage.Survey(r.fs, dir, start, true, false)
	}
	recovery, start, err := storage.ReadPoints(r.fs, r.dir, p.tp)
	if err != nil {
		return nil, err
	}
	p.point = recovery
	if p.clean, err = storage.StoppedCleanly(r.fs, r.dir); err != nil {
		return nil, err
	}
	p.told = start
	if st, err = storage.Survey(r.fs, dir, start, !cutGaps, false); err != nil {
		return nil, err
	}
	if start > st.End && st.Bad < 0 { // what it leaves out is not known to be deleted
		if st, err = storage.Survey(r.fs, dir, 0, !cutGaps, false); err != nil {
			return nil, err
		}
	}
	if err := r.commitLog(dir, p); err != nil {
		return nil, err
	}
	if st.Swap {
		return nil, fmt.Errorf("%s has a compaction that was not finished: %w before a broker has: start it and stop it", dir, ErrNoRepair)
	}
	if err := r.identified(dir, st); err != nil {
		return nil, err
	}
	return st, r.resume(dir, p, st)
}

// commitLog looks for what a crash has left of the directory's commit log (docs/format/commit-log.md).
func (r *Repair) commitLog(dir string, p *Plan) error {
	names, err := r.fs.List(r.dir)
	if err != nil {
		return err
	}
	if inside := path.Join(p.Log, storage.ParkedReplay); r.there(inside) {
		p.replay = inside
	}
	if p.clean {
		return nil
	}
	p.raw = slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, ".thalweg-commitlog-") })
	id, err := storage.Identity(r.fs, dir)
	if err != nil {
		return nil // told elsewhere
	}
	if name := fmt.Sprintf(".thalweg-replay-%x-%d", id[:], p.tp.Partition); slices.Contains(names, name) {
		p.replay = name
	}
	return nil
}

func (r *Repair) there(name string) bool {
	_, err := r.fs.Stat(path.Join(r.dir, name))
	return err == nil
}

// setAside renames the file of what would be added to the log, which was to follow on what has been lost.
func (r *Repair) setAside(p *Plan) error {
	if p.replay == "" {
		return nil
	}
	if err := r.fs.Rename(path.Join(r.dir, p.replay), path.Join(r.dir, p.replay+CutSuffix)); err != nil {
		return err
	}
	return r.fs.SyncDir(path.Dir(path.Join(r.dir, p.replay)))
}

// identified wants the topic's id beside segments: without it no broker opens the directory.
func (r *Repair) identified(dir string, st *storage.State) error {
	_, err := r.fs.Stat(path.Join(dir, "partition.metadata"))
	if errors.Is(err, fs.ErrNotExist) && len(st.Segments) > 0 {
		return fmt.Errorf("%s has segments but no partition.metadata: %w: write the topic's id into it (docs/format/log.md)", dir, ErrNoRepair)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func segmentFile(base int64, suffix string) string { return fmt.Sprintf("%020d%s", base, suffix) }

// cuts lists what goes: the rest of the bad segment, and all later ones.
func (r *Repair) cuts(dir string, p *Plan, st *storage.State) error {
	for i, s := range st.Segments[st.Bad:] {
		c := Cut{File: segmentFile(s.Base, LogSuffix), Bytes: s.Size, whole: true, base: s.Base}
		if i == 0 && (st.Bad == 0 || s.Base == st.End || s.Good > 0) { // else it would begin behind the end
			c.From, c.Bytes, c.whole = s.Good, s.Size-s.Good, false
		}
		if err := r.salvage(dir, &c); err != nil {
			return err
		}
		if err := r.nameKept(dir, &c); err != nil {
			return err
		}
		p.LostTo = max(p.LostTo, c.next)
		if c.Bytes > 0 || c.whole {
			p.Cuts = append(p.Cuts, c)
		}
	}
	return nil
}

// salvage counts what can still be read of a range: batches that follow each other by their lengths.
func (r *Repair) salvage(dir string, c *Cut) error {
	f, err := r.fs.Open(path.Join(dir, c.File))
	if err != nil {
		return err
	}
	defer f.Close()
	var head [batch.HeaderSize]byte
	for pos, end := c.From, c.From+c.Bytes; pos+batch.HeaderSize <= end; {
		if err := readAt(f, head[:], pos); err != nil {
			return err
		}
		n, err := batch.Size(head[:])
		if err != nil || int64(n) < batch.HeaderSize || pos+int64(n) > end {
			return nil
		}
		b := make(batch.Batch, n)
		if err := readAt(f, b, pos); err != nil {
			return err
		}
		if b.CheckStructure() == nil {
			c.Batches++
			c.Records += int64(b.NumRecords())
			c.next = max(c.next, b.NextOffset())
		}
		pos += int64(n)
	}
	return nil
}

func readAt(f vfs.File, b []byte, pos int64) error {
	n, err := f.ReadAt(b, pos)
	if n == len(b) {
		return nil
	}
	return err
}

// nameKept finds a name for what is cut off: one that nobody has, or that of a file with the same bytes, from a repair that
// was broken off.
func (r *Repair) nameKept(dir string, c *Cut) error {
	stem := fmt.Sprintf(".thalweg-%020d-%d", c.base, c.From)
	for n := 1; ; n++ {
		c.Kept = stem + CutSuffix
		if n > 1 {
			c.Kept = fmt.Sprintf("%s.%d%s", stem, n, CutSuffix)
		}
		info, err := r.fs.Stat(path.Join(dir, c.Kept))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if info.Size != c.Bytes {
			continue
		}
		same, err := r.same(path.Join(dir, c.Kept), 0, path.Join(dir, c.File), c.From, c.Bytes)
		if err != nil {
			return err
		}
		if same {
			c.alreadyWritten = true
			return nil
		}
	}
}

// piece is how much is copied or compared at once.
const piece = 1 << 20

func (r *Repair) same(nameA string, a int64, nameB string, b, n int64) (bool, error) {
	fileA, err := r.fs.Open(nameA)
	if err != nil {
		return false, err
	}
	defer fileA.Close()
	fileB, err := r.fs.Open(nameB)
	if err != nil {
		return false, err
	}
	defer fileB.Close()
	for at := int64(0); at < n; at += piece {
		x, y := make([]byte, min(piece, n-at)), make([]byte, min(piece, n-at))
		if err := errors.Join(readAt(fileA, x, a+at), readAt(fileB, y, b+at)); err != nil {
			return false, err
		}
		if !bytes.Equal(x, y) {
			return false, nil
		}
	}
	return true, nil
}

// Apply does what the plan says. In this order, each step durable before the next: what is cut off is kept beside; the
// recovery point is lowered; what is to be cut is noted; later segments go, the last one first; the bad segment is cut; indexes are built anew. Epochs and
// producers follow when a broker opens the log. On an error, and after a crash, another Plan has the rest.
func (r *Repair) Apply(p *Plan) error {
	if p.Log == metadataDir {
		return ErrNoRepair
	}
	dir := path.Join(r.dir, p.Log)
	if p.Damaged() {
		for _, c := range p.Cuts {
			if err := r.keep(dir, c); err != nil {
				return fmt.Errorf("nothing has been cut yet: %w", err)
			}
		}
		if err := r.fs.SyncDir(dir); err != nil {
			return fmt.Errorf("nothing has been cut yet: %w", err)
		}
		if err := r.setAside(p); err != nil {
			return fmt.Errorf("nothing has been cut yet: %w", err)
		}
		if err := r.lowerPoints(p); err != nil {
			return fmt.Errorf("nothing has been cut yet: %w", err)
		}
		if err := r.writeIntent(dir, p); err != nil {
			return fmt.Errorf("nothing has been cut yet: %w", err)
		}
		if err := r.fs.SyncDir(dir); err != nil {
			return fmt.Errorf("nothing has been cut yet: %w", err)
		}
		for _, c := range slices.Backward(p.Cuts) {
			if err := r.cut(dir, c); err != nil {
				return err
			}
		}
		if err := r.cutTxnIndex(dir, p); err != nil {
			return err
		}
	}
	if err := r.rebuild(dir, p); err != nil {
		return err
	}
	return r.dropIntent(dir)
}

func (r *Repair) lowerPoints(p *Plan) error {
	if plantedPointStays {
		return nil
	}
	if p.start >= 0 {
		if err := storage.LowerStart(r.fs, r.dir, p.tp, p.start); err != nil {
			return err
		}
	}
	return storage.LowerPoints(r.fs, r.dir, p.tp, p.End)
}

// cutTxnIndex takes the aborted transactions that end behind the log's end out of the index of the segment that was cut.
func (r *Repair) cutTxnIndex(dir string, p *Plan) error {
	if len(p.Cuts) == 0 || p.Cuts[0].whole {
		return nil
	}
	f, err := r.fs.OpenReadWrite(path.Join(dir, segmentFile(p.Cuts[0].base, TxnIndexSuffix)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	size, err := f.Size()
	b := make([]byte, size)
	if err == nil {
		err = readAt(f, b, 0)
	}
	keep := int64(0)
	for ; err == nil && keep+txnEntrySize <= size; keep += txnEntrySize {
		if lastOffset := int64(binary.BigEndian.Uint64(b[keep+18:])); lastOffset >= p.End {
			break
		}
	}
	if err == nil && keep < size {
		if err = f.Truncate(keep); err == nil {
			err = f.Sync()
		}
	}
	return errors.Join(err, f.Close())
}

// keep copies a range into its file.
func (r *Repair) keep(dir string, c Cut) error {
	if c.alreadyWritten {
		return nil
	}
	from, err := r.fs.Open(path.Join(dir, c.File))
	if err != nil {
		return err
	}
	defer from.Close()
	name := path.Join(dir, c.Kept)
	into, err := r.fs.Create(name + temporary)
	if err != nil {
		return err
	}
	buf := make([]byte, piece)
	for at := int64(0); at < c.Bytes && err == nil; at += piece {
		b := buf[:min(piece, c.Bytes-at)]
		if err = readAt(from, b, c.From+at); err == nil {
			_, err = into.WriteAt(b, at)
		}
	}
	if err == nil && !plantedKeptUnsynced {
		err = into.Sync()
	}
	if err = errors.Join(err, into.Close()); err != nil {
		return errors.Join(err, r.fs.Remove(name+temporary))
	}
	return r.fs.Rename(name+temporary, name)
}

// cut takes a range away that has been kept.
func (r *Repair) cut(dir string, c Cut) error {
	if !c.whole {
		f, err := r.fs.OpenReadWrite(path.Join(dir, c.File))
		if err != nil {
			return err
		}
		if err = f.Truncate(c.From); err == nil {
			err = f.Sync()
		}
		return errors.Join(err, f.Close())
	}
	for _, suffix := range []string{IndexSuffix, TimeIndexSuffix, TxnIndexSuffix, LogSuffix} {
		if err := r.fs.Remove(path.Join(dir, segmentFile(c.base, suffix))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return r.fs.SyncDir(dir)
}

// rebuild makes the indexes that were wrong, and those of a segment that was cut.
func (r *Repair) rebuild(dir string, p *Plan) error {
	bases := map[string]int64{}
	for _, s := range p.segments {
		bases[segmentFile(s.Base, LogSuffix)] = s.Base
	}
	last := ""
	for _, s := range p.segments {
		if len(p.Cuts) == 0 || s.Base < p.Cuts[0].base || s.Base == p.Cuts[0].base && !p.Cuts[0].whole {
			last = segmentFile(s.Base, LogSuffix)
		}
	}
	todo := slices.Clone(p.Indexes)
	if len(p.Cuts) > 0 && !p.Cuts[0].whole {
		todo = append(todo, p.Cuts[0].File)
	}
	for _, name := range todo {
		if err := storage.RebuildIndexes(r.fs, dir, bases[name], name != last, 0); err != nil {
			return err
		}
	}
	if len(todo) == 0 {
		return nil
	}
	return r.fs.SyncDir(dir)
}

// String says in sentences what is damaged, what stays, what is lost and where it is kept.
func (p *Plan) String() string {
	var s strings.Builder
	if p.Damaged() {
		fmt.Fprintf(&s, "%s: damaged in %s at %d: %s\n", p.Log, p.File, p.Position, p.Reason)
		if p.End > p.Start {
			fmt.Fprintf(&s, "  kept: offsets %d to %d\n", p.Start, p.End-1)
		} else {
			fmt.Fprintf(&s, "  kept: nothing\n")
		}
		if taken := p.start >= 0 && len(p.Cuts) == 0; taken {
			fmt.Fprintf(&s, "  lost: nothing; the log starts at %d, and records that had been deleted may be back\n", p.start)
		} else if p.LostTo > p.End {
			fmt.Fprintf(&s, "  lost: offsets %d to %d\n", p.End, p.LostTo-1)
		} else {
			fmt.Fprintf(&s, "  lost: offsets from %d, how many cannot be told\n", p.End)
		}
	}
	if p.Torn != "" {
		fmt.Fprintf(&s, "%s: from offset %d on a broker cuts off what a stop that was not clean has left behind: %s\n", p.Log, p.End, p.Torn)
	}
	for _, c := range p.Cuts {
		fmt.Fprintf(&s, "  %s: %d bytes from position %d are cut off and kept in %s; %d batches with %d records of it can be read\n", c.File, c.Bytes, c.From, c.Kept, c.Batches, c.Records)
	}
	if p.Damaged() && p.replay != "" {
		fmt.Fprintf(&s, "  lost, too: what the commit log would have added behind that; it is kept in %s%s of the data directory\n", p.replay, CutSuffix)
	}
	if len(p.Gaps) > 0 {
		fmt.Fprintf(&s, "  no batch holds offsets %d to %d", p.Gaps[0][0], p.Gaps[0][1])
		if n := len(p.Gaps) - 1; n > 0 {
			fmt.Fprintf(&s, " (and %d more gaps)", n)
		}
		s.WriteString(": in a topic that is compacted nothing is wrong with that, in another one --gaps cuts there\n")
	}
	for _, name := range p.Indexes {
		fmt.Fprintf(&s, "  %s: its indexes are built anew\n", name)
	}
	return s.String()
}
