package storage

import (
	"crypto/sha256"
	"errors"
	"maps"
	"sync"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// dirPoints keeps the offset checkpoints of a data directory: Kafka's three text files.
type dirPoints struct {
	disk *disk
	path string
	mu   struct {
		sync.Mutex // held while writing: the files follow the maps in order
		recovery   offsets
		start      offsets
		hint       offsets
		written    map[string][sha256.Size]byte
		filed      offsets                           // the recovery points that the file holds, or held before a failed write
		stale      map[kafka.TopicPartition]struct{} // of which a file may say something although they are gone
	}
}

// readDirPoints reads the files. What makes no sense is treated as not there; what is said of
// partitions that are not there is dropped (S-17). A file that cannot be read is an error: without
// it records would come back that were deleted.
func readDirPoints(d *disk, path string, found []kafka.TopicIDPartition) (*dirPoints, error) {
	p := &dirPoints{disk: d, path: path}
	there := make(map[kafka.TopicPartition]bool, len(found))
	for _, tip := range found {
		there[tip.TopicPartition()] = true
	}
	p.mu.written = map[string][sha256.Size]byte{}
	p.mu.stale = map[kafka.TopicPartition]struct{}{}
	var failed error
	read := func(name string) offsets {
		o, err := readOffsets(d.fs, path+"/"+name)
		if err != nil && !errors.Is(err, errCheckpoint) {
			failed = err
		} else if err != nil {
			d.lg.Warn("ignoring a checkpoint file", "path", path+"/"+name, "error", err)
		} else {
			p.mu.written[name] = sha256.Sum256(o.encode())
		}
		for tp := range o {
			if !there[tp] {
				delete(o, tp)
				p.mu.stale[tp] = struct{}{}
			}
		}
		return o
	}
	p.mu.recovery, p.mu.start, p.mu.hint = read(recoveryPointFile), read(logStartFile), read(highWatermarkFile)
	p.mu.filed = maps.Clone(p.mu.recovery)
	return p, failed
}

// of tells what is known of a partition.
func (p *dirPoints) of(tp kafka.TopicPartition) found {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := found{recovery: p.mu.recovery[tp], start: p.mu.start[tp], hint: -1, cleaned: p.disk.cleaned.of(tp)}
	if hw, ok := p.mu.hint[tp]; ok {
		k.hint = hw
	}
	return k
}

// raiseStart sets a partition's log start before it is open.
func (p *dirPoints) raiseStart(tp kafka.TopicPartition, start int64) {
	p.mu.Lock()
	p.mu.start[tp] = start
	p.mu.Unlock()
}

// forget drops a partition that is new or gone, durably. Of one that nothing is said of, thousands of which are made at
// once, nothing is written.
func (p *dirPoints) forget(tp kafka.TopicPartition) error {
	if err := p.disk.cleaned.set(tp, -1); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dropLocked(tp); len(p.mu.stale) == 0 {
		return nil
	}
	if _, stale := p.mu.stale[tp]; !stale {
		return nil
	}
	return p.writeAllLocked()
}

// dropLocked drops a partition from memory, and remembers if a file may still tell of it.
func (p *dirPoints) dropLocked(tp kafka.TopicPartition) {
	for _, o := range []offsets{p.mu.recovery, p.mu.start, p.mu.hint} {
		if _, there := o[tp]; there {
			delete(o, tp)
			p.mu.stale[tp] = struct{}{}
		}
	}
}

// drop is forget without waiting for the disk, for a partition that is not there any more: what the files still say of
// it is dropped when they are read (S-17), or when a log of that name is created.
func (p *dirPoints) drop(tp kafka.TopicPartition) {
	p.mu.Lock()
	p.dropLocked(tp)
	p.mu.Unlock()
}

func (p *dirPoints) lower(l *Log, offset int64) error {
	tp := l.tip.TopicPartition()
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.mu.recovery[tp]
	p.mu.recovery[tp] = min(old, offset)
	if p.mu.filed[tp] <= offset { // whatever memory says, it is the file that must not be above
		return nil
	}
	err := p.writeLocked(recoveryPointFile, p.mu.recovery)
	if err != nil { // asked again, it must be written
		p.mu.recovery[tp] = old
	}
	return err
}

func (p *dirPoints) note(l *Log) {
	tp := l.tip.TopicPartition()
	p.mu.Lock()
	p.mu.recovery[tp] = l.recovery.Load()
	p.mu.start[tp] = l.startToFile()
	if hw := l.HighWatermarkHint(); hw >= 0 {
		p.mu.hint[tp] = hw
	}
	p.mu.Unlock()
}

func (p *dirPoints) noteStart(l *Log) {
	tp := l.tip.TopicPartition()
	p.mu.Lock()
	p.mu.start[tp] = l.startToFile()
	if hw := l.HighWatermarkHint(); hw >= 0 {
		p.mu.hint[tp] = hw
	}
	p.mu.Unlock()
}

func (p *dirPoints) write() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writeAllLocked()
}

// writeAllLocked writes the files that would change. After it they tell of nothing but what is in memory.
func (p *dirPoints) writeAllLocked() error {
	for _, f := range []struct {
		name string
		o    offsets
	}{{logStartFile, p.mu.start}, {highWatermarkFile, p.mu.hint}, {recoveryPointFile, p.mu.recovery}} {
		if err := p.writeLocked(f.name, f.o); err != nil {
			return err
		}
	}
	clear(p.mu.stale)
	return nil
}

func (p *dirPoints) writeStart() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writeLocked(logStartFile, p.mu.start)
}

// writeLocked replaces one file if it would change.
func (p *dirPoints) writeLocked(name string, o offsets) error {
	content := o.encode()
	sum := sha256.Sum256(content)
	if have, ok := p.mu.written[name]; ok && have == sum {
		return nil
	}
	delete(p.mu.written, name)
	if err := writeDurably(p.disk.fs, p.path+"/"+name, content); err != nil {
		return err
	}
	p.mu.written[name] = sum
	if name == recoveryPointFile {
		p.mu.filed = maps.Clone(o)
	}
	return nil
}
