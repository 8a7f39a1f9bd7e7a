package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// metadataTopic is KRaft's log: it lives beside the partitions but is not one of them.
const metadataTopic = "__cluster_metadata"

// OpenDir locks a data directory, checks that it is the one that is meant (or formats it if it is
// empty), takes the clean-shutdown marker away, durably, and reads the checkpoints. Nothing is
// appended before it returns.
//
// Errors: ErrLocked, ErrNotEmpty, ErrMeta, ErrWrongCluster, ErrWrongNode, those of the file system.
func OpenDir(v vfs.FS, path string, o DirOptions) (*Dir, error) {
	o = o.withDefaults()
	path = strings.TrimRight(path, "/")
	if err := mkdirDurably(v, path); err != nil {
		return nil, err
	}
	lock, err := v.Lock(path + "/" + lockFile)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	d := &Dir{path: path, opts: o, lock: lock, queue: newSyncQueue(o.QueueBytes), epoch: kafka.NoBrokerEpoch}
	d.disk = &disk{fs: v, files: newFileCache(v, o.MaxOpenFiles), random: o.Random, lg: o.Logger, path: path, reserve: o.ReserveBytes, onFail: d.queue.fail, maxProducers: o.MaxProducers, trash: &trash{wake: o.Doomed}}
	d.mu.logs = map[kafka.TopicPartition]*Log{}
	d.mu.opened = map[kafka.TopicPartition]bool{}
	d.mu.replay = map[kafka.TopicIDPartition]bool{}
	if err := d.open(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	return d, nil
}

func (d *Dir) open() error {
	names, err := d.disk.fs.List(d.path)
	if err != nil {
		return err
	}
	if err := d.identity(names); err != nil {
		return err
	}
	if d.disk.renew, err = readFailed(d.disk.fs, d.path); err != nil {
		return err
	}
	if err := d.discardIfClean(names); err != nil {
		return err
	}
	if d.epoch, d.clean, err = takeMarker(d.disk.fs, d.path, &d.meta); err != nil {
		return err
	}
	// After a kill the names may be in the page cache only.
	if err := d.disk.fs.SyncDir(d.path); err != nil {
		return err
	}
	if names, err = d.disk.fs.List(d.path); err != nil {
		return err
	}
	if err := d.survey(names); err != nil {
		return err
	}
	if d.disk.cleaned, err = readCleanPoints(d.disk, d.path, d.found); err != nil {
		return err
	}
	if d.points, err = readDirPoints(d.disk, d.path, d.found); err != nil {
		return err
	}
	if err := d.openCommitLog(names); err != nil {
		return err
	}
	if _, err := d.CheckSpace(); err != nil {
		d.disk.lg.Warn("cannot tell the free space", "error", err)
	}
	return nil
}

// identity reads meta.properties and compares, or formats an empty directory (C-11).
func (d *Dir) identity(names []string) error {
	formatted, content := false, ""
	for _, n := range names {
		switch n {
		case metaFile:
			formatted = true
		case lockFile, "lost+found", metaFile + extTemp:
		default:
			content = n
		}
	}
	if !formatted {
		if content != "" {
			return fmt.Errorf("%w: %s", ErrNotEmpty, content)
		}
		return d.format()
	}
	raw, err := readFile(d.disk.fs, d.path+"/"+metaFile)
	if err != nil {
		return err
	}
	if d.meta, err = parseMeta(raw); err != nil {
		return err
	}
	switch {
	case d.opts.ClusterID != "" && d.opts.ClusterID != d.meta.clusterID:
		return fmt.Errorf("%w: %s, not %s", ErrWrongCluster, d.meta.clusterID, d.opts.ClusterID)
	case d.opts.NodeID != d.meta.nodeID:
		return fmt.Errorf("%w: %d, not %d", ErrWrongNode, d.meta.nodeID, d.opts.NodeID)
	case !d.meta.directory.IsZero():
		return nil
	}
	return d.writeMeta()
}

func (d *Dir) format() error {
	if d.opts.Random == nil {
		return fmt.Errorf("%w: no source of ids to format with", ErrMeta)
	}
	d.meta = metaProperties{clusterID: d.opts.ClusterID, nodeID: d.opts.NodeID}
	if d.meta.clusterID == "" {
		d.meta.clusterID = kafka.MakeUUID(d.opts.Random()).String()
	}
	return d.writeMeta()
}

// writeMeta gives the directory an id and writes meta.properties.
func (d *Dir) writeMeta() error {
	if d.opts.Random == nil {
		return fmt.Errorf("%w: no source for a directory.id", ErrMeta)
	}
	d.meta.directory = kafka.MakeUUID(d.opts.Random())
	return writeDurably(d.disk.fs, d.path+"/"+metaFile, d.meta.encode())
}

// survey finds the partitions. What is no partition with an identity is left alone.
func (d *Dir) survey(names []string) error {
	for _, name := range names {
		info, err := d.disk.fs.Stat(d.path + "/" + name)
		if err != nil {
			return err
		}
		if !info.Dir || name == metadataTopic+"-0" || name == "lost+found" {
			continue
		}
		if futureAt(name) {
			d.futures = append(d.futures, name)
			continue
		}
		if deletedDir.MatchString(name) { // the last run did not come to unlink it
			d.disk.trash.add(&doomed{dir: d.path + "/" + name, whole: true})
			continue
		}
		tip, err := d.partition(name)
		if err != nil {
			if !errors.Is(err, errStray) {
				return err
			}
			d.strays = append(d.strays, name)
			d.disk.lg.Warn("leaving a directory alone that is no partition", "dir", d.path, "name", name, "error", err)
			continue
		}
		d.found = append(d.found, tip)
	}
	return nil
}

// errStray marks a directory that is not a partition's.
var errStray = errors.New("no partition directory")

func (d *Dir) partition(name string) (kafka.TopicIDPartition, error) {
	tp, err := kafka.ParseTopicPartition(name)
	if err != nil {
		return kafka.TopicIDPartition{}, fmt.Errorf("%w: %w", errStray, err)
	}
	content, err := readFile(d.disk.fs, d.path+"/"+name+"/"+partitionFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !plantedUnreadableStray {
		return kafka.TopicIDPartition{}, err // taken for a stray, its checkpoints would be dropped
	}
	var id kafka.TopicID
	if err == nil {
		id, err = parsePartition(content)
	}
	if err != nil {
		return kafka.TopicIDPartition{}, fmt.Errorf("%w: %w", errStray, err)
	}
	return kafka.TopicIDPartition{ID: id, Topic: tp.Topic, Partition: tp.Partition}, nil
}
