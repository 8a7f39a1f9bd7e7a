package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Names of the offset checkpoints of a data directory.
const (
	recoveryPointFile = "recovery-point-offset-checkpoint"
	logStartFile      = "log-start-offset-checkpoint"
	highWatermarkFile = "replication-offset-checkpoint"
	epochFile         = "leader-epoch-checkpoint"
)

// errCheckpoint is returned for a text file that is not a checkpoint of version 0.
var errCheckpoint = errors.New("not a checkpoint file of version 0")

// parseCheckpoint reads Kafka's text form: version 0, number of lines, lines of exactly fields
// words. An empty file is an empty checkpoint.
func parseCheckpoint(content []byte, fields int) ([][]string, error) {
	if len(content) == 0 {
		return nil, nil
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	if len(lines) < 2 || lines[0] != "0" {
		return nil, errCheckpoint
	}
	n, err := strconv.Atoi(lines[1])
	if err != nil || n != len(lines)-2 {
		return nil, fmt.Errorf("%w: %q lines announced, %d there", errCheckpoint, lines[1], len(lines)-2)
	}
	out := make([][]string, 0, n)
	for _, line := range lines[2:] {
		words := strings.Fields(line)
		if len(words) != fields {
			return nil, fmt.Errorf("%w: %q", errCheckpoint, line)
		}
		out = append(out, words)
	}
	return out, nil
}

// appendCheckpoint writes version and line count; the caller appends the lines.
func appendCheckpoint(dst []byte, n int) []byte {
	dst = append(dst, "0\n"...)
	return append(strconv.AppendInt(dst, int64(n), 10), '\n')
}

// offsets is a checkpoint of one offset per partition.
type offsets map[kafka.TopicPartition]int64

// parseOffsets reads "topic partition offset" lines.
func parseOffsets(content []byte) (offsets, error) {
	lines, err := parseCheckpoint(content, 3)
	if err != nil {
		return nil, err
	}
	out := make(offsets, len(lines))
	for _, w := range lines {
		p, err1 := strconv.ParseInt(w[1], 10, 32)
		o, err2 := strconv.ParseInt(w[2], 10, 64)
		if err1 != nil || err2 != nil || p < 0 || o < 0 {
			return nil, fmt.Errorf("%w: %v", errCheckpoint, w)
		}
		out[kafka.TopicPartition{Topic: w[0], Partition: int32(p)}] = o
	}
	return out, nil
}

// encode writes the partitions in order, so that equal checkpoints are equal bytes.
func (o offsets) encode() []byte {
	keys := slices.SortedFunc(maps.Keys(o), func(a, b kafka.TopicPartition) int {
		if c := strings.Compare(a.Topic, b.Topic); c != 0 {
			return c
		}
		return int(a.Partition) - int(b.Partition)
	})
	dst := appendCheckpoint(nil, len(keys))
	for _, tp := range keys {
		dst = fmt.Appendf(dst, "%s %d %d\n", tp.Topic, tp.Partition, o[tp])
	}
	return dst
}

// readOffsets reads a checkpoint; a missing or unreadable one is empty, and why is returned
// beside it: without a recovery point everything is scanned, which is slow but right.
func readOffsets(v vfs.FS, name string) (offsets, error) {
	content, err := readFile(v, name)
	if errors.Is(err, fs.ErrNotExist) {
		return offsets{}, nil
	}
	if err != nil {
		return offsets{}, err
	}
	o, err := parseOffsets(content)
	if err != nil {
		return offsets{}, fmt.Errorf("%s: %w", name, err)
	}
	if o == nil {
		o = offsets{}
	}
	return o, nil
}
