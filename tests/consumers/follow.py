"""Reads a topic with the official Python client while somebody sends to it, and says what came.

    follow.py SERVICE_URL TOPIC PAUSE_S

Prints `subscribed` when it is, waits for PAUSE_S seconds, then reads and acknowledges until nothing has
come for 3 s. Then one line of JSON: messages received, different ones among them, the sum of the CRC-32
of the different ones' payloads, and how many entries are missing among those that came, by their numbers.
"""

import json
import sys
import time
import zlib

import pulsar

SILENCE_MS = 3_000
ACKNOWLEDGE_EVERY = 500


def main(service_url, topic, pause_s):
    """Reads, prints."""
    # The client's own console logger writes to stdout, which belongs to the results.
    log = pulsar.FileLogger(pulsar.LoggerLevel.Error, "/dev/stderr")
    client = pulsar.Client(service_url, logger=log)
    consumer = client.subscribe(topic, "follow", initial_position=pulsar.InitialPosition.Earliest)
    print("subscribed", flush=True)
    time.sleep(float(pause_s))
    received, crc, places, entries = 0, 0, set(), set()
    while True:
        try:
            message = consumer.receive(timeout_millis=SILENCE_MS)
        except pulsar.Timeout:
            break
        received += 1
        place = message.message_id()
        if str(place) not in places:
            places.add(str(place))
            crc = (crc + zlib.crc32(message.data())) % 2**64
        entries.add(place.entry_id())
        if received % ACKNOWLEDGE_EVERY == 0:
            try:
                consumer.acknowledge_cumulative(message)
            except pulsar.PulsarException:
                # Cut off just now; it comes again.
                pass
    missing = max(entries) + 1 - min(entries) - len(entries) if entries else 0
    print(json.dumps({"received": received, "distinct": len(places), "crc": crc, "missing": missing}))
    client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
