package api

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/admin"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// Entry is one API that is served.
type Entry struct {
	Key      int16
	Name     string
	Min, Max int16
	// Resource and Operation are what a client must be allowed at least; ResourceNone and
	// OpNone for APIs that are open to everybody.
	Resource  security.Resource
	Operation security.Operation
	// Cost is what one request is worth, roughly, in units of a small Produce.
	Cost  int
	serve func(*network.Request) network.Disposition
}

// advertisedMin is the lowest version told to clients: that of Produce is a lie that Kafka tells
// too, because librdkafka takes compression for unsupported otherwise (KAFKA-18659). The lower versions are refused.
func (e *Entry) advertisedMin() int16 {
	if e.Key == keyProduce {
		return 0
	}
	return e.Min
}

// Keys that this package itself must know.
const (
	keyProduce     = 0
	keyApiVersions = 18
)

// table is indexed by API key; entries without a handler are not served.
type table [wire.MaxKey + 1]Entry

// newTable lists what is served. Versions are those of Kafka 4.4 (SURFACE §1.2).
func newTable(s *Server) *table {
	entries := []Entry{
		{0, "Produce", 3, 13, security.ResourceTopic, security.OpWrite, 1, s.data.Produce},
		{1, "Fetch", 4, 18, security.ResourceTopic, security.OpRead, 1, s.data.Fetch},
		{2, "ListOffsets", 1, 11, security.ResourceTopic, security.OpDescribe, 4, s.data.ListOffsets},
		{3, "Metadata", 0, 13, security.ResourceTopic, security.OpDescribe, 8, s.admin.Metadata},
		{8, "OffsetCommit", 2, 10, security.ResourceGroup, security.OpRead, 4, s.group.OffsetCommit},
		{9, "OffsetFetch", 1, 10, security.ResourceGroup, security.OpDescribe, 4, s.group.OffsetFetch},
		{10, "FindCoordinator", 0, 6, security.ResourceGroup, security.OpDescribe, 2, s.group.FindCoordinator},
		{11, "JoinGroup", 0, 9, security.ResourceGroup, security.OpRead, 8, s.group.JoinGroup},
		{12, "Heartbeat", 0, 4, security.ResourceGroup, security.OpRead, 1, s.group.Heartbeat},
		{13, "LeaveGroup", 0, 5, security.ResourceGroup, security.OpRead, 4, s.group.LeaveGroup},
		{14, "SyncGroup", 0, 5, security.ResourceGroup, security.OpRead, 8, s.group.SyncGroup},
		{15, "DescribeGroups", 0, 6, security.ResourceGroup, security.OpDescribe, 8, s.group.DescribeGroups},
		{16, "ListGroups", 0, 5, security.ResourceGroup, security.OpDescribe, 8, s.group.ListGroups},
		{18, "ApiVersions", 0, 5, security.ResourceNone, security.OpNone, 1, s.apiVersions},
		{19, "CreateTopics", 2, 7, security.ResourceTopic, security.OpCreate, 32, s.admin.CreateTopics},
		{20, "DeleteTopics", 1, 6, security.ResourceTopic, security.OpDelete, 32, s.admin.DeleteTopics},
		{21, "DeleteRecords", 0, 2, security.ResourceTopic, security.OpDelete, 16, s.data.DeleteRecords},
		{22, "InitProducerId", 0, 5, security.ResourceCluster, security.OpIdempotentWrite, 2, s.txn.InitProducerID},
		{23, "OffsetForLeaderEpoch", 2, 4, security.ResourceTopic, security.OpDescribe, 4, s.data.OffsetForLeaderEpoch},
		{32, "DescribeConfigs", 1, 4, security.ResourceTopic, security.OpDescribeConfigs, 8, s.admin.DescribeConfigs},
		{33, "AlterConfigs", 0, 2, security.ResourceTopic, security.OpAlterConfigs, 16, s.admin.AlterConfigs},
		{34, "AlterReplicaLogDirs", 1, 2, security.ResourceCluster, security.OpAlter, 16, s.data.AlterReplicaLogDirs},
		{35, "DescribeLogDirs", 1, 5, security.ResourceCluster, security.OpDescribe, 16, s.data.DescribeLogDirs},
		{37, "CreatePartitions", 0, 3, security.ResourceTopic, security.OpAlter, 32, s.admin.CreatePartitions},
		{42, "DeleteGroups", 0, 3, security.ResourceGroup, security.OpDelete, 16, s.group.DeleteGroups},
		{43, "ElectLeaders", 0, 2, security.ResourceCluster, security.OpAlter, 32, s.admin.ElectLeaders},
		{44, "IncrementalAlterConfigs", 0, 1, security.ResourceTopic, security.OpAlterConfigs, 16, s.admin.IncrementalAlterConfigs},
		{47, "OffsetDelete", 0, 0, security.ResourceGroup, security.OpDelete, 8, s.group.OffsetDelete},
		{48, "DescribeClientQuotas", 0, 1, security.ResourceCluster, security.OpDescribeConfigs, 8, s.admin.DescribeClientQuotas},
		{49, "AlterClientQuotas", 0, 1, security.ResourceCluster, security.OpAlterConfigs, 16, s.admin.AlterClientQuotas},
		{55, "DescribeQuorum", 0, 2, security.ResourceCluster, security.OpDescribe, 4, s.admin.DescribeQuorum},
		{57, "UpdateFeatures", 0, 2, security.ResourceCluster, security.OpAlter, 16, s.admin.UpdateFeatures},
		{60, "DescribeCluster", 0, 2, security.ResourceNone, security.OpNone, 4, s.admin.DescribeCluster},
		{61, "DescribeProducers", 0, 0, security.ResourceTopic, security.OpRead, 8, s.data.DescribeProducers},
		{68, "ConsumerGroupHeartbeat", 0, 1, security.ResourceGroup, security.OpRead, 4, s.group.ConsumerGroupHeartbeat},
		{69, "ConsumerGroupDescribe", 0, 1, security.ResourceGroup, security.OpDescribe, 8, s.group.ConsumerGroupDescribe},
		{74, "ListConfigResources", 0, 1, security.ResourceCluster, security.OpDescribeConfigs, 8, s.admin.ListConfigResources},
		{75, "DescribeTopicPartitions", 0, 0, security.ResourceTopic, security.OpDescribe, 8, s.admin.DescribeTopicPartitions},
	}
	if s.admin != nil && s.admin.Telemetry { // as in Kafka, where a receiver must be configured
		entries = append(entries,
			Entry{71, "GetTelemetrySubscriptions", 0, 0, security.ResourceNone, security.OpNone, 2, s.admin.GetTelemetrySubscriptions},
			Entry{72, "PushTelemetry", 0, 0, security.ResourceNone, security.OpNone, 4, s.admin.PushTelemetry})
	}
	t := new(table)
	for _, e := range entries {
		t[e.Key] = e
	}
	return t
}

// find returns the entry of a key and whether it serves the version; nil for an unknown key.
func (t *table) find(key, version int16) (*Entry, bool) {
	if key < 0 || int(key) >= len(t) || t[key].serve == nil {
		return nil, false
	}
	e := &t[key]
	return e, version >= e.Min && version <= e.Max
}

// Served lists the APIs that are served, those that must be switched on included, in order of key, for pages and tests: nobody can call them.
func Served() []Entry {
	var out []Entry
	for _, e := range newTable(&Server{admin: admin.New(admin.Options{Telemetry: true})}) {
		if e.serve != nil {
			e.serve = nil
			out = append(out, e)
		}
	}
	return out
}
