package producerload;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogProcessor;

/** What HdrHistogram itself reads: a histogram of a report, and a log by its own tool. */
final class Histograms {
  private Histograms() {}

  /** Reads one from standard input and says how many values it has, and which. */
  static int decode(String[] arguments) throws Exception {
    String text = new String(System.in.readAllBytes(), StandardCharsets.US_ASCII);
    ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(text.trim()));
    Histogram read = Histogram.decodeFromCompressedByteBuffer(bytes, 0);
    System.out.printf(
        "{\"count\":%d,\"p50_ns\":%d,\"p99_ns\":%d,\"p999_ns\":%d,\"max_ns\":%d}%n",
        read.getTotalCount(),
        read.getValueAtPercentile(50),
        read.getValueAtPercentile(99),
        read.getValueAtPercentile(99.9),
        read.getMaxValue());
    return 0;
  }

  /** Hands the words over to the tool, which is a thread that would end with the program. */
  static int process(String[] arguments) throws Exception {
    new HistogramLogProcessor(arguments).run();
    return 0;
  }
}
