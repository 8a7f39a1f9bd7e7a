package shop;

import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.stereotype.Component;

/** What happens to orders. */
@Component
public class OrderEventListener {
  @KafkaListener(topics = "order-events")
  public void onEvent(String event) {
    System.out.println("Received event: " + event);
  }
}
