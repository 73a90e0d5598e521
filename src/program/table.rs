//! The fields of a schema as a table: type, how drawn, and the bytes that they really take.
//!
//! What stands within an array, a map or a union has rows of its own where it says how it is drawn.

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

/// Digits of the decimals that are drawn from all of their type.
const DIGITS_MAX: usize = 18;

/// One field, everything that is no record itself, or something within one.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldRow {
    /// Where it stands.
    pub path: String,
    /// Its type.
    pub kind: String,
    /// How it is drawn, as the schema says it or as its type has it.
    pub drawn: String,
    /// The bytes that it takes on average in AVRO; `None`: those of the field that it is within.
    pub bytes_mean: Option<f64>,
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
        let is_measured = |row: &&mut FieldRow| row.bytes_mean.is_some();
        let mut bytes = vec![0_u64; rows.iter_mut().filter(is_measured).count()];
        let mut draw = self.draw();
        let mut window = vec![0; self.datum_bytes_max];
        for index in self.indices(RECORDS) {
            self.begin(&mut draw, index, event_time_ms);
            let mut datum = self.datum(&mut draw, &mut window);
            measure(&shape, &mut datum, &mut bytes.iter_mut());
        }
        #[expect(clippy::cast_precision_loss, reason = "at most a thousand megabytes")]
        for (row, bytes) in rows.iter_mut().filter(is_measured).zip(bytes) {
            row.bytes_mean = Some(bytes as f64 / RECORDS as f64);
        }
        Ok(rows)
    }
}

/// Returns whether a type is drawn as a whole, whatever is said within it.
fn is_whole(shape: &Shape<'_>) -> bool {
    let says_of_itself = |way: &String| !matches!(way.as_str(), "lifecycle" | "odds");
    let is_union = matches!(shape.kind, Kind::Union(_));
    shape.ours.is_some_and(|ours| ours.keys().any(says_of_itself))
        || shape.theirs.is_some_and(|theirs| is_union || theirs.contains_key("options"))
}

/// Returns the fields of a record that is not drawn as a whole.
fn fields_of<'s, 'a>(shape: &'s Shape<'a>) -> Option<&'s [Field<'a>]> {
    match &shape.kind {
        Kind::Record(fields) if !is_whole(shape) => Some(fields),
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
    rows.push(row(shape, shape.path.clone(), Some(0.0)));
    list_within(shape, rows);
}

/// Lists what stands within a field and says how it is drawn.
fn list_within(shape: &Shape<'_>, rows: &mut Vec<FieldRow>) {
    let inner = match &shape.kind {
        _ if is_whole(shape) => &[],
        Kind::Array(inner) | Kind::Map(inner) => std::slice::from_ref(&**inner),
        Kind::Union(branches) => branches.as_slice(),
        _ => &[],
    };
    for inner in inner {
        let path = match shape.kind {
            Kind::Union(_) => format!("{} ({})", inner.path, inner.type_name()),
            _ => inner.path.clone(),
        };
        list_one_within(inner, path, rows);
    }
}

fn list_one_within(shape: &Shape<'_>, path: String, rows: &mut Vec<FieldRow>) {
    if let Some(fields) = fields_of(shape) {
        for field in fields {
            rows.push(row(&field.shape, field.shape.path.clone(), None));
            list_within(&field.shape, rows);
        }
        return;
    }
    if shape.ours.is_some() || shape.theirs.is_some() {
        rows.push(row(shape, path, None));
    }
    list_within(shape, rows);
}

fn row(shape: &Shape<'_>, path: String, bytes_mean: Option<f64>) -> FieldRow {
    FieldRow { path, kind: kind(shape), drawn: drawn(shape), bytes_mean }
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
        Kind::Decimal { precision, .. } if *precision > DIGITS_MAX => "random",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Parameters;
    use crate::rng::Identity;
    use crate::units::Sources;

    fn rows(fields: &str) -> Vec<FieldRow> {
        let text = format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
        let schema = EventSchema::parse("test", &text).unwrap();
        let identity = Identity::new(1, 2, "0/1".parse().unwrap());
        let parameters = Parameters::new(identity, Sources { first: 0, end: 10 });
        Program::compile(&schema, &parameters).unwrap().field_rows(&schema, 0).unwrap()
    }

    #[test]
    fn what_stands_within_a_field_has_rows_without_bytes() {
        let line = r#"{"type":"record","name":"L","fields":[
            {"name":"sku","type":"string","arg.properties":{"length":4}},
            {"name":"n","type":"int"}]}"#;
        let lines = format!(
            r#"{{"name":"lines","type":{{"type":"array","items":{line}}},
                "arg.properties":{{"length":2}}}}"#
        );
        let union = r#"{"name":"u","type":["null",{"type":"long",
            "producer-load":{"range":{"min":1,"max":9}}}],"producer-load":{"odds":[1,0]}}"#;
        let whole = r#"{"name":"w","type":["null",{"type":"long",
            "producer-load":{"range":{"min":1,"max":9}}}],"arg.properties":{"options":[null]}}"#;
        let found = rows(&[&lines, union, whole].join(","));
        let found: Vec<_> =
            found.iter().map(|row| (&*row.path, &*row.kind, &*row.drawn, row.bytes_mean)).collect();
        let expected = [
            ("lines", "array of record", "length 2", Some(13.9)),
            ("lines[].sku", "string", "length 4", None),
            ("lines[].n", "int", "any value of its type", None),
            ("u", "null | long", "odds [1,0]", Some(1.0)),
            ("u (long)", "long", r#"range {"min":1,"max":9}"#, None),
            ("w", "null | long", "options [null]", Some(1.0)),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!((found.0, found.1, found.2), (expected.0, expected.1, expected.2));
            let is_near = |(a, b): (f64, f64)| (a - b).abs() < 9.0;
            let is_same = found.3.is_some() == expected.3.is_some();
            assert!(is_same && found.3.zip(expected.3).is_none_or(is_near), "{found:?}");
        }
    }

    #[test]
    fn a_type_is_called_what_it_is() {
        let logical = |base: &str, logical: &str| {
            format!(r#"{{"name":"x","type":{{"type":"{base}","logicalType":{logical}}}}}"#)
        };
        for (field, kind, drawn) in [
            (logical("long", r#""timestamp-micros""#), "timestamp-micros", "event-time"),
            (
                logical("long", r#""local-timestamp-millis""#),
                "local-timestamp-millis",
                "event-time",
            ),
            (logical("long", r#""local-timestamp-nanos""#), "local-timestamp-nanos", "event-time"),
            (
                logical("bytes", r#""decimal","precision":18"#),
                "decimal(18,0)",
                "any value of its type",
            ),
            (logical("bytes", r#""decimal","precision":19"#), "decimal(19,0)", "random"),
        ] {
            let rows = rows(&field);
            assert_eq!((&*rows[0].kind, &*rows[0].drawn), (kind, drawn), "{field}");
        }
    }
}
