package doctor

import "time"

// fewFiles is the limit of open files below which many partitions or connections get into trouble.
const fewFiles = 10_000

// oldest is a moment that has passed.
var oldest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// tolerance is how far in the future a file may be changed.
const tolerance = time.Minute

// OpenFiles examines the limit of open files.
func OpenFiles(m Machine) Finding {
	const check = "open files"
	limit, limited := m.OpenFiles()
	switch {
	case !limited:
		return ok(check, "as many as there is memory for")
	case limit < fewFiles:
		return warn(check, "ulimit -n 100000 before the start, or LimitNOFILE=100000 in a systemd unit", "at most %d; every partition and connection needs some", limit)
	case limit > 1<<40:
		return ok(check, "without limit")
	}
	return ok(check, "at most %d", limit)
}

// Clock examines the clock: records get their time from it.
func Clock(m Machine, dirs []string) Finding {
	const check = "clock"
	now := m.Now()
	if now.Before(oldest) {
		return fail(check, "set the clock; records would get wrong times", "it says %s", now.UTC().Format(time.DateOnly))
	}
	for _, d := range dirs {
		if newest := m.Newest(d); newest.Sub(now) > tolerance {
			return warn(check, "set the clock, or wait until then", "it says %s, and %s holds files of %s", now.UTC().Format(time.DateTime), d, newest.UTC().Format(time.DateTime))
		}
	}
	yes, known := m.Synchronised()
	switch {
	case !known:
		return ok(check, "%s UTC; whether something keeps it right cannot be told here", now.UTC().Format(time.DateTime))
	case !yes:
		return warn(check, "chrony or systemd-timesyncd keeps it right", "%s UTC; nothing keeps it right", now.UTC().Format(time.DateTime))
	}
	return ok(check, "%s UTC, kept right", now.UTC().Format(time.DateTime))
}
