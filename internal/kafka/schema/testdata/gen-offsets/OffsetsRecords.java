// Writes records of __consumer_offsets encoded by Apache Kafka itself, one a line: name, hex of the
// key, hex of the value ("-" is a tombstone).
//
//   java -cp "$(go run ./e2e/kafka/run fetch)/jars/*" OffsetsRecords.java > ../offsets-records.txt

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordSerde;
import org.apache.kafka.coordinator.group.generated.*;
import org.apache.kafka.server.common.ApiMessageAndVersion;

import java.util.HexFormat;
import java.util.List;

public class OffsetsRecords {
    static final Uuid TOPIC = new Uuid(0x0102030405060708L, 0x090a0b0c0d0e0f10L);

    static void out(String name, ApiMessage key, ApiMessage value, int version) {
        GroupCoordinatorRecordSerde serde = new GroupCoordinatorRecordSerde();
        CoordinatorRecord record = value == null
            ? CoordinatorRecord.tombstone(key)
            : CoordinatorRecord.record(key, new ApiMessageAndVersion(value, (short) version));
        byte[] v = serde.serializeValue(record);
        System.out.println(name + " " + HexFormat.of().formatHex(serde.serializeKey(record)) + " " + (v == null ? "-" : HexFormat.of().formatHex(v)));
    }

    static OffsetCommitKey commit() { return new OffsetCommitKey().setGroup("g").setTopic("orders").setPartition(7); }

    static OffsetCommitValue offset(int version) {
        OffsetCommitValue v = new OffsetCommitValue().setOffset(42).setMetadata("mé").setCommitTimestamp(1234567890123L);
        if (version == 1) v.setExpireTimestamp(1234567990123L);
        if (version >= 3) v.setLeaderEpoch(5);
        if (version >= 4) v.setTopicId(TOPIC);
        return v;
    }

    static GroupMetadataValue group(int version) {
        GroupMetadataValue v = new GroupMetadataValue().setProtocolType("consumer").setGeneration(3).setProtocol("range").setLeader("m1");
        GroupMetadataValue.MemberMetadata a = new GroupMetadataValue.MemberMetadata().setMemberId("m1").setClientId("c").setClientHost("/127.0.0.1")
            .setSessionTimeout(45000).setSubscription(new byte[]{1, 2}).setAssignment(new byte[]{3});
        GroupMetadataValue.MemberMetadata b = new GroupMetadataValue.MemberMetadata().setMemberId("m2").setClientId("").setClientHost("")
            .setSessionTimeout(6000).setSubscription(new byte[0]).setAssignment(new byte[0]);
        if (version >= 1) { a.setRebalanceTimeout(300000); b.setRebalanceTimeout(1); }
        if (version >= 2) v.setCurrentStateTimestamp(1234567890123L);
        if (version >= 3) a.setGroupInstanceId("i1");
        return v.setMembers(List.of(a, b));
    }

    public static void main(String[] args) {
        out("legacy", new LegacyOffsetCommitKey().setGroup("g").setTopic("t").setPartition(1),
            new LegacyOffsetCommitValue().setOffset(42).setMetadata("m").setCommitTimestamp(9), 0);
        for (int v = 0; v <= 4; v++) out("commit", commit(), offset(v), v);
        out("commit-plain", commit(), new OffsetCommitValue().setOffset(0).setMetadata("").setCommitTimestamp(1), 4);
        out("commit-tombstone", commit(), null, 0);
        GroupMetadataKey group = new GroupMetadataKey().setGroup("grüße");
        for (int v = 0; v <= 4; v++) out("group", group, group(v), v);
        out("group-empty", group, new GroupMetadataValue().setProtocolType("").setGeneration(0).setProtocol(null).setLeader(null)
            .setCurrentStateTimestamp(77).setMembers(List.of()), 3);
        out("group-tombstone", group, null, 0);
        out("epoch", new ConsumerGroupMetadataKey().setGroupId("g"), new ConsumerGroupMetadataValue().setEpoch(9).setMetadataHash(0x1122334455667788L), 0);
        out("epoch-plain", new ConsumerGroupMetadataKey().setGroupId("g"), new ConsumerGroupMetadataValue().setEpoch(9), 0);
        out("partition-metadata", new ConsumerGroupPartitionMetadataKey().setGroupId("g"), new ConsumerGroupPartitionMetadataValue().setTopics(List.of(
            new ConsumerGroupPartitionMetadataValue.TopicMetadata().setTopicId(TOPIC).setTopicName("t").setNumPartitions(2).setPartitionMetadata(List.of(
                new ConsumerGroupPartitionMetadataValue.PartitionMetadata().setPartition(1).setRacks(List.of("a", "b")))))), 0);
        ConsumerGroupMemberMetadataKey member = new ConsumerGroupMemberMetadataKey().setGroupId("g").setMemberId("m");
        out("member", member, new ConsumerGroupMemberMetadataValue().setInstanceId("i").setRackId("r").setClientId("c").setClientHost("/::1")
            .setSubscribedTopicNames(List.of("a", "b")).setSubscribedTopicRegex("x.*").setRebalanceTimeoutMs(5000).setServerAssignor("range")
            .setClassicMemberMetadata(new ConsumerGroupMemberMetadataValue.ClassicMemberMetadata().setSessionTimeoutMs(45000).setSupportedProtocols(List.of(
                new ConsumerGroupMemberMetadataValue.ClassicProtocol().setName("range").setMetadata(new byte[]{1, 2, 3})))), 0);
        out("member-plain", member, new ConsumerGroupMemberMetadataValue().setInstanceId(null).setRackId(null).setClientId("").setClientHost("")
            .setSubscribedTopicNames(List.of()).setSubscribedTopicRegex(null).setServerAssignor(null), 0);
        out("target-epoch", new ConsumerGroupTargetAssignmentMetadataKey().setGroupId("g"),
            new ConsumerGroupTargetAssignmentMetadataValue().setAssignmentEpoch(4).setAssignmentTimestamp(1234567890123L), 0);
        out("target-epoch-plain", new ConsumerGroupTargetAssignmentMetadataKey().setGroupId("g"),
            new ConsumerGroupTargetAssignmentMetadataValue().setAssignmentEpoch(4), 0);
        out("target", new ConsumerGroupTargetAssignmentMemberKey().setGroupId("g").setMemberId("m"),
            new ConsumerGroupTargetAssignmentMemberValue().setTopicPartitions(List.of(
                new ConsumerGroupTargetAssignmentMemberValue.TopicPartition().setTopicId(TOPIC).setPartitions(List.of(0, 2, 4)))), 0);
        ConsumerGroupCurrentMemberAssignmentKey current = new ConsumerGroupCurrentMemberAssignmentKey().setGroupId("g").setMemberId("m");
        out("current", current, new ConsumerGroupCurrentMemberAssignmentValue().setMemberEpoch(8).setPreviousMemberEpoch(7).setState((byte) 1)
            .setAssignedPartitions(List.of(new ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions().setTopicId(TOPIC).setPartitions(List.of(0, 1)).setAssignmentEpochs(List.of(3, 8))))
            .setPartitionsPendingRevocation(List.of(new ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions().setTopicId(TOPIC).setPartitions(List.of(2)))), 0);
        out("current-plain", current, new ConsumerGroupCurrentMemberAssignmentValue().setMemberEpoch(-2).setPreviousMemberEpoch(-1).setState((byte) 0)
            .setAssignedPartitions(List.of()).setPartitionsPendingRevocation(List.of()), 0);
        out("regex", new ConsumerGroupRegularExpressionKey().setGroupId("g").setRegularExpression("x.*"),
            new ConsumerGroupRegularExpressionValue().setTopics(List.of("xa", "xb")).setVersion(12).setTimestamp(34), 0);
        out("share", new ShareGroupMetadataKey().setGroupId("g"), new ShareGroupMetadataValue().setEpoch(1), 0);
    }
}
