package group

import (
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
)

// Config is the server keys that group coordinators act on. Units are those of the keys.
type Config struct {
	MinSessionTimeoutMs     int32 // group.min.session.timeout.ms
	MaxSessionTimeoutMs     int32 // group.max.session.timeout.ms
	InitialRebalanceDelayMs int32 // group.initial.rebalance.delay.ms
	MaxSize                 int32 // group.max.size

	OffsetMetadataMaxBytes   int32 // offset.metadata.max.bytes, in UTF-16 units as Kafka counts them
	OffsetsRetentionMs       int64 // offsets.retention.minutes
	OffsetsRetentionCheckMs  int64 // offsets.retention.check.interval.ms
	ConsumerMaxSize          int32 // group.consumer.max.size
	ConsumerAssignors        []string
	ConsumerMigrationPolicy  string // lower case: disabled, downgrade, upgrade, bidirectional
	ConsumerRegexRefreshMs   int64  // group.consumer.regex.refresh.interval.ms
	consumerMinSessionMs     int64
	consumerMaxSessionMs     int64
	consumerMinHeartbeatMs   int64
	consumerMaxHeartbeatMs   int64
	consumerMinAssignmentMs  int64
	consumerMaxAssignmentMs  int64
	classicAllowed, newStyle bool // group.coordinator.rebalance.protocols
}

// ConfigOf reads the keys as they count on the node of an image.
func ConfigOf(image *metadata.Image) Config {
	number := func(key string) int64 { return serverInt(image, key) }
	protocols := serverList(image, "group.coordinator.rebalance.protocols")
	policy, _, _ := image.ServerConfig("group.consumer.migration.policy")
	c := Config{
		MinSessionTimeoutMs:     int32(number("group.min.session.timeout.ms")),
		MaxSessionTimeoutMs:     int32(number("group.max.session.timeout.ms")),
		InitialRebalanceDelayMs: int32(number("group.initial.rebalance.delay.ms")),
		MaxSize:                 int32(number("group.max.size")),
		OffsetMetadataMaxBytes:  int32(number("offset.metadata.max.bytes")),
		OffsetsRetentionMs:      number("offsets.retention.minutes") * 60_000,
		OffsetsRetentionCheckMs: number("offsets.retention.check.interval.ms"),
		ConsumerMaxSize:         int32(number("group.consumer.max.size")),
		ConsumerAssignors:       serverList(image, "group.consumer.assignors"),
		ConsumerMigrationPolicy: strings.ToLower(strings.TrimSpace(policy)),
		ConsumerRegexRefreshMs:  number("group.consumer.regex.refresh.interval.ms"),
		consumerMinSessionMs:    number("group.consumer.min.session.timeout.ms"),
		consumerMaxSessionMs:    number("group.consumer.max.session.timeout.ms"),
		consumerMinHeartbeatMs:  number("group.consumer.min.heartbeat.interval.ms"),
		consumerMaxHeartbeatMs:  number("group.consumer.max.heartbeat.interval.ms"),
		consumerMinAssignmentMs: number("group.consumer.min.assignment.interval.ms"),
		consumerMaxAssignmentMs: number("group.consumer.max.assignment.interval.ms"),
	}
	for _, p := range protocols {
		c.classicAllowed = c.classicAllowed || p == "classic"
		c.newStyle = c.newStyle || p == "consumer"
	}
	return c
}

// serverInt is the value of a server key that is a number; what does not parse counts as the built-in value.
func serverInt(image *metadata.Image, key string) int64 {
	value, _, _ := image.ServerConfig(key)
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err == nil {
		return n
	}
	if def := metadata.ServerConfigDefOf(key); def != nil {
		n, err = strconv.ParseInt(def.Default, 10, 64)
	}
	if err != nil {
		panic("BUG: " + key + " is no number of the server")
	}
	return n
}

func serverList(image *metadata.Image, key string) (all []string) {
	value, _, _ := image.ServerConfig(key)
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			all = append(all, item)
		}
	}
	return all
}
