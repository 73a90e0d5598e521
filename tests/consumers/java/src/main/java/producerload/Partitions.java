package producerload;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.StringJoiner;
import org.apache.pulsar.client.api.HashingScheme;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.MessageRouter;
import org.apache.pulsar.client.api.Schema;
import org.apache.pulsar.client.api.TopicMetadata;
import org.apache.pulsar.client.impl.Hash;
import org.apache.pulsar.client.impl.JavaStringHash;
import org.apache.pulsar.client.impl.MessageImpl;
import org.apache.pulsar.client.impl.Murmur3Hash32;
import org.apache.pulsar.client.impl.SinglePartitionMessageRouterImpl;
import org.apache.pulsar.common.api.proto.MessageMetadata;

/**
 * Says where the Java client would send each key. For every line of standard input it prints two,
 * one by {@code JavaStringHash}, which is the default, and one by {@code Murmur3_32Hash}: the key,
 * the scheme, the hash and, for each number of partitions that was asked for, the partition, with
 * semicolons between them. The hash is the client's own, the partition that of its router.
 */
final class Partitions {
  private Partitions() {}

  static int run(String[] counts) throws IOException {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    out.print("key;scheme;hash;" + String.join(";", counts) + "\n");
    for (String key = in.readLine(); key != null; key = in.readLine()) {
      out.print(line(key, HashingScheme.JavaStringHash, JavaStringHash.getInstance(), counts));
      out.print(line(key, HashingScheme.Murmur3_32Hash, Murmur3Hash32.getInstance(), counts));
    }
    out.flush();
    return 0;
  }

  private static String line(String key, HashingScheme scheme, Hash hash, String[] counts) {
    var cells = new StringJoiner(";", "", "\n");
    cells.add(key).add(scheme.name()).add(String.valueOf(hash.makeHash(key)));
    for (String count : counts) {
      cells.add(String.valueOf(of(key, scheme, Integer.parseInt(count))));
    }
    return cells.toString();
  }

  /** Returns the partition that the client's router chooses for a key among so many. */
  static int of(String key, HashingScheme scheme, int partitions) {
    MessageRouter router = new SinglePartitionMessageRouterImpl(0, scheme);
    MessageMetadata metadata = new MessageMetadata().setPartitionKey(key);
    Message<byte[]> message =
        MessageImpl.create(metadata, ByteBuffer.allocate(0), Schema.BYTES, "topic");
    TopicMetadata topic = () -> partitions;
    return router.choosePartition(message, topic);
  }
}
