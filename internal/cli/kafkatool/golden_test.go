package kafkatool

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/thalweg-io/thalweg/internal/cli/golden"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestGolden runs the scripts of testdata (package golden) against a broker of their own per file. The
// expected texts were compared with what Apache Kafka's 4.3 tools print against the same broker.
func TestGolden(t *testing.T) {
	player.Play(t, "testdata/*.txt", func(t *testing.T) string {
		return brokertest.Start(t, brokertest.WithProperty("group.initial.rebalance.delay.ms", "0")).Addr()
	})
}

// TestGoldenElsewhere runs the scripts of testdata/elsewhere against a foreign cluster in this process, as it
// serves what this broker does not, and every tool works with any cluster.
func TestGoldenElsewhere(t *testing.T) {
	player.Play(t, "testdata/elsewhere/*.txt", golden.Elsewhere)
}

// TestGoldenGroups runs the scripts of testdata/groups against a foreign cluster with two records in t1-0 and a
// group "live" whose member reads t1.
func TestGoldenGroups(t *testing.T) {
	player.Play(t, "testdata/groups/*.txt", func(t *testing.T) string {
		addr := golden.Elsewhere(t)
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
	player.Play(t, "testdata/dump/*.txt", func(t *testing.T) string { return "(no host):(no port)" })
}

func execute(t *testing.T, line, stdin, _ string) (text, errs string, code int) {
	t.Helper()
	args := golden.Words(line)
	tool, ok := Find(args[0])
	if !ok {
		t.Fatalf("there is no tool %s", args[0])
	}
	var out, err bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	code = tool.Run(ctx, args[1:], Streams{In: strings.NewReader(stdin), Out: &out, Err: &err})
	return withoutRoot(t, out.String()), withoutRoot(t, err.String()), code
}

// withoutRoot replaces the root of the repository.
func withoutRoot(t *testing.T, text string) string {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(text, root, "ROOT")
}

var player = golden.Player{
	Bootstrap: "--bootstrap-server",
	Run:       execute,
	Unsteady: golden.Unsteady(
		`(?s)(! )?Option +Description\n.*\n(exit )`, "${1}(options)\n$2",
		`TopicId: \S{22}`, "TopicId: ID",
		`Cluster ID: \S{22}`, "Cluster ID: ID",
		`Time:\d{13}`, "Time:NOW",
		`"timestamp":\d{13}`, `"timestamp":NOW`,
		`"avg_throughput":[0-9.e+-]+`, `"avg_throughput":N`,
		`(?m)^(\d+ (?:steady state )?records sent), .*$`, "$1, ...",
		`(?m)^(\d+)[\t→][0-9]+\.[0-9E-]+$`, "$1→MS",
		`(?m)^Avg latency: \d+\.\d{4} ms$`, "Avg latency: MS ms",
		`(?m)^Percentiles: 50th = \d+, 99th = \d+, 99.9th = \d+$`, "Percentiles: ...",
		`(?m)^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d:\d{3}, 20\S+ \S+, ([0-9.]+), [0-9.]+, (\d+), .*$`, "START, END, $1, RATE, $2, ...",
		`"size":\d+`, `"size":N`,
		`(?m)^[0-9A-Za-z_-]{22}$`, "ID",
		`(ClusterId: +|"directoryId": ")[0-9A-Za-z_-]{22}`, "${1}ID",
		`(HighWatermark: +|  Epoch: )\d+`, "${1}N",
		`(?m)^(\d+ +\t)\S{22}\t\d+ *\t(\d+) *\t\d{13} *\t\d{13} *\t`, "${1}ID\tN\t${2}\tNOW\tNOW\t",
		`\[20\d\d-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]`, "[NOW]",
		`HOST:\d+ `, "HOST:PEER ",
		`c1-[0-9a-f]{32}`, "c1-00000000111111112222222233333333",
		`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "00000000-1111-2222-3333-444444444444",
	),
}
