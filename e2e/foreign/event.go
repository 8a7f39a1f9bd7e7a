package foreign

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind is what an Event says, as the first byte of its line.
type Kind byte

// The kinds of events, see the package's comment.
const (
	Sent   Kind = 's'
	Acked  Kind = 'a'
	Open   Kind = 'o'
	Untold Kind = 'n'
	Fatal  Kind = 'f'
)

// Event is one line of a program.
type Event struct {
	Kind      Kind
	Value     int64 // not of Fatal
	Topic     int   // of Sent: the place in Spec.Topics
	Partition int32 // of Sent
	Offset    int64 // of Acked
	Text      string
}

// parseEvent reads a line.
func parseEvent(line string) (e Event, err error) {
	kind, rest, _ := strings.Cut(line, " ")
	if len(kind) != 1 {
		return e, fmt.Errorf("line %.80q of a program", line)
	}
	e.Kind = Kind(kind[0])
	if e.Kind == Fatal {
		e.Text = rest
		return e, nil
	}
	value, rest, _ := strings.Cut(rest, " ")
	if e.Value, err = strconv.ParseInt(value, 10, 64); err != nil {
		return e, fmt.Errorf("line %.80q of a program: %w", line, err)
	}
	switch e.Kind {
	case Sent:
		_, err = fmt.Sscanf(rest, "%d %d", &e.Topic, &e.Partition)
	case Acked:
		e.Offset, err = strconv.ParseInt(rest, 10, 64)
	case Open, Untold:
		e.Text = rest
	default:
		err = fmt.Errorf("no such kind")
	}
	if err != nil {
		return e, fmt.Errorf("line %.80q of a program: %w", line, err)
	}
	return e, nil
}
