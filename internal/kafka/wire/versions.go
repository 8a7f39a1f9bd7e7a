package wire

// MaxKey is the highest API key of Kafka 4.4.
const MaxKey = 94

// never marks an API whose requests are not flexible in any version.
const never = 1<<15 - 1

type versionRange struct {
	min, max int16 // both inclusive; stable versions only
	flexible int16 // first version with compact encodings and tagged fields (KIP-482)
}

// Known reports whether Kafka 4.4 has this stable version of this API. Keys 4 to 7 are gone since
// 4.0; the lowest versions went with KIP-896.
func Known(key, version int16) bool {
	min, max, ok := Versions(key)
	return ok && min <= version && version <= max
}

// Versions returns the range of stable versions of an API in Kafka 4.4, both inclusive; ok is
// false if the key is unknown or removed. It is what can be decoded, not what is advertised: that
// is the dispatch table's, and for Produce the advertised minimum is 0 (KAFKA-18659).
func Versions(key int16) (min, max int16, ok bool) {
	if key < 0 || key > MaxKey || key >= 4 && key <= 7 {
		return 0, 0, false
	}
	return versions[key].min, versions[key].max, true
}

// FlexibleRequest reports whether a request is flexible: header v2, compact encodings and tagged
// fields. Versions above the known ones are taken to be flexible once the API is.
func FlexibleRequest(key, version int16) bool {
	_, _, ok := Versions(key)
	return ok && version >= versions[key].flexible
}

// FlexibleResponseHeader reports whether the answer's header is v1, which ends in tagged fields.
// Never for ApiVersions: a client reads its answer before it knows what the broker speaks.
func FlexibleResponseHeader(key, version int16) bool {
	return key != keyAPIVersions && FlexibleRequest(key, version)
}

// The keys that this package treats in special ways.
const (
	keyProduce                     = 0
	keyFetch                       = 1
	keyListOffsets                 = 2
	keyMetadata                    = 3
	keyOffsetCommit                = 8
	keyOffsetFetch                 = 9
	keyJoinGroup                   = 11
	keyLeaveGroup                  = 13
	keySyncGroup                   = 14
	keySaslHandshake               = 17
	keyAPIVersions                 = 18
	keyCreateTopics                = 19
	keyDeleteTopics                = 20
	keyDeleteRecords               = 21
	keyOffsetForLeaderEpoch        = 23
	keyAddPartitionsToTxn          = 24
	keyWriteTxnMarkers             = 27
	keyTxnOffsetCommit             = 28
	keyDescribeConfigs             = 32
	keyAlterConfigs                = 33
	keyDescribeLogDirs             = 35
	keySaslAuthenticate            = 36
	keyCreatePartitions            = 37
	keyElectLeaders                = 43
	keyIncrementalAlterConfigs     = 44
	keyAlterPartitionReassignments = 45
	keyListPartitionReassignments  = 46
	keyAlterClientQuotas           = 49
	keyAlterPartition              = 56
	keyEnvelope                    = 58
	keyConsumerGroupHeartbeat      = 68
	keyPushTelemetry               = 72
	keyDescribeTopicPartitions     = 75
	keyShareFetch                  = 78
	keyShareAcknowledge            = 79
	keyStreamsGroupHeartbeat       = 88
	keyStreamsTopology             = 93
)

// versions is indexed by key; 4 to 7 (LeaderAndIsr, StopReplica, UpdateMetadata, ControlledShutdown)
// stay empty. InitProducerId 6 (KIP-939) is unstable in 4.4 and left out.
var versions = [MaxKey + 1]versionRange{
	0:  {3, 13, 9},    // Produce
	1:  {4, 18, 12},   // Fetch
	2:  {1, 11, 6},    // ListOffsets
	3:  {0, 13, 9},    // Metadata
	8:  {2, 10, 8},    // OffsetCommit
	9:  {1, 10, 6},    // OffsetFetch
	10: {0, 6, 3},     // FindCoordinator
	11: {0, 9, 6},     // JoinGroup
	12: {0, 4, 4},     // Heartbeat
	13: {0, 5, 4},     // LeaveGroup
	14: {0, 5, 4},     // SyncGroup
	15: {0, 6, 5},     // DescribeGroups
	16: {0, 5, 3},     // ListGroups
	17: {0, 1, never}, // SaslHandshake
	18: {0, 5, 3},     // ApiVersions
	19: {2, 7, 5},     // CreateTopics
	20: {1, 6, 4},     // DeleteTopics
	21: {0, 2, 2},     // DeleteRecords
	22: {0, 5, 2},     // InitProducerId
	23: {2, 4, 4},     // OffsetForLeaderEpoch
	24: {0, 5, 3},     // AddPartitionsToTxn
	25: {0, 4, 3},     // AddOffsetsToTxn
	26: {0, 5, 3},     // EndTxn
	27: {1, 2, 1},     // WriteTxnMarkers
	28: {0, 6, 3},     // TxnOffsetCommit
	29: {1, 3, 2},     // DescribeAcls
	30: {1, 3, 2},     // CreateAcls
	31: {1, 3, 2},     // DeleteAcls
	32: {1, 4, 4},     // DescribeConfigs
	33: {0, 2, 2},     // AlterConfigs
	34: {1, 2, 2},     // AlterReplicaLogDirs
	35: {1, 5, 2},     // DescribeLogDirs
	36: {0, 2, 2},     // SaslAuthenticate
	37: {0, 3, 2},     // CreatePartitions
	38: {1, 3, 2},     // CreateDelegationToken
	39: {1, 2, 2},     // RenewDelegationToken
	40: {1, 2, 2},     // ExpireDelegationToken
	41: {1, 3, 2},     // DescribeDelegationToken
	42: {0, 3, 2},     // DeleteGroups
	43: {0, 2, 2},     // ElectLeaders
	44: {0, 1, 1},     // IncrementalAlterConfigs
	45: {0, 1, 0},     // AlterPartitionReassignments
	46: {0, 0, 0},     // ListPartitionReassignments
	47: {0, 0, never}, // OffsetDelete
	48: {0, 1, 1},     // DescribeClientQuotas
	49: {0, 1, 1},     // AlterClientQuotas
	50: {0, 0, 0},     // DescribeUserScramCredentials
	51: {0, 0, 0},     // AlterUserScramCredentials
	52: {0, 2, 0},     // Vote
	53: {0, 1, 1},     // BeginQuorumEpoch
	54: {0, 1, 1},     // EndQuorumEpoch
	55: {0, 2, 0},     // DescribeQuorum
	56: {2, 3, 0},     // AlterPartition
	57: {0, 2, 0},     // UpdateFeatures
	58: {0, 0, 0},     // Envelope
	59: {0, 1, 0},     // FetchSnapshot
	60: {0, 2, 0},     // DescribeCluster
	61: {0, 0, 0},     // DescribeProducers
	62: {0, 4, 0},     // BrokerRegistration
	63: {0, 2, 0},     // BrokerHeartbeat
	64: {0, 0, 0},     // UnregisterBroker
	65: {0, 0, 0},     // DescribeTransactions
	66: {0, 2, 0},     // ListTransactions
	67: {0, 0, 0},     // AllocateProducerIds
	68: {0, 1, 0},     // ConsumerGroupHeartbeat
	69: {0, 1, 0},     // ConsumerGroupDescribe
	70: {0, 0, 0},     // ControllerRegistration
	71: {0, 0, 0},     // GetTelemetrySubscriptions
	72: {0, 0, 0},     // PushTelemetry
	73: {0, 0, 0},     // AssignReplicasToDirs
	74: {0, 1, 0},     // ListConfigResources
	75: {0, 0, 0},     // DescribeTopicPartitions
	76: {1, 1, 0},     // ShareGroupHeartbeat
	77: {1, 1, 0},     // ShareGroupDescribe
	78: {1, 2, 0},     // ShareFetch
	79: {1, 2, 0},     // ShareAcknowledge
	80: {0, 1, 0},     // AddRaftVoter
	81: {0, 0, 0},     // RemoveRaftVoter
	82: {0, 0, 0},     // UpdateRaftVoter
	83: {0, 0, 0},     // InitializeShareGroupState
	84: {0, 0, 0},     // ReadShareGroupState
	85: {0, 1, 0},     // WriteShareGroupState
	86: {0, 0, 0},     // DeleteShareGroupState
	87: {0, 1, 0},     // ReadShareGroupStateSummary
	88: {0, 1, 0},     // StreamsGroupHeartbeat
	89: {0, 1, 0},     // StreamsGroupDescribe
	90: {0, 1, 0},     // DescribeShareGroupOffsets
	91: {0, 0, 0},     // AlterShareGroupOffsets
	92: {0, 0, 0},     // DeleteShareGroupOffsets
	93: {0, 0, 0},     // StreamsGroupTopologyDescriptionUpdate
	94: {0, 0, 0},     // UnregisterController
}
