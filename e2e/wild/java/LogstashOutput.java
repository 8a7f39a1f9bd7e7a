import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;

/**
 * Stands in for Logstash and its Kafka output, which come from no package registry: its settings, with the defaults of the plugin, make
 * a producer of the client that the plugin uses; events are JSON, sent in batches as the pipeline has them, each waited for.
 */
public class LogstashOutput {
  /** The settings that become settings of the producer, dots for underlines, and what the plugin says if the file does not. */
  static final String[][] DEFAULTS = {
    {"acks", "1"}, {"batch_size", "16384"}, {"bootstrap_servers", "localhost:9092"}, {"buffer_memory", "33554432"}, {"compression_type", "none"},
    {"client_dns_lookup", "use_all_dns_ips"}, {"client_id", null}, {"connections_max_idle_ms", "540000"},
    {"key_serializer", "org.apache.kafka.common.serialization.StringSerializer"}, {"linger_ms", "0"}, {"max_request_size", "1048576"},
    {"metadata_max_age_ms", "300000"}, {"receive_buffer_bytes", "32768"}, {"reconnect_backoff_ms", "50"}, {"request_timeout_ms", "40000"}, {"retries", null},
    {"retry_backoff_ms", "100"}, {"security_protocol", "PLAINTEXT"}, {"send_buffer_bytes", "131072"},
    {"value_serializer", "org.apache.kafka.common.serialization.StringSerializer"},
  };

  static final int PIPELINE_BATCH = 125;

  public static void main(String[] args) throws Exception {
    String text = Files.readString(Path.of(args[0]));
    String output = text.substring(text.indexOf("kafka {"));
    Properties props = new Properties();
    for (String[] d : DEFAULTS) {
      String value = setting(output, d[0], d[1]);
      if (value != null) {
        props.put(d[0].replace('_', '.'), value);
      }
    }
    String topic = setting(output, "topic_id", null);
    String key = setting(output, "message_key", null);
    List<String> lines = Files.readAllLines(Path.of(setting(text, "path", null)));
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(props)) {
      for (int i = 0; i < lines.size(); i += PIPELINE_BATCH) {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (String line : lines.subList(i, Math.min(i + PIPELINE_BATCH, lines.size()))) {
          sent.add(producer.send(new ProducerRecord<>(topic, key, event(line))));
        }
        for (Future<RecordMetadata> one : sent) {
          one.get();
        }
      }
    }
  }

  static String setting(String text, String name, String otherwise) {
    Matcher m = Pattern.compile("(?m)^\\s*" + name + "\\s*=>\\s*\"?([^\"\\n]*)\"?").matcher(text);
    return m.find() ? m.group(1) : otherwise;
  }

  static String event(String line) {
    return "{\"@timestamp\":\"" + Instant.now() + "\",\"@version\":\"1\",\"message\":\"" + line.replace("\\", "\\\\").replace("\"", "\\\"") + "\"}";
  }
}
