package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// sleepPrecisely sleeps by a system call of this thread, or a little less if a signal comes.
func sleepPrecisely(d time.Duration) {
	t := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&t, nil) // the caller looks at the clock
}
