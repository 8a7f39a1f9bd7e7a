package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// A partition's directory that is taken aside (Dir.Park) takes along what only the data directory knew of it, in two files of
// ours: the points of the checkpoints, and what is to be replayed into the log. If an operator gives it its name back, in this data
// directory or another one, the next opening does what it would have done then. The second file is not there if there is nothing to
// replay; the first one is removed last.
const (
	parkedFile       = ".thalweg-parked"
	parkedReplayFile = ParkedReplay
)

// ParkedReplay is the name, in the directory of a partition, of what is to be replayed into it.
const ParkedReplay = ".thalweg-parked-replay"

// parked is what the first file holds: Kafka's text form of a checkpoint, with three lines, of two words each.
type parked struct{ recovery, start, cleaned int64 }

func (p parked) encode() []byte {
	return fmt.Appendf(appendCheckpoint(nil, 3), "recovery-point %d\nlog-start %d\ncleaned %d\n", p.recovery, p.start, p.cleaned)
}

func parseParked(content []byte) (p parked, err error) {
	lines, err := parseCheckpoint(content, 2)
	if err != nil {
		return p, err
	}
	if len(lines) != 3 {
		return p, errCheckpoint
	}
	for i, field := range []struct {
		name  string
		value *int64
		least int64
	}{{"recovery-point", &p.recovery, 0}, {"log-start", &p.start, 0}, {"cleaned", &p.cleaned, -1}} {
		n, err := strconv.ParseInt(lines[i][1], 10, 64)
		if err != nil || lines[i][0] != field.name || n < field.least {
			return p, errCheckpoint
		}
		*field.value = n
	}
	return p, nil
}

// readParked reads the first file of a partition's directory; ok says that it is there. Errors: CorruptError, of the file system.
func readParked(v vfs.FS, dir string) (p parked, ok bool, err error) {
	content, err := readFile(v, dir+"/"+parkedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err != nil {
		return p, false, err
	}
	if p, err = parseParked(content); err != nil {
		return p, false, &CorruptError{Path: dir + "/" + parkedFile, Position: -1, Offset: -1, Reason: err.Error()}
	}
	return p, true, nil
}

// takeAlong writes both files into the directory of a partition that is to be parked, durably. What is to be replayed is still beside it
// until it has its new name.
func (d *Dir) takeAlong(tip kafka.TopicIDPartition, dir string) error {
	before, ok, err := readParked(d.disk.fs, dir)
	if err != nil {
		return err
	}
	r, err := d.openReplay(tip)
	if err != nil || r == nil && ok { // it was parked before and has not been opened since
		return err
	}
	k := d.points.of(tip.TopicPartition())
	p := parked{max(k.recovery, before.recovery), max(k.start, before.start), k.cleaned}
	if err := writeDurably(d.disk.fs, dir+"/"+parkedFile, p.encode()); err != nil || r == nil {
		return err
	}
	defer r.Close()
	f, err := commitlog.Create(d.disk.fs, dir+"/"+parkedReplayFile, kafka.UUID{})
	if err != nil {
		return err
	}
	for {
		if ok, err = r.Next(); err != nil || !ok {
			break
		}
		f.Add(r.Entry(), r.Payload())
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil && !r.Complete() {
		err = unreadableReplay(r.Name())
	}
	if err == nil {
		err = d.disk.fs.SyncDir(dir)
	}
	return err
}

// returned brings what a parked partition had taken along into what is known of it. back says that there was something: bringBack ends
// it. Errors: CorruptError, of the file system.
func (d *Dir) returned(tip kafka.TopicIDPartition, dir string, k *found) (back bool, err error) {
	p, ok, err := readParked(d.disk.fs, dir)
	if err != nil || !ok || plantedParkedForgotten {
		return false, err
	}
	tp := tip.TopicPartition()
	k.clean = false // it was not, when it was taken aside
	k.recovery, k.start = max(k.recovery, p.recovery), max(k.start, p.start)
	d.points.raiseStart(tp, k.start)
	if k.cleaned < 0 && p.cleaned >= 0 {
		k.cleaned = p.cleaned
		if err := d.disk.cleaned.set(tp, p.cleaned); err != nil {
			return true, err
		}
	}
	if k.replay != nil { // it was never parked: a crash came before, and this is all that was written
		return true, nil
	}
	name := dir + "/" + parkedReplayFile
	k.replay, err = commitlog.Open(d.disk.fs, name, kafka.UUID{})
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err == nil && k.replay == nil {
		err = unreadableReplay(name)
	}
	return true, err
}

// unreadableReplay is the damage of a file that is to be replayed: it was given its name when all of it was on the disk.
func unreadableReplay(name string) error {
	return &CorruptError{Path: name, Position: 0, Offset: -1, Reason: "what is to be replayed cannot be read"}
}

// bringBack removes both files after the log has been opened with what they said, and its points are durable elsewhere.
func (d *Dir) bringBack(l *Log) error {
	if err := l.notePoints(); err != nil {
		return err
	}
	if err := d.points.write(); err != nil {
		return err
	}
	for _, name := range []string{parkedReplayFile, parkedFile} {
		if err := removeIfExists(d.disk.fs, l.path+"/"+name); err != nil {
			return err
		}
		if err := d.disk.fs.SyncDir(l.path); err != nil {
			return err
		}
	}
	d.disk.lg.Info("a log that had been taken aside is back", "log", l.path, "start", l.start.Load(), "end", l.end.Load())
	return nil
}
