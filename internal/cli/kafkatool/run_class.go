package kafkatool

import (
	"context"
	"fmt"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
)

// toolOfClass are the tools behind the class names that Kafka's scripts hand to kafka-run-class, without
// their packages, which have changed over the years.
var toolOfClass = map[string]string{
	"BrokerApiVersionsCommand":  "kafka-broker-api-versions",
	"ClientMetricsCommand":      "kafka-client-metrics",
	"ClusterTool":               "kafka-cluster",
	"ConfigCommand":             "kafka-configs",
	"ConsoleConsumer":           "kafka-console-consumer",
	"ConsoleProducer":           "kafka-console-producer",
	"ConsumerGroupCommand":      "kafka-consumer-groups",
	"ConsumerPerformance":       "kafka-consumer-perf-test",
	"EndToEndLatency":           "kafka-e2e-latency",
	"DeleteRecordsCommand":      "kafka-delete-records",
	"DumpLogSegments":           "kafka-dump-log",
	"FeatureCommand":            "kafka-features",
	"GetOffsetShell":            "kafka-get-offsets",
	"GroupsCommand":             "kafka-groups",
	"LeaderElectionCommand":     "kafka-leader-election",
	"LogDirsCommand":            "kafka-log-dirs",
	"MetadataQuorumCommand":     "kafka-metadata-quorum",
	"ProducerPerformance":       "kafka-producer-perf-test",
	"ReassignPartitionsCommand": "kafka-reassign-partitions",
	"StorageTool":               "kafka-storage",
	"TopicCommand":              "kafka-topics",
	"TransactionsCommand":       "kafka-transactions",
	"VerifiableConsumer":        "kafka-verifiable-consumer",
	"VerifiableProducer":        "kafka-verifiable-producer",
}

const runClassName = "kafka-run-class"

func runClassParser() *option.Parser { return &option.Parser{} }

// runClass runs the tool behind a class name, for scripts that call kafka-run-class themselves.
func runClass(ctx context.Context, args []string, s Streams) int {
	for len(args) > 0 && (args[0] == "-daemon" || args[0] == "-loggc") {
		args = args[1:]
	}
	for len(args) > 1 && args[0] == "-name" {
		args = args[2:]
	}
	if len(args) == 0 {
		fmt.Fprintln(s.Err, "USAGE: kafka-run-class classname [opts]; the class names of Kafka's tools are understood, and run the tool of the same purpose.")
		return 1
	}
	class := args[0]
	tool, ok := toolOfClass[class[strings.LastIndexByte(class, '.')+1:]]
	if t, found := Find(tool); ok && found {
		return t.Run(ctx, args[1:], s)
	}
	if class == "kafka.Kafka" {
		fmt.Fprintln(s.Err, "kafka.Kafka is the server: start it with kafka-server-start or \"thalweg server\".")
		return 1
	}
	fmt.Fprintf(s.Err, "There is no Java here, and no tool that stands for the class %s; \"thalweg help\" lists the tools there are.\n", class)
	return 1
}
