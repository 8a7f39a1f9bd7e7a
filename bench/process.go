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

// CPU is processor time: all of it, and the part outside the kernel.
type CPU struct{ Total, User time.Duration }

func (c CPU) minus(d CPU) CPU { return CPU{c.Total - d.Total, c.User - d.User} }

// numberIn is the number of a line "name: 12 kB", as files below /proc have them.
func numberIn(text, name string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		}
	}
	return 0, fmt.Errorf("no line %q", name)
}
