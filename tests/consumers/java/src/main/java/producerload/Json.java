package producerload;

import java.util.Map;
import java.util.StringJoiner;

/** Writes maps, lists, strings, numbers and booleans as one line of JSON. */
final class Json {
  private Json() {}

  static String write(Object value) {
    if (value instanceof Map<?, ?> map) {
      var members = new StringJoiner(", ", "{", "}");
      map.forEach((name, member) -> members.add(quote(name.toString()) + ": " + write(member)));
      return members.toString();
    }
    if (value instanceof Iterable<?> list) {
      var elements = new StringJoiner(", ", "[", "]");
      list.forEach(element -> elements.add(write(element)));
      return elements.toString();
    }
    boolean isBare = value == null || value instanceof Number || value instanceof Boolean;
    return isBare ? String.valueOf(value) : quote(value.toString());
  }

  private static String quote(String text) {
    var quoted = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') {
        quoted.append('\\').append(c);
      } else if (c < ' ') {
        quoted.append(String.format("\\u%04x", (int) c));
      } else {
        quoted.append(c);
      }
    }
    return quoted.append('"').toString();
  }
}
