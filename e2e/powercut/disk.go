package powercut

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Disk is a mounted file system whose power can be cut. See the package's comment.
type Disk struct {
	dir   string
	mem   *vfs.MemFS
	fs    *vfs.ErrorFS
	gate  *gate
	mount mounted

	wake chan struct{} // closed when latencies end at once: the power is being cut
	once sync.Once
}

// Mount serves an empty disk at a directory, which must exist and be empty. The caller calls Close.
// Errors: ErrUnavailable (wrapped, with what is missing), or what the system says.
func Mount(dir string) (*Disk, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	d := &Disk{dir: dir}
	return d, d.serve(vfs.NewMem())
}

// serve mounts a file system.
func (d *Disk) serve(mem *vfs.MemFS) error {
	mem.SetClock(time.Now)
	d.mem, d.fs, d.gate = mem, vfs.WithErrors(mem), newGate()
	wake := make(chan struct{})
	d.wake, d.once = wake, sync.Once{}
	d.fs.SetSleep(func(latency time.Duration) {
		select {
		case <-time.After(latency):
		case <-wake:
		}
	})
	m, err := mountAt(d.dir, d.fs, d.gate)
	if err != nil {
		return fmt.Errorf("mount a disk at %s: %w", d.dir, err)
	}
	d.mount = m
	return nil
}

// Dir is where the disk is mounted.
func (d *Disk) Dir() string { return d.dir }

// Faults is where rules go that make operations fail or wait. Remount takes all of them away.
func (d *Disk) Faults() *vfs.ErrorFS { return d.fs }

// Files is the disk's content, past the mount and its rules: what is done here is not seen by
// processes that have looked at the same names already.
func (d *Disk) Files() *vfs.MemFS { return d.mem }

// FreezeAt sets a trap: the disk freezes before, or right after, the n-th operation of a set from
// now on, counted from 1. The channel is closed when that has happened; Freeze follows.
func (d *Disk) FreezeAt(ops vfs.OpSet, n int, after bool) <-chan struct{} {
	return d.gate.set(ops, n, after)
}

// Freeze lets no operation begin or return any more, and waits for those that run.
func (d *Disk) Freeze() {
	d.once.Do(func() { close(d.wake) })
	d.gate.freeze()
}

// Crash cuts the power of a frozen disk: what Remount will serve is drawn now. The process on top
// must have been sent SIGKILL; it can die only now. The result is how that differs from what it
// had written.
func (d *Disk) Crash(rng *rand.Rand, o vfs.CrashOptions) (Damage, error) {
	before := d.mem
	d.mem = before.CrashClone(rng, o)
	damage, err := Compare(before, d.mem, "/")
	d.gate.breakDown()
	return damage, err
}

// Remount serves what survived the crash. Nobody may have files of the disk open.
func (d *Disk) Remount() error {
	if err := d.mount.unmount(); err != nil {
		return fmt.Errorf("unmount %s: %w", d.dir, err)
	}
	return d.serve(d.mem)
}

// Close unmounts the disk. What waits in it is refused. Processes that still have files of the disk
// open get errors from now on.
func (d *Disk) Close() error {
	d.once.Do(func() { close(d.wake) })
	d.gate.breakDown()
	if err := d.mount.unmount(); err != nil {
		return fmt.Errorf("unmount %s: %w", d.dir, err)
	}
	return nil
}
