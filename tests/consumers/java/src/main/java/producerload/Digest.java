package producerload;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 over values that keep their borders: each is written with its length in front. */
final class Digest {
  private final MessageDigest sha256;

  Digest() {
    try {
      sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException impossible) {
      throw new AssertionError("every Java machine has SHA-256", impossible);
    }
  }

  void number(long number) {
    sha256.update(ByteBuffer.allocate(Long.BYTES).putLong(0, number));
  }

  void bytes(byte[] bytes) {
    number(bytes.length);
    sha256.update(bytes);
  }

  void text(String text) {
    bytes(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Returns the digest of all so far; more may follow. */
  String hex() {
    try {
      return HexFormat.of().formatHex(((MessageDigest) sha256.clone()).digest());
    } catch (CloneNotSupportedException impossible) {
      throw new AssertionError("the machine's own SHA-256 can be cloned", impossible);
    }
  }

  /** The sum of digests: the same for the same values in whatever order, and with repetitions. */
  static final class OfSet {
    private static final BigInteger MASK = BigInteger.ONE.shiftLeft(256).subtract(BigInteger.ONE);
    private BigInteger sum = BigInteger.ZERO;

    void add(Digest digest) {
      sum = sum.add(new BigInteger(digest.hex(), 16)).and(MASK);
    }

    String hex() {
      return String.format("%064x", sum);
    }
  }
}
