package command

import (
	"fmt"

	"github.com/thalweg-io/thalweg/internal/cli/output"
)

// change is what has been done to one thing.
type change struct {
	kind, name string
	done       string // created, deleted, changed, unchanged, "would be created", ...
	detail     string
}

// changes are told in the order in which they were made.
type changes []change

// write tells them: a sentence each to a person.
func (l changes) write(c *call) error {
	if c.format != output.AsTable {
		t := output.New("kind", "name", "outcome", "detail")
		for _, ch := range l {
			t.Add(ch.kind, ch.name, ch.done, ch.detail)
		}
		return t.Write(c.Out, c.format)
	}
	for _, ch := range l {
		text := fmt.Sprintf("%s %s: %s", ch.kind, output.Text(ch.name), ch.done)
		if ch.detail != "" {
			text += " (" + ch.detail + ")"
		}
		if _, err := fmt.Fprintln(c.Out, text); err != nil {
			return err
		}
	}
	return nil
}

// would is the word for something done, or that would be.
func would(dry bool, done string) string {
	if dry {
		return "would be " + done
	}
	return done
}

// plural is "1 partition", "2 partitions".
func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%s %ss", output.Count(n), what)
}
