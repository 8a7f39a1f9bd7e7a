package kafkatool

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestGolden runs the command lines of testdata against a broker of their own per file, and compares
// exit code and output; -rewrite writes the files anew. The first line of a block is the command
// line, with $B for the bootstrap option; lines that begin with "< " are standard input. What
// differs from run to run is replaced: ids, addresses, times, and the tables of options. The
// expected texts were compared with what Apache Kafka's 4.3 tools print against the same broker.
func TestGolden(t *testing.T) {
	golden(t, "testdata/*.txt", func(t *testing.T) string {
		return brokertest.Start(t, brokertest.WithProperty("group.initial.rebalance.delay.ms", "0")).Addr()
	})
}

// TestGoldenElsewhere runs the scripts of testdata/elsewhere against a foreign cluster in this process, as it
// serves what this broker does not, and every tool works with any cluster.
func TestGoldenElsewhere(t *testing.T) {
	golden(t, "testdata/elsewhere/*.txt", func(t *testing.T) string {
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "t1", "t2"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c.ListenAddrs()[0]
	})
}

// TestGoldenGroups runs the scripts of testdata/groups against a foreign cluster with two records in t1-0 and a
// group "live" whose member reads t1.
func TestGoldenGroups(t *testing.T) {
	golden(t, "testdata/groups/*.txt", func(t *testing.T) string {
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "t1", "t2"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		addr := c.ListenAddrs()[0]
		assigned := make(chan struct{})
		cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ClientID("c1"), kgo.ConsumerGroup("live"), kgo.ConsumeTopics("t1"),
			kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableAutoCommit(), kgo.Balancers(kgo.RangeBalancer()),
			kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { close(assigned) }))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		for _, ms := range []int64{1_000, 2_000} {
			r := &kgo.Record{Topic: "t1", Value: []byte("x"), Timestamp: time.UnixMilli(1_700_000_000_000 + ms)}
			if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		<-assigned
		return addr
	})
}

// TestGoldenFiles runs the scripts of testdata/dump, which need no broker. The files in testdata/dump/kafka
// were written by Apache Kafka 4.4.0, which prints of them what the script has.
func TestGoldenFiles(t *testing.T) {
	golden(t, "testdata/dump/*.txt", func(t *testing.T) string { return "(no host):(no port)" })
}

func golden(t *testing.T, pattern string, start func(t *testing.T) (addr string)) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			addr, dir := start(t), t.TempDir()
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				line, stdin := script(d.Input)
				line = strings.NewReplacer("$B", "--bootstrap-server "+addr, "$ADDR", addr, "$DIR", dir).Replace(line)
				return steady(execute(t, line, stdin), addr, dir)
			})
		})
	}
}

// script splits a block into the command line and its input.
func script(text string) (line, stdin string) {
	var in strings.Builder
	for i, l := range strings.Split(text, "\n") {
		rest, isInput := strings.CutPrefix(l, "<")
		rest = strings.TrimPrefix(rest, " ")
		switch {
		case isInput:
			in.WriteString(strings.ReplaceAll(rest, `\t`, "\t") + "\n")
		case i == 0:
			line = l
		default:
			line += " " + l
		}
	}
	return line, in.String()
}

// words splits a command line as a shell does, with single quotes only.
func words(line string) (out []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}

func execute(t *testing.T, line, stdin string) string {
	t.Helper()
	args := words(line)
	tool, ok := Find(args[0])
	if !ok {
		t.Fatalf("there is no tool %s", args[0])
	}
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	code := tool.Run(ctx, args[1:], Streams{In: strings.NewReader(stdin), Out: &out, Err: &errs})
	text := out.String()
	for l := range strings.Lines(errs.String()) {
		text += "! " + strings.TrimSuffix(l, "\n") + "\n"
	}
	return fmt.Sprintf("%sexit %d\n", text, code)
}

var unsteady = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?s)(! )?Option +Description\n.*\n(exit )`), "${1}(options)\n$2"},
	{regexp.MustCompile(`TopicId: \S{22}`), "TopicId: ID"},
	{regexp.MustCompile(`Cluster ID: \S{22}`), "Cluster ID: ID"},
	{regexp.MustCompile(`Time:\d{13}`), "Time:NOW"},
	{regexp.MustCompile(`"timestamp":\d{13}`), `"timestamp":NOW`},
	{regexp.MustCompile(`"avg_throughput":[0-9.e+-]+`), `"avg_throughput":N`},
	{regexp.MustCompile(`(?m)^(\d+ (?:steady state )?records sent), .*$`), "$1, ..."},
	{regexp.MustCompile(`(?m)^(\d+)[\t→][0-9]+\.[0-9E-]+$`), "$1→MS"},
	{regexp.MustCompile(`(?m)^Avg latency: \d+\.\d{4} ms$`), "Avg latency: MS ms"},
	{regexp.MustCompile(`(?m)^Percentiles: 50th = \d+, 99th = \d+, 99.9th = \d+$`), "Percentiles: ..."},
	{regexp.MustCompile(`(?m)^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d:\d{3}, 20\S+ \S+, ([0-9.]+), [0-9.]+, (\d+), .*$`), "START, END, $1, RATE, $2, ..."},
	{regexp.MustCompile(`"size":\d+`), `"size":N`},
	{regexp.MustCompile(`(?m)^[0-9A-Za-z_-]{22}$`), "ID"},
	{regexp.MustCompile(`(ClusterId: +|"directoryId": ")[0-9A-Za-z_-]{22}`), "${1}ID"},
	{regexp.MustCompile(`(HighWatermark: +|  Epoch: )\d+`), "${1}N"},
	{regexp.MustCompile(`(?m)^(\d+ +\t)\S{22}\t\d+ *\t(\d+) *\t\d{13} *\t\d{13} *\t`), "${1}ID\tN\t${2}\tNOW\tNOW\t"},
	{regexp.MustCompile(`\[20\d\d-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]`), "[NOW]"},
	{regexp.MustCompile(`HOST:\d+ `), "HOST:PEER "},
	{regexp.MustCompile(`c1-[0-9a-f]{32}`), "c1-00000000111111112222222233333333"},
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "00000000-1111-2222-3333-444444444444"},
}

// steady replaces what no two runs have in common.
func steady(text, addr, dir string) string {
	if wd, err := os.Getwd(); err == nil {
		text = strings.ReplaceAll(text, filepath.Clean(wd+"/../../.."), "ROOT")
	}
	host, port, _ := strings.Cut(addr, ":")
	text = strings.NewReplacer(addr, "ADDR", host, "HOST", dir, "DIR", port, "PORT").Replace(text)
	for _, u := range unsteady {
		text = u.pattern.ReplaceAllString(text, u.instead)
	}
	return strings.ReplaceAll(text, "\t", "→")
}
