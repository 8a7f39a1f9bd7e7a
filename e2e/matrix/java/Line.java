import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;

/** The protocol of the matrix for programs in Java; what the lines say stands in ../doc.go. */
final class Line {
  static final long WITHIN_MS = 60_000;
  private static final ObjectMapper json = new ObjectMapper();
  private static final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

  /** What a client can do. */
  interface Client {
    String version();

    void create(String topic, int partitions) throws Exception;

    void produce(String codec, List<ProducerRecord<byte[], byte[]>> records) throws Exception;

    /** Reads so many records of partition 0, from the beginning or, unless negative, from a time. */
    List<ConsumerRecord<byte[], byte[]>> read(String topic, int count, long ts) throws Exception;
  }

  private Line() {}

  /** The version of kafka-clients, as its jar tells it. */
  static String kafkaVersion() {
    Properties properties = new Properties();
    try (InputStream in = Line.class.getResourceAsStream("/kafka/kafka-version.properties")) {
      properties.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties.getProperty("version");
  }

  /** Answers one line of standard input after the other. */
  static void serve(Client client) throws IOException {
    System.setOut(System.err); // nothing else may print lines
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      ObjectNode answer = json.createObjectNode();
      try {
        answer(client, json.readTree(line), answer);
      } catch (Exception e) {
        answer.put("error", e.toString());
      }
      out.println(json.writeValueAsString(answer));
      out.flush();
    }
  }

  private static void answer(Client client, JsonNode ask, ObjectNode answer) throws Exception {
    String topic = ask.path("topic").asText();
    switch (ask.get("do").asText()) {
      case "hello" -> answer.put("version", client.version());
      case "create" -> client.create(topic, ask.get("partitions").asInt());
      case "produce" -> client.produce(ask.get("codec").asText(), records(topic, ask.get("records")));
      case "consume" -> records(client.read(topic, ask.get("count").asInt(), -1), answer);
      case "seek" -> records(client.read(topic, ask.get("count").asInt(), ask.get("ts").asLong()), answer);
      default -> throw new IllegalArgumentException(ask.get("do").asText());
    }
  }

  private static List<ProducerRecord<byte[], byte[]>> records(String topic, JsonNode lines) throws IOException {
    List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
    for (JsonNode r : lines) {
      var record = new ProducerRecord<>(topic, 0, r.get("ts").asLong(), bytes(r.get("key")), bytes(r.get("value")));
      for (JsonNode h : r.get("headers")) {
        record.headers().add(h.get("name").asText(), bytes(h.get("value")));
      }
      records.add(record);
    }
    return records;
  }

  private static byte[] bytes(JsonNode text) throws IOException {
    return text.isNull() ? null : text.binaryValue();
  }

  private static void records(List<ConsumerRecord<byte[], byte[]>> records, ObjectNode answer) {
    ArrayNode lines = answer.putArray("records");
    for (ConsumerRecord<byte[], byte[]> r : records) {
      ObjectNode line = lines.addObject().put("offset", r.offset()).put("ts", r.timestamp()).put("key", r.key()).put("value", r.value());
      ArrayNode headers = line.putArray("headers");
      for (Header h : r.headers()) {
        headers.addObject().put("name", h.key()).put("value", h.value());
      }
    }
  }

  /** Returns what is set when standard input ends. */
  static AtomicBoolean untilStopped() {
    AtomicBoolean stopped = new AtomicBoolean();
    Thread waits = new Thread(() -> {
      try {
        while (System.in.read() >= 0) {
          continue;
        }
      } catch (IOException e) {
        e.printStackTrace();
      }
      stopped.set(true);
    });
    waits.setDaemon(true);
    waits.start();
    return stopped;
  }

  /** A member of a group has consumed these. */
  static void consumed(Iterable<? extends ConsumerRecord<byte[], byte[]>> records) {
    for (ConsumerRecord<byte[], byte[]> r : records) {
      out.println(r.partition() + " " + r.offset());
    }
    out.flush();
  }
}
