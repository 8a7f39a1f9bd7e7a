import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.ContainerProperties.AckMode;
import org.springframework.kafka.listener.KafkaMessageListenerContainer;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.support.TopicPartitionOffset;
import org.springframework.kafka.support.TopicPartitionOffset.SeekPosition;

/** Spring for Apache Kafka as a client of the matrix: servers. */
public final class Spring implements Line.Client {
  private final String servers;

  private Spring(String servers) {
    this.servers = servers;
  }

  public static void main(String[] args) throws Exception {
    Line.serve(new Spring(args[0]));
  }

  @Override
  public String version() {
    return KafkaTemplate.class.getPackage().getImplementationVersion() + " (kafka-clients " + Line.kafkaVersion() + ")";
  }

  @Override
  public void create(String topic, int partitions) {
    new KafkaAdmin(Map.of("bootstrap.servers", servers)).createOrModifyTopics(new NewTopic(topic, partitions, (short) 1));
  }

  @Override
  public void produce(String codec, List<ProducerRecord<byte[], byte[]>> records) throws Exception {
    var factory = new DefaultKafkaProducerFactory<>(Map.<String, Object>of("bootstrap.servers", servers, "compression.type", codec),
        new ByteArraySerializer(), new ByteArraySerializer());
    try {
      var template = new KafkaTemplate<>(factory);
      List<CompletableFuture<?>> sent = new ArrayList<>();
      for (ProducerRecord<byte[], byte[]> r : records) {
        sent.add(template.send(r));
      }
      for (CompletableFuture<?> f : sent) {
        f.get(Line.WITHIN_MS, TimeUnit.MILLISECONDS);
      }
    } finally {
      factory.destroy();
    }
  }

  @Override
  public List<ConsumerRecord<byte[], byte[]>> read(String topic, int count, long ts) throws Exception {
    TopicPartitionOffset from = ts < 0
        ? new TopicPartitionOffset(topic, 0, SeekPosition.BEGINNING)
        : new TopicPartitionOffset(topic, 0, ts, SeekPosition.TIMESTAMP);
    BlockingQueue<ConsumerRecord<byte[], byte[]>> arrived = new LinkedBlockingQueue<>();
    ContainerProperties properties = new ContainerProperties(from);
    properties.setAckMode(AckMode.MANUAL); // and none is sent: nothing is committed
    properties.setMessageListener((MessageListener<byte[], byte[]>) arrived::add);
    var factory = new DefaultKafkaConsumerFactory<>(Map.<String, Object>of("bootstrap.servers", servers, "group.id", "spring"),
        new ByteArrayDeserializer(), new ByteArrayDeserializer());
    var container = new KafkaMessageListenerContainer<>(factory, properties);
    container.start();
    try {
      List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
      while (records.size() < count) {
        ConsumerRecord<byte[], byte[]> r = arrived.poll(Line.WITHIN_MS, TimeUnit.MILLISECONDS);
        if (r == null) {
          throw new TimeoutException(records.size() + " of " + count + " records came");
        }
        records.add(r);
      }
      return records;
    } finally {
      container.stop();
    }
  }
}
