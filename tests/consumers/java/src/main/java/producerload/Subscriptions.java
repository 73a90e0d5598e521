package producerload;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.ConsumerBuilder;
import org.apache.pulsar.client.api.ConsumerEventListener;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.MessageId;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.PulsarClientException;
import org.apache.pulsar.client.api.Reader;
import org.apache.pulsar.client.api.SubscriptionInitialPosition;
import org.apache.pulsar.client.api.SubscriptionType;

/**
 * Reads a topic without partitions that holds COUNT messages in the ways that brokers offer; each
 * waits for the broker's answer to its acknowledgements. Nobody sends meanwhile.
 */
final class Subscriptions {
  private static final int SILENCE_MS = 700;

  private final PulsarClient client;
  private final String topic;
  private final int count;

  private Subscriptions(PulsarClient client, String topic, int count) {
    this.client = client;
    this.topic = topic;
    this.count = count;
  }

  static int run(String[] arguments) throws IOException {
    Map<String, Object> result = new LinkedHashMap<>();
    try (PulsarClient client = PulsarClient.builder().serviceUrl(arguments[0]).build()) {
      var ways = new Subscriptions(client, arguments[1], Integer.parseInt(arguments[2]));
      result.put("exclusive_busy", ways.isSecondExclusiveBusy());
      result.put("cumulative_left", ways.leftAfterCumulative());
      result.put("shared", ways.shared());
      result.put("failover", ways.failover());
      result.put("sought", ways.sought());
      result.put("reader", ways.reader());
    }
    System.out.println(Json.write(result));
    return 0;
  }

  private ConsumerBuilder<byte[]> builder(String name, SubscriptionType type) {
    return client
        .newConsumer()
        .topic(topic)
        .subscriptionName(name)
        .subscriptionType(type)
        .subscriptionInitialPosition(SubscriptionInitialPosition.Earliest)
        .isAckReceiptEnabled(true)
        .enableBatchIndexAcknowledgment(true)
        .receiverQueueSize(200);
  }

  private static List<Message<byte[]>> drain(Consumer<byte[]> consumer)
      throws PulsarClientException {
    List<Message<byte[]>> messages = new ArrayList<>();
    Message<byte[]> message;
    while ((message = consumer.receive(SILENCE_MS, TimeUnit.MILLISECONDS)) != null) {
      messages.add(message);
    }
    return messages;
  }

  private boolean isSecondExclusiveBusy() throws PulsarClientException {
    try (var first = builder("busy", SubscriptionType.Exclusive).subscribe()) {
      try {
        builder("busy", SubscriptionType.Exclusive).subscribe().close();
        return false;
      } catch (PulsarClientException.ConsumerBusyException busy) {
        return busy.getMessage().contains("Exclusive consumer is already connected");
      } finally {
        first.unsubscribe();
      }
    }
  }

  /** Acknowledges the first third of the messages, in the middle of a batch, and counts the rest. */
  private int leftAfterCumulative() throws PulsarClientException {
    try (var consumer = builder("cumulative", SubscriptionType.Exclusive).subscribe()) {
      consumer.acknowledgeCumulative(drain(consumer).get(count / 3));
    }
    try (var consumer = builder("cumulative", SubscriptionType.Exclusive).subscribe()) {
      int left = drain(consumer).size();
      consumer.unsubscribe();
      return left;
    }
  }

  /** Two consumers; returns how many different messages each acknowledged. */
  private List<Integer> shared() throws PulsarClientException {
    var builder =
        builder("shared", SubscriptionType.Shared).negativeAckRedeliveryDelay(100, TimeUnit.MILLISECONDS);
    try (var one = builder.subscribe();
        var two = builder.subscribe()) {
      List<Set<MessageId>> acknowledged = List.of(new HashSet<>(), new HashSet<>());
      int refused = 0;
      for (int silences = 0; silences < 2; silences++) {
        for (int place = 0; place < 2; place++) {
          Consumer<byte[]> consumer = place == 0 ? one : two;
          Message<byte[]> message;
          for (int got = 0; got < 100; got++) {
            if ((message = consumer.receive(SILENCE_MS, TimeUnit.MILLISECONDS)) == null) {
              break;
            }
            silences = 0;
            if (refused < 5) {
              refused++;
              consumer.negativeAcknowledge(message);
            } else {
              consumer.acknowledgeAsync(message);
              acknowledged.get(place).add(message.getMessageId());
            }
          }
        }
      }
      two.close();
      one.unsubscribe();
      return List.of(acknowledged.get(0).size(), acknowledged.get(1).size());
    }
  }

  /** The second takes over; returns what each read and how often one was told that it is active. */
  private List<Integer> failover() throws PulsarClientException {
    var told = new AtomicInteger();
    var listener =
        new ConsumerEventListener() {
          @Override
          public void becameActive(Consumer<?> consumer, int partition) {
            told.incrementAndGet();
          }

          @Override
          public void becameInactive(Consumer<?> consumer, int partition) {}
        };
    var builder = builder("failover", SubscriptionType.Failover).consumerEventListener(listener);
    var first = builder.consumerName("a").subscribe();
    try (var second = builder.consumerName("b").subscribe()) {
      int read = drain(first).size();
      int nothing = drain(second).size();
      first.close();
      int all = drain(second).size();
      second.unsubscribe();
      return List.of(read, nothing, all, told.get());
    }
  }

  /** Reads all, then again from a message in the middle on; returns how many. */
  private List<Integer> sought() throws PulsarClientException {
    try (var consumer = builder("sought", SubscriptionType.Exclusive).subscribe()) {
      List<Message<byte[]>> all = drain(consumer);
      consumer.seek(all.get(count / 2).getMessageId());
      int half = drain(consumer).size();
      consumer.seek(MessageId.earliest);
      int whole = drain(consumer).size();
      consumer.seek(MessageId.latest);
      int none = drain(consumer).size();
      consumer.unsubscribe();
      return List.of(all.size(), half, whole, none);
    }
  }

  private int reader() throws IOException {
    int read = 0;
    try (Reader<byte[]> reader =
        client.newReader().topic(topic).startMessageId(MessageId.earliest).create()) {
      while (reader.hasMessageAvailable()) {
        reader.readNext();
        read++;
      }
    }
    return read;
  }
}
