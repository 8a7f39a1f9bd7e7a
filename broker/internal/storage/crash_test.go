package storage

import (
	"math/rand/v2"
	"testing"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestCrashAtEverySync takes a crash clone of the disk at every sync that the log makes, recovers
// it and compares: what was flushed is there, nothing else but what was appended. Some recoveries
// are themselves crashed at every sync (S-19).
func TestCrashAtEverySync(t *testing.T) {
	for seed := range uint64(seeds(t, 12)) {
		m := newModel(t, 1000+seed)
		m.crashAlong()
	}
}

// crashAlong runs the model with clones taken after every operation that makes something durable.
func (m *model) crashAlong() {
	syncs := vfs.Ops(vfs.OpSyncData, vfs.OpSyncDir, vfs.OpSync)
	depth := 0
	var try func(fs *vfs.MemFS)
	try = func(fs *vfs.MemFS) {
		depth++
		defer func() { depth-- }()
		c := *m // a model of its own, over the clone
		c.rng = rand.New(rand.NewPCG(m.rng.Uint64(), 2))
		c.list = append([]entry(nil), m.list...)
		if depth == 1 && m.rng.IntN(8) == 0 {
			fs.SetHook(func(op vfs.Op, _ string) {
				if syncs.Has(op) {
					try(fs.CrashClone(m.rng, vfs.CrashOptions{}))
				}
			})
		}
		c.recovered(fs)
		fs.SetHook(nil)
	}
	m.open()
	for range 60 {
		m.fs.SetHook(func(op vfs.Op, _ string) {
			if syncs.Has(op) && m.log != nil {
				m.floor = max(m.floor, min(m.log.FlushedEndOffset(), m.cap))
				try(m.fs.CrashClone(m.rng, vfs.CrashOptions{}))
			}
		})
		m.step()
	}
	m.fs.SetHook(nil)
}
