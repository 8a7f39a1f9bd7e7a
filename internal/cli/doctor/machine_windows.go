package doctor

import "golang.org/x/sys/windows"

func (machine) Space(dir string) (free, size uint64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	err = windows.GetDiskFreeSpaceEx(path, &free, &size, nil)
	return free, size, err
}

// OpenFiles: a process may have as many as there is memory for.
func (machine) OpenFiles() (limit uint64, ok bool) { return 0, false }
