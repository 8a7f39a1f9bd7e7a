import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** kafka-clients in its default settings as a client of the matrix: servers, or servers, group, topic and assignor. */
public final class Client implements Line.Client {
  private static final Map<String, String> ASSIGNORS = Map.of(
      "range", "org.apache.kafka.clients.consumer.RangeAssignor",
      "roundrobin", "org.apache.kafka.clients.consumer.RoundRobinAssignor",
      "sticky", "org.apache.kafka.clients.consumer.StickyAssignor",
      "cooperative-sticky", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");

  private final String servers;

  private Client(String servers) {
    this.servers = servers;
  }

  public static void main(String[] args) throws Exception {
    if (args.length == 1) {
      Line.serve(new Client(args[0]));
    } else {
      member(args[0], args[1], args[2], args[3]);
    }
  }

  @Override
  public String version() {
    return Line.kafkaVersion();
  }

  @Override
  public void create(String topic, int partitions) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", servers))) {
      admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get(Line.WITHIN_MS, TimeUnit.MILLISECONDS);
    }
  }

  @Override
  public void produce(String codec, List<ProducerRecord<byte[], byte[]>> records) throws Exception {
    Map<String, Object> config = Map.of("bootstrap.servers", servers, "compression.type", codec);
    try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      List<Future<?>> sent = new ArrayList<>();
      for (ProducerRecord<byte[], byte[]> r : records) {
        sent.add(producer.send(r));
      }
      for (Future<?> f : sent) {
        f.get(Line.WITHIN_MS, TimeUnit.MILLISECONDS);
      }
    }
  }

  @Override
  public List<ConsumerRecord<byte[], byte[]>> read(String topic, int count, long ts) throws Exception {
    Map<String, Object> config = Map.of("bootstrap.servers", servers);
    try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      TopicPartition tp = new TopicPartition(topic, 0);
      consumer.assign(List.of(tp));
      if (ts < 0) {
        consumer.seekToBeginning(List.of(tp));
      } else {
        consumer.seek(tp, consumer.offsetsForTimes(Map.of(tp, ts)).get(tp).offset());
      }
      List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
      long end = System.currentTimeMillis() + Line.WITHIN_MS;
      while (records.size() < count) {
        if (System.currentTimeMillis() > end) {
          throw new TimeoutException(records.size() + " of " + count + " records came");
        }
        consumer.poll(Duration.ofMillis(200)).forEach(records::add);
      }
      return records.subList(0, count);
    }
  }

  private static void member(String servers, String group, String topic, String assignor) {
    AtomicBoolean stopped = Line.untilStopped();
    Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", servers, "group.id", group,
        "auto.offset.reset", "earliest", "auto.commit.interval.ms", 500));
    if (assignor.equals("consumer")) {
      config.put("group.protocol", "consumer");
    } else {
      config.put("partition.assignment.strategy", ASSIGNORS.get(assignor));
      config.put("session.timeout.ms", 6000);
      config.put("heartbeat.interval.ms", 500);
    }
    try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(List.of(topic));
      while (!stopped.get()) {
        Line.consumed(consumer.poll(Duration.ofMillis(100)));
      }
    }
  }
}
