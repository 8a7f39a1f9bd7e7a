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
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for _, a := range unchanged(maps, program) {
		_, _, _ = unix.RawSyscall(unix.SYS_MADVISE, a.start, a.length, unix.MADV_DONTNEED)
	}
}

// area is of the process's memory.
type area struct{ start, length uintptr }

// unchanged finds in what the system tells of a process's memory (proc_pid_smaps(5)) the areas that are the file's, to the letter. One
// that cannot be written to may have been before: a loader writes addresses into it and a debugger its stops, and
// the pages with that are anonymous.
func unchanged(smaps []byte, file string) []area {
	var found []area
	var last area
	of := false
	for line := range bytes.Lines(smaps) {
		if a, path, ok := mapping(line); ok {
			last, of = a, path == file
			continue
		}
		if f := bytes.Fields(line); of && len(f) == 3 && string(f[0]) == "Anonymous:" && string(f[1]) == "0" {
			found = append(found, last)
		}
	}
	return found
}

// mapping cuts the first line of a mapping: "start-end permissions offset device inode path". path is empty unless the mapping is
// private and cannot be written to. ok is false if it is another line.
func mapping(line []byte) (a area, path string, ok bool) {
	f := bytes.Fields(line)
	if len(f) < 5 || len(f[1]) != 4 {
		return area{}, "", false
	}
	from, to, ok := bytes.Cut(f[0], []byte("-"))
	if !ok {
		return area{}, "", false
	}
	start, err := strconv.ParseUint(string(from), 16, 64)
	if err != nil {
		return area{}, "", false
	}
	end, err := strconv.ParseUint(string(to), 16, 64)
	if err != nil || end <= start {
		return area{}, "", false
	}
	if len(f) == 6 && f[1][1] == '-' && f[1][3] == 'p' {
		path = string(f[5])
	}
	return area{uintptr(start), uintptr(end - start)}, path, true
}
