//! Records of schemas that tests write down, decoded by apache-avro: what the tests of schemas
//! share.

use std::fs;
use std::path::PathBuf;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use bumpalo::Bump;
use num_bigint::BigInt;
use producer_load::program::Draw;
use producer_load::program::Parameters;
use producer_load::program::Program;
use producer_load::rng::Identity;
use producer_load::schema::EventSchema;
use producer_load::units::Sources;

/// 2023-11-14 22:13:20.123 UTC.
pub(crate) const EVENT_TIME_MS: u64 = 1_700_000_000_123;

/// A compiled schema, and the records that it makes.
pub(crate) struct Records {
    pub(crate) schema: EventSchema,
    pub(crate) program: Program,
}

pub(crate) fn identity(seed: u64) -> Identity {
    Identity::new(1, seed, "0/1".parse().unwrap())
}

/// The parameters of most tests: seed 42, ten thousand sources.
pub(crate) fn parameters() -> Parameters {
    Parameters::new(identity(42), Sources { first: 0, end: 10_000 })
}

/// Returns the text of a record type with these fields.
pub(crate) fn record_text(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","namespace":"n","fields":[{fields}]}}"#)
}

/// Returns the text of a file of the repository.
pub(crate) fn file_text(path: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

impl Records {
    /// Compiles a schema, or says why that cannot be.
    pub(crate) fn compile(text: &str, parameters: &Parameters) -> Result<Self, String> {
        let schema = EventSchema::parse("test", text).map_err(|error| error.to_string())?;
        let program = Program::compile(&schema, parameters).map_err(|error| error.to_string())?;
        Ok(Self { schema, program })
    }

    /// Compiles a schema that has to be possible, and tries it out as a run does.
    pub(crate) fn of(text: &str) -> Self {
        Self::with(text, &parameters())
    }

    pub(crate) fn with(text: &str, parameters: &Parameters) -> Self {
        let made = Self::compile(text, parameters).unwrap_or_else(|error| panic!("{error}"));
        made.program.try_out(&made.schema, EVENT_TIME_MS).unwrap();
        made
    }

    pub(crate) fn of_fields(fields: &str) -> Self {
        Self::of(&record_text(fields))
    }

    /// Begins a record at the usual event time.
    pub(crate) fn begin(&self, index: u64) -> Draw {
        let mut draw = self.program.draw();
        self.program.begin(&mut draw, index, EVENT_TIME_MS);
        draw
    }

    /// Returns the bytes of a record that was begun.
    pub(crate) fn bytes(&self, draw: &mut Draw) -> Vec<u8> {
        let mut window = vec![0xaa; self.program.bytes_max()];
        let length = self.program.encode(draw, &mut window);
        window.truncate(length);
        window
    }

    pub(crate) fn datum(&self, index: u64) -> Vec<u8> {
        self.bytes(&mut self.begin(index))
    }

    pub(crate) fn key(&self, index: u64) -> Vec<u8> {
        self.program.key(&mut self.begin(index), &Bump::new()).to_vec()
    }

    pub(crate) fn source(&self, index: u64) -> u64 {
        self.begin(index).source
    }

    /// Decodes a datum, which has to end where its bytes end.
    pub(crate) fn decode(&self, datum: &[u8]) -> Value {
        let reader = GenericDatumReader::builder(self.schema.parsed()).build().unwrap();
        let mut rest = datum;
        let value = reader.read_value(&mut rest).unwrap();
        assert!(rest.is_empty(), "{} bytes left over", rest.len());
        value
    }

    pub(crate) fn value(&self, index: u64) -> Value {
        self.decode(&self.datum(index))
    }

    /// Returns a record whose event time is another than the usual one.
    pub(crate) fn value_at(&self, index: u64, event_time_ms: u64) -> Value {
        let mut draw = self.program.draw();
        self.program.begin(&mut draw, index, event_time_ms);
        self.decode(&self.bytes(&mut draw))
    }

    /// Returns a field of the first `count` records.
    pub(crate) fn column(&self, path: &str, count: u64) -> Vec<Value> {
        (0..count).map(|index| field(&self.value(index), path).clone()).collect()
    }

    pub(crate) fn wholes(&self, path: &str, count: u64) -> Vec<i64> {
        self.column(path, count).iter().map(whole).collect()
    }

    pub(crate) fn reals(&self, path: &str, count: u64) -> Vec<f64> {
        self.column(path, count).iter().map(real).collect()
    }

    pub(crate) fn texts(&self, path: &str, count: u64) -> Vec<String> {
        self.column(path, count).iter().map(|value| text(value).to_owned()).collect()
    }
}

/// Returns why fields cannot be compiled.
pub(crate) fn refused(fields: &str) -> String {
    match Records::compile(&record_text(fields), &parameters()) {
        Ok(_) => panic!("compiled: {fields}"),
        Err(error) => error,
    }
}

/// Returns the value in a union's branch, or the value itself.
pub(crate) fn plain(value: &Value) -> &Value {
    match value {
        Value::Union(_, inner) => plain(inner),
        value => value,
    }
}

/// Returns a field by its path, through records within records.
pub(crate) fn field<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(value, |value, name| {
        let Value::Record(fields) = plain(value) else { panic!("no record around {name}") };
        &fields.iter().find(|(own, _)| own == name).unwrap_or_else(|| panic!("no {name}")).1
    })
}

pub(crate) fn whole(value: &Value) -> i64 {
    match plain(value) {
        Value::Int(value) | Value::Date(value) | Value::TimeMillis(value) => (*value).into(),
        Value::Long(value)
        | Value::TimeMicros(value)
        | Value::TimestampMillis(value)
        | Value::TimestampMicros(value)
        | Value::TimestampNanos(value)
        | Value::LocalTimestampMillis(value)
        | Value::LocalTimestampMicros(value)
        | Value::LocalTimestampNanos(value) => *value,
        other => panic!("no whole number: {other:?}"),
    }
}

pub(crate) fn real(value: &Value) -> f64 {
    match plain(value) {
        Value::Float(value) => (*value).into(),
        Value::Double(value) => *value,
        other => panic!("no real number: {other:?}"),
    }
}

pub(crate) fn text(value: &Value) -> &str {
    match plain(value) {
        Value::String(text) | Value::Enum(_, text) => text,
        other => panic!("no text: {other:?}"),
    }
}

pub(crate) fn items(value: &Value) -> &[Value] {
    match plain(value) {
        Value::Array(items) => items,
        other => panic!("no array: {other:?}"),
    }
}

/// Returns a decimal without its point.
pub(crate) fn unscaled(value: &Value) -> i128 {
    match plain(value) {
        Value::Decimal(decimal) => BigInt::from(decimal.clone()).try_into().unwrap(),
        other => panic!("no decimal: {other:?}"),
    }
}
