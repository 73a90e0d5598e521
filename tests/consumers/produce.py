"""Produces COUNT batched messages with the official Python client and prints one JSON line.

Usage: produce.py SERVICE_URL TOPIC COUNT

The messages carry an AVRO schema where fastavro is installed (pip install "pulsar-client[avro]"),
else they are plain bytes. The client is the C++ one inside, so this shows what C++ programs meet.
"""

import json
import sys
import threading

import pulsar

try:
    import fastavro  # noqa: F401  the client's AvroSchema needs it
    from pulsar.schema import AvroSchema, Double, Long, Record, String
except ImportError:
    fastavro = None


def schema_and_message():
    """Returns the schema's kind, the schema, and what makes the message of an index."""
    if fastavro is None:
        return "bytes", pulsar.schema.BytesSchema(), lambda index: b"event-%d" % index

    class Event(Record):
        event_id = String()
        index = Long()
        value = Double()

    def message(index):
        return Event(event_id=f"event-{index}", index=index, value=index / 7)

    return "avro", AvroSchema(Event), message


def main(service_url, topic, count):
    kind, schema, message = schema_and_message()
    logger = pulsar.ConsoleLogger(pulsar.LoggerLevel.Warn)
    client = pulsar.Client(service_url, operation_timeout_seconds=10, logger=logger)
    producer = client.create_producer(
        topic,
        schema=schema,
        batching_enabled=True,
        batching_max_messages=500,
        block_if_queue_full=True,
    )
    acknowledged, failures = 0, []
    answered = threading.Semaphore(0)

    def on_answer(result, _message_id):
        nonlocal acknowledged
        if result == pulsar.Result.Ok:
            acknowledged += 1
        else:
            failures.append(str(result))
        answered.release()

    for index in range(count):
        producer.send_async(message(index), on_answer)
    producer.flush()
    for _ in range(count):
        if not answered.acquire(timeout=30):
            failures.append("no answer in 30 s")
            break
    name = producer.producer_name()
    producer.close()
    client.close()
    print(json.dumps({"count": acknowledged, "producer": name, "schema": kind, "failures": failures[:5]}))
    return 0 if acknowledged == count else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
