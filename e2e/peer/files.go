package peer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Identity is the file of a partition with its topic id, which stays where it is when the others move.
const Identity = "partition.metadata"

// starts is the file that says where logs begin that do not begin with their first segment.
const starts = "log-start-offset-checkpoint"

// Move copies the files of a topic's partition 0, but for its identity and for what waits to be deleted, from the directory of a
// broker that was stopped into that of another one, in place of what is there, with its log start.
func Move(t *testing.T, topic string, from, into Broker) {
	t.Helper()
	source, target := filepath.Join(from.Dir(), topic+"-0"), filepath.Join(into.Dir(), topic+"-0")
	for _, name := range List(t, target) {
		if name != Identity {
			check(t, os.Remove(filepath.Join(target, name)))
		}
	}
	for _, name := range List(t, source) {
		if name == Identity || strings.HasSuffix(name, ".deleted") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(source, name))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(target, name), content, 0o644))
	}
	if start := LogStart(t, from, topic); start > 0 {
		setLogStart(t, into, topic, start)
	}
}

// LogStart is the log start of a topic's partition 0 as the checkpoint has it, 0 if it is not there.
func LogStart(t *testing.T, b Broker, topic string) (start int64) {
	t.Helper()
	for _, line := range checkpointLines(t, b) {
		_, _ = fmt.Sscanf(line, topic+" 0 %d", &start) // other topics' do not fit
	}
	return start
}

func setLogStart(t *testing.T, b Broker, topic string, start int64) {
	t.Helper()
	lines := slices.DeleteFunc(checkpointLines(t, b), func(l string) bool { return strings.HasPrefix(l, topic+" 0 ") })
	lines = append(lines, fmt.Sprintf("%s 0 %d", topic, start))
	text := fmt.Sprintf("0\n%d\n%s\n", len(lines), strings.Join(lines, "\n"))
	check(t, os.WriteFile(filepath.Join(b.Dir(), starts), []byte(text), 0o644))
}

// checkpointLines are the lines after version and count.
func checkpointLines(t *testing.T, b Broker) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(b.Dir(), starts))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	check(t, err)
	return strings.Split(strings.TrimSpace(string(content)), "\n")[2:]
}

// List is the names in a directory, sorted.
func List(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
