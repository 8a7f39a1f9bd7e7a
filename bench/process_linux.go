package bench

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Clocks of a process (include/linux/posix-timers.h): user and system by ticks, user by ticks, both as the scheduler
// accounts for them, to the nanosecond and with the threads that have ended.
const (
	clockProf  = 0
	clockVirt  = 1
	clockSched = 2
)

// cpuOf is what a process has used so far.
func cpuOf(pid int) (CPU, error) {
	read := func(clock int) (time.Duration, error) {
		var t unix.Timespec
		if err := unix.ClockGettime(int32(^pid<<3|clock), &t); err != nil {
			return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
		}
		return time.Duration(t.Nano()), nil
	}
	total, err := read(clockSched)
	if err != nil {
		return CPU{}, err
	}
	both, err := read(clockProf)
	if err != nil {
		return CPU{}, err
	}
	user, err := read(clockVirt)
	return CPU{Total: total, UserTicks: user, Ticks: both}, err
}

// memoryOf is what a process has in memory (VmRSS), and the most that it ever had (VmHWM), in bytes.
func memoryOf(pid int) (now, most int64, err error) {
	now, err = field(pid, "status", "VmRSS:")
	if err != nil {
		return 0, 0, err
	}
	most, err = field(pid, "status", "VmHWM:")
	return now << 10, most << 10, err
}

// callsOf is how many system calls of a process have read and written: read, pread, write, pwrite, readv, writev and sendfile,
// on files and sockets (/proc/PID/io).
func callsOf(pid int) (int64, error) {
	r, err := field(pid, "io", "syscr:")
	if err != nil {
		return 0, err
	}
	w, err := field(pid, "io", "syscw:")
	return r + w, err
}

// field is a number in a file of /proc/PID.
func field(pid int, file, name string) (int64, error) {
	path := fmt.Sprintf("/proc/%d/%s", pid, file)
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	n, err := numberIn(string(text), name)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}
