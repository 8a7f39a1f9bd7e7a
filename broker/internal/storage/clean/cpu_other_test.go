//go:build !unix

package clean

func cpuSeconds() float64 { return 0 }
