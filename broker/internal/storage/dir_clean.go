package storage

import (
	"errors"
	"maps"
	"sync"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// cleanerFile is Kafka's name of the checkpoint that says where the next cleaning of each log begins.
const cleanerFile = "cleaner-offset-checkpoint"

// cleanPoints keeps the cleaner's checkpoint of a data directory. A log that is in it may have gaps.
type cleanPoints struct {
	fs   vfs.FS
	path string
	mu   struct {
		sync.Mutex // held while writing
		offsets    offsets
	}
}

// readCleanPoints reads the file; what makes no sense is treated as not there: everything is cleaned again then.
func readCleanPoints(d *disk, path string, found []kafka.TopicIDPartition) (*cleanPoints, error) {
	p := &cleanPoints{fs: d.fs, path: path}
	o, err := readOffsets(d.fs, path+"/"+cleanerFile)
	if errors.Is(err, errCheckpoint) {
		d.lg.Warn("ignoring a checkpoint file", "path", path+"/"+cleanerFile, "error", err)
		o, err = offsets{}, nil
	}
	p.mu.offsets = offsets{}
	for _, tip := range found { // what is said of others is dropped (S-17)
		if at, ok := o[tip.TopicPartition()]; ok {
			p.mu.offsets[tip.TopicPartition()] = at
		}
	}
	return p, err
}

// of is what is known of a partition; -1 nothing.
func (p *cleanPoints) of(tp kafka.TopicPartition) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o, ok := p.mu.offsets[tp]; ok {
		return o
	}
	return -1
}

// set writes the file with a new offset for a partition, or without it for a negative one, durably. On an error nothing has changed.
func (p *cleanPoints) set(tp kafka.TopicPartition, offset int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, had := p.mu.offsets[tp]
	if had && old == offset || !had && offset < 0 {
		return nil
	}
	next := maps.Clone(p.mu.offsets)
	if next[tp] = offset; offset < 0 {
		delete(next, tp)
	}
	if err := writeDurably(p.fs, p.path+"/"+cleanerFile, next.encode()); err != nil {
		return err
	}
	p.mu.offsets = next
	return nil
}
