import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.SessionWindows;

/** Orders of a shop: a filter, joins with a table and with another stream, and the sessions of its customers. */
public class Shop {
  public static void main(String[] args) {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, "shop");
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "localhost:9092");
    config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    config.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("java.io.tmpdir"));

    StreamsBuilder builder = new StreamsBuilder();
    KStream<String, String> orders = builder.stream("orders"); // customer -> amount
    KStream<String, String> payments = builder.stream("payments"); // customer -> amount
    KTable<String, String> customers = builder.table("customers"); // customer -> name

    orders.filter((customer, amount) -> Integer.parseInt(amount) >= 1000).to("large-orders");

    orders.join(customers, (amount, name) -> name + " orders for " + amount).to("named-orders");

    orders.join(payments, (ordered, paid) -> ordered + " paid with " + paid,
        JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofMinutes(5))).to("paid-orders");

    orders.groupByKey()
        .windowedBy(SessionWindows.ofInactivityGapWithNoGrace(Duration.ofMinutes(10)))
        .count()
        .toStream((session, count) -> session.key() + "@" + session.window().start() + "-" + session.window().end())
        .to("sessions", Produced.with(Serdes.String(), Serdes.Long()));

    KafkaStreams streams = new KafkaStreams(builder.build(), config);
    streams.start();
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
  }
}
