package producerload;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.pulsar.client.api.HashingScheme;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.MessageRouter;
import org.apache.pulsar.client.api.Schema;
import org.apache.pulsar.client.api.TopicMetadata;
import org.apache.pulsar.client.impl.MessageImpl;
import org.apache.pulsar.client.impl.SinglePartitionMessageRouterImpl;
import org.apache.pulsar.common.api.proto.MessageMetadata;

/**
 * Says where the Java client would send each key: for every line of standard input it prints the
 * key, the partition by {@code JavaStringHash} (the default) and the one by {@code Murmur3_32Hash},
 * with tabs between them.
 */
final class Partitions {
  private Partitions() {}

  static int run(int partitions) throws IOException {
    TopicMetadata metadata = () -> partitions;
    MessageRouter java = new SinglePartitionMessageRouterImpl(0, HashingScheme.JavaStringHash);
    MessageRouter murmur = new SinglePartitionMessageRouterImpl(0, HashingScheme.Murmur3_32Hash);
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (String key = in.readLine(); key != null; key = in.readLine()) {
      Message<byte[]> message = keyed(key);
      int byJava = java.choosePartition(message, metadata);
      int byMurmur = murmur.choosePartition(message, metadata);
      out.printf("%s\t%d\t%d%n", key, byJava, byMurmur);
    }
    out.flush();
    return 0;
  }

  private static Message<byte[]> keyed(String key) {
    MessageMetadata metadata = new MessageMetadata().setPartitionKey(key);
    return MessageImpl.create(metadata, ByteBuffer.allocate(0), Schema.BYTES, "topic");
  }
}
