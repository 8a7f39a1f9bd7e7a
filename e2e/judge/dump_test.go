package judge

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/thalweg-io/thalweg/e2e/peer"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// TestDump lets Kafka's tool read the directories of both brokers after a clean stop, compares it with ours, and allows no
// complaint.
func TestDump(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an Apache Kafka")
	}
	home := kafka.Need(t)
	bin := peer.Build(t)
	ours, theirs := peer.Thalweg(t, bin, settings), peer.Apache(t, home, settings)
	for _, b := range []peer.Broker{ours, theirs} {
		b.Start(t)
		c := connect(t, b)
		for _, codec := range codecs {
			c.create(codec.String())
			c.fill(b.Addr(), codec.String(), codec, "")
		}
		c.create("producers")
		p := c.newProducer()
		for i := range 7 {
			c.goOn("producers", p, codecs[i%len(codecs)], 1+i)
		}
		c.group(b.Addr(), "zstd")
	}
	c := connect(t, theirs) // Thalweg has no transactions yet
	c.create("transactions")
	c.fill(theirs.Addr(), "transactions", compress.LZ4, "t1")
	for _, b := range []peer.Broker{ours, theirs} {
		b.Stop(t)
	}
	shell, err := home.Shell(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer shell.Close()
	for _, b := range []peer.Broker{ours, theirs} {
		d := dumper{t, shell, bin, b}
		d.data()
		d.internal()
	}
}

// group lets a consumer group read some records and commit.
func (c *client) group(addr, topic string) {
	c.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumerGroup("readers"), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())
	if err != nil {
		c.t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.PollRecords(c.t.Context(), 10).Err(); err != nil {
		c.t.Fatal(err)
	}
	if err := cl.CommitUncommittedOffsets(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

type dumper struct {
	t     *testing.T
	shell *kafka.Shell
	bin   string
	b     peer.Broker
}

// complaints are what the tools say of files that are not right.
var complaints = []string{"isvalid: false", "Mismatches in", "invalid bytes at the end", "Non-consecutive offsets", "timestamp mismatch", "out of order timestamp",
	"indexed offsets are not found", "Exception", "corrupt", "Snapshot failed", "Snapshot contained"}

// same runs both tools over the same files with the same options.
func (d dumper) same(files []string, options ...string) {
	d.t.Helper()
	if len(files) == 0 {
		d.t.Fatalf("%s: there are no files for %v", d.b.Name(), options)
	}
	args := append([]string{"--files", strings.Join(files, ",")}, options...)
	want, err := d.shell.Run("kafka-dump-log", "", args...)
	if err != nil {
		d.t.Fatal(err)
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(d.t.Context(), d.bin, append([]string{"kafka-dump-log"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // the exit code is in ProcessState
	if want.Code != 0 || cmd.ProcessState.ExitCode() != 0 {
		d.t.Errorf("%s, %v: Kafka's tool exits with %d, ours with %d", d.b.Name(), options, want.Code, cmd.ProcessState.ExitCode())
	}
	if a, b := remarks(want.Err), remarks(errs.String()); !slices.Equal(a, b) || slices.ContainsFunc(a, complains) {
		d.t.Errorf("%s, %v: Kafka's tool says %q, ours %q", d.b.Name(), options, a, b)
	}
	a, b := strings.Split(want.Out, "\n"), strings.Split(out.String(), "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			d.t.Errorf("%s, %v: line %d of %d and %d differs\nKafka's: %.2000q\nours:    %.2000q", d.b.Name(), options, i+1, len(a), len(b), slices.Concat(a[min(i, len(a)):], []string{""})[0], slices.Concat(b[min(i, len(b)):], []string{""})[0])
			return
		}
		for _, c := range complaints {
			if strings.Contains(a[i], c) {
				d.t.Errorf("%s, %v: %.500s", d.b.Name(), options, a[i])
			}
		}
	}
	d.t.Logf("%s, %v: %d files, %d lines", d.b.Name(), options, len(files), len(a)-1)
}

// remarks are what a tool says on its standard error, a title and its lines together, in order: Kafka's is that of a hash map.
func remarks(text string) (list []string) {
	for line := range strings.Lines(text) {
		if n := len(list); n > 0 && strings.HasPrefix(line, "  ") {
			list[n-1] += line
		} else {
			list = append(list, line)
		}
	}
	slices.Sort(list)
	return list
}

// beginning is what Kafka's tool says of every segment but the first one.
var beginning = regexp.MustCompile(`^Non-consecutive offsets in .*/0*([1-9]\d*)\.log\n  -1 is followed by (\d+)\n$`)

func complains(remark string) bool {
	m := beginning.FindStringSubmatch(remark)
	return m == nil || m[1] != m[2]
}

// glob is the files of data directories whose paths match one of the patterns.
func (d dumper) glob(patterns ...string) (files []string) {
	d.t.Helper()
	for _, p := range patterns {
		found, err := filepath.Glob(filepath.Join(d.b.Dir(), p))
		if err != nil {
			d.t.Fatal(err)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return files
}

func (d dumper) data() {
	all := d.glob("[a-z]*-0/*.log", "[a-z]*-0/*.index", "[a-z]*-0/*.timeindex", "[a-z]*-0/*.snapshot", "[a-z]*-0/*.txnindex")
	d.same(all)
	d.same(all, "--deep-iteration")
	logs, indexes := d.glob("[a-z]*-0/*.log"), d.glob("[a-z]*-0/*.index", "[a-z]*-0/*.timeindex")
	if len(logs) < 3*len(codecs) {
		d.t.Errorf("%s: %d segments only", d.b.Name(), len(logs))
	}
	d.same(logs, "--print-data-log")
	d.same(logs, "--print-data-log", "--skip-record-metadata")
	d.same(logs, "--print-data-log", "--max-bytes", "200000")
	d.same(logs, "--key-decoder-class", "org.apache.kafka.tools.api.StringDecoder", "--value-decoder-class", "org.apache.kafka.tools.api.StringDecoder")
	d.same(indexes, "--verify-index-only")
	d.same(indexes, "--verify-index-only", "--max-message-size", "2000000")
	d.same(indexes, "--index-sanity-check")
}

func (d dumper) internal() {
	d.same(d.glob("__consumer_offsets-*/*.log"), "--offsets-decoder")
	d.same(d.glob("__cluster_metadata-0/*.log", "__cluster_metadata-0/*.checkpoint"), "--cluster-metadata-decoder")
	d.same(d.glob("__cluster_metadata-0/*.log"), "--cluster-metadata-decoder", "--skip-record-metadata")
	d.same(d.glob("__cluster_metadata-0/*.index", "__cluster_metadata-0/*.timeindex", "__cluster_metadata-0/*.snapshot"))
	if state := d.glob("__transaction_state-*/*.log"); len(state) > 0 {
		d.same(state, "--transaction-log-decoder")
	}
}
