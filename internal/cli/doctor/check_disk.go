package doctor

import (
	"path/filepath"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/output"
)

// What is written to measure a disk.
const (
	writeBytes = 32 << 20
	syncTimes  = 25
)

// Bounds of what is thought of a disk.
const (
	littleSpace = 1 << 30 // bytes; below it a broker stops soon
	someSpace   = 5 << 30
	slowDisk    = 20 << 20 // bytes a second
	slowSync    = 20 * time.Millisecond
	fastSync    = 20 * time.Microsecond // no disk is so fast: somebody does not flush
)

// Disk examines a data directory.
func Disk(m Machine, dir string) []Finding {
	at := "data directory " + dir
	exists, err := m.Exists(dir)
	if err != nil {
		return []Finding{fail(at, "log.dirs names another directory", "cannot be used: %v", err)}
	}
	var list []Finding
	where := dir
	if exists {
		list = append(list, ok(at, "is there"))
	} else {
		if where, err = existing(m, dir); err != nil {
			return []Finding{fail(at, "log.dirs names another directory", "cannot be made: %v", err)}
		}
		list = append(list, ok(at, "will be made in %s at the first start", where))
	}
	list = append(list, space(m, where), speed(m, where))
	if last := list[len(list)-1]; last.State == Failed {
		return list // what cannot be written to is not measured further
	}
	return append(list, flush(m, where))
}

// existing is the nearest directory above one that does not exist.
func existing(m Machine, dir string) (string, error) {
	for {
		up := filepath.Dir(dir)
		there, err := m.Exists(up)
		if err != nil || there || up == dir {
			return up, err
		}
		dir = up
	}
}

func space(m Machine, dir string) Finding {
	const check, remedy = "disk space", "make room, or let log.dirs name a larger disk"
	free, size, err := m.Space(dir)
	switch {
	case err != nil:
		return warn(check, remedy, "cannot be told: %v", err)
	case free < littleSpace:
		return fail(check, remedy, "%s free of %s", output.Bytes(int64(free)), output.Bytes(int64(size)))
	case free < someSpace:
		return warn(check, remedy, "%s free of %s", output.Bytes(int64(free)), output.Bytes(int64(size)))
	}
	return ok(check, "%s free of %s", output.Bytes(int64(free)), output.Bytes(int64(size)))
}

func speed(m Machine, dir string) Finding {
	const check = "disk speed"
	took, err := m.Write(dir, writeBytes)
	if err != nil {
		return fail(check, "the user that runs the server needs to write there", "cannot write: %v", err)
	}
	rate := int64(float64(writeBytes) / max(took.Seconds(), 1e-6))
	if rate < slowDisk {
		return warn(check, "a faster disk, or nothing else that uses this one", "%s/s", output.Bytes(rate))
	}
	return ok(check, "%s/s", output.Bytes(rate))
}

func flush(m Machine, dir string) Finding {
	const check = "disk flush"
	each, err := m.Sync(dir, syncTimes)
	if err != nil || len(each) == 0 {
		return fail(check, "this file system does not keep what it is given; let log.dirs name another", "cannot flush: %v", err)
	}
	median, worst := each[len(each)/2], each[len(each)-1]
	found := fine(median) + " in the middle, " + fine(worst) + " at worst"
	switch {
	case median > slowSync:
		return warn(check, "acknowledged records wait for it: an SSD, or flush.policy=os for topics that may lose some", "%s", found)
	case median < fastSync:
		return warn(check, "memory or a disk that does not flush: after a power cut acknowledged records may be gone", "%s", found)
	}
	return ok(check, "%s", found)
}

// fine is a short span.
func fine(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }
