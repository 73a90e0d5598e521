"""Consumes what a broker holds with the official Python client in every way that the embedded broker
offers, and says what came.

    subscriptions.py SERVICE_URL SINGLE_TOPIC COUNT TOPIC...

COUNT messages lie in all the TOPICs together, which may be partitioned; nobody sends while it runs.
SINGLE_TOPIC is one of them without partitions, or one partition. The client is the C++ one inside.

Prints one line of JSON: for each way how many messages came, and the sum of their payloads' CRC-32, in
which neither order nor borders matter. Exit code: 0 all is well, 1 something is not, with the reason.
"""

import json
import re
import sys
import zlib

import pulsar

from leaving import unsubscribe

SILENCE_MS = 700
EARLIEST = pulsar.InitialPosition.Earliest


class Tally:
    """What came by one way; where a key has one reader, in the order in which each producer sent it."""

    def __init__(self, keys_are_ordered=True):
        self.keys_are_ordered = keys_are_ordered
        self.received, self.crc = 0, 0
        self.messages, self.last_times = {}, {}

    def add(self, message):
        """Counts a message; one that was there before only as received."""
        self.received += 1
        place = (message.topic_name(), str(message.message_id()))
        if place in self.messages:
            return
        self.messages[place] = message
        self.crc = (self.crc + zlib.crc32(message.data())) % 2**64
        key = (message.producer_name(), message.partition_key())
        time = message.event_timestamp()
        if self.keys_are_ordered:
            assert time >= self.last_times.get(key, 0), f"{key} out of order"
        self.last_times[key] = time

    def result(self):
        """Returns what is printed."""
        return {"received": self.received, "distinct": len(self.messages), "crc": self.crc}


def drain(consumers, tallies):
    """Reads until nobody gets anything for a while."""
    silent = False
    while not silent:
        silent = True
        for consumer, tally in zip(consumers, tallies):
            try:
                tally.add(consumer.receive(timeout_millis=SILENCE_MS))
                silent = False
                while True:
                    tally.add(consumer.receive(timeout_millis=5))
            except pulsar.Timeout:
                pass


def drained(consumer):
    """Returns all that a consumer gets."""
    tally = Tally()
    drain([consumer], [tally])
    return tally


def exclusive(client, topics):
    """One consumer; a durable cursor, and none after unsubscribing."""
    consumer = client.subscribe(topics, "exclusive", initial_position=EARLIEST)
    tally = drained(consumer)
    try:
        client.subscribe(topics, "exclusive")
        raise AssertionError("there are two exclusive consumers")
    except pulsar.ConsumerBusy:
        pass
    for message in tally.messages.values():
        consumer.acknowledge(message)
    consumer.close()
    consumer = client.subscribe(topics, "exclusive", initial_position=EARLIEST)
    assert drained(consumer).received == 0, "what was acknowledged came again"
    unsubscribe(client, consumer, topics)
    consumer = client.subscribe(topics, "exclusive")
    assert drained(consumer).received == 0, "latest is not the end"
    unsubscribe(client, consumer, topics)
    return tally


def cumulative(client, topic):
    """Acknowledges up to a record in the middle of a batch; returns what was there and what came again."""
    options = {"initial_position": EARLIEST, "batch_index_ack_enabled": True}
    consumer = client.subscribe(topic, "cumulative", **options)
    tally = drained(consumer)
    messages = list(tally.messages.values())
    middle = next(
        place
        for place, message in enumerate(messages)
        if place > len(messages) // 2 and message.message_id().batch_index() == 3
    )
    consumer.acknowledge_cumulative(messages[middle])
    consumer.close()
    consumer = client.subscribe(topic, "cumulative", **options)
    again = drained(consumer)
    assert again.received == len(messages) - middle - 1, f"{again.received} after {middle}"
    consumer.unsubscribe()
    return tally


def shared(client, topics):
    """Two consumers share; one gives some back."""
    options = {
        "consumer_type": pulsar.ConsumerType.Shared,
        "initial_position": EARLIEST,
        "negative_ack_redelivery_delay_ms": 100,
        # Small, so that one of them does not take everything.
        "receiver_queue_size": 100,
    }
    consumers = [client.subscribe(topics, "shared", **options) for _ in range(2)]
    both, received, refused, silences = Tally(keys_are_ordered=False), [0, 0], 0, 0
    while silences < 2:
        # Nobody waits long for one while the other may have something.
        patience_ms = SILENCE_MS if silences else 5
        silences += 1
        for place, consumer in enumerate(consumers):
            try:
                message = consumer.receive(timeout_millis=patience_ms)
            except pulsar.Timeout:
                continue
            silences = 0
            if refused < 5:
                refused += 1
                consumer.negative_acknowledge(message)
                continue
            received[place] += 1
            both.add(message)
            consumer.acknowledge(message)
    assert all(received), "one of them got nothing"
    for consumer in consumers[1:]:
        consumer.close()
    unsubscribe(client, consumers[0], topics)
    return both


def failover(client, topics):
    """Two consumers; the second takes over what the first did not acknowledge."""
    options = {"consumer_type": pulsar.ConsumerType.Failover, "initial_position": EARLIEST}
    consumers = [
        client.subscribe(topics, "failover", consumer_name=name, **options) for name in ("a", "b")
    ]
    first, second = Tally(), Tally()
    drain(consumers, [first, second])
    together = {**first.messages, **second.messages}
    assert first.received > 0, "the first got nothing"
    consumers[0].close()
    # What was read before comes again from the first that is not acknowledged, in order.
    second.last_times = {}
    drain(consumers[1:], [second])
    assert together.keys() == second.messages.keys(), "the second did not take over"
    unsubscribe(client, consumers[1], topics)
    return second


def reader(client, topic):
    """Reads to the end, twice."""
    reader = client.create_reader(topic, pulsar.MessageId.earliest)
    for _ in range(2):
        tally = Tally()
        while reader.has_message_available():
            tally.add(reader.read_next(timeout_millis=10_000))
        reader.seek(pulsar.MessageId.earliest)
    reader.close()
    return tally


def pattern(client, topics):
    """Finds the topics by itself."""
    all_topics = re.compile("persistent://public/default/.*")
    consumer = client.subscribe(all_topics, "pattern", initial_position=EARLIEST)
    tally = drained(consumer)
    unsubscribe(client, consumer, topics)
    return tally


def main(service_url, single, count, *topics):
    """Goes all ways, prints, judges."""
    # The client's own console logger writes to stdout, which belongs to the one line of JSON.
    log = pulsar.FileLogger(pulsar.LoggerLevel.Warn, "/dev/stderr")
    client = pulsar.Client(service_url, operation_timeout_seconds=10, logger=log)
    topics = list(topics) if len(topics) > 1 else topics[0]
    tallies = {
        "exclusive": exclusive(client, topics),
        "shared": shared(client, topics),
        "failover": failover(client, topics),
        "pattern": pattern(client, topics),
        "cumulative": cumulative(client, single),
        "reader": reader(client, single),
    }
    client.close()
    print(json.dumps({way: tally.result() for way, tally in tallies.items()}))
    whole = ("exclusive", "shared", "failover", "pattern")
    return 0 if all(len(tallies[way].messages) == count for way in whole) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:]))
