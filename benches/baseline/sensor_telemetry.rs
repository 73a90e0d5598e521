//! What the compiled program is compared with: a record drawn as a struct and written by
//! apache-avro's cached schema writer. It draws the same fields from the same ranges, not the same
//! values.

use apache_avro::AvroResult;
use apache_avro::writer::datum::GenericDatumWriter;
use bumpalo::Bump;
use fastrand::Rng;
use serde::Serialize;

use producer_load::rng;
use producer_load::rng::Identity;
use producer_load::schema::EventSchema;
use producer_load::units::Sources;

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
pub(crate) struct SensorTelemetry<'arena> {
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

/// Draws records and writes them as AVRO datums.
pub(crate) struct ReferenceEncoder<'schema> {
    writer: GenericDatumWriter<'schema>,
    identity: Identity,
    sources: Sources,
}

impl<'schema> ReferenceEncoder<'schema> {
    /// Makes the writer of a schema that has the fields of `sensor_telemetry`.
    ///
    /// # Errors
    /// When apache-avro cannot resolve the schema.
    pub(crate) fn new(
        schema: &'schema EventSchema,
        identity: Identity,
        sources: Sources,
    ) -> AvroResult<Self> {
        let writer = GenericDatumWriter::builder(schema.parsed()).human_readable(false).build()?;
        Ok(Self { writer, identity, sources })
    }

    /// Draws record `index` with this event time (milliseconds since 1970); texts go to the arena.
    pub(crate) fn draw<'arena>(
        &self,
        arena: &'arena Bump,
        index: u64,
        event_time_ms: u64,
    ) -> SensorTelemetry<'arena> {
        let mut rng = self.identity.record(index);
        let source = rng.u64(self.sources.first..self.sources.end);
        let mut place = rng::source_field(source, 0);
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
    pub(crate) fn encode(&self, record: &SensorTelemetry<'_>, out: &mut Vec<u8>) -> AvroResult<()> {
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
