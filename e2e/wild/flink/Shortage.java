import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Orders take from the stock of a product. When it falls below its threshold, one replenishment is ordered.
 *
 * <p>Arguments: the broker, AT_LEAST_ONCE or EXACTLY_ONCE, a directory for checkpoints, and the checkpoint to go on from.
 */
public class Shortage {
  static final int STOCK = 100;
  static final int THRESHOLD = 20;
  static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    Configuration configuration = new Configuration();
    configuration.setString("restart-strategy.type", "none");
    configuration.setString("execution.checkpointing.dir", "file://" + args[2]);
    configuration.setString("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
    configuration.setString("taskmanager.memory.network.min", "8m");
    configuration.setString("taskmanager.memory.network.max", "8m");
    configuration.setString("taskmanager.memory.managed.size", "16m");
    if (args.length > 3) {
      configuration.setString("execution.state-recovery.path", args[3]);
    }
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
    env.enableCheckpointing(500);

    KafkaSource<String> orders = KafkaSource.<String>builder()
        .setBootstrapServers(args[0])
        .setTopics("orders")
        .setGroupId("stock")
        .setStartingOffsets(OffsetsInitializer.earliest())
        .setValueOnlyDeserializer(new SimpleStringSchema())
        .build();
    KafkaSink<String> replenishments = KafkaSink.<String>builder()
        .setBootstrapServers(args[0])
        .setDeliveryGuarantee(DeliveryGuarantee.valueOf(args[1]))
        .setTransactionalIdPrefix("stock")
        .setProperty("transaction.timeout.ms", "60000")
        .setProperty("max.block.ms", "20000")
        .setRecordSerializer(KafkaRecordSerializationSchema.builder()
            .setTopic("replenishments")
            .setValueSerializationSchema(new SimpleStringSchema())
            .build())
        .build();
    env.fromSource(orders, WatermarkStrategy.noWatermarks(), "orders")
        .keyBy(order -> JSON.readTree(order).get("product").asText())
        .process(new Stock())
        .sinkTo(replenishments);
    try {
      env.execute("stock");
    } catch (Exception e) {
      Throwable cause = e;
      while (cause.getCause() != null) {
        cause = cause.getCause();
      }
      System.out.println("FAILED: " + cause.getMessage());
      System.exit(1);
    }
  }

  static class Stock extends KeyedProcessFunction<String, String, String> {
    private transient ValueState<Integer> left;

    @Override
    public void open(OpenContext context) {
      left = getRuntimeContext().getState(new ValueStateDescriptor<>("left", Types.INT));
    }

    @Override
    public void processElement(String text, Context context, Collector<String> out) throws Exception {
      JsonNode order = JSON.readTree(text);
      int before = left.value() == null ? STOCK : left.value();
      int after = before - order.get("quantity").asInt();
      left.update(after);
      if (before >= THRESHOLD && after < THRESHOLD) {
        out.collect(JSON.createObjectNode()
            .put("product", context.getCurrentKey())
            .put("because", order.get("order").asInt())
            .put("quantity", STOCK - after)
            .toString());
      }
    }
  }
}
