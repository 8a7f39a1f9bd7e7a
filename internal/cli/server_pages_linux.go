package cli

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// forgetProgram lets go of the pages of the program's file that are mapped: most of them only the start has used. Those that are
// used again come back from the page cache, a minor fault each. It is a saving, so errors are of no interest.
func forgetProgram() {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for line := range bytes.Lines(maps) {
		if start, length, ok := unwritable(line, program); ok {
			_, _, _ = unix.RawSyscall(unix.SYS_MADVISE, start, length, unix.MADV_DONTNEED)
		}
	}
}

// unwritable cuts a line of the maps of a process: "start-end permissions offset device inode path". ok is false unless it is of the
// file, and cannot differ from it.
func unwritable(line []byte, file string) (start, length uintptr, ok bool) {
	f := bytes.Fields(line)
	if len(f) != 6 || string(f[5]) != file || len(f[1]) != 4 || f[1][1] != '-' || f[1][3] != 'p' {
		return 0, 0, false
	}
	from, to, ok := bytes.Cut(f[0], []byte("-"))
	if !ok {
		return 0, 0, false
	}
	a, err := strconv.ParseUint(string(from), 16, 64)
	if err != nil {
		return 0, 0, false
	}
	b, err := strconv.ParseUint(string(to), 16, 64)
	if err != nil || b <= a {
		return 0, 0, false
	}
	return uintptr(a), uintptr(b - a), true
}
