"""What a record of the domain `sensor_telemetry` may hold.

It exists apart from the schema on purpose: the program draws its values from the annotations of the
.avsc file, so a table written a second time, by hand, is what can find a mistake in them.
"""

# Each field that has a lowest and a highest value, both allowed.
RANGES = {
    "latitude": (25.0, 49.0),
    "longitude": (-125.0, -67.0),
    "altitude": (0.0, 3000.0),
    "temperature": (20.0, 40.0),
    "humidity": (30.0, 80.0),
    "pressure": (980.0, 1030.0),
    "co2_level": (400.0, 2000.0),
    "noise_level": (30.0, 90.0),
    "light_level": (0.0, 1000.0),
    "motion_detected": (0, 1),
    "battery_level": (20.0, 100.0),
    "signal_strength": (-90.0, -40.0),
    "memory_usage": (10.0, 95.0),
    "cpu_usage": (0.0, 100.0),
    "status": (1, 4),
    "packets_sent": (0, 11_000),
    "packets_received": (0, 11_000),
}

# The lowest and the highest error count by status: online, offline, maintenance, error.
ERROR_COUNTS = {1: (0, 0), 2: (0, 4), 3: (0, 0), 4: (1, 20)}

# Bytes by the packets that carried them, each of 200 to 1,199 bytes.
PACKETS_OF_BYTES = {"bytes_sent": "packets_sent", "bytes_received": "packets_received"}
PACKET_BYTES = (200, 1_199)

# What a source has for good.
FIXED_FOR_SOURCE = ("event_type", "latitude", "longitude", "altitude")

EVENT_TYPES = frozenset(
    """
    temperature_sensor humidity_sensor pressure_sensor motion_sensor light_sensor co2_sensor
    noise_sensor multisensor smart_thermostat air_quality water_quality soil_moisture wind_speed
    rain_gauge uv_sensor vibration_sensor proximity_sensor gas_detector smoke_detector door_sensor
    """.split()
)

_RANGES = tuple((field, low, high) for field, (low, high) in RANGES.items())


class SensorTelemetry:
    """Judges records one by one; remembers each source, to see that its place does not change."""

    def __init__(self):
        self._sources = {}

    def out_of_range(self, record):
        """Returns the names of the fields of `record` that hold what they must not."""
        try:
            fields = [name for name, low, high in _RANGES if not low <= record[name] <= high]
            fields += self._wrong_names(record)
            fields += _wrong_counts(record)
        except (KeyError, TypeError) as error:
            # A field that is absent, or of another type than the table's.
            return [f"{type(error).__name__}: {error}"]
        return fields

    def _wrong_names(self, record):
        source_id = record["source_id"]
        digits = source_id.removeprefix("source-")
        if len(digits) != 7 or not digits.isdecimal():
            return ["source_id"]
        index = int(digits)
        fields = []
        if record["customer_id"] != f"cust-{index // 10:06d}":
            fields.append("customer_id")
        if record["site_id"] != f"site-{index // 100:05d}":
            fields.append("site_id")
        if record["event_type"] not in EVENT_TYPES:
            fields.append("event_type")
        here = tuple(record[name] for name in FIXED_FOR_SOURCE)
        before = self._sources.setdefault(index, here)
        fields += [n for n, a, b in zip(FIXED_FOR_SOURCE, before, here) if a != b and n not in fields]
        return fields


def _wrong_counts(record):
    low, high = ERROR_COUNTS.get(record["status"], (0, 20))
    fields = [] if low <= record["error_count"] <= high else ["error_count"]
    low, high = PACKET_BYTES
    for name, packets in PACKETS_OF_BYTES.items():
        if not record[packets] * low <= record[name] <= record[packets] * high:
            fields.append(name)
    return fields
