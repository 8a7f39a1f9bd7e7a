package storage

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
)

// ErrFull is returned to clients' appends while the file system of the data directory has less
// room than the reserve (S-11). Reads, replication, deletion and metadata go on. It passes by
// itself when there is room again. It matches syscall.ENOSPC.
var ErrFull = fmt.Errorf("data directory has no room left: %w", syscall.ENOSPC)

// errNoRoom marks that a file could not be replaced for lack of room: the old one is untouched and
// nothing is lost, it may be tried again.
var errNoRoom = errors.New("no room to replace the file")

const (
	// maxReserve bounds the reserve that is kept if none is asked for: this much, or a fiftieth of
	// the file system if that is less.
	maxReserve = 1 << 30
	// spaceCheckBytes is how much is synced at most between two looks at the free space.
	spaceCheckBytes = 16 << 20
	// spaceCheckMs is how often the free space is looked at because a client was refused.
	spaceCheckMs = 500
)

// space knows whether a data directory takes clients' records. The zero value does.
type space struct {
	full    atomic.Bool
	checked atomic.Int64 // ms, of the last look because of a refusal
}

// Full reports whether clients' appends are refused for lack of room (S-11).
func (d *Dir) Full() bool { return d.disk.space.full.Load() }

// CheckSpace looks at the free space of the directory's file system. Below the reserve
// (DirOptions.ReserveBytes) clients' appends are refused with ErrFull; they are taken again at twice the reserve. The
// syncer calls it as it writes and refused appends do now and then; the owner may at any time.
func (d *Dir) CheckSpace() (full bool, err error) { return d.disk.checkSpace() }

func (d *disk) checkSpace() (bool, error) {
	if d.reserve < 0 {
		d.space.full.Store(false)
		return false, nil
	}
	u, err := d.fs.Usage(d.path)
	if err != nil {
		return d.space.full.Load(), fmt.Errorf("free space of %s: %w", d.path, err)
	}
	reserve := d.reserve
	if reserve == 0 {
		reserve = min(maxReserve, u.Total/50)
	}
	was := d.space.full.Load()
	now := u.Free < reserve || was && u.Free < 2*reserve && !plantedNoHysteresis
	if d.space.full.CompareAndSwap(was, now) && was != now {
		d.lg.Warn("data directory and its reserve", "dir", d.path, "refusing", now, "free", u.Free, "reserve", reserve)
	}
	return now, nil
}

// refuse says whether a client's append is refused, after another look if the last one is old.
func (d *disk) refuse(nowMs int64) bool {
	if !d.space.full.Load() {
		return false
	}
	if last := d.space.checked.Load(); nowMs-last >= spaceCheckMs || nowMs < last {
		d.space.checked.Store(nowMs)
		d.checkSpace()
	}
	return d.space.full.Load()
}

// noRoom takes an error of replacing a file for what it is: after lack of room the directory stays
// in service and refuses clients, anything else takes it offline.
func (d *disk) noRoom(err error) error {
	if errors.Is(err, errNoRoom) {
		d.ranOut()
		return err
	}
	return d.fail(err)
}

// ranOut notes that the file system had no room.
func (d *disk) ranOut() {
	if d.reserve >= 0 {
		d.space.full.Store(true)
	}
}
