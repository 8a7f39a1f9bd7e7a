import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/** An account as the events that changed it: its balance is what a replay from the beginning gives. */
public class EventSourcing {
  public static void main(String[] args) {
    Properties props = new Properties();
    props.put("bootstrap.servers", "localhost:9092");
    props.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    props.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    props.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    props.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(props)) {
      for (String event : List.of("deposit:700", "withdraw:200", "deposit:500")) {
        producer.send(new ProducerRecord<>("account-events", "account-1", event));
      }
    }
    int balance = 0;
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(props)) {
      TopicPartition account = new TopicPartition("account-events", 0);
      consumer.assign(List.of(account));
      consumer.seekToBeginning(List.of(account));
      long end = consumer.endOffsets(List.of(account)).get(account);
      while (consumer.position(account) < end) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
          String[] event = record.value().split(":");
          balance += (event[0].equals("deposit") ? 1 : -1) * Integer.parseInt(event[1]);
        }
      }
    }
    System.out.println("Current balance: " + balance);
  }
}
