package sim

import (
	"fmt"
	"strings"
	"time"
)

// story is what happened in a run, as far as a reader wants to know.
type story struct{ lines []string }

// maxStory bounds it; the youngest lines are kept.
const maxStory = 20_000

func (s *story) add(at time.Duration, line string) {
	if len(s.lines) >= 2*maxStory {
		s.lines = append(s.lines[:0], s.lines[maxStory:]...)
	}
	s.lines = append(s.lines, fmt.Sprintf("%s    %%%% %s", line, seconds(at)))
}

// Sequence prints the last lines of a story as a Mermaid sequence diagram.
func Sequence(p *Plan, lines []string, last int) string {
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	for i := range p.Nodes {
		fmt.Fprintf(&b, "    participant n%d\n", i)
	}
	for _, c := range p.Clients {
		fmt.Fprintf(&b, "    participant c%d as %s %d\n", c.ID, c.Kind, c.ID)
	}
	if skip := len(lines) - last; skip > 0 {
		fmt.Fprintf(&b, "    %%%% %d earlier lines left out\n", skip)
		lines = lines[skip:]
	}
	for _, line := range lines {
		b.WriteString("    " + strings.ReplaceAll(line, "\n", " ") + "\n")
	}
	return b.String()
}
