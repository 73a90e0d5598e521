"""Reads metrics by the official client's parser, holds them to the format's rules, prints their names.

usage: metrics_check.py URL
"""

import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families


def check_histogram(family):
    """Buckets go up to +Inf, their counts never fall, and the last is the count."""
    buckets = [s for s in family.samples if s.name == family.name + "_bucket"]
    bounds = [float(s.labels["le"]) for s in buckets]
    counts = [s.value for s in buckets]
    assert bounds == sorted(bounds) and bounds[-1] == float("inf"), (family.name, bounds)
    assert counts == sorted(counts), (family.name, counts)
    values = {s.name: s.value for s in family.samples if not s.labels}
    assert values[family.name + "_count"] == counts[-1], family.name
    assert values[family.name + "_sum"] >= 0, family.name


def main():
    with urllib.request.urlopen(sys.argv[1], timeout=30) as answer:
        kind = answer.headers["Content-Type"]
        assert kind == "text/plain; version=0.0.4; charset=utf-8", kind
        text = answer.read().decode()
    seen = set()
    for family in text_string_to_metric_families(text):
        assert family.name not in seen and family.documentation, family.name
        seen.add(family.name)
        assert family.name.startswith("producer_load_"), family.name
        assert family.type in ("counter", "gauge", "histogram"), (family.name, family.type)
        assert family.samples, family.name
        if family.type == "histogram":
            check_histogram(family)
            print(family.name)
        else:
            # The parser leaves `_total` away from a counter's name, and keeps it at its sample.
            (sample,) = family.samples
            assert (family.type == "counter") == sample.name.endswith("_total"), sample.name
            assert sample.value >= 0, sample
            print(sample.name)


main()
