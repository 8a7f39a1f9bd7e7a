package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The records of a full run: with both clients and five codecs 100,000 under the default
// policy, and a tenth of it under the other.
const (
	franzRecords = 14_000 // per codec
	kcatRecords  = 6_000  // per codec
	partitions   = 3
)

// topic is one topic of a run with what was written to it.
type topic struct {
	name, codec string
	workload
	journal journal // of a workload of lines: by reading, since kcat tells no offsets
	records int
}

// TestClients lets both clients write with every codec, read back every byte, their own and the
// other's, seek by time, offset and end, and read all of it again after a restart.
func TestClients(t *testing.T) {
	needSignals(t)
	for i, policy := range []string{"group", "os"} {
		share := []int{1, 10}[i]
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			r := &clientRun{
				n:    startNode(t, "flush.policy="+policy, fmt.Sprintf("num.partitions=%d", partitions)),
				base: anHourAgo(),
			}
			for i, codec := range codecs {
				t.Run("franz/"+codec, func(t *testing.T) { r.franz(t, uint64(i), codec, size(franzRecords)/share) })
			}
			for i, codec := range codecs {
				t.Run("kcat/"+codec, func(t *testing.T) { r.kcat(t, uint64(i), codec, size(kcatRecords)/share) })
			}
			t.Run("seek", r.seek)
			t.Run("end", r.end)
			r.n.stop()
			r.n.start()
			t.Run("restart", r.verify)
		})
	}
}

type clientRun struct {
	n      *node
	base   int64
	topics []*topic
}

// franz writes a topic with franz-go, which creates it, and lets both clients read it.
func (r *clientRun) franz(t *testing.T, seed uint64, codec string, records int) {
	w := workload{seed: 100 + seed, baseMs: r.base}
	tp := &topic{name: "franz-" + codec, codec: codec, workload: w, records: records}
	f := franz{broker: r.n.addr, topic: tp.name, workload: w, codec: codec, to: records, exact: true}
	tp.journal = produceAll(t, f)
	if len(tp.journal) != partitions {
		t.Errorf("the records went to %d partitions, want %d", len(tp.journal), partitions)
	}
	r.topics = append(r.topics, tp)
	if got := verifyAll(t, f, tp.journal); got != records {
		t.Errorf("franz-go reads %d records, want %d", got, records)
	}
	t.Run("read by kcat", func(t *testing.T) {
		needKcat(t)
		r.n.verifyKcat(t, tp.name, w, tp.journal)
	})
}

// kcat writes a topic with kcat, which creates it, and lets both clients read it.
func (r *clientRun) kcat(t *testing.T, seed uint64, codec string, records int) {
	needKcat(t)
	w := workload{seed: 200 + seed, lines: true}
	tp := &topic{name: "kcat-" + codec, codec: codec, workload: w, records: records}
	begin := time.Now().Truncate(time.Millisecond)
	r.n.produceLines(t, tp.name, codec, w, 0, records)
	end := time.Now()

	tp.journal = journal{}
	headers := func(int32, int64) string { return lineHeaders(codec) }
	for _, rec := range r.n.consumeKcat(t, tp.name, headers, "-o", "beginning") {
		n, err := w.check(rec)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Timestamp.Before(begin) || rec.Timestamp.After(end) {
			t.Fatalf("record %d has timestamp %v, but was written between %v and %v", n, rec.Timestamp, begin, end)
		}
		if err := tp.journal.add(ack{n, rec.Partition, rec.Offset}); err != nil {
			t.Fatal(err)
		}
	}
	if got := tp.journal.size(); got != records {
		t.Errorf("kcat reads %d records, want %d", got, records)
	}
	r.topics = append(r.topics, tp)
	f := franz{broker: r.n.addr, topic: tp.name, workload: w, codec: codec, exact: true}
	if got := verifyAll(t, f, tp.journal); got != records {
		t.Errorf("franz-go reads %d records, want %d", got, records)
	}
}

// verify reads all topics again.
func (r *clientRun) verify(t *testing.T) {
	for _, tp := range r.topics {
		f := franz{broker: r.n.addr, topic: tp.name, workload: tp.workload, codec: tp.codec, exact: true}
		if got := verifyAll(t, f, tp.journal); got != tp.records {
			t.Errorf("%s holds %d records, want %d", tp.name, got, tp.records)
		}
	}
}

// place is one line of what franz.list prints, and what the journal says it must be.
type place struct {
	partition, offset, timestampMs int64
	n                              int
}

func (p place) String() string { return fmt.Sprint(p.partition, p.offset, p.timestampMs, p.n) }

// places are the records of one partition in offset order.
func (tp *topic) places(partition int32) []place {
	var all []place
	for offset, n := range tp.journal[partition] {
		all = append(all, place{int64(partition), offset, tp.timestampMs(n), n})
	}
	slices.SortFunc(all, func(a, b place) int { return int(a.offset - b.offset) })
	return all
}

// seek starts reading at times, offsets and distances from the end, with both clients.
func (r *clientRun) seek(t *testing.T) {
	const count = 5
	for _, tp := range r.topics {
		if tp.lines {
			continue // the timestamps are not ours
		}
		all := tp.places(1)
		f := func(at string, kcatAt string, want int) { // index of the first record
			t.Helper()
			expect := all[want:min(len(all), want+count)]
			list := franz{broker: r.n.addr, topic: tp.name, workload: tp.workload, partition: 1, at: at, count: len(expect)}
			var text strings.Builder
			for _, p := range expect {
				fmt.Fprintln(&text, p)
			}
			if got := string(command(t, list.command("list"))); got != text.String() {
				t.Errorf("%s: franz-go at %s reads\n%swant\n%s", tp.name, at, got, text.String())
			}
			r.seekKcat(t, tp.name, kcatAt, expect)
		}
		byTime := func(targetMs int64) {
			t.Helper()
			want := slices.IndexFunc(all, func(p place) bool { return p.timestampMs >= targetMs })
			f(fmt.Sprintf("time:%d", targetMs), fmt.Sprintf("s@%d", targetMs), want)
		}
		middle, last := all[len(all)/2], len(all)-1
		byTime(tp.baseMs - time.Hour.Milliseconds())
		byTime(middle.timestampMs)
		byTime(middle.timestampMs + 1)
		byTime(all[last-20].timestampMs)
		f("start", "beginning", 0)
		f(fmt.Sprintf("offset:%d", middle.offset), fmt.Sprint(middle.offset), len(all)/2)
		f(fmt.Sprintf("offset:%d", last), fmt.Sprint(last), last)
		f("last:3", "-3", last-2)
		r.seekKcat(t, tp.name, fmt.Sprintf("s@%d", time.Now().Add(time.Hour).UnixMilli()), nil)
	}
}

// seekKcat starts kcat somewhere in partition 1; the test of it is left out without kcat, which
// other tests say.
func (r *clientRun) seekKcat(t *testing.T, name, at string, want []place) {
	t.Helper()
	if !haveKcat() {
		return
	}
	args := []string{"-C", "-q", "-e", "-t", name, "-p", "1", "-o", at, "-f", `%p %o %T\n`}
	if len(want) > 0 {
		args = append(args, "-c", fmt.Sprint(len(want)))
	}
	var text strings.Builder
	for _, p := range want {
		fmt.Fprintln(&text, p.partition, p.offset, p.timestampMs)
	}
	if got := string(command(t, r.n.kcat(args...))); got != text.String() {
		t.Errorf("%s: kcat at %s reads\n%swant\n%s", name, at, got, text.String())
	}
}

// end starts readers at the end of a topic that holds records already. They must get what comes
// after they have begun to read, without a gap, and nothing older.
func (r *clientRun) end(t *testing.T) {
	w := workload{seed: 300, baseMs: r.base}
	f := franz{broker: r.n.addr, topic: "tailed", workload: w, codec: "lz4", to: 100, plain: true}
	j := produceAll(t, f)
	for partition := range int32(partitions) {
		if len(j[partition]) == 0 {
			t.Fatalf("partition %d got no record", partition)
		}
	}
	const count = 4
	tail := f
	tail.partition, tail.at, tail.count = 2, "end", count
	readers := map[string]*tailed{"franz-go": follow(t, tail.command("tail"))}
	if haveKcat() {
		readers["kcat"] = follow(t, r.n.kcat("-C", "-q", "-u", "-t", f.topic, "-p", "2", "-o", "end",
			"-c", fmt.Sprint(count), "-f", `%p %o %T\n`))
	}
	old := int64(len(j[2]))
	for name, reader := range readers {
		for tries := 0; !reader.done(); tries++ { // the reader does not tell when it has begun
			if tries == 200 {
				t.Fatalf("%s has read nothing of what came after its start", name)
			}
			f.from, f.to = f.to, f.to+50
			produceAll(t, f)
		}
		lines, err := reader.lines()
		if err != nil || len(lines) != count {
			t.Fatalf("%s at the end: %v, %q", name, err, lines)
		}
		var first place
		for i, line := range lines {
			var p place
			if _, err := fmt.Sscan(line, &p.partition, &p.offset, &p.timestampMs); err != nil {
				t.Fatalf("%s at the end: line %q: %v", name, line, err)
			}
			if i == 0 {
				first = p
			}
			if p.partition != 2 || p.offset < old || p.offset != first.offset+int64(i) {
				t.Errorf("%s at the end, which was %d, reads %q", name, old, lines)
				break
			}
		}
	}
}
