//go:build !linux

package bench

func cpuOf(int) (CPU, error)             { return CPU{}, ErrSystem }
func memoryOf(int) (int64, int64, error) { return 0, 0, ErrSystem }
func callsOf(int) (int64, error)         { return 0, ErrSystem }
func warm(int64) error                   { return ErrSystem }
