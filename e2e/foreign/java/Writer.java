import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes numbered records with producers of kafka-clients in their default settings (idempotence,
 * acks=all, endless retries within the delivery timeout), until its standard input ends. The
 * protocol on standard output is that of package foreign.
 *
 * Arguments: bootstrap servers, topics, partitions, records per second and producer, number of the
 * first client, codecs (one producer each).
 */
public final class Writer implements Runnable {
  private static final int MOST_WAITING = 5000;
  private static final int TICK_MS = 10;

  private static final PrintStream out =
      new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.US_ASCII);
  private static final AtomicBoolean ended = new AtomicBoolean();

  private final KafkaProducer<byte[], byte[]> producer;
  private final String[] topics;
  private final int partitions;
  private final int rate;
  private final long client;
  private final AtomicLong waiting = new AtomicLong();

  private Writer(String servers, String topics, int partitions, int rate, long client, String codec) {
    this.topics = topics.split(",");
    this.partitions = partitions;
    this.rate = rate;
    this.client = client;
    this.producer = new KafkaProducer<>(
        Map.of("bootstrap.servers", servers, "compression.type", codec, "client.id", "java-" + codec),
        new ByteArraySerializer(), new ByteArraySerializer());
  }

  public static void main(String[] args) throws Exception {
    long client = Long.parseLong(args[4]);
    List<Thread> threads = new ArrayList<>();
    for (String codec : args[5].split(",")) {
      Writer w = new Writer(args[0], args[1], Integer.parseInt(args[2]), Integer.parseInt(args[3]), client++, codec);
      threads.add(new Thread(w));
    }
    threads.forEach(Thread::start);
    while (System.in.read() >= 0) {
      continue;
    }
    ended.set(true);
    for (Thread t : threads) {
      t.join();
    }
    out.flush();
  }

  @Override
  public void run() {
    long begin = System.nanoTime();
    long next = 0;
    while (!ended.get()) {
      long due = (System.nanoTime() - begin) * rate / 1_000_000_000L;
      due = Math.min(due, next + MOST_WAITING - waiting.get());
      long first = next;
      synchronized (out) {
        for (; next < due; next++) {
          out.println("s " + value(next) + " " + topic(next) + " " + partition(next));
        }
        out.flush();
      }
      for (long n = first; n < next; n++) {
        send(n);
      }
      pause();
    }
    producer.close();
  }

  private void send(long n) {
    long value = value(n);
    waiting.incrementAndGet();
    producer.send(new ProducerRecord<>(topics[topic(n)], partition(n), null, payload(value)), (where, error) -> {
      waiting.decrementAndGet();
      synchronized (out) {
        if (error == null) {
          out.println("a " + value + " " + where.offset());
        } else {
          out.println("o " + value + " " + error.toString().replace('\n', ' '));
        }
      }
    });
  }

  private long value(long n) {
    return client << 40 | n;
  }

  private int topic(long n) {
    return (int) (n % topics.length);
  }

  private int partition(long n) {
    return (int) (n / topics.length % partitions);
  }

  /** The number of the record, again and again, to a length that hangs on it. */
  private static byte[] payload(long value) {
    byte[] unit = (value + " ").getBytes(StandardCharsets.US_ASCII);
    byte[] b = new byte[unit.length + (int) (value % 400)];
    for (int i = 0; i < b.length; i++) {
      b[i] = unit[i % unit.length];
    }
    return b;
  }

  private static void pause() {
    try {
      Thread.sleep(TICK_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
