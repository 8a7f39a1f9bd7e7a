package bench

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// pin keeps the threads of a process on some processors, and those that it will start. What they were on before is returned.
func pin(pid int, on unix.CPUSet) (before unix.CPUSet, err error) {
	if err := unix.SchedGetaffinity(pid, &before); err != nil {
		return before, fmt.Errorf("processors of process %d: %w", pid, err)
	}
	for range 2 { // a thread that was being started during the first time has what its parent had
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return before, err
		}
		for _, t := range tasks {
			tid, err := strconv.Atoi(t.Name())
			if err == nil {
				err = unix.SchedSetaffinity(tid, &on)
			}
			if err != nil && !errors.Is(err, unix.ESRCH) {
				return before, fmt.Errorf("pin thread %s of process %d: %w", t.Name(), pid, err)
			}
		}
	}
	return before, nil
}

// apart puts the broker on the first half of the processors that this process may use and this process on the others, and
// returns what undoes it. With one processor it does nothing.
func apart(broker int) (undo func() error, err error) {
	var all, first, second unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return nil, err
	}
	n := all.Count()
	if n < 2 || broker == os.Getpid() {
		return func() error { return nil }, nil
	}
	for cpu, seen := 0, 0; seen < n; cpu++ {
		if !all.IsSet(cpu) {
			continue
		}
		if seen < n/2 {
			first.Set(cpu)
		} else {
			second.Set(cpu)
		}
		seen++
	}
	before, err := pin(broker, first)
	if err == nil {
		_, err = pin(os.Getpid(), second)
	}
	return func() error {
		_, brokerErr := pin(broker, before)
		_, ownErr := pin(os.Getpid(), all)
		return errors.Join(brokerErr, ownErr)
	}, err
}
