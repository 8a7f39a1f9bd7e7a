package sim

import (
	"errors"
	"fmt"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// A snapshot is a file on the metadata disk: the records of an image as one batch. Its name is the
// reference.

// compact makes a snapshot of what is applied when enough entries have come since the last one.
func (n *node) compact() {
	st := n.core.Status()
	if every := n.w.plan.Limits.CompactEvery; every == 0 || st.Applied < st.Floor+every && !n.core.NeedsSnapshot() {
		return
	}
	var b batch.Builder
	b.Reset(batch.BuilderOptions{})
	n.loader.Current().Records(func(r schema.Record, version int16) bool {
		value, err := schema.Append(nil, r, version)
		n.w.must(err)
		b.Append(0, nil, value, nil)
		return true
	})
	if b.NumRecords() == 0 {
		return
	}
	content, err := b.Build()
	n.w.must(err)
	ref := fmt.Sprintf("meta/snapshot-%d-%d", st.Applied, n.loader.Current().Offset())
	if n.failed(n.save(ref, content)) {
		return
	}
	switch err := n.core.Compact(st.Applied, []byte(ref)); {
	case errors.Is(err, quorum.ErrCompacted): // the voters have changed meanwhile
	case !n.failed(err):
		n.w.some.hit("metadata log compacted")
	}
}

// save makes a file durable.
func (n *node) save(name string, content []byte) error {
	f, err := n.errors.meta.Create(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return n.errors.meta.SyncDir("meta")
}

// load reads a snapshot from a disk, or nil if it is not there.
func load(disk vfs.FS, name string) []byte {
	f, err := disk.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil
	}
	content := make([]byte, size)
	if n, _ := f.ReadAt(content, 0); n < len(content) {
		return nil
	}
	return content
}

// Fetch implements quorum.Fetcher: it asks the other node for the file.
func (n *node) Fetch(from kafka.BrokerID, s quorum.Snapshot) {
	other, generation, ref := n.w.nodes[from], n.generation, string(s.Ref)
	n.w.exchange(n.id, int(from), "snapshot", nil, controlWithin, func(c *connection) {
		c.answer("snapshot answer", nil, load(other.errors.meta, ref))
	}, func(answer any, _ error) {
		if n.generation != generation {
			return
		}
		n.later(0, "snapshot", func() {
			content, _ := answer.([]byte)
			if content != nil && n.failed(n.save(ref, content)) {
				return
			}
			n.failed(n.core.Fetched(s.Ref, content != nil))
			n.advanceSoon()
		})
	})
}

// Restore implements quorum.Restorer.
func (m *watched) Restore(s quorum.Snapshot) error {
	m.n.w.some.hit("snapshot installed")
	m.n.w.say("note over n%d: begins from a snapshot of entry %d", m.n.id, s.Index)
	if err := m.n.restore(s); err != nil {
		return err
	}
	m.inner.Loader = m.n.loader
	m.n.w.oracle.restored(m.n, s)
	m.inner.Controller.Apply(nil, m.n.loader.Current())
	return nil
}

// restore lets a new loader begin from a snapshot.
func (n *node) restore(s quorum.Snapshot) error {
	content := load(n.errors.meta, string(s.Ref))
	if content == nil {
		n.w.violate("C-20", "node %d has a floor at %d and no snapshot %s", n.id, s.Index, s.Ref)
	}
	b, _, err := batch.Next(content)
	if err != nil {
		return err
	}
	n.loader = metadata.NewLoader(metadata.ImageOptions{ClusterID: clusterID, NodeID: kafka.BrokerID(n.id)})
	n.subscribe()
	if err := n.loader.Apply(s.Offset-1-int64(b.LastOffsetDelta()), int32(s.Term), b); err != nil {
		return err
	}
	n.loader.PublishNow()
	return nil
}
