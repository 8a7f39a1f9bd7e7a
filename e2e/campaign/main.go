// Campaign runs what takes too long for the tests and writes down what came of it.
//
//	go run ./e2e/campaign [-n n] [-from n] [-j n] [-out dir] NAME
//
// A page docs/campaigns/NAME.md has the commit, the command, the counts and the duration. The
// campaigns are in the table below. It ends with 1 if a campaign failed.
//
// Files: main.go (table, flags), sim.go (the simulator's campaigns), storage.go (those of the log), fuzz.go
// (the fuzz targets), messages.go (messages through a real process), kgo.go (the tests of
// franz-go), sidebyside.go (beside an Apache Kafka), half_open.go (clients that hold connections for nothing),
// groupkill.go (committed offsets, with kills), groups100.go (a large
// group, beside an Apache Kafka), retention.go (deleting under
// producers), recovery.go (starting after a kill with much to recover), wild.go (programs of other stacks), page.go (what a page looks like), setup.go
// and load.go (what several of them need: the binary, clients that work while it is measured).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"github.com/thalweg-io/thalweg/e2e/hostile"
	"github.com/thalweg-io/thalweg/e2e/members"
)

// options are the flags.
type options struct {
	n, from uint64
	jobs    int
	out     string
	each    time.Duration
	only    string
	text    string // the command line, for the page
}

// campaign is one entry of the table. run adds what it found to the page; an error says that the
// campaign failed, and the page is written all the same.
type campaign struct {
	name, purpose string
	n             uint64 // default of -n
	run           func(context.Context, *options, *page) error
}

var campaigns = []campaign{
	{"sim-seeds", "The simulator plays many seeds; none violates a predicate, and every state of its Sometimes table is reached.", 20_000, simSeeds},
	{"sim-twice", "The simulator plays every seed twice; the traces are equal.", 500, simTwice},
	{"sim-groups", "The simulator plays seeds that have consumer groups of either protocol or both: members join, leave, crash and commit under every fault; at most one owner per partition and generation, no committed offset goes back, all groups stable after calm.", 10_000, simGroups},
	{"sim-planted", "Every planted bug that the simulator can see is found within so many seeds, and shrunk.", 2000, simPlanted},
	{"fuzz", "Every fuzz target of the repository is given arbitrary bytes for a while; none of its properties fails. With -n only so many targets, others for every -from.", allTargets, fuzz},
	{"messages", "Random valid and damaged messages of every API and version go through a real process: it lives, answers every valid one, never with UNKNOWN_SERVER_ERROR, and keeps its memory, goroutines and files.", 10_000, messageTable},
	{"side-by-side", "One script of command lines runs through Apache Kafka's own tools against an Apache Kafka and against Thalweg, and through Thalweg's tools; what they print is equal, but for exceptions with a reason.", 1, sideBySide},
	{"half-open", "Thousands of clients hold connections to the real binary and give nothing for them; the 99th percentile of others stays within twice of what it is without them, the memory within its bounds.", 5000, halfOpen},
	{"storage-crash", "A random workload on a log directory is cut off after every operation, with several outcomes for what was not flushed, and again inside recovery; nothing flushed is lost, nothing wrong is served.", 1, storageCampaign("crash", "TestCampaignCrash")},
	{"storage-nthop", "Every operation of a workload on a log directory fails in turn: EIO, ENOSPC, EROFS, short write, slow; once and for good; nothing flushed is lost, nothing wrong is served.", 1, storageCampaign("nthop", "TestCampaignNthOp")},
	{"kill9", "The real binary is killed (kill -9) again and again under idempotent producers of Java, librdkafka and franz-go, with flush.policy group and os; nothing acknowledged is lost, moved, doubled or out of order.", 200, kill9},
	{"powercut", "The power of the disk beneath the real binary is cut again and again, and what was not synced kept, dropped, zeroed or torn, under idempotent producers of Java, librdkafka and franz-go; nothing acknowledged is lost, moved, doubled or out of order.", 50, powerCut},
	{"disk-trouble", "The disk beneath the real binary is full, slow, read-only or fails, under idempotent producers of Java, librdkafka and franz-go; a full or slow one is got over without a restart, of one that fails nothing acknowledged is lost.", 40, diskTrouble},
	{"retention", "The 99th percentile of producers' times while 100 segments of another topic are deleted stays within 1.2 times what it is in quiet, with flush.policy group and os.", 20, retention},
	{"recovery", "The real binary is killed (kill -9) under producers with 10 GiB in 100 active segments, with flush.policy group and os; it serves every partition again within five seconds, scans no more than lies above the recovery points, and nothing acknowledged is lost.", 2, recovery},
	{"group-kill", "The real binary is killed (kill -9) again and again while groups commit and read offsets, so that it dies between an append and its answer; no committed offset that anybody has heard of goes back.", 500, groupKill},
	{"wild", "Programs of other people's stacks that take minutes run against the real binary; none fails, and those that are expected to fail do.", 1, wild},
	{"group-histories", "The real binary is killed (kill -9) again and again while clients commit whatever offsets they like, several for the same group, and read them; porcupine wants every committed offset to be a linearizable register. A planted bug is found.", 500, groupHistories},
	{"groups-100", "A group of 100 members on 100 partitions, of either protocol: how long it takes to become stable, and what it costs the broker, beside an Apache Kafka in the same run. -n is the number of rounds.", 5, groups100},
	{"kgo-suite", "franz-go's own tests, which talk to a cluster, run against a node of the real binary; none fails.", 50_000, kgoSuite},
	{"storage-bits", "Every bit of small log directories is flipped and every file cut at every length; no wrong record is served.", 1, storageCampaign("bits", "TestCampaignBits")},
}

func main() {
	if hostile.Main(os.Args[1:]) || members.Main(os.Args[1:]) {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "campaign:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	flags := flag.NewFlagSet("campaign", flag.ContinueOnError)
	flags.Uint64Var(&o.n, "n", 0, "how much; 0 is the campaign's own default")
	flags.Uint64Var(&o.from, "from", 1, "first seed")
	flags.IntVar(&o.jobs, "j", runtime.NumCPU(), "so many at a time")
	flags.DurationVar(&o.each, "each", 10*time.Minute, "fuzz: time for each target; half-open: most for each phase")
	flags.StringVar(&o.only, "only", "", "fuzz, messages, wild, recovery: the targets, APIs, programs or policies whose name matches")
	flags.StringVar(&o.out, "out", filepath.Join("docs", "campaigns"), "where the page goes")
	if len(os.Args) < 2 {
		return usage()
	}
	args := os.Args[1:]
	name := args[0]
	if name[0] != '-' {
		args = args[1:] // the name may stand before the flags
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if name[0] == '-' {
		name = flags.Arg(0)
	}
	for _, c := range campaigns {
		if c.name != name {
			continue
		}
		if o.n == 0 {
			o.n = c.n
		}
		o.text = fmt.Sprintf("go run ./e2e/campaign %s -n %d -from %d -j %d", c.name, o.n, o.from, o.jobs)
		if o.only != "" {
			o.text += fmt.Sprintf(" -only %q", o.only)
		}
		if c.name == "fuzz" {
			o.text += fmt.Sprintf(" -each %s", o.each)
		}
		return conduct(ctx, c, &o)
	}
	return usage()
}

func usage() error {
	for _, c := range campaigns {
		fmt.Fprintf(os.Stderr, "%-14s %s\n", c.name, c.purpose)
	}
	return errors.New("name a campaign")
}

func conduct(ctx context.Context, c campaign, o *options) error {
	p := newPage(ctx, c, o)
	failed := c.run(ctx, o, p)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := errors.Join(failed, p.write(o.out, failed))
	fmt.Println("see", p.name(o.out))
	return err
}
