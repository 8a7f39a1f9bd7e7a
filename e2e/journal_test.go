package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ack says that record number n was acknowledged at an offset of a partition.
type ack struct {
	n         int
	partition int32
	offset    int64
}

func (a ack) String() string { return fmt.Sprintf("ack %d %d %d", a.n, a.partition, a.offset) }

// journal is all that was acknowledged of one topic: partition → offset → number.
type journal map[int32]map[int64]int

// add notes an acknowledgement. Two records at one offset cannot both be right.
func (j journal) add(a ack) error {
	if j[a.partition] == nil {
		j[a.partition] = map[int64]int{}
	}
	if n, ok := j[a.partition][a.offset]; ok {
		return fmt.Errorf("records %d and %d were both acknowledged at %d of partition %d", n, a.n, a.offset, a.partition)
	}
	if a.offset < 0 {
		return fmt.Errorf("record %d was acknowledged at offset %d", a.n, a.offset)
	}
	j[a.partition][a.offset] = a.n
	return nil
}

// read adds the acknowledgements that a client printed.
func (j journal) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var a ack
		if _, err := fmt.Sscanf(lines.Text(), "ack %d %d %d", &a.n, &a.partition, &a.offset); err != nil {
			return fmt.Errorf("line %q of a journal: %w", lines.Text(), err)
		}
		if err := j.add(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (j journal) size() int {
	size := 0
	for _, acks := range j {
		size += len(acks)
	}
	return size
}

// write puts the journal into a file that a client can read.
func (j journal) write(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "journal")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for partition, acks := range j {
		for offset, n := range acks {
			fmt.Fprintln(w, ack{n, partition, offset})
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return name
}

// reader checks the records of one topic, partition by partition in offset order, against a
// workload and a journal.
type reader struct {
	workload
	journal journal
	// exact: the topic holds the acknowledged records and no others, in the order in which
	// they were produced. Otherwise records whose outcome was open may stand between them.
	exact bool

	next    map[int32]int64 // next offset expected
	last    map[int32]int   // number of the last record
	records int
}

func newReader(w workload, j journal, exact bool) *reader {
	return &reader{workload: w, journal: j, exact: exact, next: map[int32]int64{}, last: map[int32]int{}}
}

// record checks the next record of a partition.
func (c *reader) record(r *kgo.Record) error {
	where := fmt.Sprintf("partition %d offset %d", r.Partition, r.Offset)
	if r.Offset != c.next[r.Partition] {
		return fmt.Errorf("%s: want offset %d next", where, c.next[r.Partition])
	}
	n, err := c.check(r)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	acked, ok := c.journal[r.Partition][r.Offset]
	switch {
	case ok && acked != n:
		return fmt.Errorf("%s: record %d, but %d was acknowledged there", where, n, acked)
	case !ok && c.exact:
		return fmt.Errorf("%s: record %d, but nothing was acknowledged there", where, n)
	}
	if last, ok := c.last[r.Partition]; ok && c.exact && n <= last {
		return fmt.Errorf("%s: record %d after record %d", where, n, last)
	}
	c.next[r.Partition], c.last[r.Partition] = r.Offset+1, n
	c.records++
	return nil
}

// end checks that nothing acknowledged is missing, when all has been read.
func (c *reader) end() error {
	for partition, acks := range c.journal {
		lost, example := 0, int64(0)
		for offset := range acks {
			if offset >= c.next[partition] {
				lost, example = lost+1, offset
			}
		}
		if lost > 0 {
			return fmt.Errorf("partition %d ends at %d, %d acknowledged records are lost, among them record %d at %d",
				partition, c.next[partition], lost, acks[example], example)
		}
	}
	return nil
}

// TestReader shows that the check sees what a broken broker would do to a log.
func TestReader(t *testing.T) {
	w := workload{seed: 7, baseMs: 1e12}
	log := func(numbers ...int) []*kgo.Record {
		var records []*kgo.Record
		for offset, n := range numbers {
			r := w.record(n)
			r.Offset = int64(offset)
			records = append(records, r)
		}
		return records
	}
	acked := func(numbers ...int) journal {
		j := journal{}
		for offset, n := range numbers {
			if n >= 0 { // -1: open
				if err := j.add(ack{n: n, offset: int64(offset)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		return j
	}
	f := func(name string, records []*kgo.Record, j journal, exact, want bool) {
		t.Helper()
		c := newReader(w, j, exact)
		var err error
		for _, r := range records {
			err = errors.Join(err, c.record(r))
		}
		if err = errors.Join(err, c.end()); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	gap := log(1, 2, 3)
	gap[2].Offset = 3
	swapped := log(1, 2, 3)
	swapped[1], swapped[2] = swapped[2], swapped[1]
	foreign := log(1, 2, 3)
	foreign[1].Value = []byte("something else")

	f("as acknowledged", log(1, 2, 3), acked(1, 2, 3), true, true)
	f("an open one, and a repetition", log(1, 2, 2, 3), acked(1, -1, 2, 3), false, true)
	f("an open one where none may be", log(1, 2, 3), acked(1, 2), true, false)
	f("the last is lost", log(1, 2), acked(1, 2, 3), false, false)
	f("all is lost", nil, acked(1), false, false)
	f("another at an acknowledged offset", log(1, 3), acked(1, 2), false, false)
	f("order of producing turned round", log(1, 3, 2), acked(1, 3, 2), true, false)
	f("gap", gap, acked(1, 2, -1, 3), false, false)
	f("offsets go back", swapped, acked(1), false, false)
	f("foreign bytes", foreign, acked(1), false, false)

	if err := acked(1).add(ack{n: 2}); err == nil {
		t.Error("one offset was acknowledged for two records")
	}
}
