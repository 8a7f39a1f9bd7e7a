import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.record.internal.MemoryRecords;

/** Prints golden bytes, one message per line: name, version, hex. */
public final class Golden {
    static final Uuid TOPIC = new Uuid(0x0102030405060708L, 0x090a0b0c0d0e0f10L);
    static final Uuid DIRECTORY = new Uuid(0x1112131415161718L, 0x191a1b1c1d1e1f20L);

    public static void main(String[] args) throws Exception {
        if (args[0].equals("smallest")) {
            smallest();
            return;
        }
        for (short v : new short[] {1, 2}) {
            print("request-header", v, new RequestHeaderData().setRequestApiKey((short) 1).setRequestApiVersion((short) (v == 1 ? 11 : 12))
                    .setCorrelationId(0x01020304).setClientId("client"));
        }
        for (short v : new short[] {3, 8, 9, 13}) {
            print("produce-request", v, produceRequest(v));
            print("produce-response", v, produceResponse(v));
        }
        for (short v : new short[] {4, 7, 11, 12, 13, 15, 18}) {
            print("fetch-request", v, fetchRequest(v));
            print("fetch-response", v, fetchResponse(v));
        }
    }

    /** Every request as it is when nothing has been set. */
    private static void smallest() {
        for (ApiMessageType api : ApiMessageType.values()) {
            for (short v = api.lowestSupportedVersion(); v <= api.highestSupportedVersion(true); v++) {
                try {
                    print(Short.toString(api.apiKey()), v, api.newRequest());
                } catch (RuntimeException e) {
                    // some messages cannot be written without being filled in
                }
            }
        }
    }

    static void print(String name, short version, ApiMessage m) {
        ByteBuffer b = MessageUtil.toByteBufferAccessor(m, version).buffer();
        byte[] bytes = new byte[b.remaining()];
        b.get(bytes);
        System.out.println(name + " " + version + " " + HexFormat.of().formatHex(bytes));
    }

    static MemoryRecords records(String s) {
        return MemoryRecords.readableRecords(ByteBuffer.wrap(s.getBytes(StandardCharsets.UTF_8)));
    }

    static ProduceRequestData produceRequest(short v) {
        var topic = new ProduceRequestData.TopicProduceData();
        if (v >= 13) topic.setTopicId(TOPIC); else topic.setName("topic");
        topic.setPartitionData(List.of(
                new ProduceRequestData.PartitionProduceData().setIndex(7).setRecords(records("records of seven")),
                new ProduceRequestData.PartitionProduceData().setIndex(8).setRecords(null)));
        var data = new ProduceRequestData().setTransactionalId(v == 3 ? null : "txn").setAcks((short) -1).setTimeoutMs(1500);
        data.topicData().add(topic);
        return data;
    }

    static ProduceResponseData produceResponse(short v) {
        var good = new ProduceResponseData.PartitionProduceResponse().setIndex(7).setBaseOffset(1L << 40)
                .setLogAppendTimeMs(1700000000000L);
        var bad = new ProduceResponseData.PartitionProduceResponse().setIndex(8).setErrorCode((short) 87).setBaseOffset(-1);
        if (v >= 5) good.setLogStartOffset(12);
        if (v >= 8) {
            bad.setErrorMessage("bad batch").setRecordErrors(List.of(
                    new ProduceResponseData.BatchIndexAndErrorMessage().setBatchIndex(2).setBatchIndexErrorMessage("no key"),
                    new ProduceResponseData.BatchIndexAndErrorMessage().setBatchIndex(3)));
        }
        var data = new ProduceResponseData().setThrottleTimeMs(99);
        if (v >= 10) {
            bad.setCurrentLeader(new ProduceResponseData.LeaderIdAndEpoch().setLeaderId(3).setLeaderEpoch(5));
            data.nodeEndpoints().add(new ProduceResponseData.NodeEndpoint().setNodeId(3).setHost("host").setPort(9092).setRack("rack"));
            data.nodeEndpoints().add(new ProduceResponseData.NodeEndpoint().setNodeId(4).setHost("other").setPort(9093));
        }
        var topic = new ProduceResponseData.TopicProduceResponse().setPartitionResponses(List.of(good, bad));
        if (v >= 13) topic.setTopicId(TOPIC); else topic.setName("topic");
        data.responses().add(topic);
        return data;
    }

    static FetchRequestData fetchRequest(short v) {
        var one = new FetchRequestData.FetchPartition().setPartition(7).setFetchOffset(1L << 40).setPartitionMaxBytes(1 << 20);
        var two = new FetchRequestData.FetchPartition().setPartition(8).setFetchOffset(5).setPartitionMaxBytes(1);
        if (v >= 5) one.setLogStartOffset(3);
        if (v >= 9) one.setCurrentLeaderEpoch(6);
        if (v >= 12) one.setLastFetchedEpoch(5);
        if (v >= 17) one.setReplicaDirectoryId(DIRECTORY);
        if (v >= 18) one.setHighWatermark(44);
        var topic = new FetchRequestData.FetchTopic().setPartitions(List.of(one, two));
        if (v >= 13) topic.setTopicId(TOPIC); else topic.setTopic("topic");
        var data = new FetchRequestData().setMaxWaitMs(500).setMinBytes(1).setMaxBytes(50 << 20).setIsolationLevel((byte) 1)
                .setTopics(List.of(topic));
        if (v <= 14) data.setReplicaId(2);
        if (v >= 15) data.setReplicaState(new FetchRequestData.ReplicaState().setReplicaId(2).setReplicaEpoch(77));
        if (v >= 12) data.setClusterId("cluster");
        if (v >= 11) data.setRackId("rack");
        if (v >= 7) {
            var gone = new FetchRequestData.ForgottenTopic().setPartitions(List.of(1, 2, 3));
            if (v >= 13) gone.setTopicId(TOPIC); else gone.setTopic("gone");
            data.setSessionId(11).setSessionEpoch(12).setForgottenTopicsData(List.of(gone));
        }
        return data;
    }

    static FetchResponseData fetchResponse(short v) {
        var one = new FetchResponseData.PartitionData().setPartitionIndex(7).setHighWatermark(100).setLastStableOffset(90)
                .setAbortedTransactions(List.of(new FetchResponseData.AbortedTransaction().setProducerId(4).setFirstOffset(80)))
                .setRecords(records("records of seven"));
        var two = new FetchResponseData.PartitionData().setPartitionIndex(8).setErrorCode((short) 6).setHighWatermark(-1)
                .setAbortedTransactions(null).setRecords(null);
        if (v >= 5) one.setLogStartOffset(3);
        if (v >= 11) one.setPreferredReadReplica(9);
        var data = new FetchResponseData().setThrottleTimeMs(99);
        if (v >= 7) data.setErrorCode((short) 0).setSessionId(11);
        if (v >= 12) {
            one.setDivergingEpoch(new FetchResponseData.EpochEndOffset().setEpoch(5).setEndOffset(60));
            two.setCurrentLeader(new FetchResponseData.LeaderIdAndEpoch().setLeaderId(3).setLeaderEpoch(5));
            two.setSnapshotId(new FetchResponseData.SnapshotId().setEndOffset(50).setEpoch(4));
        }
        if (v >= 16) {
            data.nodeEndpoints().add(new FetchResponseData.NodeEndpoint().setNodeId(3).setHost("host").setPort(9092).setRack("rack"));
        }
        var topic = new FetchResponseData.FetchableTopicResponse().setPartitions(List.of(one, two));
        if (v >= 13) topic.setTopicId(TOPIC); else topic.setTopic("topic");
        return data.setResponses(List.of(topic));
    }
}
