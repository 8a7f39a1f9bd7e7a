package bench

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrSystem says that this operating system does not tell what is needed.
var ErrSystem = errors.New("measuring needs Linux")

// CPU is processor time. Total is exact; what part of it was outside the kernel is an estimate by ticks of the clock.
type CPU struct {
	Total time.Duration `json:"total_ns"`
	// UserTicks of Ticks were outside the kernel, as time.
	UserTicks time.Duration `json:"user_ticks_ns"`
	Ticks     time.Duration `json:"ticks_ns"`
}

func (c CPU) minus(d CPU) CPU {
	return CPU{c.Total - d.Total, c.UserTicks - d.UserTicks, c.Ticks - d.Ticks}
}

// userShare is the part outside the kernel; 0 if it was too short for a tick.
func (c CPU) userShare() float64 { return share(c.UserTicks, c.Ticks) }

// numberIn is the number of a line "name: 12 kB", as files below /proc have them.
func numberIn(text, name string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		}
	}
	return 0, fmt.Errorf("no line %q", name)
}
