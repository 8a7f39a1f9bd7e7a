import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Rides that are requested: the service that takes them and assigns them to a driver. */
public class RideService {
  public static void main(String[] args) {
    Properties props = new Properties();
    props.put("bootstrap.servers", "localhost:9092");
    props.put("group.id", "ride-service");
    props.put("auto.offset.reset", "earliest");
    props.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    props.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    props.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    props.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(props); KafkaProducer<String, String> producer = new KafkaProducer<>(props)) {
      consumer.subscribe(List.of("ride-requests"));
      while (true) {
        consumer.poll(Duration.ofMillis(100)).forEach(record -> {
          System.out.println("Processing ride request: " + record.value());
          producer.send(new ProducerRecord<>("ride-assignments", record.value().split(":")[1]));
        });
      }
    }
  }
}
