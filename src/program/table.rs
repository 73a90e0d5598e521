//! The fields of a schema as a table: type, how drawn, and the bytes that they really take.

use serde_json::Value;

use super::Program;
use super::skip;
use crate::schema::EventSchema;
use crate::schema::Field;
use crate::schema::FieldError;
use crate::schema::Kind;
use crate::schema::Shape;

/// Records that are made to find the mean bytes.
const RECORDS: u64 = 1_000;

/// One field: everything that is no record itself.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldRow {
    /// Where it stands.
    pub path: String,
    /// Its type.
    pub kind: String,
    /// How it is drawn, as the schema says it or as its type has it.
    pub drawn: String,
    /// The bytes that it takes on average in AVRO.
    pub bytes_mean: f64,
}

impl Program {
    /// Returns a row for every field, with the bytes measured over records of this event time.
    ///
    /// # Errors
    /// As [`EventSchema::shape`].
    pub fn field_rows(
        &self,
        schema: &EventSchema,
        event_time_ms: u64,
    ) -> Result<Vec<FieldRow>, FieldError> {
        let shape = schema.shape()?;
        let mut rows = Vec::new();
        list(&shape, &mut rows);
        let mut bytes = vec![0_u64; rows.len()];
        let mut draw = self.draw();
        let mut window = vec![0; self.datum_bytes_max];
        for index in self.indices(RECORDS) {
            self.begin(&mut draw, index, event_time_ms);
            let length = super::op::run(&self.ops, 0, &mut draw, &mut window, 0);
            measure(&shape, &mut &window[..length], &mut bytes.iter_mut());
        }
        #[expect(clippy::cast_precision_loss, reason = "at most a thousand megabytes")]
        for (row, bytes) in rows.iter_mut().zip(bytes) {
            row.bytes_mean = bytes as f64 / RECORDS as f64;
        }
        Ok(rows)
    }
}

/// Returns the fields of a record that is not drawn as a whole.
fn fields_of<'s, 'a>(shape: &'s Shape<'a>) -> Option<&'s [Field<'a>]> {
    let is_whole = shape.ours.is_some_and(|ours| !ours.contains_key("lifecycle"))
        || shape.theirs.is_some_and(|theirs| theirs.contains_key("options"));
    match &shape.kind {
        Kind::Record(fields) if !is_whole => Some(fields),
        _ => None,
    }
}

fn list(shape: &Shape<'_>, rows: &mut Vec<FieldRow>) {
    if let Some(fields) = fields_of(shape) {
        for field in fields {
            list(&field.shape, rows);
        }
        return;
    }
    rows.push(FieldRow {
        path: shape.path.clone(),
        kind: kind(shape),
        drawn: drawn(shape),
        bytes_mean: 0.0,
    });
}

/// Adds the bytes of each field of a datum to its row's.
fn measure<'r>(
    shape: &Shape<'_>,
    rest: &mut &[u8],
    rows: &mut impl Iterator<Item = &'r mut u64>,
) -> Option<()> {
    if let Some(fields) = fields_of(shape) {
        return fields.iter().try_for_each(|field| measure(&field.shape, rest, rows));
    }
    let length = skip::datum(shape, rest)?;
    *rows.next()? += length as u64;
    skip::take(rest, length)?;
    Some(())
}

fn kind(shape: &Shape<'_>) -> String {
    match &shape.kind {
        Kind::Array(items) => format!("array of {}", kind(items)),
        Kind::Map(values) => format!("map of {}", kind(values)),
        Kind::Union(branches) => branches.iter().map(kind).collect::<Vec<_>>().join(" | "),
        Kind::Decimal { precision, scale, .. } => format!("decimal({precision},{scale})"),
        Kind::Fixed(size) => format!("fixed({size})"),
        kind => kind.name().to_owned(),
    }
}

fn drawn(shape: &Shape<'_>) -> String {
    if let Some((way, said)) = shape.ours.and_then(|ours| ours.iter().next()) {
        return match said {
            Value::Object(object) if object.is_empty() => way.clone(),
            said => format!("{way} {said}"),
        };
    }
    if let Some(theirs) = shape.theirs {
        let said = theirs.iter().map(|(name, said)| format!("{name} {said}"));
        return said.collect::<Vec<_>>().join(", ");
    }
    let by_type = match &shape.kind {
        Kind::Null => "nothing",
        Kind::Boolean => "true half the time",
        Kind::Int | Kind::Long | Kind::Decimal { .. } => "any value of its type",
        Kind::Float | Kind::Double => "0 to 1",
        Kind::String => "8 to 15 letters",
        Kind::Bytes => "8 to 15 random bytes",
        Kind::Fixed(_) | Kind::UuidText | Kind::UuidBytes { .. } | Kind::Duration => "random",
        Kind::Enum(_) => "any symbol",
        Kind::Date | Kind::TimeMillis | Kind::TimeMicros | Kind::Timestamp { .. } => "event-time",
        Kind::Array(_) | Kind::Map(_) => "8 to 15 entries",
        Kind::Union(_) => "any branch",
        Kind::Record(_) => "its fields",
    };
    by_type.to_owned()
}
