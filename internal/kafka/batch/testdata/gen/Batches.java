import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.KRaftVersionRecord;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.message.SnapshotFooterRecord;
import org.apache.kafka.common.message.SnapshotHeaderRecord;
import org.apache.kafka.common.message.VotersRecord;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.common.utils.internals.ByteBufferOutputStream;

/** Writes record batches made by Apache Kafka, and what Kafka reads in them. See README.md. */
public class Batches {
    static final long TIME = 1700000000000L;
    static Path dir;
    static final List<String> index = new ArrayList<>();
    static final List<String> streams = new ArrayList<>();

    public static void main(String[] args) throws Exception {
        dir = Path.of(args[0]);
        Files.createDirectories(dir);
        plain();
        producers();
        control();
        codecs();
        compacted();
        Files.writeString(dir.resolve("batches.json"), "[\n" + String.join(",\n", index) + "\n]\n");
        tails();
        Files.writeString(dir.resolve("streams.json"), "[\n" + String.join(",\n", streams) + "\n]\n");
    }

    static void plain() throws Exception {
        save("simple", MemoryRecords.withRecords(Compression.NONE,
            record(TIME, "k1", "v1"), record(TIME + 1, "k2", "v2"), record(TIME + 2, "k3", "v3")));
        save("nulls", MemoryRecords.withRecords(Compression.NONE, odd()));
        save("times", MemoryRecords.withRecords(Compression.NONE,
            record(TIME, "a", "1"), record(TIME - 100_000, "b", "2"), record(TIME + 70, "c", "3"),
            record(0, "d", "4"), record(Long.MAX_VALUE / 2, "e", "5"), record(TIME, "f", "6")));
        save("notime", MemoryRecords.withRecords(Compression.NONE, record(-1, "a", "1"), record(-1, "b", "2")));
        save("many", MemoryRecords.withRecords(Compression.NONE, many(100)));
        save("one", MemoryRecords.withRecords(Compression.NONE, record(TIME, null, "x".repeat(9000))));
        save("placed", MemoryRecords.withRecords(1234567890123L, Compression.NONE, 42, record(TIME, "k", "v")));
        save("appendtime", MemoryRecords.withRecords(RecordBatch.MAGIC_VALUE_V2, 7L, Compression.NONE,
            TimestampType.LOG_APPEND_TIME, record(5, "k", "v"), record(9, "k", "w")));
    }

    static void producers() throws Exception {
        save("idempotent", MemoryRecords.withIdempotentRecords(Compression.NONE, 9000L, (short) 3, 17,
            record(TIME, "k", "v"), record(TIME, "k", "w")));
        save("sequencewrap", MemoryRecords.withIdempotentRecords(Compression.NONE, 0L, (short) 0, Integer.MAX_VALUE - 1,
            record(TIME, "k", "v"), record(TIME, "k", "w"), record(TIME, "k", "x"), record(TIME, "k", "y")));
        save("transactional", MemoryRecords.withTransactionalRecords(Compression.NONE, 9001L, (short) 0, 0,
            record(TIME, "k", "v")));
    }

    static void control() throws Exception {
        for (ControlRecordType t : List.of(ControlRecordType.ABORT, ControlRecordType.COMMIT)) {
            save("txn" + t.name().toLowerCase(), MemoryRecords.withEndTransactionMarker(0L, TIME, -1, 9001L, (short) 5,
                new EndTransactionMarker(t, 77)));
        }
        var leader = new LeaderChangeMessage().setLeaderId(3)
            .setVoters(List.of(new LeaderChangeMessage.Voter().setVoterId(3), new LeaderChangeMessage.Voter().setVoterId(4)))
            .setGrantingVoters(List.of(new LeaderChangeMessage.Voter().setVoterId(4)));
        save("leaderchange", MemoryRecords.withLeaderChangeMessage(0L, TIME, 6, ByteBuffer.allocate(512), leader));
        save("snapshotheader", MemoryRecords.withSnapshotHeaderRecord(0L, TIME, 6, ByteBuffer.allocate(512),
            new SnapshotHeaderRecord().setLastContainedLogTimestamp(TIME - 1)));
        save("snapshotfooter", MemoryRecords.withSnapshotFooterRecord(0L, TIME, 6, ByteBuffer.allocate(512),
            new SnapshotFooterRecord()));
        save("kraftversion", MemoryRecords.withKRaftVersionRecord(0L, TIME, 6, ByteBuffer.allocate(512),
            new KRaftVersionRecord().setKRaftVersion((short) 1)));
        save("kraftvoters", MemoryRecords.withVotersRecord(0L, TIME, 6, ByteBuffer.allocate(512), new VotersRecord()));
    }

    static void codecs() throws Exception {
        for (CompressionType t : List.of(CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4, CompressionType.ZSTD)) {
            Compression c = Compression.of(t).build();
            save(t.name, MemoryRecords.withRecords(c, odd()));
            save(t.name + "-blocks", MemoryRecords.withRecords(c, blocks()));
            byte[] noise = new byte[1500];
            new Random(1).nextBytes(noise);
            save(t.name + "-noise", MemoryRecords.withRecords(c, new SimpleRecord(TIME, null, noise)));
        }
        save("gzip-1", MemoryRecords.withRecords(Compression.gzip().level(1).build(), many(12)));
        save("gzip-9", MemoryRecords.withRecords(Compression.gzip().level(9).build(), many(12)));
        save("lz4-1", MemoryRecords.withRecords(Compression.lz4().level(1).build(), many(12)));
        save("lz4-17", MemoryRecords.withRecords(Compression.lz4().level(17).build(), many(12)));
        save("zstd-fast", MemoryRecords.withRecords(Compression.zstd().level(-5).build(), many(12)));
        save("zstd-19", MemoryRecords.withRecords(Compression.zstd().level(19).build(), many(12)));
        save("zstd-22", MemoryRecords.withRecords(Compression.zstd().level(22).build(), many(12)));
        save("zstd-transactional", MemoryRecords.withTransactionalRecords(Compression.zstd().build(), 12L, (short) 1, 100, many(8)));
    }

    /** What compaction leaves: offsets with gaps, a delete horizon, a batch without records. */
    static void compacted() throws Exception {
        for (String codec : List.of("none", "lz4")) {
            MemoryRecords from = MemoryRecords.withIdempotentRecords(Compression.of(codec).build(), 5L, (short) 0, 10,
                record(TIME, "a", "1"), record(TIME + 1, "b", null), record(TIME + 2, "c", "3"), record(TIME + 3, "d", "4"));
            save("compacted-" + codec, filter(from, "ac"));
            save("tombstone-" + codec, filter(from, "bd"));
            save("emptied-" + codec, filter(from, ""));
        }
    }

    static MemoryRecords filter(MemoryRecords from, String keys) {
        ByteBuffer out = ByteBuffer.allocate(4096);
        from.filterTo(new MemoryRecords.RecordFilter(TIME + 1000, 5000) {
            @Override
            protected BatchRetentionResult checkBatchRetention(RecordBatch batch) {
                return new BatchRetentionResult(BatchRetention.RETAIN_EMPTY, false);
            }

            @Override
            protected boolean shouldRetainRecord(RecordBatch batch, Record record) {
                return keys.indexOf((char) record.key().get(0)) >= 0;
            }
        }, out, BufferSupplier.NO_CACHING, 1 << 20);
        out.flip();
        return MemoryRecords.readableRecords(out);
    }

    static SimpleRecord record(long time, String key, String value) {
        return new SimpleRecord(time, bytes(key), bytes(value));
    }

    static SimpleRecord[] odd() {
        return new SimpleRecord[] {
            new SimpleRecord(TIME, null, bytes("no key")),
            new SimpleRecord(TIME, bytes("no value"), (byte[]) null),
            new SimpleRecord(TIME, (byte[]) null, (byte[]) null),
            new SimpleRecord(TIME, new byte[0], new byte[0]),
            new SimpleRecord(TIME, bytes("h"), bytes("headers"), new Header[] {
                new RecordHeader("trace", bytes("abc")), new RecordHeader("trace", null),
                new RecordHeader("", new byte[0]), new RecordHeader("схема-深泓", new byte[] {0, -1})}),
            new SimpleRecord(TIME + 5, bytes("k".repeat(63)), bytes("v".repeat(64))),
            new SimpleRecord(TIME + 5, bytes("k".repeat(8191)), bytes("v".repeat(8192))),
        };
    }

    static SimpleRecord[] many(int n) {
        SimpleRecord[] r = new SimpleRecord[n];
        for (int i = 0; i < n; i++)
            r[i] = record(TIME + 37L * i, i % 3 == 0 ? null : "key-" + i % 10, "{\"id\":" + i + ",\"name\":\"record\"}");
        return r;
    }

    /** About 400 KiB of text: several blocks of every codec. */
    static SimpleRecord[] blocks() {
        SimpleRecord[] r = new SimpleRecord[40];
        for (int i = 0; i < r.length; i++)
            r[i] = record(TIME + i, "block-" + i, ("line " + i + " of a text that compresses well; ").repeat(256));
        return r;
    }

    static byte[] bytes(String s) {
        return s == null ? null : s.getBytes(StandardCharsets.UTF_8);
    }

    /** Writes the bytes of the only batch and describes what Kafka reads in it. */
    static void save(String name, MemoryRecords records) throws Exception {
        ByteBuffer buffer = records.buffer();
        byte[] b = new byte[buffer.remaining()];
        buffer.duplicate().get(b);
        Files.write(dir.resolve(name + ".bin"), b);
        RecordBatch batch = records.batches().iterator().next();
        StringBuilder s = new StringBuilder("{\"name\":\"" + name + "\",\"codec\":\"" + batch.compressionType().name + "\""
            + ",\"baseOffset\":" + batch.baseOffset() + ",\"lastOffset\":" + batch.lastOffset()
            + ",\"leaderEpoch\":" + batch.partitionLeaderEpoch() + ",\"maxTimestamp\":" + batch.maxTimestamp()
            + ",\"producerId\":" + batch.producerId() + ",\"producerEpoch\":" + batch.producerEpoch()
            + ",\"baseSequence\":" + batch.baseSequence() + ",\"lastSequence\":" + batch.lastSequence()
            + ",\"transactional\":" + batch.isTransactional() + ",\"control\":" + batch.isControlBatch()
            + ",\"logAppendTime\":" + (batch.timestampType() == TimestampType.LOG_APPEND_TIME)
            + ",\"deleteHorizon\":" + batch.deleteHorizonMs().isPresent()
            + ",\"count\":" + batch.countOrNull() + ",\"crc\":" + batch.checksum() + ",\"records\":[");
        String comma = "\n ";
        for (Record r : batch) {
            s.append(comma + "{\"offset\":" + r.offset() + ",\"timestamp\":" + r.timestamp() + ",\"key\":" + hex(r.key())
                + ",\"value\":" + hex(r.value()) + ",\"headers\":[");
            String sep = "";
            for (Header h : r.headers()) {
                s.append(sep + "[" + hex(ByteBuffer.wrap(bytes(h.key()))) + ","
                    + hex(h.value() == null ? null : ByteBuffer.wrap(h.value())) + "]");
                sep = ",";
            }
            s.append("]}");
            comma = ",\n ";
        }
        index.add(s + "]}");
    }

    /** Hex, or length and SHA-256 of what is long; null for null. */
    static String hex(ByteBuffer b) throws Exception {
        if (b == null)
            return "null";
        byte[] a = new byte[b.remaining()];
        b.duplicate().get(a);
        if (a.length <= 128)
            return "\"" + HexFormat.of().formatHex(a) + "\"";
        return "\"" + a.length + ":" + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(a)) + "\"";
    }

    /** What Kafka's readers do with streams that are odd at the end. */
    static void tails() throws Exception {
        byte[] text = bytes("streams that are odd at the end ".repeat(20));
        byte[] noise = new byte[64];
        new Random(2).nextBytes(noise);
        for (CompressionType t : List.of(CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4, CompressionType.ZSTD)) {
            ByteBufferOutputStream sink = new ByteBufferOutputStream(4096);
            try (OutputStream out = Compression.of(t).build().wrapForOutput(sink, RecordBatch.MAGIC_VALUE_V2)) {
                out.write(text);
            }
            sink.buffer().flip();
            byte[] s = new byte[sink.buffer().remaining()];
            sink.buffer().get(s);
            tail(t, "whole", s);
            tail(t, "twice", concat(s, s));
            for (int n : new int[] {1, 3, 4, 8, 18, 19, 20, 64})
                tail(t, "noise" + n, concat(s, Arrays.copyOf(noise, n)));
            tail(t, "zeros40", concat(s, new byte[40]));
            tail(t, "begunagain", concat(s, Arrays.copyOf(s, s.length / 2)));
            for (int n : new int[] {1, 4, 8, 12})
                tail(t, "cut" + n, Arrays.copyOf(s, s.length - n));
            tail(t, "empty", new byte[0]);
            if (t == CompressionType.LZ4) {
                byte[] linked = s.clone();
                linked[4] &= ~0x20;
                linked[6] = lz4HeaderChecksum(linked);
                tail(t, "linked", linked);
            }
            if (t == CompressionType.SNAPPY)
                tail(t, "raw", org.xerial.snappy.Snappy.compress(text));
        }
    }

    static byte lz4HeaderChecksum(byte[] frame) {
        int h = net.jpountz.xxhash.XXHashFactory.safeInstance().hash32().hash(frame, 4, 2, 0);
        return (byte) (h >> 8);
    }

    static byte[] concat(byte[] a, byte[] b) {
        byte[] c = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, c, a.length, b.length);
        return c;
    }

    static void tail(CompressionType t, String name, byte[] stream) throws Exception {
        String plain = "null";
        try (InputStream in = Compression.of(t).build().wrapForInput(ByteBuffer.wrap(stream), RecordBatch.MAGIC_VALUE_V2, BufferSupplier.NO_CACHING)) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            for (int c = in.read(); c != -1; c = in.read())
                out.write(c);
            plain = hex(ByteBuffer.wrap(out.toByteArray()));
        } catch (Exception | org.xerial.snappy.SnappyError e) {
            // Not readable for Kafka.
        }
        streams.add("{\"codec\":\"" + t.name + "\",\"name\":\"" + name + "\",\"stream\":\"" + HexFormat.of().formatHex(stream)
            + "\",\"plain\":" + plain + "}");
    }
}
