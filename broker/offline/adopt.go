package offline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// ErrNoAdoption is returned by PlanAdoption for what cannot be copied into another cluster.
var ErrNoAdoption = errors.New("not adopted")

// Adoption copies the log of one partition into the directory of another one that is empty, in a data directory of another
// cluster: of this broker or of an Apache Kafka, either way. Nothing of the first one is changed.
//
// What makes a log another cluster's is changed in the copy: the topic's id is that of the directory it goes to; the leader epochs in the batches, which only
// mean something together with the metadata of their cluster, become 0, which is not above that of any partition; and the state
// of idempotent producers is left out, since the other cluster gives the same producer ids to others, whose first batches
// would be taken for repetitions. KeepProducers takes the state along, for producers that go on with the id that they have.
type Adoption struct {
	From, Into    string // the directories of the partitions
	Start, End    int64  // offsets: from Start up to End (exclusive)
	Segments      int
	Bytes         int64
	Epochs        [2]int32 // the smallest and the largest leader epoch in the batches
	Aborted       bool     // there are aborted transactions
	Gaps          bool     // there are offsets that no batch holds, as compaction leaves them
	KeepProducers bool

	fs       vfs.FS
	tp       kafka.TopicPartition
	segments []storage.SegmentState
	unlock   []func() error
}

// PlanAdoption locks both data directories, reads the log that is to be copied from its first to its last byte, and changes nothing. Close gives the locks back.
// Both brokers must have been stopped cleanly. Errors: ErrNoAdoption and ErrInUse, wrapped, and those of reading.
func PlanAdoption(from, into string) (*Adoption, error) {
	return planAdoption(vfs.OS(), filepath.ToSlash(from), filepath.ToSlash(into))
}

func planAdoption(v vfs.FS, from, into string) (*Adoption, error) {
	a := &Adoption{From: path.Clean(from), Into: path.Clean(into), fs: v}
	err := a.plan()
	if err != nil {
		err = errors.Join(err, a.Close())
	}
	return a, err
}

// Close gives the locks back.
func (a *Adoption) Close() (err error) {
	for _, unlock := range a.unlock {
		err = errors.Join(err, unlock())
	}
	a.unlock = nil
	return err
}

func noAdoption(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrNoAdoption, fmt.Errorf(format, args...))
}

func (a *Adoption) plan() error {
	source, err := kafka.ParseTopicPartition(path.Base(a.From))
	if err != nil {
		return err
	}
	if a.tp, err = kafka.ParseTopicPartition(path.Base(a.Into)); err != nil {
		return err
	}
	for _, name := range []string{source.Topic, a.tp.Topic} {
		if strings.HasPrefix(name, "__") {
			return noAdoption("%s is an internal topic, which means something to its own cluster only", name)
		}
	}
	for _, dir := range []string{path.Dir(a.From), path.Dir(a.Into)} {
		if err := a.own(dir); err != nil {
			return err
		}
	}
	recovery, start, err := storage.ReadPoints(a.fs, path.Dir(a.From), source)
	if err != nil {
		return err
	}
	st, err := storage.Survey(a.fs, a.From, start, true, true)
	if err != nil {
		return err
	}
	switch {
	case len(st.Segments) == 0:
		return noAdoption("%s has no segments", a.From)
	case st.Swap:
		return noAdoption("%s has a compaction that was not finished: start the broker and stop it", a.From)
	case st.Bad >= 0:
		return noAdoption("%s is damaged: %s at %d: %s", a.From, segmentFile(st.Segments[st.Bad].Base, LogSuffix), st.Segments[st.Bad].Good, st.Reason)
	case st.End < recovery:
		return noAdoption("%s is damaged: it ends at %d and was once on the disk up to %d", a.From, st.End, recovery)
	}
	a.Gaps = len(st.Gaps) > 0
	a.Start, a.End, a.Segments, a.segments = max(st.Start, start), st.End, len(st.Segments), st.Segments
	for _, s := range st.Segments {
		a.Bytes += s.Size
	}
	return errors.Join(a.transactions(), a.empty())
}

// own locks a data directory that was stopped cleanly.
func (a *Adoption) own(dir string) error {
	if _, err := a.fs.Stat(path.Join(dir, MetaFile)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is no data directory: it has no %s", dir, MetaFile)
	}
	unlock, err := storage.LockDir(a.fs, dir)
	if errors.Is(err, storage.ErrLocked) {
		return fmt.Errorf("%s: %w", dir, ErrInUse)
	}
	if err != nil {
		return err
	}
	a.unlock = append(a.unlock, unlock)
	clean, err := storage.StoppedCleanly(a.fs, dir)
	if err == nil && !clean {
		err = noAdoption("the broker of %s was not stopped cleanly: start it and stop it", dir)
	}
	return err
}

// transactions refuses a log with open transactions: their coordinator stays behind, and nobody would ever end them.
func (a *Adoption) transactions() error {
	open, known, err := storage.OpenTransactions(a.fs, a.From, a.End)
	if err != nil {
		return err
	}
	if len(open) > 0 {
		return noAdoption("%s has open transactions, of producers %v: end them first", a.From, open)
	}
	a.Epochs = [2]int32{1<<31 - 1, -1}
	undecided := map[kafka.ProducerID]bool{}
	err = a.eachBatch(func(b batch.Batch) {
		a.Epochs[0], a.Epochs[1] = min(a.Epochs[0], int32(b.LeaderEpoch())), max(a.Epochs[1], int32(b.LeaderEpoch()))
		switch {
		case b.Control():
			delete(undecided, b.ProducerID())
		case b.Transactional():
			undecided[b.ProducerID()] = true
		}
	})
	if err == nil && !known && len(undecided) > 0 {
		err = noAdoption("%s has open transactions: end them first", a.From)
	}
	for _, s := range a.segments {
		if info, err := a.fs.Stat(path.Join(a.From, segmentFile(s.Base, TxnIndexSuffix))); err == nil && info.Size > 0 {
			a.Aborted = true
		}
	}
	return err
}

// eachBatch gives the header of every batch, whose records are not there.
func (a *Adoption) eachBatch(f func(batch.Batch)) error {
	head := make(batch.Batch, batch.HeaderSize)
	for _, s := range a.segments {
		file, err := a.fs.Open(path.Join(a.From, segmentFile(s.Base, LogSuffix)))
		if err != nil {
			return err
		}
		for pos := int64(0); pos < s.Size && err == nil; {
			if err = readAt(file, head, pos); err == nil {
				n, _ := batch.Size(head) // it has been surveyed
				pos += int64(n)
				f(head)
			}
		}
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// empty wants the partition that the log goes to, without records.
func (a *Adoption) empty() error {
	names, err := a.fs.List(a.Into)
	if errors.Is(err, fs.ErrNotExist) {
		return noAdoption("%s is not there: create the topic on that broker, then stop it", a.Into)
	}
	if err != nil {
		return err
	}
	if _, err := storage.Identity(a.fs, a.Into); err != nil {
		return noAdoption("%s has no usable partition.metadata: %w", a.Into, err)
	}
	for _, name := range names {
		info, err := a.fs.Stat(path.Join(a.Into, name))
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, LogSuffix) && info.Size > 0 {
			return noAdoption("%s has records: only an empty partition takes a log", a.Into)
		}
	}
	return nil
}

// Apply copies. The copy is made in a directory under a name that brokers delete when they start, and takes the place of the empty
// one at the end; until then everything can be done again. A crash between the two renames leaves no directory, and the
// broker makes an empty one at its next start: stop it again, and adopt again.
func (a *Adoption) Apply() error {
	dir := path.Dir(a.Into)
	fresh, err := a.passing(dir)
	if err != nil {
		return err
	}
	if err := a.fs.MkdirAll(fresh); err != nil {
		return err
	}
	if err := a.copyAll(fresh); err != nil {
		return errors.Join(err, a.remove(fresh))
	}
	if a.Start > a.segments[0].Base {
		err = storage.SetStart(a.fs, dir, a.tp, a.Start)
	}
	if err == nil && a.Gaps {
		err = storage.SetSparse(a.fs, dir, a.tp, a.Start)
	}
	if err != nil {
		return errors.Join(err, a.remove(fresh))
	}
	old, err := a.passing(dir)
	if err != nil {
		return err
	}
	if err := a.fs.Rename(a.Into, old); err != nil {
		return errors.Join(err, a.remove(fresh))
	}
	if err := a.fs.Rename(fresh, a.Into); err != nil {
		return err
	}
	if err := a.fs.SyncDir(dir); err != nil {
		return err
	}
	if err := storage.SetRecovered(a.fs, dir, a.tp, a.End); err != nil {
		return err
	}
	return a.remove(old)
}

// passing is a new name beside the partition's that brokers, also Apache Kafka, take for one of a deleted partition.
func (a *Adoption) passing(dir string) (string, error) {
	id, err := randomBytes()
	if err != nil {
		return "", err
	}
	suffix := fmt.Sprintf(".%x-delete", id)
	name := path.Base(a.Into)
	return path.Join(dir, name[:min(len(name), 255-len(suffix))]+suffix), nil
}

func (a *Adoption) remove(dir string) error {
	names, err := a.fs.List(dir)
	for _, name := range names {
		err = errors.Join(err, a.fs.Remove(path.Join(dir, name)))
	}
	return errors.Join(err, a.fs.Remove(dir))
}

// copyAll fills the new directory, durably but for its own name.
func (a *Adoption) copyAll(fresh string) error {
	for _, s := range a.segments {
		if err := a.copySegment(fresh, s); err != nil {
			return err
		}
	}
	if err := a.copyFile(path.Join(a.Into, "partition.metadata"), path.Join(fresh, "partition.metadata")); err != nil {
		return err
	}
	epochs := "0\n0\n"
	if a.End > a.Start {
		epochs = fmt.Sprintf("0\n1\n0 %d\n", a.Start)
	}
	if err := a.write(path.Join(fresh, "leader-epoch-checkpoint"), []byte(epochs)); err != nil {
		return err
	}
	if err := a.producers(fresh); err != nil {
		return err
	}
	return a.fs.SyncDir(fresh)
}

// producers copies what is known of producers, or says that there are none: with a segment of its own that begins at the end, lest
// a broker that recovers the last one sees its batches again.
func (a *Adoption) producers(fresh string) error {
	if !a.KeepProducers {
		if last := a.segments[len(a.segments)-1]; last.Base < a.End {
			if err := a.write(path.Join(fresh, segmentFile(a.End, LogSuffix)), nil); err != nil {
				return err
			}
		}
		return a.write(path.Join(fresh, segmentFile(a.End, SnapshotSuffix)), storage.EmptySnapshot())
	}
	names, err := a.fs.List(a.From)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, SnapshotSuffix) || strings.HasPrefix(name, ".thalweg-") && strings.HasSuffix(name, ".window") {
			if err := a.copyFile(path.Join(a.From, name), path.Join(fresh, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// copySegment copies a segment, with leader epoch 0 in every batch, and its indexes, of which those that are not right are left out.
func (a *Adoption) copySegment(fresh string, s storage.SegmentState) error {
	name := segmentFile(s.Base, LogSuffix)
	from, err := a.fs.Open(path.Join(a.From, name))
	if err != nil {
		return err
	}
	defer from.Close()
	into, err := a.fs.Create(path.Join(fresh, name))
	if err != nil {
		return err
	}
	err = copyBatches(from, into, s.Size)
	if err == nil {
		err = into.Sync()
	}
	if err = errors.Join(err, into.Close()); err != nil {
		return err
	}
	for _, suffix := range []string{IndexSuffix, TimeIndexSuffix, TxnIndexSuffix} {
		if !s.Indexed && suffix != TxnIndexSuffix {
			continue
		}
		err := a.copyFile(path.Join(a.From, segmentFile(s.Base, suffix)), path.Join(fresh, segmentFile(s.Base, suffix)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Positions of the leader epoch in a batch; no checksum covers it.
const epochAt, epochEnd = 12, 16

// copyBatches copies many batches at once.
func copyBatches(from, into vfs.File, size int64) error {
	buf := make([]byte, piece)
	for pos := int64(0); pos < size; {
		window := buf[:min(int64(len(buf)), size-pos)]
		if err := readAt(from, window, pos); err != nil {
			return err
		}
		whole, next := 0, 0 // bytes of whole batches in the window; of the one after them, if that is known
		for whole+batch.HeaderSize <= len(window) {
			n, err := batch.Size(window[whole:])
			if err != nil {
				return err
			}
			if next = n; whole+n > len(window) {
				break
			}
			binary.BigEndian.PutUint32(window[whole+epochAt:whole+epochEnd], 0)
			whole += n
		}
		switch {
		case whole > 0:
			if _, err := into.WriteAt(window[:whole], pos); err != nil {
				return err
			}
			pos += int64(whole)
		case next > len(buf):
			buf = make([]byte, next)
		default:
			return fmt.Errorf("a batch at %d is cut off", pos)
		}
	}
	return nil
}

func (a *Adoption) copyFile(from, into string) error {
	src, err := a.fs.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	size, err := src.Size()
	if err != nil {
		return err
	}
	b := make([]byte, size) // indexes and snapshots: small
	if err := readAt(src, b, 0); err != nil {
		return err
	}
	return a.write(into, b)
}

// write makes a file and syncs it.
func (a *Adoption) write(name string, content []byte) error {
	f, err := a.fs.Create(name)
	if err != nil {
		return err
	}
	if len(content) > 0 {
		_, err = f.WriteAt(content, 0)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
