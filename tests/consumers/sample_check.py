"""Judges what `producer-load sample` prints of a domain with fastavro, which shares no code with the
program, and with the rules of the domain, which were written apart from its schema.

    producer-load sample --format avro ... >events.avro
    producer-load sample --format hex ... >events.hex       # the same records
    producer-load sample --format json ... >events.json     # the same records
    sample_check.py DOMAIN events.avro events.hex events.json --count COUNT \
        --first INDEX --complete

Every record of the container is decoded, encoded again and compared with the bytes, the text and the
rules. Prints a line of JSON: how many records, and the first violations of each kind.

`--damage KIND` spoils one thing before anything is compared, to show that it is found: a `byte` of
the container, a `digit` of the hexadecimal lines, a `value` of the texts, a `field` (what a record's
source is called), or the `order` of two events of a lifecycle (for the rules only).

Exit code: 0 all is well, 1 something is not.
"""

import argparse
import base64
import datetime
import decimal
import io
import json
import struct
import sys
import uuid

import fastavro

import domain_rules
import sensor_telemetry

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
SHOWN_MAX = 5


class Violations:
    """What is wrong, by kind: how often, and the first few."""

    def __init__(self):
        self.counts = {}
        self.shown = {}

    def add(self, kind, text):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= SHOWN_MAX:
            self.shown.setdefault(kind, []).append(str(text))


def encoded(schema, record):
    """Returns the bytes that fastavro writes."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()


def decoded(schema, datum):
    """Returns the record, and how many bytes are left over."""
    rest = io.BytesIO(datum)
    record = fastavro.schemaless_reader(rest, schema)
    return record, len(datum) - rest.tell()


def is_same(value, text):
    """Returns whether a value of fastavro's is what Jackson would have made of it as JSON."""
    match value:
        case None | bool():
            return text is value
        case int():
            return isinstance(text, int) and text == value
        case float():
            return isinstance(text, (int, decimal.Decimal)) and is_real(value, float(text))
        case datetime.datetime() | datetime.time():
            # Milliseconds or microseconds, as the type has it.
            return micros_of(value) in (text * 1_000, text)
        case datetime.date():
            return (value - EPOCH.date()).days == text
        case decimal.Decimal():
            return value == text
        case bytes():
            return base64.b64encode(value).decode() == text
        case uuid.UUID():
            return str(value) == text
        case str():
            return value == text
        case dict():
            return (
                isinstance(text, dict)
                and list(value) == list(text)
                and all(is_same(inner, text[name]) for name, inner in value.items())
            )
        case list():
            return len(value) == len(text) and all(map(is_same, value, text))
    raise TypeError(f"no rule for {type(value)}")


def micros_of(value):
    """Returns the microseconds of a time since midnight, or of a point in time since 1970, local or not."""
    if isinstance(value, datetime.time):
        value = datetime.datetime.combine(EPOCH.date(), value)
    return (value.replace(tzinfo=EPOCH.tzinfo) - EPOCH) // datetime.timedelta(microseconds=1)


def is_real(value, text):
    """Returns whether a text has a double's value, or a float's."""
    is_float = struct.unpack("<f", struct.pack("<f", value))[0] == value
    return text == value or is_float and struct.pack("<f", text) == struct.pack("<f", value)


def rules_of(domain):
    """Returns what judges a record: the names of the fields that hold what they must not."""
    if domain == "sensor_telemetry":
        return sensor_telemetry.SensorTelemetry().out_of_range, "source_id"
    if domain in domain_rules.RULES:
        rule, source = domain_rules.RULES[domain], domain_rules.SOURCES[domain]
        return lambda record: rule(record, record[source]), source
    return None, None


def spoilt(kind, container, lines, texts):
    """Spoils something near the middle."""
    middle = len(lines) // 2
    if kind == "byte":
        # The last byte before the mark that ends the file: the end of the last record.
        at = len(container) - 17
        container = container[:at] + bytes([container[at] ^ 1]) + container[at + 1 :]
    if kind == "digit":
        line = lines[middle]
        lines[middle] = line[:-1] + ("1" if line[-1] == "0" else "0")
    if kind == "value":
        record = json.loads(texts[middle])
        name = next(name for name, value in record.items() if isinstance(value, int))
        record[name] += 1
        texts[middle] = json.dumps(record)
    return container, lines, texts


def judge(arguments):
    """Returns the violations and how many records there are."""
    violations = Violations()
    with open(arguments.avro, "rb") as file:
        container = file.read()
    with open(arguments.hex, encoding="ascii") as file:
        lines = file.read().splitlines()
    with open(arguments.json, encoding="utf-8") as file:
        # Not splitlines: a text may have what Unicode counts as the end of a line.
        texts = file.read().removesuffix("\n").split("\n")
    container, lines, texts = spoilt(arguments.damage, container, lines, texts)
    reader = fastavro.reader(io.BytesIO(container))
    schema = fastavro.parse_schema(reader.writer_schema)
    records = []
    try:
        records.extend(reader)
    except Exception as error:  # pylint: disable=broad-except
        # Whatever fastavro raises for what it cannot read.
        violations.add("unreadable", repr(error))
    if not len(records) == len(lines) == len(texts) == arguments.count:
        violations.add("count", f"{len(records)} records, {len(lines)} datums, {len(texts)} texts")
    for number, (record, line, text) in enumerate(zip(records, lines, texts)):
        datum = bytes.fromhex(line)
        if encoded(schema, record) != datum:
            violations.add("encoding", f"record {number}: {line}")
        try:
            again, left_over = decoded(schema, datum)
        except Exception as error:  # pylint: disable=broad-except
            violations.add("undecodable", f"record {number}: {error!r}")
            continue
        if left_over or again != record:
            violations.add("decoding", f"record {number}: {left_over} bytes left over")
        if not is_same(record, json.loads(text, parse_float=decimal.Decimal)):
            violations.add("text", f"record {number}: {text}")
    judge_by_rules(arguments, records, violations)
    return violations, len(records)


def judge_by_rules(arguments, records, violations):
    """Applies the rules of the domain, where there are any."""
    domain = arguments.domain
    rule, source = rules_of(domain)
    if rule is None:
        return
    if arguments.damage == "field":
        records[len(records) // 2][source] = "nobody"
    for number, record in enumerate(records):
        for name in rule(record):
            violations.add("rule", f"record {number}: {name} is {record.get(name)!r}")
    if domain in domain_rules.IDS:
        name = domain_rules.IDS[domain]
        if arguments.damage == "order":
            other = next(at for at in range(1, len(records)) if records[at][name] == records[0][name])
            records[0], records[other] = records[other], records[0]
        indexed = enumerate(records, arguments.first)
        for text in domain_rules.lifecycles(domain, indexed, complete=arguments.complete):
            violations.add("lifecycle", text)


def main():
    """Judges, and says how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("domain")
    parser.add_argument("avro")
    parser.add_argument("hex")
    parser.add_argument("json")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--complete", action="store_true", help="lifecycles are there from end to end")
    parser.add_argument("--damage", choices=("byte", "digit", "value", "field", "order"))
    arguments = parser.parse_args()
    violations, count = judge(arguments)
    has_rules = rules_of(arguments.domain)[0] is not None
    said = {"records": count, "has_rules": has_rules, "violations": violations.counts}
    print(json.dumps(said | {"first": violations.shown}))
    sys.exit(1 if violations.counts else 0)


if __name__ == "__main__":
    main()
