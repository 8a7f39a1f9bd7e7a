import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.apache.kafka.common.message.ConsumerProtocolAssignment;
import org.apache.kafka.common.message.ConsumerProtocolSubscription;
import org.apache.kafka.common.message.KRaftVersionRecord;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.message.SnapshotFooterRecord;
import org.apache.kafka.common.message.SnapshotHeaderRecord;
import org.apache.kafka.common.message.VotersRecord;
import org.apache.kafka.common.metadata.MetadataRecordType;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;

/** Prints the fields of every kind of record that Kafka writes into its own logs, in the language of shape.go. */
public final class Records {
    public static void main(String[] args) throws Exception {
        System.out.println("# Records of Kafka's own topics: family, type, name, versions, fields. See shape.go for the language.");
        System.out.println("# Made by testdata/gen from the classes of Apache Kafka 4.4.0; do not edit.");
        for (MetadataRecordType t : MetadataRecordType.values()) {
            print("metadata", t.id(), t.toString(), t.newMetadataRecord());
        }
        for (var t : org.apache.kafka.coordinator.group.generated.CoordinatorRecordType.values()) {
            print("group-key", t.id(), t.toString(), t.newRecordKey());
            print("group-value", t.id(), t.toString(), t.newRecordValue());
        }
        for (var t : org.apache.kafka.coordinator.transaction.generated.CoordinatorRecordType.values()) {
            print("transaction-key", t.id(), t.toString(), t.newRecordKey());
            print("transaction-value", t.id(), t.toString(), t.newRecordValue());
        }
        for (var t : org.apache.kafka.coordinator.share.generated.CoordinatorRecordType.values()) {
            print("share-key", t.id(), t.toString(), t.newRecordKey());
            print("share-value", t.id(), t.toString(), t.newRecordValue());
        }
        print("control", 2, "LeaderChange", new LeaderChangeMessage());
        print("control", 3, "SnapshotHeader", new SnapshotHeaderRecord());
        print("control", 4, "SnapshotFooter", new SnapshotFooterRecord());
        print("control", 5, "KRaftVersion", new KRaftVersionRecord());
        print("control", 6, "KRaftVoters", new VotersRecord());
        print("consumer", 0, "Subscription", new ConsumerProtocolSubscription());
        print("consumer", 1, "Assignment", new ConsumerProtocolAssignment());
    }

    private static void print(String family, int id, String name, Message message) throws Exception {
        Schema[] schemas = (Schema[]) message.getClass().getField("SCHEMAS").get(null);
        int first = message.lowestSupportedVersion();
        int high = message.highestSupportedVersion();
        for (int v = first; v <= high; v++) {
            String shape = fields(message.getClass(), schemas[v]);
            if (v == high || !shape.equals(fields(message.getClass(), schemas[v + 1]))) {
                System.out.println((family + " " + id + " " + name + " " + first + "-" + v + " " + shape).trim());
                first = v + 1;
            }
        }
    }

    private static String fields(Class<?> of, Schema schema) {
        List<String> parts = new ArrayList<>();
        boolean flexible = false;
        for (BoundField f : schema.fields()) {
            flexible |= f.def.type instanceof TaggedFields;
        }
        if (flexible) {
            parts.add("~");
        }
        for (Field declared : of.getDeclaredFields()) {
            if (Modifier.isStatic(declared.getModifiers()) || declared.getName().startsWith("_")
                    || declared.getName().equals("prev") || declared.getName().equals("next")) {
                continue;
            }
            for (BoundField f : schema.fields()) {
                if (f.def.type instanceof TaggedFields tagged) {
                    for (Map.Entry<Integer, org.apache.kafka.common.protocol.types.Field> e : tagged.fields().entrySet()) {
                        if (same(declared, e.getValue().name)) {
                            parts.add(declared.getName() + "#" + e.getKey() + ":" + type(declared.getGenericType(), e.getValue().type));
                        }
                    }
                } else if (same(declared, f.def.name)) {
                    parts.add(declared.getName() + ":" + type(declared.getGenericType(), f.def.type));
                }
            }
        }
        int known = 0;
        for (BoundField f : schema.fields()) {
            known += f.def.type instanceof TaggedFields t ? t.fields().size() : 1;
        }
        if (known != parts.size() - (flexible ? 1 : 0)) {
            throw new IllegalStateException(of + ": " + parts + " is not " + schema);
        }
        return String.join(" ", parts);
    }

    private static boolean same(Field declared, String snake) {
        return declared.getName().equalsIgnoreCase(snake.replace("_", ""));
    }

    private static String type(java.lang.reflect.Type declared, Type type) {
        String orNull = type.isNullable() ? "?" : "";
        if (type instanceof Schema s) {
            return "{" + fields((Class<?>) declared, s) + "}" + orNull;
        }
        if (type.isArray()) {
            java.lang.reflect.Type list = declared instanceof Class<?> c ? c.getGenericSuperclass() : declared; // a collection of its own
            java.lang.reflect.Type element = list instanceof ParameterizedType p ? p.getActualTypeArguments()[0] : Object.class;
            return "[" + type(element, type.arrayElementType().get()) + "]" + orNull;
        }
        switch (type.toString()) {
            case "BOOLEAN": return "bool";
            case "INT8": return "i1";
            case "INT16": return "i2";
            case "UINT16": return "u2";
            case "INT32": return "i4";
            case "UINT32": return "u4";
            case "INT64": return "i8";
            case "FLOAT64": return "f8";
            case "UUID": return "uuid";
            case "STRING": case "COMPACT_STRING": case "NULLABLE_STRING": case "COMPACT_NULLABLE_STRING": return "s" + orNull;
            case "BYTES": case "COMPACT_BYTES": case "NULLABLE_BYTES": case "COMPACT_NULLABLE_BYTES": return "b" + orNull;
            default: throw new IllegalStateException("type " + type + " " + type.getClass());
        }
    }
}
