//go:build !linux

package bench

import "time"

func cpuOf(int) (CPU, error)             { return CPU{}, ErrSystem }
func memoryOf(int) (int64, int64, error) { return 0, 0, ErrSystem }
func callsOf(int) (int64, error)         { return 0, ErrSystem }
func warm(int64) error                   { return ErrSystem }
func sleepPrecisely(d time.Duration)     { time.Sleep(d) }
func apart(int) (func() error, error)    { return nil, ErrSystem }
func forget(string) error                { return ErrSystem }
