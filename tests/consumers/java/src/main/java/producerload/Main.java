package producerload;

import java.util.Arrays;

/**
 * What Apache Pulsar's own Java client sees and sends: a witness that shares no code with
 * producer-load.
 *
 * <pre>
 * consume    SERVICE_URL TOPIC COUNT [EXCEPTED_FIELD ...]
 * produce    SERVICE_URL TOPIC COUNT [COMPRESSION [MESSAGES_PER_BATCH]]
 * partitions COUNT ...  (keys on standard input, one a line)
 * subscriptions SERVICE_URL TOPIC COUNT
 * histogram  (a histogram of a report on standard input)
 * histogram-log ARGUMENT ...  (those of HdrHistogram's HistogramLogProcessor)
 * </pre>
 *
 * <p>Each prints its result on standard output, {@code consume} and {@code produce} as one line of
 * JSON. Exit code: 0 all is well, 1 something in that line is not, 2 wrong usage, 3 the broker or
 * the topic could not be used.
 */
public final class Main {
  private static final String USAGE =
      """
      usage: consume SERVICE_URL TOPIC COUNT [EXCEPTED_FIELD ...]
             produce SERVICE_URL TOPIC COUNT [COMPRESSION [MESSAGES_PER_BATCH]]
             partitions COUNT  (keys on standard input, one a line)
             subscriptions SERVICE_URL TOPIC COUNT
             histogram  (a histogram of a report on standard input)
             histogram-log ARGUMENT ...  (those of HdrHistogram's HistogramLogProcessor)""";

  private Main() {}

  /** Runs one command. The client's threads would outlive it, so that it ends by exit. */
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  private static int run(String[] arguments) {
    try {
      String command = arguments[0];
      String[] rest = Arrays.copyOfRange(arguments, 1, arguments.length);
      return switch (command) {
        case "consume" -> Consume.run(rest);
        case "produce" -> Produce.run(rest);
        case "partitions" -> Partitions.run(rest);
        case "subscriptions" -> Subscriptions.run(rest);
        case "histogram" -> Histograms.decode(rest);
        case "histogram-log" -> Histograms.process(rest);
        default -> throw new IllegalArgumentException(command);
      };
    } catch (ArrayIndexOutOfBoundsException | IllegalArgumentException wrong) {
      System.err.println(wrong);
      System.err.println(USAGE);
      return 2;
    } catch (Exception failed) {
      failed.printStackTrace();
      return 3;
    }
  }
}
