// Writes metadata records encoded by Apache Kafka itself, one a line: name, version, hex of the value.
//
//   mvn -q compile dependency:build-classpath -Dmdep.outputFile=target/cp
//   java -cp target/classes:$(cat target/cp) MetadataRecords > ../metadata-records.txt

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.metadata.*;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.server.common.ApiMessageAndVersion;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;

public class MetadataRecords {
    static final Uuid TOPIC = new Uuid(0x0102030405060708L, 0x090a0b0c0d0e0f10L);
    static final Uuid DIR1 = new Uuid(0x1112131415161718L, 0x191a1b1c1d1e1f20L);
    static final Uuid DIR2 = new Uuid(0x2122232425262728L, 0x292a2b2c2d2e2f30L);

    static void out(String name, ApiMessage message, int version) {
        MetadataRecordSerde serde = new MetadataRecordSerde();
        ApiMessageAndVersion record = new ApiMessageAndVersion(message, (short) version);
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(serde.recordSize(record, cache));
        serde.write(record, cache, new ByteBufferAccessor(buffer));
        System.out.println(name + " " + version + " " + HexFormat.of().formatHex(buffer.array()));
    }

    static RegisterBrokerRecord broker(int version) {
        RegisterBrokerRecord r = new RegisterBrokerRecord().setBrokerId(3).setIncarnationId(DIR2).setBrokerEpoch(1234567890123L)
            .setRack("rack-a").setFenced(true);
        r.endPoints().add(new RegisterBrokerRecord.BrokerEndpoint().setName("PLAINTEXT").setHost("localhost").setPort(9092).setSecurityProtocol((short) 0));
        r.endPoints().add(new RegisterBrokerRecord.BrokerEndpoint().setName("TLS").setHost("broker.example").setPort(65535).setSecurityProtocol((short) 1));
        r.features().add(new RegisterBrokerRecord.BrokerFeature().setName("metadata.version").setMinSupportedVersion((short) 7).setMaxSupportedVersion((short) 30));
        if (version >= 1) r.setInControlledShutdown(true);
        if (version >= 2) r.setIsMigratingZkBroker(true);
        if (version >= 3) r.setLogDirs(List.of(DIR1, DIR2));
        if (version >= 4) r.setCordonedLogDirs(List.of(DIR2));
        return r;
    }

    static PartitionRecord partition(int version) {
        PartitionRecord r = new PartitionRecord().setPartitionId(7).setTopicId(TOPIC).setReplicas(List.of(1, 2, 3)).setIsr(List.of(1, 3))
            .setRemovingReplicas(List.of(2)).setAddingReplicas(List.of(3)).setLeader(1).setLeaderRecoveryState((byte) 1)
            .setLeaderEpoch(5).setPartitionEpoch(9);
        if (version >= 1) r.setDirectories(List.of(DIR1, DIR2, DIR1));
        if (version >= 2) r.setEligibleLeaderReplicas(List.of(2)).setLastKnownElr(List.of());
        return r;
    }

    static PartitionChangeRecord change(int version) {
        PartitionChangeRecord r = new PartitionChangeRecord().setPartitionId(7).setTopicId(TOPIC).setIsr(List.of(1)).setLeader(-1)
            .setReplicas(List.of(1, 2)).setRemovingReplicas(List.of()).setAddingReplicas(List.of(4)).setLeaderRecoveryState((byte) 0);
        if (version >= 1) r.setDirectories(List.of(DIR1, DIR2));
        if (version >= 2) r.setEligibleLeaderReplicas(List.of(3)).setLastKnownElr(List.of(2));
        return r;
    }

    public static void main(String[] args) {
        for (int v = 0; v <= 4; v++) out("broker", broker(v), v);
        out("broker-plain", new RegisterBrokerRecord().setBrokerId(0).setIncarnationId(DIR1).setBrokerEpoch(0).setRack(null).setFenced(false), 3);
        out("broker-uncordoned", new RegisterBrokerRecord().setBrokerId(0).setIncarnationId(DIR1).setCordonedLogDirs(List.of()), 4);
        out("unregister", new UnregisterBrokerRecord().setBrokerId(3).setBrokerEpoch(42), 0);
        out("topic", new TopicRecord().setName("orders").setTopicId(TOPIC), 0);
        out("topic-long", new TopicRecord().setName("x".repeat(249)).setTopicId(TOPIC), 0);
        for (int v = 0; v <= 2; v++) out("partition", partition(v), v);
        out("partition-plain", new PartitionRecord().setPartitionId(0).setTopicId(TOPIC).setReplicas(List.of(1)).setIsr(List.of(1)).setLeader(1)
            .setLeaderEpoch(0).setPartitionEpoch(0).setDirectories(List.of(DIR1)), 2);
        out("config", new ConfigRecord().setResourceType((byte) 2).setResourceName("orders").setName("retention.ms").setValue("1000"), 0);
        out("config-null", new ConfigRecord().setResourceType((byte) 4).setResourceName("").setName("x").setValue(null), 0);
        out("config-empty", new ConfigRecord().setResourceType((byte) 2).setResourceName("t").setName("cleanup.policy").setValue(""), 0);
        for (int v = 0; v <= 2; v++) out("change", change(v), v);
        out("change-nothing", new PartitionChangeRecord().setPartitionId(0).setTopicId(TOPIC), 2);
        out("change-leader", new PartitionChangeRecord().setPartitionId(1).setTopicId(TOPIC).setLeader(2).setEligibleLeaderReplicas(List.of()), 2);
        out("fence", new FenceBrokerRecord().setId(3).setEpoch(42), 0);
        out("unfence", new UnfenceBrokerRecord().setId(3).setEpoch(42), 0);
        out("remove-topic", new RemoveTopicRecord().setTopicId(TOPIC), 0);
        out("feature", new FeatureLevelRecord().setName("metadata.version").setFeatureLevel((short) 30), 0);
        out("producer-ids", new ProducerIdsRecord().setBrokerId(1).setBrokerEpoch(8).setNextProducerId(2000), 0);
        out("registration-change", new BrokerRegistrationChangeRecord().setBrokerId(3).setBrokerEpoch(42).setFenced((byte) -1), 0);
        out("registration-change", new BrokerRegistrationChangeRecord().setBrokerId(3).setBrokerEpoch(42).setInControlledShutdown((byte) 1), 1);
        out("registration-change", new BrokerRegistrationChangeRecord().setBrokerId(3).setBrokerEpoch(42).setFenced((byte) 1).setLogDirs(List.of(DIR1)), 2);
        out("registration-change", new BrokerRegistrationChangeRecord().setBrokerId(3).setBrokerEpoch(42).setCordonedLogDirs(List.of(DIR1, DIR2)), 3);
        out("noop", new NoOpRecord(), 0);
        out("begin", new BeginTransactionRecord().setName("bootstrap"), 0);
        out("begin-plain", new BeginTransactionRecord(), 0);
        out("end", new EndTransactionRecord(), 0);
        out("abort", new AbortTransactionRecord().setReason("why"), 0);
        out("clear-elr", new ClearElrRecord().setTopicName("orders"), 0);
        out("opaque-acl", new AccessControlEntryRecord().setId(TOPIC).setResourceType((byte) 2).setResourceName("*").setPatternType((byte) 3)
            .setPrincipal("User:alice").setHost("*").setOperation((byte) 3).setPermissionType((byte) 3), 0);
        out("client-quota", new ClientQuotaRecord().setEntity(List.of(new ClientQuotaRecord.EntityData().setEntityType("user").setEntityName(null)))
            .setKey("producer_byte_rate").setValue(1024.5).setRemove(false), 0);
    }
}
