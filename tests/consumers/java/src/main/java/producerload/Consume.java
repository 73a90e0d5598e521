package producerload;

import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.PulsarClientException;
import org.apache.pulsar.client.api.Schema;
import org.apache.pulsar.client.api.SubscriptionInitialPosition;
import org.apache.pulsar.client.api.schema.GenericRecord;

/**
 * Reads a topic with all its partitions from the beginning until COUNT messages have come and 2 s
 * have passed without a further one, so that a message too many is seen as well.
 */
final class Consume {
  private static final int SILENCE_MS = 2_000;
  private static final long TIMEOUT_NS = TimeUnit.SECONDS.toNanos(120);

  private Consume() {}

  static int run(String[] arguments) throws PulsarClientException {
    String topic = arguments[1];
    long count = Long.parseLong(arguments[2]);
    var excepted = Set.of(Arrays.copyOfRange(arguments, 3, arguments.length));
    long began = System.nanoTime();
    try (PulsarClient client = PulsarClient.builder().serviceUrl(arguments[0]).build()) {
      var tally = new Tally(excepted, client.getPartitionsForTopic(topic).join().size());
      read(client, topic, count, tally, began + TIMEOUT_NS);
      Map<String, Object> result = tally.result();
      System.out.println(Json.write(result));
      return tally.isWell(count) ? 0 : 1;
    }
  }

  private static void read(
      PulsarClient client, String topic, long count, Tally tally, long deadline)
      throws PulsarClientException {
    try (Consumer<GenericRecord> consumer =
            client
                .newConsumer(Schema.AUTO_CONSUME())
                .topic(topic)
                .subscriptionName("java-witness-" + UUID.randomUUID())
                .subscriptionInitialPosition(SubscriptionInitialPosition.Earliest)
                .receiverQueueSize(10_000)
                .subscribe()) {
      while (System.nanoTime() < deadline) {
        Message<GenericRecord> message = consumer.receive(SILENCE_MS, TimeUnit.MILLISECONDS);
        if (message != null) {
          tally.add(message);
        } else if (tally.received() >= count) {
          break;
        }
      }
      // Nothing was acknowledged: left behind, the subscription would be a backlog for ever.
      consumer.unsubscribe();
    }
  }
}
