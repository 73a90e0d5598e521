package producerload;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pulsar.client.api.CompressionType;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.PulsarClientException;
import org.apache.pulsar.client.api.Schema;
import org.apache.pulsar.client.api.schema.GenericRecord;
import org.apache.pulsar.client.api.schema.GenericSchema;
import org.apache.pulsar.client.api.schema.SchemaBuilder;
import org.apache.pulsar.common.schema.SchemaType;

/** Produces COUNT keyed AVRO messages in batches and says how many receipts came. */
final class Produce {
  private static final int KEYS = 100;
  private static final long FIRST_EVENT_TIME_MS = 1_700_000_000_000L;

  private Produce() {}

  static int run(String[] arguments) throws PulsarClientException {
    String topic = arguments[1];
    long count = Long.parseLong(arguments[2]);
    var compression = CompressionType.valueOf(arguments.length > 3 ? arguments[3] : "NONE");
    int batch = Integer.parseInt(arguments.length > 4 ? arguments[4] : "500");
    var acknowledged = new AtomicLong();
    var failure = new AtomicReference<Throwable>();
    GenericSchema<GenericRecord> schema = schema();
    String name;
    try (PulsarClient client = PulsarClient.builder().serviceUrl(arguments[0]).build();
        Producer<GenericRecord> producer =
            client
                .newProducer(schema)
                .topic(topic)
                .compressionType(compression)
                .batchingMaxMessages(batch)
                .batchingMaxPublishDelay(10, TimeUnit.MILLISECONDS)
                .blockIfQueueFull(true)
                .create()) {
      for (long index = 0; index < count; index++) {
        producer
            .newMessage()
            .key("key-" + index % KEYS)
            .eventTime(FIRST_EVENT_TIME_MS + index)
            .sequenceId(index)
            .value(event(schema, index))
            .sendAsync()
            .whenComplete(
                (id, error) -> {
                  if (error == null) {
                    acknowledged.incrementAndGet();
                  } else {
                    failure.compareAndSet(null, error);
                  }
                });
      }
      producer.flush();
      name = producer.getProducerName();
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("count", acknowledged.get());
    result.put("producer", name);
    result.put("failure", failure.get());
    System.out.println(Json.write(result));
    return acknowledged.get() == count ? 0 : 1;
  }

  private static GenericSchema<GenericRecord> schema() {
    var builder = SchemaBuilder.record("JavaEvent");
    builder.field("event_id").type(SchemaType.STRING);
    builder.field("index").type(SchemaType.INT64);
    builder.field("value").type(SchemaType.DOUBLE);
    return Schema.generic(builder.build(SchemaType.AVRO));
  }

  private static GenericRecord event(GenericSchema<GenericRecord> schema, long index) {
    return schema
        .newRecordBuilder()
        .set("event_id", "event-" + index)
        .set("index", index)
        .set("value", index / 7.0)
        .build();
  }
}
