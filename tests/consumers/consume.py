"""Reads a topic with an official client and another AVRO library than the program's, and says what
came: an independent witness of what `producer-load` claims to have sent.

    consume.py --service-url pulsar://127.0.0.1:16650 --admin-url http://127.0.0.1:18080 \
        --topic event-stream-data --count 60000 --ranges

It reads from the topic's beginning until `--count` messages have come, and then until 2 s have passed
without a further one, so that a message too many is seen as well. Each payload is decoded as a bare
AVRO datum by the schema in the broker's registry, and has to end where the datum ends. The first
`--decode-max` messages are decoded, after them one in ten; all are counted, and the event id of all is
read, because it stands at the front. A key has to come from one partition, and what a producer sent with it
in the order of the event times.

Prints one line of JSON. Exit code: 0 all is well, 1 something in that line is not, 2 wrong usage,
3 the topic or its schema could not be read.
"""

import argparse
import json
import sys
import time
import urllib.request
import uuid
from collections import Counter
from io import BytesIO

import fastavro
import pulsar
from fastavro.schema import to_parsing_canonical_form

from leaving import unsubscribe
from sensor_telemetry import SensorTelemetry

SILENCE_MS = 2_000
DECODE_ONE_IN = 10
QUEUE_MESSAGES = 10_000

# What has to be nothing, or `None` where it was not looked at.
WRONG = ("undecodable", "left_over", "out_of_range", "keys_moved", "unordered")


def arguments():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--service-url", required=True, help="pulsar://host:port")
    parser.add_argument("--admin-url", help="http://host:port, where the schema is asked for")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--count", type=int, required=True, help="messages that are expected")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for all of it (120)")
    parser.add_argument(
        "--schema",
        metavar="FILE",
        help="an .avsc file: compared with the broker's schema, or used where --admin-url is not given",
    )
    parser.add_argument("--ranges", action="store_true", help="check the fields of sensor_telemetry")
    parser.add_argument("--decode-max", type=int, default=100_000, metavar="N", help="(100000)")
    options = parser.parse_args()
    if not (options.admin_url or options.schema):
        parser.error("without --admin-url the schema has to come from --schema")
    return options


class Schema:
    """The schema that payloads are decoded by, and where it came from."""

    def __init__(self, options):
        self.type = self.version = self.matches_file = file = None
        if options.schema:
            with open(options.schema, encoding="utf-8") as text:
                file = json.load(text)
        definition = file
        if options.admin_url:
            answer = registered_schema(options.admin_url, options.topic)
            self.type, self.version = answer["type"], answer["version"]
            definition = json.loads(answer["data"])
            if file:
                self.matches_file = canonical(definition) == canonical(file)
        self.logical = fastavro.parse_schema(definition)
        # Numbers as they stand in the payload, without the cost of making a datetime of each.
        self.plain = fastavro.parse_schema(without_logical_types(definition))
        fields = definition.get("fields", [])
        self.names = {field["name"] for field in fields}
        front = (fields[0]["name"], fields[0]["type"]) if fields else None
        self.id_is_first = front == ("event_id", "string")


def registered_schema(admin_url, topic):
    """Asks the broker's registry for the topic's newest schema."""
    path = topic.split("://")[-1]
    if "/" not in path:
        path = f"public/default/{path}"
    url = f"{admin_url}/admin/v2/schemas/{path}/schema"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except OSError as error:
        raise OSError(f"no schema from {url}: {error}") from error


def canonical(definition):
    """Returns what of a schema decides its bytes: names, types and their order."""
    return to_parsing_canonical_form(fastavro.parse_schema(definition))


def without_logical_types(definition):
    """Returns the schema with every logicalType left out."""
    if isinstance(definition, list):
        return [without_logical_types(part) for part in definition]
    if isinstance(definition, dict):
        return {k: without_logical_types(v) for k, v in definition.items() if k != "logicalType"}
    return definition


def front_string(data):
    """Reads the string that a datum begins with: its length as a zigzag varint, then its bytes."""
    length = shift = at = 0
    while True:
        byte = data[at]
        length |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return data[at : at + (length >> 1)].decode()


class Tally:
    """What came, counted message by message."""

    def __init__(self, options):
        self.options = options
        self.judge = SensorTelemetry() if options.ranges else None
        self.schema = self.first = self.first_error = None
        self.received = self.decoded = self.undecodable = self.left_over = self.payload_bytes = 0
        self.keys_different = self.times_different = self.keys_moved = self.unordered = 0
        self.partition_of_key, self.time_of_key = {}, {}
        self.event_ids, self.producers, self.versions = set(), set(), set()
        self.out_of_range = Counter()

    def add(self, message):
        """Counts one message and decodes it when it is its turn."""
        data = message.data()
        self.received += 1
        self.payload_bytes += len(data)
        self.follow(message)
        if self.schema is None:
            # Not before: the topic may not have been there when this program started.
            self.schema = Schema(self.options)
        if self.received <= self.options.decode_max or self.received % DECODE_ONE_IN == 0:
            self.decode(message, data)
        elif self.schema.id_is_first:
            self.event_ids.add(front_string(data))

    def follow(self, message):
        """Looks whether a key's messages came from one partition, and those of a producer in order."""
        key, partition = message.partition_key(), message.message_id().partition()
        if key:
            self.keys_moved += self.partition_of_key.setdefault(key, partition) != partition
            name, time_ms = (message.producer_name(), key), message.event_timestamp()
            self.unordered += time_ms < self.time_of_key.get(name, 0)
            self.time_of_key[name] = time_ms

    def decode(self, message, data):
        """Decodes one payload and compares it with its message and with the ranges."""
        stream = BytesIO(data)
        try:
            record = fastavro.schemaless_reader(stream, self.schema.plain)
        except Exception as error:  # whatever bytes that are no datum lead the reader to
            self.undecodable += 1
            self.first_error = self.first_error or f"{type(error).__name__}: {error}"
            return
        self.decoded += 1
        self.left_over += stream.tell() != len(data)
        self.producers.add(message.producer_name())
        self.versions.add(message.schema_version())
        if self.first is None:
            self.first = fastavro.schemaless_reader(BytesIO(data), self.schema.logical)
        if self.schema.id_is_first:
            self.event_ids.add(record["event_id"])
        self.keys_different += message.partition_key() != record.get("source_id")
        self.times_different += message.event_timestamp() != record.get("time")
        if self.judge:
            self.out_of_range.update(self.judge.out_of_range(record))

    def result(self):
        """Returns what is printed. `null` is what nothing was there to say it by."""
        schema = self.schema
        has = schema.names if schema and self.decoded else ()
        return {
            "received": self.received,
            "decoded": self.decoded,
            "undecodable": self.undecodable,
            "left_over": self.left_over,
            "first_error": self.first_error,
            "distinct_event_ids": len(self.event_ids) if schema and schema.id_is_first else None,
            "distinct_keys": len(self.partition_of_key),
            "keys_moved": self.keys_moved,
            "unordered": self.unordered,
            "keys_equal_source_id": self.keys_different == 0 if "source_id" in has else None,
            "event_time_equals_time": self.times_different == 0 if "time" in has else None,
            "out_of_range": dict(sorted(self.out_of_range.items())) if self.judge else None,
            "payload_bytes_mean": round(self.payload_bytes / max(self.received, 1), 2),
            "schema_type": schema and schema.type,
            "schema_version": schema and schema.version,
            "schema_matches_file": schema and schema.matches_file,
            "message_schema_versions": sorted(version_number(v) for v in self.versions),
            "producers": sorted(self.producers),
            "first": self.first,
        }


def version_number(version):
    """Returns a message's schema version, 8 bytes big endian, as a number; -1 where there is none."""
    raw = version.encode("latin-1") if isinstance(version, str) else version
    return int.from_bytes(raw, "big") if raw else -1


def is_well(result, count):
    """Returns whether nothing that was looked at is wrong; what was not looked at is `None`."""
    return (
        result["received"] == count
        and not any(result[name] for name in WRONG)
        and result["distinct_event_ids"] in (None, count)
        and False
        not in (
            result["keys_equal_source_id"],
            result["event_time_equals_time"],
            result["schema_matches_file"],
        )
    )


def read(options):
    """Reads the topic from its beginning and returns the tally."""
    tally = Tally(options)
    deadline = time.monotonic() + options.timeout
    # The client's own console logger writes to stdout, which belongs to the one line of JSON.
    log = pulsar.FileLogger(pulsar.LoggerLevel.Warn, "/dev/stderr")
    client = pulsar.Client(options.service_url, logger=log)
    try:
        consumer = client.subscribe(
            options.topic,
            f"consume-{uuid.uuid4().hex[:12]}",
            initial_position=pulsar.InitialPosition.Earliest,
            receiver_queue_size=QUEUE_MESSAGES,
        )
        while time.monotonic() < deadline:
            try:
                tally.add(consumer.receive(timeout_millis=SILENCE_MS))
            except pulsar.Timeout:
                if tally.received >= options.count:
                    break
        # Nothing was acknowledged: left behind, the subscription would be a backlog for ever.
        unsubscribe(client, consumer, options.topic)
    finally:
        client.close()
    return tally


def main():
    """Reads, prints, judges."""
    options = arguments()
    try:
        result = read(options).result()
    except (pulsar.PulsarException, OSError, ValueError) as error:
        print(f"consume.py: {type(error).__name__}: {error}", file=sys.stderr)
        return 3
    print(json.dumps(result, default=str))
    return 0 if is_well(result, options.count) else 1


if __name__ == "__main__":
    sys.exit(main())
