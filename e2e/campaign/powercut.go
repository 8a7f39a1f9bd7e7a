package main

import (
	"context"
	"errors"
	"time"

	"github.com/thalweg-io/thalweg/e2e/powercut"
	"github.com/thalweg-io/thalweg/e2e/trial"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// cutKinds are the moments at which the power is cut.
var cutKinds = []struct {
	name  string
	ops   vfs.OpSet // 0: any time
	after bool
	most  int // the n-th of them is drawn up to here
}{
	{"at any time", 0, false, 0},
	{"before a sync", vfs.SyncLike, false, 40},
	{"after a sync that nobody heard of", vfs.SyncLike, true, 40},
	{"before a write", vfs.Ops(vfs.OpWrite), false, 100},
	{"after a new file", vfs.Ops(vfs.OpCreate), true, 6},
	{"after a rename, before its directory is synced", vfs.Ops(vfs.OpRename), true, 3},
	{"before a directory is synced", vfs.Ops(vfs.OpSyncDir), false, 6},
}

// fates are what becomes of what was not synced.
var fates = []struct {
	name     string
	unsynced vfs.Unsynced
}{
	{"every block and every name drawn for itself", vfs.DrawUnsynced},
	{"every block and every name drawn for itself", vfs.DrawUnsynced},
	{"all lost", vfs.LoseUnsynced},
	{"all kept", vfs.KeepUnsynced},
}

// trapWithin is how long to wait for a trap.
const trapWithin = 2 * time.Second

func powerCut(ctx context.Context, o *options, p *page) error {
	return onDisk(ctx, o, p, func(t *troubled) error {
		return t.rounds(ctx, t.Trial, o.n, func() (string, error) {
			kind, err := t.cut(ctx, t.Trial, t.disk)
			if err == nil {
				err = t.Restart()
			}
			return kind, err
		})
	})
}

// cut cuts the power beneath a running broker. The result says when it was cut.
func (c *crashes) cut(ctx context.Context, t *trial.Trial, disk *powercut.Disk) (string, error) {
	kind := cutKinds[c.rng.IntN(len(cutKinds))]
	name := kind.name
	if kind.ops == 0 {
		c.wait(ctx, 500*time.Millisecond)
	} else {
		select {
		case <-disk.FreezeAt(kind.ops, 1+c.rng.IntN(kind.most), kind.after):
		case <-time.After(trapWithin):
			name = "at any time"
		case <-ctx.Done():
			return name, ctx.Err()
		}
	}
	over := t.Fault("power cut " + name)
	defer over()
	disk.Freeze()
	if err := t.SendKill(); err != nil {
		return name, err
	}
	fate := fates[c.rng.IntN(len(fates))]
	c.kinds["unsynced data: "+fate.name]++
	damage, err := disk.Crash(c.rng, vfs.CrashOptions{Unsynced: fate.unsynced})
	c.damage.Add(damage)
	if err := errors.Join(err, t.Await()); err != nil {
		return name, err
	}
	return name, disk.Remount()
}
