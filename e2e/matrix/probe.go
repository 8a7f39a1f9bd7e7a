package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
)

// baseMs is the timestamp of the first record: 2025-10-09, so that no client may take it for now.
const baseMs = 1_760_000_000_000

// big is the size of the large value: below the megabyte that brokers take by default.
const big = 900 << 10

// probe is a column of the matrix: records that a client is to write and to read.
type probe struct {
	column, purpose string
	records         []record
}

// probes are asked for one by one, so that one that a client refuses does not spoil the others.
// Nobody changes what it returns.
var probes = sync.OnceValue(makeProbes)

func makeProbes() []probe {
	one := func(column, purpose string, r record) probe {
		r.TS = baseMs
		return probe{column, purpose, []record{r}}
	}
	binary := make([]byte, 256)
	for i := range binary {
		binary[i] = byte(i)
	}
	return []probe{
		one("key", "a key and a value", record{Key: []byte("user-42"), Value: []byte("hello")}),
		one("no key", "a value without a key", record{Value: []byte("hello")}),
		one("null", "a key with a null value, as compaction wants them", record{Key: []byte("gone")}),
		one("empty", "a value of no bytes, which is not null", record{Key: []byte("empty"), Value: []byte{}}),
		one("binary", "every byte in key and value", record{Key: binary, Value: binary}),
		one("900 KB", "a value of 900 KB that does not shrink", record{Key: []byte("big"), Value: noise(big)}),
		one("headers", "two headers, one of them binary", record{Key: []byte("h"), Value: []byte("v"),
			Headers: []header{{"trace", []byte("4bf92f35")}, {"raw", binary[0x80:]}}}),
		one("same header", "headers of one name, in order with another between", record{Key: []byte("h"), Value: []byte("v"),
			Headers: []header{{"a", []byte("1")}, {"b", []byte("2")}, {"a", []byte("3")}}}),
		one("timestamp", "a timestamp that the client is given", record{Key: []byte("t"), Value: []byte("v")}),
		one("null header", "a header whose value is null", record{Key: []byte("h"), Value: []byte("v"), Headers: []header{{"n", nil}}}),
	}
}

// ordinary are the records of the probes of codecs and of time: one a second, and a large one at the end.
func ordinary() []record {
	var records []record
	for i := range 50 {
		records = append(records, record{TS: baseMs + int64(i)*1000, Key: fmt.Appendf(nil, "key-%d", i%7),
			Value: []byte(strings.Repeat(fmt.Sprintf("value %d, ", i), 20)), Headers: []header{{"number", fmt.Append(nil, i)}}})
	}
	large := append([]byte(strings.Repeat("a large value ", big/28)), noise(big/2)...)
	return append(records, record{TS: baseMs + 50_000, Key: []byte("large"), Value: large, Headers: []header{{"number", []byte("50")}}})
}

// noise is bytes that do not shrink, always the same.
func noise(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// What a client did with a probe: a cell of the matrix.
const (
	writes = 1 << iota // what it wrote is what it was asked to write
	reads              // what it read is what was written
	plain              // it is no matter of writing and reading: yes or no
)

// columns are those of the matrix, in order, with what a full cell is.
func columns() (names []string, full map[string]int) {
	names, full = []string{"create"}, map[string]int{"create": plain}
	for _, codec := range codecs {
		names = append(names, codec)
		full[codec] = writes | reads
	}
	for _, p := range probes() {
		names = append(names, p.column)
		full[p.column] = writes | reads
	}
	full["by time"] = plain
	return append(names, "by time"), full
}

// row is what one client did.
type row struct {
	client, version string
	launch          launch // how it is started again
	cells           map[string]int
	said            map[string][]string // why a cell is not full, as the client or the judge said it
}

func (r *row) cell(column string, bit int, err error) {
	if err == nil {
		r.cells[column] |= bit
		return
	}
	verb := map[int]string{writes: "writing", reads: "reading", plain: "it"}[bit]
	r.said[column] = append(r.said[column], fmt.Sprintf("%s: %v", verb, err))
}

// Topics that franz-go has written for all clients to read.
const probesTopic = "written-probes"

func codecTopic(codec string) string { return "written-" + codec }

// differs compares what was written or read. Only one probe is about timestamps: not every client
// can set them.
func (p probe) differs(got []record) error {
	err := recordsDiffer(got, p.records)
	if err == nil && p.column == "timestamp" && got[0].TS != p.records[0].TS {
		err = fmt.Errorf("the timestamp is %d, not %d", got[0].TS, p.records[0].TS)
	}
	return err
}

// prepare writes them.
func prepare(ctx context.Context, j *judge) error {
	for _, codec := range codecs {
		if err := errors.Join(j.create(ctx, codecTopic(codec), 1), j.write(ctx, codecTopic(codec), codec, ordinary())); err != nil {
			return err
		}
	}
	if err := j.create(ctx, probesTopic, 1); err != nil {
		return err
	}
	for _, p := range probes() {
		if err := j.write(ctx, probesTopic, "none", p.records); err != nil {
			return err
		}
	}
	return nil
}

// examine asks one client for everything. An error is one of the program or of the broker.
func examine(ctx context.Context, j *judge, name string, c asked) (row, error) {
	e := examination{j, c, name, row{client: name, cells: map[string]int{}, said: map[string][]string{}}}
	hello, err := c.ask(ctx, ask{Do: "hello"})
	if err != nil {
		return e.row, err
	}
	e.version = hello.Version
	for _, part := range []func(context.Context) error{e.create, e.codecs, e.writeProbes, e.readProbes, e.byTime} {
		if err := part(ctx); err != nil {
			return e.row, fmt.Errorf("%s: %w", name, err)
		}
	}
	return e.row, nil
}

type examination struct {
	judge *judge
	asked
	name string
	row
}

// try notes what came of asking for something; only a broken program is an error.
func (e *examination) try(column string, bit int, err error) error {
	if errors.Is(err, errProgram) {
		return err
	}
	e.cell(column, bit, err)
	return nil
}

// create: the client creates a topic with three partitions.
func (e *examination) create(ctx context.Context) error {
	topic := e.name + "-created"
	_, err := e.ask(ctx, ask{Do: "create", Topic: topic, Partitions: 3})
	if err == nil {
		var n int
		if n, err = e.judge.partitions(ctx, topic); err == nil && n != 3 {
			err = fmt.Errorf("the topic has %d partitions, not 3", n)
		}
	}
	return e.try("create", plain, err)
}

// codecs: the client writes with each codec, and reads what franz-go has written with it.
func (e *examination) codecs(ctx context.Context) error {
	for _, codec := range codecs {
		topic := e.name + "-" + codec
		if err := e.judge.create(ctx, topic, 1); err != nil {
			return err
		}
		_, err := e.ask(ctx, ask{Do: "produce", Topic: topic, Codec: codec, Records: ordinary()})
		if err == nil {
			err = e.written(ctx, topic, codec)
		}
		if err := e.try(codec, writes, err); err != nil {
			return err
		}
		if err := e.try(codec, reads, e.same(ctx, codecTopic(codec), ordinary())); err != nil {
			return err
		}
	}
	return nil
}

// written compares what a client has written with a codec.
func (e *examination) written(ctx context.Context, topic, codec string) error {
	records, coded, err := e.judge.read(ctx, topic, 0, int64(len(ordinary())))
	if err != nil {
		return err
	}
	if coded[codec]*10 < len(records)*9 { // clients may leave a batch plain that does not shrink
		return fmt.Errorf("its batches are %v", coded)
	}
	return recordsDiffer(records, ordinary())
}

// same lets the client read a topic and compares.
func (e *examination) same(ctx context.Context, topic string, want []record) error {
	a, err := e.ask(ctx, ask{Do: "consume", Topic: topic, Count: len(want)})
	if err != nil {
		return errors.Join(err, e.judge.whole(ctx, topic, int64(len(want))))
	}
	return recordsDiffer(a.Records, want)
}

// writeProbes: the client writes the probes one by one.
func (e *examination) writeProbes(ctx context.Context) error {
	topic := e.name + "-probes"
	if err := e.judge.create(ctx, topic, 1); err != nil {
		return err
	}
	for _, p := range probes() {
		from, err := e.judge.end(ctx, topic)
		if err != nil {
			return err
		}
		_, err = e.ask(ctx, ask{Do: "produce", Topic: topic, Codec: "none", Records: p.records})
		if err == nil {
			var got []record
			if got, _, err = e.judge.read(ctx, topic, from, 1); err == nil {
				err = p.differs(got)
			}
		}
		if err := e.try(p.column, writes, err); err != nil {
			return err
		}
	}
	return nil
}

// readProbes: the client reads the probes that franz-go has written.
func (e *examination) readProbes(ctx context.Context) error {
	all := probes()
	a, err := e.ask(ctx, ask{Do: "consume", Topic: probesTopic, Count: len(all)})
	if err != nil {
		err = errors.Join(err, e.judge.whole(ctx, probesTopic, int64(len(all))))
	}
	for i, p := range all {
		failed := err
		if failed == nil && i >= len(a.Records) {
			failed = fmt.Errorf("only %d records came", len(a.Records))
		} else if failed == nil {
			failed = p.differs(a.Records[i : i+1])
		}
		if err := e.try(p.column, reads, failed); err != nil {
			return err
		}
	}
	return nil
}

// byTime: the client reads from a time between the records 10 and 11.
func (e *examination) byTime(ctx context.Context) error {
	all := ordinary()
	want := all[11:14]
	a, err := e.ask(ctx, ask{Do: "seek", Topic: codecTopic("none"), Count: len(want), TS: want[0].TS - 500})
	if err == nil {
		err = recordsDiffer(a.Records, want)
	} else {
		err = errors.Join(err, e.judge.whole(ctx, codecTopic("none"), int64(len(all))))
	}
	return e.try("by time", plain, err)
}
