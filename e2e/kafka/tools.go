package kafka

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
)

// classes has the main class behind each of Kafka's script names.
var classes = map[string]string{
	"kafka-acls":                      "org.apache.kafka.tools.AclCommand",
	"kafka-broker-api-versions":       "org.apache.kafka.tools.BrokerApiVersionsCommand",
	"kafka-client-metrics":            "org.apache.kafka.tools.ClientMetricsCommand",
	"kafka-cluster":                   "org.apache.kafka.tools.ClusterTool",
	"kafka-configs":                   "org.apache.kafka.tools.ConfigCommand",
	"kafka-console-consumer":          "org.apache.kafka.tools.consumer.ConsoleConsumer",
	"kafka-console-producer":          "org.apache.kafka.tools.ConsoleProducer",
	"kafka-console-share-consumer":    "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
	"kafka-consumer-groups":           "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
	"kafka-consumer-perf-test":        "org.apache.kafka.tools.ConsumerPerformance",
	"kafka-delegation-tokens":         "org.apache.kafka.tools.DelegationTokenCommand",
	"kafka-delete-records":            "org.apache.kafka.tools.DeleteRecordsCommand",
	"kafka-dump-log":                  "org.apache.kafka.tools.DumpLogSegments",
	"kafka-e2e-latency":               "org.apache.kafka.tools.EndToEndLatency",
	"kafka-features":                  "org.apache.kafka.tools.FeatureCommand",
	"kafka-get-offsets":               "org.apache.kafka.tools.GetOffsetShell",
	"kafka-groups":                    "org.apache.kafka.tools.GroupsCommand",
	"kafka-leader-election":           "org.apache.kafka.tools.LeaderElectionCommand",
	"kafka-log-dirs":                  "org.apache.kafka.tools.LogDirsCommand",
	"kafka-metadata-quorum":           "org.apache.kafka.tools.MetadataQuorumCommand",
	"kafka-producer-perf-test":        "org.apache.kafka.tools.ProducerPerformance",
	"kafka-reassign-partitions":       "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
	"kafka-replica-verification":      "org.apache.kafka.tools.ReplicaVerificationTool",
	"kafka-share-consumer-perf-test":  "org.apache.kafka.tools.ShareConsumerPerformance",
	"kafka-share-groups":              "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
	"kafka-storage":                   "kafka.tools.StorageTool",
	"kafka-streams-groups":            "org.apache.kafka.tools.streams.StreamsGroupCommand",
	"kafka-transactions":              "org.apache.kafka.tools.TransactionsCommand",
	"kafka-topics":                    "org.apache.kafka.tools.TopicCommand",
	"kafka-verifiable-consumer":       "org.apache.kafka.tools.VerifiableConsumer",
	"kafka-verifiable-producer":       "org.apache.kafka.tools.VerifiableProducer",
	"kafka-verifiable-share-consumer": "org.apache.kafka.tools.VerifiableShareConsumer",
}

// Tools returns the names of the tools, sorted.
func Tools() []string {
	names := make([]string, 0, len(classes))
	for name := range classes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Tool makes a process of one of Kafka's tools, not yet started. It takes about a second to begin;
// Shell is for many of them.
func (h Home) Tool(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	class, ok := classes[name]
	if !ok {
		return nil, fmt.Errorf("no tool %s; they are %v", name, Tools())
	}
	return h.java(ctx, "256m", class, args...), nil
}
