//! The reference encoder: a record drawn as a struct and written by apache-avro's schema writer.
//!
//! The writer is made once for a lane. What a record needs only until it is written (its texts)
//! lives in the arena of the batch that is being built. A record is a pure function of the
//! identity, its index and its event time.

use apache_avro::AvroResult;
use apache_avro::writer::datum::GenericDatumWriter;
use bumpalo::Bump;
use fastrand::Rng;
use serde::Serialize;

use crate::rng;
use crate::rng::Identity;
use crate::schema::EventSchema;
use crate::units::Sources;

/// The most that one record of `sensor_telemetry` takes, in bytes: 17 numbers of at most 10 bytes
/// and texts of 24, 27, 18, 26 and 25 with their lengths, rounded up.
pub const RECORD_BYTES_MAX: usize = 320;

/// The most that a key takes, in bytes: `source-` and the digits of a 64-bit number.
pub const KEY_BYTES_MAX: usize = 27;

/// Kinds of sensor, as the replaced system names them; which one a source is follows from its
/// index.
const EVENT_TYPES: [&str; 20] = [
    "temperature_sensor",
    "humidity_sensor",
    "pressure_sensor",
    "motion_sensor",
    "light_sensor",
    "co2_sensor",
    "noise_sensor",
    "multisensor",
    "smart_thermostat",
    "air_quality",
    "water_quality",
    "soil_moisture",
    "wind_speed",
    "rain_gauge",
    "uv_sensor",
    "vibration_sensor",
    "proximity_sensor",
    "gas_detector",
    "smoke_detector",
    "door_sensor",
];

/// One record of the domain `sensor_telemetry`, in the schema's order.
#[derive(Debug, Serialize)]
pub struct SensorTelemetry<'arena> {
    event_id: &'arena str,
    source_id: &'arena str,
    event_type: &'static str,
    customer_id: &'arena str,
    site_id: &'arena str,
    latitude: f64,
    longitude: f64,
    altitude: f64,
    time: i64,
    temperature: f64,
    humidity: f64,
    pressure: f64,
    co2_level: f64,
    noise_level: f64,
    light_level: f64,
    motion_detected: i32,
    battery_level: f64,
    signal_strength: f64,
    memory_usage: f64,
    cpu_usage: f64,
    status: i32,
    error_count: i32,
    packets_sent: i64,
    packets_received: i64,
    bytes_sent: i64,
    bytes_received: i64,
}

impl SensorTelemetry<'_> {
    /// Returns the message key: the source's id.
    #[must_use]
    pub const fn key(&self) -> &str {
        self.source_id
    }
}

/// Draws records and writes them as AVRO datums.
pub struct ReferenceEncoder<'schema> {
    writer: GenericDatumWriter<'schema>,
    identity: Identity,
    sources: Sources,
}

impl<'schema> ReferenceEncoder<'schema> {
    /// Makes the writer of a schema that has the fields of `sensor_telemetry`.
    ///
    /// # Errors
    /// When apache-avro cannot resolve the schema.
    pub fn new(
        schema: &'schema EventSchema,
        identity: Identity,
        sources: Sources,
    ) -> AvroResult<Self> {
        let writer = GenericDatumWriter::builder(schema.parsed()).human_readable(false).build()?;
        Ok(Self { writer, identity, sources })
    }

    /// Draws record `index` with this event time (milliseconds since 1970); texts go to the arena.
    pub fn draw<'arena>(
        &self,
        arena: &'arena Bump,
        index: u64,
        event_time_ms: u64,
    ) -> SensorTelemetry<'arena> {
        let mut rng = self.identity.record(index);
        let source = rng.u64(self.sources.first..self.sources.end);
        let mut place = rng::source(source);
        let (status, error_count) = draw_status(&mut rng);
        let (packets_sent, bytes_sent) = draw_traffic(&mut rng);
        let (packets_received, bytes_received) = draw_traffic(&mut rng);
        SensorTelemetry {
            event_id: bumpalo::format!(in arena, "{:016x}{:08x}", rng.u64(..), rng.u32(..))
                .into_bump_str(),
            source_id: bumpalo::format!(in arena, "source-{:07}", source).into_bump_str(),
            event_type: EVENT_TYPES[place.usize(..EVENT_TYPES.len())],
            customer_id: bumpalo::format!(in arena, "cust-{:06}", source / 10).into_bump_str(),
            site_id: bumpalo::format!(in arena, "site-{:05}", source / 100).into_bump_str(),
            latitude: between(&mut place, 25.0, 49.0),
            longitude: between(&mut place, -125.0, -67.0),
            altitude: between(&mut place, 0.0, 3_000.0),
            time: i64::try_from(event_time_ms).unwrap_or(i64::MAX),
            temperature: between(&mut rng, 20.0, 40.0),
            humidity: between(&mut rng, 30.0, 80.0),
            pressure: between(&mut rng, 980.0, 1_030.0),
            co2_level: between(&mut rng, 400.0, 2_000.0),
            noise_level: between(&mut rng, 30.0, 90.0),
            light_level: between(&mut rng, 0.0, 1_000.0),
            motion_detected: i32::from(rng.u32(..100) < 20),
            battery_level: between(&mut rng, 20.0, 100.0),
            signal_strength: between(&mut rng, -90.0, -40.0),
            memory_usage: between(&mut rng, 10.0, 95.0),
            cpu_usage: between(&mut rng, 0.0, 100.0),
            status,
            error_count,
            packets_sent,
            packets_received,
            bytes_sent,
            bytes_received,
        }
    }

    /// Appends the record's bare AVRO datum to `out`.
    ///
    /// # Errors
    /// When the schema's fields are not those of the record; what `out` then ends with is
    /// undefined.
    pub fn encode(&self, record: &SensorTelemetry<'_>, out: &mut Vec<u8>) -> AvroResult<()> {
        self.writer.write_ser(out, record).map(drop)
    }
}

fn between(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + rng.f64() * (high - low)
}

/// Draws the status (85, 5, 5 and 5 %) and how many errors go with it.
fn draw_status(rng: &mut Rng) -> (i32, i32) {
    match rng.u32(..100) {
        0..85 => (1, 0),
        85..90 => (2, rng.i32(0..=4)),
        90..95 => (3, 0),
        _ => (4, rng.i32(1..=20)),
    }
}

/// Draws packets, and bytes of 200 to 1,199 a packet.
fn draw_traffic(rng: &mut Rng) -> (i64, i64) {
    let packets = rng.i64(0..=11_000);
    (packets, packets * rng.i64(200..=1_199))
}

#[cfg(test)]
mod tests {
    use apache_avro::reader::datum::GenericDatumReader;
    use apache_avro::types::Value;

    use super::*;
    use crate::domain::DOMAINS;

    fn schema() -> EventSchema {
        EventSchema::parse("sensor_telemetry", DOMAINS[0].schema_text).unwrap()
    }

    fn encoder(schema: &EventSchema) -> ReferenceEncoder<'_> {
        let shard = "0/1".parse().unwrap();
        let sources = Sources { first: 9_990, end: 20_000 };
        ReferenceEncoder::new(schema, Identity::new(1, 2, shard), sources).unwrap()
    }

    fn encoded(encoder: &ReferenceEncoder<'_>, index: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        encoder.encode(&encoder.draw(&Bump::new(), index, 1_700_000_000_000), &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_datum_decodes_without_a_byte_left_over() {
        let schema = schema();
        let encoder = encoder(&schema);
        let reader = GenericDatumReader::builder(schema.parsed()).build().unwrap();
        let mut total = 0;
        for index in 0..1_000 {
            let bytes = encoded(&encoder, index);
            assert!(bytes.len() <= RECORD_BYTES_MAX);
            total += bytes.len();
            let mut rest = bytes.as_slice();
            let Value::Record(fields) = reader.read_value(&mut rest).unwrap() else {
                panic!("not a record")
            };
            assert!(rest.is_empty());
            assert_eq!(fields.len(), 26);
            assert_eq!(fields[8], ("time".into(), Value::TimestampMillis(1_700_000_000_000)));
        }
        assert!((190..=220).contains(&(total / 1_000)), "{}", total / 1_000);
    }

    /// Golden: the same (digest, seed, shard, index, event time) must mean the same bytes in every
    /// later version. Whoever changes what is drawn raises "draw 1" in `plan.rs`, which changes
    /// every digest, and this number with it.
    #[test]
    fn a_thousand_records_have_the_bytes_they_always_had() {
        let schema = schema();
        let encoder = encoder(&schema);
        let crc =
            (0..1_000).fold(0, |crc, index| crc32c::crc32c_append(crc, &encoded(&encoder, index)));
        assert_eq!(crc, 0xac58_e2cd);
    }

    #[test]
    fn a_record_is_the_same_whenever_it_is_made() {
        let schema = schema();
        assert_eq!(encoded(&encoder(&schema), 77), encoded(&encoder(&schema), 77));
        assert_ne!(encoded(&encoder(&schema), 77), encoded(&encoder(&schema), 78));
    }

    #[test]
    fn ids_follow_from_the_source() {
        let schema = schema();
        let encoder = encoder(&schema);
        let arena = Bump::new();
        for index in 0..1_000 {
            let record = encoder.draw(&arena, index, 0);
            let source: u64 = record.key().strip_prefix("source-").unwrap().parse().unwrap();
            assert!((9_990..20_000).contains(&source));
            assert_eq!(record.customer_id, format!("cust-{:06}", source / 10));
            assert_eq!(record.site_id, format!("site-{:05}", source / 100));
            let same =
                (0..1_000).map(|i| encoder.draw(&arena, i, 0)).find(|r| r.key() == record.key());
            assert!(same.is_some_and(|same| same.latitude.to_bits() == record.latitude.to_bits()));
        }
    }
}
