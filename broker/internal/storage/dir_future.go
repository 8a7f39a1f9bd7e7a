package storage

import (
	"errors"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// A log moves to another data directory (KIP-113) as a copy: a log of its own, in a directory with Kafka's suffix, which gets
// batches as a follower does. When it has everything, and nobody appends any more, it is made complete (CompleteFuture), the
// log that it was copied from is removed, and it takes its name (AdoptFuture). A crash leaves, durably,
//
//	an incomplete copy and the log:  the log counts, the copy is thrown away and may be begun again
//	a complete copy and the log:     the same: nothing was appended since
//	a complete copy and no log:      the copy takes the name at the start (SettleFutures)
//	the copy under the name:         it counts

// OpenFuture begins a copy of a partition's log at an offset, which must be where a batch begins. What is left of an earlier
// copy of that partition is thrown away. The owner calls Log.Sync when he likes, and ends it by CompleteFuture or DropFuture.
// Errors: as OpenLog.
func (d *Dir) OpenFuture(tip kafka.TopicIDPartition, cfg Config, start int64) (*Log, error) {
	if err := kafka.CheckTopicName(tip.Topic); err != nil { // before it becomes a path (S-15)
		return nil, err
	}
	if err := d.disk.err(); err != nil {
		return nil, err
	}
	if err := d.disk.refuseStalled(); err != nil {
		return nil, err
	}
	defer d.disk.ops.begin()()
	said := future{tip: tip}
	path, err := d.asidePath(tip, futureSuffix)
	if err == nil {
		_, err = identifyDurably(d.disk.fs, path, tip.ID)
	}
	if err == nil {
		err = writeDurably(d.disk.fs, path+"/"+futureFile, said.encode())
	}
	if err != nil {
		return nil, d.disk.noRoom(err)
	}
	cfg.Flush, cfg.Sparse = FlushOS, true // the log may have holes
	l, err := openLog(d.disk, path, tip, cfg, nil, &filePoints{disk: d.disk, path: path + "/" + stateFile}, found{recovery: start, start: start, hint: -1, cleaned: -1})
	if err != nil {
		d.throwAwayDir(path)
		return nil, err
	}
	return l, nil
}

// CompleteFuture closes the copy l of a log and makes it complete, durably: the caller answers for its having all that the log
// has, and for nothing being appended to that one any more. Errors: those of Log.Close; the copy is not complete then.
func (d *Dir) CompleteFuture(l, of *Log, highWatermark int64) error {
	if err := l.Close(); err != nil {
		return err
	}
	l.cleaned.Store(of.cleaned.Load())
	said := future{tip: l.tip, complete: true, start: l.start.Load(), end: l.end.Load(), hwm: highWatermark, cleaned: l.cleaned.Load()}
	if err := writeDurably(d.disk.fs, l.path+"/"+futureFile, said.encode()); err != nil {
		return d.disk.noRoom(err)
	}
	return nil
}

// SavePoints makes the log's recovery point and log start durable in the checkpoints of its directory. Errors: as Dir.Checkpoint.
func (l *Log) SavePoints() error {
	if err := l.notePoints(); err != nil {
		return err
	}
	if err := l.points.write(); err != nil {
		return l.disk.noRoom(err)
	}
	return nil
}

// DropFuture throws a copy away that OpenFuture has begun, also a complete one, which is not complete any more, durably, when
// nil is returned. Its files go by and by (Unlink).
func (d *Dir) DropFuture(l *Log) error {
	l.freeze()
	l.abandon()
	said := future{tip: l.tip}
	if err := writeDurably(d.disk.fs, l.path+"/"+futureFile, said.encode()); err != nil {
		return d.disk.noRoom(err)
	}
	return d.throwAwayDir(l.path)
}

// AdoptFuture gives a complete copy the partition's name; OpenLog then opens it. The directory must have no log of that name.
// Errors: ErrOffline and those of the file system; the copy is still there and complete.
func (d *Dir) AdoptFuture(l *Log) error {
	return d.adopt(l.path, &future{tip: l.tip, start: l.start.Load(), end: l.end.Load(), hwm: l.hint.Load(), cleaned: l.cleaned.Load()})
}

func (d *Dir) adopt(path string, said *future) error {
	defer d.disk.ops.begin()()
	tp := said.tip.TopicPartition()
	v, name := d.disk.fs, d.path+"/"+tp.String()
	// First what the files under the name will mean: without it records would come back that were deleted.
	var err error
	if !plantedAdoptForgets {
		err = d.points.adopt(tp, said)
	}
	if err == nil { // a log that may have gaps is known by this
		err = d.disk.cleaned.set(tp, said.cleaned)
	}
	if err == nil {
		err = v.Rename(path, name)
	}
	if err == nil {
		err = v.SyncDir(d.path)
	}
	if err != nil {
		return d.disk.noRoom(err)
	}
	for _, leftover := range []string{futureFile, stateFile} { // they mean nothing under this name
		if err := removeIfExists(v, name+"/"+leftover); err != nil {
			return d.disk.fail(err)
		}
	}
	return nil
}

// throwAwayDir has a directory unlinked that nobody needs. After a crash the next start finds it again.
func (d *Dir) throwAwayDir(path string) error {
	if err := d.disk.err(); err != nil {
		return err
	}
	aside := path[:len(path)-len(futureSuffix)] + deleteSuffix // as unlike any other as it was
	if err := d.disk.fs.Rename(path, aside); err != nil {
		return d.disk.noRoom(err)
	}
	d.disk.trash.add(&doomed{dir: aside, whole: true})
	return nil
}

// adopt notes, durably, what a copy brings with it.
func (p *dirPoints) adopt(tp kafka.TopicPartition, said *future) error {
	p.mu.Lock()
	p.mu.recovery[tp], p.mu.start[tp] = said.end, said.start
	delete(p.mu.hint, tp)
	if said.hwm >= 0 {
		p.mu.hint[tp] = said.hwm
	}
	p.mu.Unlock()
	return p.write()
}

// Moving is a partition's log that was being copied to another directory when the process ended.
type Moving struct {
	ID kafka.TopicIDPartition
	To *Dir
}

// SettleFutures looks after the copies that the last run has left in the directories of a node, before logs are opened: a
// complete one whose log is in none of them takes its name, one whose log is there is thrown away and returned, to be begun
// again. lost says that not all directories are there: then a log that is missing may be in another one, and a complete copy
// is left as it is (S-17). A directory that fails is offline then.
func SettleFutures(dirs []*Dir, lost bool) (again []Moving) {
	at := make(map[kafka.TopicIDPartition]bool)
	for _, d := range dirs {
		for _, tip := range d.found {
			at[tip] = true
		}
	}
	for _, d := range dirs {
		for _, name := range d.futures {
			path := d.path + "/" + name
			said, err := d.readFuture(name)
			switch {
			case err != nil && !errors.Is(err, errFuture):
				_ = d.disk.fail(err)
			case err == nil && at[said.tip]:
				if d.throwAwayDir(path) == nil {
					again = append(again, Moving{said.tip, d})
				}
			case err != nil || !said.complete && !plantedAdoptUnfinished:
				d.disk.lg.Warn("throwing away an unfinished copy of a log", "dir", d.path, "name", name)
				_ = d.throwAwayDir(path) // the directory is offline otherwise
			case lost:
				d.disk.lg.Warn("a complete copy of a log is kept until all directories are there", "dir", d.path, "name", name)
			case d.adopt(path, &said) == nil:
				d.found = append(d.found, said.tip)
				at[said.tip] = true
			}
		}
		d.futures = nil
	}
	return again
}

// futureAt reports whether a name is that of a copy.
func futureAt(name string) bool { return futureDir.MatchString(name) }
