package shop;

import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.context.event.EventListener;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.stereotype.Service;

/** Tells the others of an order when the application has started. */
@Service
public class OrderService {
  private final KafkaTemplate<String, String> kafkaTemplate;

  public OrderService(KafkaTemplate<String, String> kafkaTemplate) {
    this.kafkaTemplate = kafkaTemplate;
  }

  @EventListener(ApplicationReadyEvent.class)
  public void placeOrder() {
    kafkaTemplate.send("order-events", "order-1", "OrderCreated: order-1");
  }
}
