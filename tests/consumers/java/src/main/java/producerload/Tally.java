package producerload;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.pulsar.client.api.HashingScheme;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.schema.Field;
import org.apache.pulsar.client.api.schema.GenericRecord;
import org.apache.pulsar.client.impl.MessageImpl;
import org.apache.pulsar.client.impl.TopicMessageImpl;
import org.apache.pulsar.common.api.proto.MessageMetadata;
import org.apache.pulsar.common.naming.TopicName;

/** What came, counted message by message. */
final class Tally {
  /** One producer's messages on one partition: Pulsar keeps their order, nothing else does. */
  private static final class Stream {
    private final Digest digest = new Digest();
    private long received;
    private long highest = Long.MIN_VALUE;
  }

  private final Set<String> excepted;
  private final int partitionsOfTopic;
  private final Map<String, Long> misplaced = new TreeMap<>();
  private final Map<String, Stream> streams = new TreeMap<>();
  private final Map<String, Integer> partitionOfKey = new HashMap<>();
  private final Map<String, Long> compressions = new TreeMap<>();
  private final Map<String, Long> partitions = new TreeMap<>();
  private final Set<String> properties = new TreeSet<>();
  private final Set<Long> schemaVersions = new TreeSet<>();
  private final Set<Object> batches = new HashSet<>();
  private final Digest.OfSet records = new Digest.OfSet();
  private long received;
  private long decoded;
  private long unordered;
  private long repeatedIds;
  private long keysMoved;
  private long withKey;
  private long withEventTime;
  private long withSchemaVersion;
  private long payloadBytes;
  private long sequenceMin = Long.MAX_VALUE;
  private long sequenceMax = Long.MIN_VALUE;
  private String firstError;

  /** Makes an empty one; the fields in {@code excepted} are left out of the records' digest. */
  Tally(Set<String> excepted, int partitionsOfTopic) {
    this.excepted = excepted;
    this.partitionsOfTopic = partitionsOfTopic;
    for (HashingScheme scheme : HashingScheme.values()) {
      misplaced.put(scheme.name(), 0L);
    }
  }

  long received() {
    return received;
  }

  /** Counts one message. */
  void add(Message<GenericRecord> message) {
    received++;
    byte[] payload = message.getData();
    payloadBytes += payload.length;
    int partition = TopicName.getPartitionIndex(message.getTopicName());
    partitions.merge(message.getTopicName(), 1L, Long::sum);
    if (message.hasKey()) {
      withKey++;
      Integer before = partitionOfKey.putIfAbsent(message.getKey(), partition);
      keysMoved += before == null || before == partition ? 0 : 1;
      if (before == null && partition >= 0) {
        place(message.getKey(), partition);
      }
    }
    withEventTime += message.getEventTime() > 0 ? 1 : 0;
    addVersion(message.getSchemaVersion());
    addMetadata(message);
    addToStream(message, partition, payload);
    decode(message);
  }

  /** Compares where a new key came from with where this client would have sent it. */
  private void place(String key, int partition) {
    for (HashingScheme scheme : HashingScheme.values()) {
      boolean isHome = Partitions.of(key, scheme, partitionsOfTopic) == partition;
      misplaced.merge(scheme.name(), isHome ? 0L : 1L, Long::sum);
    }
  }

  private void addVersion(byte[] version) {
    if (version != null && version.length > 0) {
      withSchemaVersion++;
      schemaVersions.add(new BigInteger(1, version).longValue());
    }
  }

  /** Looks behind the interface: how the batch was sent is not for applications to see. */
  private void addMetadata(Message<?> message) {
    Message<?> inner = message instanceof TopicMessageImpl<?> of ? of.getMessage() : message;
    MessageMetadata metadata = ((MessageImpl<?>) inner).getMessageBuilder();
    compressions.merge(metadata.getCompression().name(), 1L, Long::sum);
    metadata.getPropertiesList().forEach(property -> properties.add(property.getKey()));
    String[] id = inner.getMessageId().toString().split(":");
    batches.add(message.getTopicName() + ":" + id[0] + ":" + id[1]);
  }

  private void addToStream(Message<?> message, int partition, byte[] payload) {
    long sequence = message.getSequenceId();
    sequenceMin = Math.min(sequenceMin, sequence);
    sequenceMax = Math.max(sequenceMax, sequence);
    String name = message.getProducerName() + "/" + partition;
    Stream stream = streams.computeIfAbsent(name, absent -> new Stream());
    unordered += sequence < stream.highest ? 1 : 0;
    repeatedIds += sequence == stream.highest ? 1 : 0;
    stream.highest = Math.max(stream.highest, sequence);
    stream.received++;
    stream.digest.number(sequence);
    stream.digest.bytes(message.hasKey() ? message.getKeyBytes() : new byte[0]);
    stream.digest.number(message.getEventTime());
    stream.digest.bytes(payload);
  }

  private void decode(Message<GenericRecord> message) {
    try {
      GenericRecord record = message.getValue();
      var digest = new Digest();
      digest.text(message.hasKey() ? message.getKey() : "");
      for (Field field : record.getFields()) {
        if (!excepted.contains(field.getName())) {
          digest.text(field.getName());
          digest.text(String.valueOf(record.getField(field)));
        }
      }
      records.add(digest);
      decoded++;
    } catch (RuntimeException error) {
      firstError = firstError == null ? error.toString() : firstError;
    }
  }

  /**
   * Tells whether COUNT messages came, in order, each key in one partition, all decoded. Repeated
   * sequence ids are only told: some clients give all records of a batch the same.
   */
  boolean isWell(long count) {
    return received == count && decoded == count && unordered == 0 && keysMoved == 0;
  }

  /** Returns what is printed. */
  Map<String, Object> result() {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("received", received);
    result.put("decoded", decoded);
    result.put("first_error", firstError);
    result.put("unordered", unordered);
    result.put("repeated_ids", repeatedIds);
    result.put("distinct_keys", partitionOfKey.size());
    result.put("keys_moved", keysMoved);
    result.put("keys_misplaced", misplaced);
    result.put("with_key", withKey);
    result.put("with_event_time", withEventTime);
    result.put("with_schema_version", withSchemaVersion);
    result.put("schema_versions", schemaVersions);
    result.put("sequence_id_min", received == 0 ? null : sequenceMin);
    result.put("sequence_id_max", received == 0 ? null : sequenceMax);
    result.put("payload_bytes", payloadBytes);
    result.put("entries", batches.size());
    result.put("compressions", compressions);
    result.put("batch_properties", properties);
    result.put("topics", partitions);
    result.put("producers", producers());
    result.put("digest", overall());
    result.put("records_digest", records.hex());
    return result;
  }

  private Map<String, Object> producers() {
    Map<String, Object> producers = new LinkedHashMap<>();
    streams.forEach(
        (name, stream) -> {
          Map<String, Object> shown = new LinkedHashMap<>();
          shown.put("received", stream.received);
          shown.put("sequence_id_max", stream.highest);
          shown.put("digest", stream.digest.hex());
          producers.put(name, shown);
        });
    return producers;
  }

  /** Puts the streams' digests together in the order of producer and partition. */
  private String overall() {
    var digest = new Digest();
    for (Stream stream : streams.values()) {
      digest.bytes(stream.digest.hex().getBytes(StandardCharsets.US_ASCII));
    }
    return digest.hex();
  }
}
