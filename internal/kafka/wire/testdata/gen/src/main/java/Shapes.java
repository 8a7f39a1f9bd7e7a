import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;

/** Prints the shape of every request body, one line per run of versions that share it. */
public final class Shapes {
    public static void main(String[] args) {
        System.out.println("# Shapes of request bodies: API key, first and last version, shape. See schema.go for the language.");
        System.out.println("# Made by testdata/gen from the schemas of kafka-clients 4.4.0; do not edit.");
        Map<Short, ApiMessageType> apis = new TreeMap<>();
        for (ApiMessageType api : ApiMessageType.values()) {
            apis.put(api.apiKey(), api);
        }
        for (ApiMessageType api : apis.values()) {
            if (api.lowestSupportedVersion() <= api.highestSupportedVersion(true)) {
                System.out.println("# " + api.name);
                print(api);
            }
        }
    }

    private static void print(ApiMessageType api) {
        Schema[] schemas = api.requestSchemas();
        int low = api.lowestSupportedVersion();
        int high = api.highestSupportedVersion(true);
        int first = low;
        for (int v = low; v <= high; v++) {
            if (v == high || !shape(schemas[v]).equals(shape(schemas[v + 1]))
                    || (api.requestHeaderVersion((short) v) != api.requestHeaderVersion((short) (v + 1)))) {
                System.out.println((api.apiKey() + " " + first + " " + v + " " + shape(schemas[v])).trim());
                first = v + 1;
            }
        }
    }

    private static String shape(Schema schema) {
        List<String> parts = new ArrayList<>();
        for (BoundField f : schema.fields()) {
            if (f.def.type instanceof TaggedFields tagged) {
                for (Map.Entry<Integer, Field> e : new TreeMap<>(tagged.fields()).entrySet()) {
                    parts.add(e.getKey() + ":" + shape(e.getValue().type));
                }
            } else {
                parts.add(shape(f.def.type));
            }
        }
        return String.join(" ", parts);
    }

    private static String shape(Type type) {
        String null_ = type.isNullable() ? "?" : "";
        if (type instanceof Schema s) {
            return "(" + shape(s) + ")" + null_;
        }
        if (type.isArray()) {
            return "[" + shape(type.arrayElementType().get()) + "]" + null_;
        }
        switch (type.toString()) {
            case "BOOLEAN": case "INT8": return "1";
            case "INT16": case "UINT16": return "2";
            case "INT32": case "UINT32": return "4";
            case "INT64": case "FLOAT64": return "8";
            case "UUID": return "16";
            case "STRING": case "COMPACT_STRING": return "s";
            case "NULLABLE_STRING": case "COMPACT_NULLABLE_STRING": return "s?";
            case "BYTES": case "COMPACT_BYTES": return "b";
            case "NULLABLE_BYTES": case "COMPACT_NULLABLE_BYTES": case "NULLABLE_RECORDS": case "COMPACT_NULLABLE_RECORDS": case "RECORDS": case "COMPACT_RECORDS": return "b?";
            default: throw new IllegalStateException("type " + type + " " + type.getClass());
        }
    }
}
