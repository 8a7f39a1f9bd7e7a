package kafkatool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
)

// Release is the Kafka release whose tools these are like; --version prints it.
const Release = "4.4.0"

// Streams is where a tool reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Tool is one tool.
type Tool struct {
	Name    string
	Summary string
	parser  func() *option.Parser
	run     func(c *call) error
	// unparsed tells of a command line that could not be parsed. nil: the error and all options.
	unparsed func(c *call, e option.Error) error
}

// Tools lists all tools, sorted by name.
func Tools() []Tool {
	return []Tool{
		{"kafka-broker-api-versions", "retrieve the API versions of brokers", apiVersionsParser, runAPIVersions, nil},
		{"kafka-client-metrics", "manage what metrics clients are asked for", clientMetricsParser, runClientMetrics, unparsedPlainly},
		{"kafka-cluster", "look at a cluster: its id and its endpoints", clusterParser, runCluster, nil},
		{"kafka-configs", "manipulate and describe the configs of topics, brokers, clients, users, addresses, client metrics and groups", configsParser, runConfigs, unparsedConfigs},
		{"kafka-console-consumer", "read data from topics and print it", consoleConsumerParser, runConsoleConsumer, nil},
		{"kafka-console-producer", "read lines from standard input and publish them to a topic", consoleProducerParser, runConsoleProducer, nil},
		{"kafka-consumer-groups", "list, describe and delete groups of consumers, and set or delete their offsets", consumerGroupsParser, runConsumerGroups, unparsedConsumerGroups},
		{"kafka-consumer-perf-test", "measure how fast a topic is read", consumerPerfParser, runConsumerPerf, nil},
		{"kafka-delete-records", "delete records of partitions up to an offset", deleteRecordsParser, runDeleteRecords, nil},
		{"kafka-dump-log", "look into the files of a broker", dumpLogParser, runDumpLog, unparsedPlainly},
		{"kafka-e2e-latency", "measure how long records take from a producer to a consumer", e2eLatencyParser, runE2ELatency, nil},
		{"kafka-features", "look at and change the levels of a cluster's features", featuresParser, runFeatures, nil},
		{"kafka-get-offsets", "get the offsets of topics and partitions", getOffsetsParser, runGetOffsets, unparsedGetOffsets},
		{"kafka-groups", "list groups of all types", groupsParser, runGroups, nil},
		{"kafka-leader-election", "elect leaders of partitions", leaderElectionParser, runLeaderElection, unparsedPlainly},
		{"kafka-log-dirs", "query how full data directories are", logDirsParser, runLogDirs, nil},
		{"kafka-metadata-quorum", "look at the quorum that keeps a cluster's metadata", metadataQuorumParser, runMetadataQuorum, nil},
		{"kafka-producer-perf-test", "measure how fast a topic is written", producerPerfParser, runProducerPerf, nil},
		{"kafka-reassign-partitions", "list partitions that are moving between brokers", reassignParser, runReassign, nil},
		{runClassName, "run the tool behind a class name of Kafka's, for scripts that do", runClassParser, nil, nil},
		{"kafka-storage", "look at data directories and prepare them", storageParser, runStorage, nil},
		{"kafka-topics", "create, list, describe, alter and delete topics", topicsParser, runTopics, unparsedTopics},
		{"kafka-transactions", "list and describe transactions, and end those that hang", transactionsParser, runTransactions, nil},
		{"kafka-verifiable-consumer", "consume and print each event as JSON", verifiableConsumerParser, runVerifiableConsumer, nil},
		{"kafka-verifiable-producer", "produce numbers and print each answer as JSON", verifiableProducerParser, runVerifiableProducer, nil},
	}
}

// Find looks a tool up by its name, as Kafka's scripts are called: with or without .sh or .bat.
func Find(name string) (Tool, bool) {
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".sh"), ".bat")
	for _, t := range Tools() {
		if t.Name == name {
			return t, true
		}
	}
	return Tool{}, false
}

// misuse is a command line that makes no sense: the tool says so and prints its options.
type misuse struct{ text string }

func (m misuse) Error() string { return m.text }

func misused(format string, args ...any) error { return misuse{fmt.Sprintf(format, args...)} }

// errTold ends a tool with exit code 1 after it has already said why.
var errTold = errors.New("already told")

// Run runs the tool with the words after its name and returns the exit code: 0, or 1 as Kafka's
// tools do for every kind of failure. It ends early when ctx does.
func (t Tool) Run(ctx context.Context, args []string, s Streams) int {
	if t.Name == runClassName {
		return runClass(ctx, args, s)
	}
	out := bufio.NewWriterSize(s.Out, 64<<10)
	c := &call{ctx: ctx, tool: t, args: args, in: s.In, out: out, err: s.Err, terminal: isTerminal(s.In) && isTerminal(s.Out)}
	code := c.finish(c.start(args))
	if err := out.Flush(); err != nil && code == 0 {
		fmt.Fprintf(s.Err, "Unable to write to standard out: %v\n", err)
		return 1
	}
	return code
}

// start parses, answers --help and --version, and runs the tool.
func (c *call) start(args []string) error {
	p := c.tool.parser()
	set, err := p.Parse(args)
	c.Set = set
	switch {
	case set.Has("help") || len(args) == 0:
		return c.help()
	case set.Has("version"):
		fmt.Fprintln(c.out, Release)
		return nil
	case err != nil:
		return c.unparsed(err)
	}
	warned := map[string]bool{}
	for _, o := range set.Deprecated {
		if warned[o.Name] {
			continue
		}
		warned[o.Name] = true
		fmt.Fprintf(c.err, "Warning: --%s is deprecated and will be removed in a future version. Use --%s instead.\n", o.Name, o.Instead)
	}
	return c.tool.run(c)
}

func (c *call) unparsed(err error) error {
	var e option.Error
	if c.tool.unparsed != nil && errors.As(err, &e) {
		return c.tool.unparsed(c, e)
	}
	return misuse{err.Error()}
}

// unparsedPlainly tells of wrong words in one line.
func unparsedPlainly(_ *call, e option.Error) error { return e }

func (t Tool) title() string { return "This tool helps to " + t.Summary + "." }

func (c *call) finish(err error) int {
	var m misuse
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errTold):
		return 1
	case errors.As(err, &m):
		c.misused(m)
		return 1
	case c.ctx.Err() != nil:
		return 130 // as a shell calls what Ctrl-C ended
	}
	fmt.Fprintln(c.err, kclient.Message(err))
	return 1
}

// misused tells of wrong words. The one-action tools then print all options, to standard error even
// for --help; the tools of the other style print only how they are used, and for --help everything
// to standard output.
func (c *call) misused(m misuse) {
	p := c.tool.parser()
	if p.Style == option.Sub {
		fmt.Fprintf(c.err, "%s%s: error: %s\n", c.tool.usage(), c.tool.program(), m.text)
		return
	}
	fmt.Fprintln(c.err, m.text)
	p.Help(c.err)
}

// programs are what some of Kafka's tools call themselves.
var programs = map[string]string{"kafka-transactions": "kafka-transactions.sh", "kafka-verifiable-consumer": "verifiable-consumer",
	"kafka-verifiable-producer": "verifiable-producer", "kafka-producer-perf-test": "producer-performance"}

func (t Tool) program() string {
	if p, ok := programs[t.Name]; ok {
		return p
	}
	return t.Name
}

func (t Tool) usage() string {
	if commands := t.parser().Commands; len(commands) > 0 {
		return fmt.Sprintf("usage: %s [-h] {%s} [options]\n", t.Name, strings.Join(commands, ","))
	}
	return fmt.Sprintf("usage: %s [-h] [options]\n", t.Name)
}

// help answers --help, or no words at all.
func (c *call) help() error {
	p := c.tool.parser()
	if p.Style != option.Sub {
		return misuse{c.tool.title()}
	}
	if p.Positional && len(c.Words) == 0 && !c.Has("help") {
		return misused("too few arguments")
	}
	c.printf("%s\n%s\n\n", c.tool.usage(), c.tool.title())
	p.Help(c.out)
	return nil
}
