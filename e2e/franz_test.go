package e2e

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// codecs are the names of all compression types, at their number on the wire.
var codecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

var franzCodecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

// franz is the command line of a franz-go client process.
type franz struct {
	broker, topic string
	workload

	codec      string // produce: with this; verify: most batches must have it
	from, to   int    // produce: numbers [from, to)
	untilError bool   // produce: without retries, until the first failure, which must come
	plain      bool   // produce: without the producer id that idempotence wants

	journal string // verify: file
	exact   bool   // verify

	partition int    // list, tail
	at        string // list: start, offset:<n>, time:<ms>, last:<n>; tail: end
	count     int    // list, tail: so many records
}

func (f *franz) flags(fs *flag.FlagSet) {
	fs.StringVar(&f.broker, "broker", "", "")
	fs.StringVar(&f.topic, "topic", "", "")
	fs.Uint64Var(&f.seed, "seed", 0, "")
	fs.Int64Var(&f.baseMs, "base", 0, "")
	fs.BoolVar(&f.lines, "lines", false, "")
	fs.StringVar(&f.codec, "codec", "none", "")
	fs.IntVar(&f.from, "from", 0, "")
	fs.IntVar(&f.to, "to", 0, "")
	fs.BoolVar(&f.untilError, "until-error", false, "")
	fs.BoolVar(&f.plain, "plain", false, "")
	fs.StringVar(&f.journal, "journal", "", "")
	fs.BoolVar(&f.exact, "exact", false, "")
	fs.IntVar(&f.partition, "partition", 0, "")
	fs.StringVar(&f.at, "at", "start", "")
	fs.IntVar(&f.count, "count", 0, "")
}

// command makes the process that plays a role; see franzMain.
func (f franz) command(role string) *exec.Cmd {
	cmd := exec.Command(os.Args[0],
		"-broker", f.broker, "-topic", f.topic, "-seed", strconv.FormatUint(f.seed, 10),
		"-base", strconv.FormatInt(f.baseMs, 10), "-lines="+strconv.FormatBool(f.lines), "-codec", f.codec,
		"-from", strconv.Itoa(f.from), "-to", strconv.Itoa(f.to), "-until-error="+strconv.FormatBool(f.untilError),
		"-plain="+strconv.FormatBool(f.plain), "-journal", f.journal, "-exact="+strconv.FormatBool(f.exact),
		"-partition", strconv.Itoa(f.partition), "-at", f.at, "-count", strconv.Itoa(f.count))
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

// franzMain is the client process:
//
//	produce  writes records and prints "ack <number> <partition> <offset>" for each
//	verify   reads the topic from start to end and checks it against workload and journal
//	list     prints "<partition> <offset> <timestamp> <number>" of records from a place on
//	tail     the same for records that arrive after it has started
func franzMain(role string, args []string) error {
	var f franz
	fs := flag.NewFlagSet(role, flag.ContinueOnError)
	f.flags(fs)
	if err := fs.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), clientWithin)
	defer cancel()
	switch role {
	case "produce":
		return f.produce(ctx)
	case "verify":
		return f.verify(ctx)
	case "list", "tail":
		return f.list(ctx)
	}
	return errors.New("no such role")
}

// client makes a client with default options but for its patience: by default it may wait five
// seconds before it asks again for a topic that is just being created.
func (f *franz) client(options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(options, kgo.SeedBrokers(f.broker),
		kgo.MetadataMinAge(50*time.Millisecond), kgo.FetchMaxWait(500*time.Millisecond))...)
}

// produce hands records to the client as fast as it takes them.
func (f *franz) produce(ctx context.Context) error {
	options := []kgo.Opt{
		kgo.DefaultProduceTopic(f.topic), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(100),
		kgo.ProducerBatchCompression(franzCodecs[f.codec]),
	}
	if f.plain || f.untilError {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	if f.untilError {
		options = append(options, kgo.RecordRetries(0))
	}
	cl, err := f.client(options...)
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	out := bufio.NewWriter(os.Stdout)
	var failed error
	var all sync.WaitGroup
	for n := f.from; n < f.to && ctx.Err() == nil; n++ {
		all.Add(1)
		cl.Produce(ctx, f.record(n), func(r *kgo.Record, err error) { // one at a time
			defer all.Done()
			if err != nil {
				if failed == nil { // the others are only its consequence
					failed = err
				}
				cancel()
				return
			}
			fmt.Fprintln(out, ack{n, r.Partition, r.Offset})
		})
	}
	all.Wait()
	if err := out.Flush(); err != nil {
		return err
	}
	if f.untilError {
		if failed == nil {
			return errors.New("nothing failed")
		}
		fmt.Fprintln(os.Stderr, "as wanted, ended by:", failed)
		return nil
	}
	return failed
}

// verify reads every partition from start to end.
func (f *franz) verify(ctx context.Context) error {
	j := journal{}
	file, err := os.Open(f.journal)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := j.read(file); err != nil {
		return err
	}
	cl, err := f.client(kgo.ConsumeTopics(f.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, f.topic)
	if err := errors.Join(err, ends.Error()); err != nil {
		return fmt.Errorf("end offsets: %w", err)
	}
	total := 0
	ends.Each(func(o kadm.ListedOffset) { total += int(o.Offset) })

	c := newReader(f.workload, j, f.exact)
	coded := 0
	for c.records < total {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("after %d of %d records: %w", c.records, total, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if err == nil {
				err = c.record(r)
			}
			if int(r.Attrs.CompressionType()) < len(codecs) && codecs[r.Attrs.CompressionType()] == f.codec {
				coded++
			}
		})
		if err != nil {
			return err
		}
	}
	if f.exact && coded*10 < total*9 { // clients may leave a batch plain that does not shrink
		return fmt.Errorf("only %d of %d records came in batches with %s", coded, total, f.codec)
	}
	if err := c.end(); err != nil {
		return err
	}
	fmt.Printf("verified %d\n", c.records)
	return nil
}

// list prints records of one partition from a place on.
func (f *franz) list(ctx context.Context) error {
	at, err := f.offset()
	if err != nil {
		return err
	}
	cl, err := f.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{f.topic: {int32(f.partition): at}}))
	if err != nil {
		return err
	}
	defer cl.Close()
	for left := f.count; left > 0; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if left--; left < 0 {
				return
			}
			n, bad := f.check(r)
			err = errors.Join(err, bad)
			fmt.Println(r.Partition, r.Offset, r.Timestamp.UnixMilli(), n)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *franz) offset() (kgo.Offset, error) {
	kind, text, _ := strings.Cut(f.at, ":")
	var n int64
	if text != "" {
		var err error
		if n, err = strconv.ParseInt(text, 10, 64); err != nil {
			return kgo.Offset{}, err
		}
	}
	switch kind {
	case "start":
		return kgo.NewOffset().AtStart(), nil
	case "end":
		return kgo.NewOffset().AtEnd(), nil
	case "last":
		return kgo.NewOffset().AtEnd().Relative(-n), nil
	case "offset":
		return kgo.NewOffset().At(n), nil
	case "time":
		return kgo.NewOffset().AfterMilli(n), nil
	}
	return kgo.Offset{}, fmt.Errorf("no such place: %q", f.at)
}

func milli(ms int64) time.Time { return time.UnixMilli(ms) }

// produceAll runs a producing client to its end and returns what was acknowledged.
func produceAll(t *testing.T, f franz) journal {
	t.Helper()
	j := journal{}
	if err := j.read(strings.NewReader(string(command(t, f.command("produce"))))); err != nil {
		t.Fatal(err)
	}
	if j.size() != f.to-f.from {
		t.Fatalf("%d records were acknowledged, want %d", j.size(), f.to-f.from)
	}
	return j
}

// verifyAll runs a verifying client and returns how many records it has read.
func verifyAll(t *testing.T, f franz, j journal) int {
	t.Helper()
	f.journal = j.write(t)
	var records int
	if _, err := fmt.Sscanf(string(command(t, f.command("verify"))), "verified %d", &records); err != nil {
		t.Fatal(err)
	}
	return records
}
