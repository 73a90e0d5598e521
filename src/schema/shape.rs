//! A schema with its names resolved and its annotations beside the types they belong to.
//!
//! apache-avro decides what a type is; the text says how its values are drawn. Both are walked
//! side by side here, once, so that nothing behind this file has to know how AVRO writes a name.
//! A named type that is used twice stands twice: each use is drawn by itself.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::InnerDecimalSchema;
use apache_avro::schema::Name;
use apache_avro::schema::UuidSchema;
use serde_json::Map;
use serde_json::Value;

use super::kind::Kind;

/// Types inside types at most; deeper schemas are refused rather than walked.
const DEPTH_MAX: usize = 64;

/// Types of one schema at most, each use of a named one counted: names that use names twice each
/// would double at every step.
const TYPES_MAX: usize = 20_000;

/// The largest fixed.
const FIXED_BYTES_MAX: usize = 32 * 1024;

/// Digits of a decimal at most: more than any has a use for, and few enough to count with.
const DIGITS_MAX: usize = 32 * 1024;

/// Confluent's property.
pub const THEIRS: &str = "arg.properties";

/// Our own property.
pub const OURS: &str = "producer-load";

/// Something at one place of the schema that cannot be done.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{path}: {what}")]
pub struct FieldError {
    /// The field.
    pub path: String,
    /// What is wrong there.
    pub what: String,
}

/// A type at one place of the schema.
#[derive(Clone, Debug)]
pub struct Shape<'a> {
    /// The place: field names with dots between them; `[]` are an array's items, `{}` a map's
    /// values.
    pub path: String,
    /// The name of its type, where that has one.
    pub name: Option<&'a Name>,
    /// What it is.
    pub kind: Kind<'a>,
    /// What `arg.properties` says here.
    pub theirs: Option<&'a Map<String, Value>>,
    /// What `producer-load` says here.
    pub ours: Option<&'a Map<String, Value>>,
}

/// A field of a record.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub shape: Shape<'a>,
    /// The value that stands for it where it is left out.
    pub default: Option<&'a Value>,
}

impl Shape<'_> {
    /// Returns what AVRO's JSON encoding calls its type: the whole name, or else what it is written
    /// as.
    #[must_use]
    pub fn type_name(&self) -> String {
        self.name.map_or_else(|| self.kind.base().to_owned(), ToString::to_string)
    }
}

/// Lays a parsed schema out beside the text that it came from.
///
/// # Errors
/// Names the place of what is recursive, too deep, too large or no AVRO.
pub(super) fn lay_out<'a>(parsed: &'a Schema, text: &'a Value) -> Result<Shape<'a>, FieldError> {
    let mut walk = Walk { defined: HashMap::new(), open: Vec::new(), types: 0 };
    walk.shape(parsed, text, None, "", 0)
}

struct Walk<'a> {
    /// Every named type so far, and where it is written.
    defined: HashMap<&'a Name, (&'a Schema, &'a Value)>,
    /// The named types that the walk is inside of.
    open: Vec<&'a Name>,
    types: usize,
}

impl<'a> Walk<'a> {
    fn shape(
        &mut self,
        parsed: &'a Schema,
        text: &'a Value,
        field: Option<&'a Value>,
        path: &str,
        depth: usize,
    ) -> Result<Shape<'a>, FieldError> {
        self.types += 1;
        if depth > DEPTH_MAX {
            return refuse(path, format!("types are nested more than {DEPTH_MAX} deep"));
        }
        if self.types > TYPES_MAX {
            return refuse(path, format!("the schema has more than {TYPES_MAX} types"));
        }
        // {"type": {"type": …}}: the inner object is the type.
        let mut texts: Vec<&Value> = field.into_iter().chain([text]).collect();
        let mut text = text;
        while text.get("type").is_some_and(|inner| inner.is_object() || inner.is_array()) {
            text = &text["type"];
            texts.push(text);
        }
        let (theirs, ours) = (annotation(path, &texts, THEIRS)?, annotation(path, &texts, OURS)?);
        let kind = self.kind(parsed, text, path, depth + 1)?;
        Ok(Shape { path: path.to_owned(), name: parsed.name(), kind, theirs, ours })
    }

    fn kind(
        &mut self,
        parsed: &'a Schema,
        text: &'a Value,
        path: &str,
        depth: usize,
    ) -> Result<Kind<'a>, FieldError> {
        Ok(match parsed {
            Schema::Null => Kind::Null,
            Schema::Boolean => Kind::Boolean,
            Schema::Int => Kind::Int,
            Schema::Long => Kind::Long,
            Schema::Float => Kind::Float,
            Schema::Double => Kind::Double,
            Schema::Bytes => Kind::Bytes,
            Schema::String => Kind::String,
            Schema::Date => Kind::Date,
            Schema::TimeMillis => Kind::TimeMillis,
            Schema::TimeMicros => Kind::TimeMicros,
            Schema::TimestampMillis => Kind::Timestamp { per_ms: 1, is_local: false },
            Schema::TimestampMicros => Kind::Timestamp { per_ms: 1_000, is_local: false },
            Schema::TimestampNanos => Kind::Timestamp { per_ms: 1_000_000, is_local: false },
            Schema::LocalTimestampMillis => Kind::Timestamp { per_ms: 1, is_local: true },
            Schema::LocalTimestampMicros => Kind::Timestamp { per_ms: 1_000, is_local: true },
            Schema::LocalTimestampNanos => Kind::Timestamp { per_ms: 1_000_000, is_local: true },
            Schema::BigDecimal => return refuse(path, "a big-decimal cannot be made"),
            Schema::Uuid(UuidSchema::String) => Kind::UuidText,
            Schema::Uuid(UuidSchema::Bytes) => Kind::UuidBytes { with_length: true },
            Schema::Array(array) => {
                let (items, path) = (text.get("items"), format!("{path}[]"));
                Kind::Array(self.inner(&array.items, items, &path, depth)?.into())
            }
            Schema::Map(map) => {
                let (values, path) = (text.get("values"), format!("{path}{{}}"));
                Kind::Map(self.inner(&map.types, values, &path, depth)?.into())
            }
            Schema::Union(union) => {
                if union.variants().is_empty() {
                    return refuse(path, "a union without a branch has no value");
                }
                let branches = union.variants().iter().enumerate();
                let shapes =
                    branches.map(|(at, branch)| self.inner(branch, text.get(at), path, depth));
                Kind::Union(shapes.collect::<Result<_, _>>()?)
            }
            named => return self.named(named, text, path, depth),
        })
    }

    fn inner(
        &mut self,
        parsed: &'a Schema,
        text: Option<&'a Value>,
        path: &str,
        depth: usize,
    ) -> Result<Shape<'a>, FieldError> {
        match text {
            Some(text) => self.shape(parsed, text, None, path, depth),
            None => refuse(path, "the text of the schema is not laid out as AVRO has it"),
        }
    }

    /// Lays out a type with a name, where it is defined or where it is used again.
    fn named(
        &mut self,
        parsed: &'a Schema,
        text: &'a Value,
        path: &str,
        depth: usize,
    ) -> Result<Kind<'a>, FieldError> {
        if let Schema::Ref { name } = parsed {
            if self.open.contains(&name) {
                return refuse(path, format!("{name} contains itself; a record of it has no end"));
            }
            let Some(&(parsed, text)) = self.defined.get(name) else {
                return refuse(path, format!("{name} is not defined before it is used"));
            };
            return self.named(parsed, text, path, depth);
        }
        if let Some(name) = parsed.name() {
            // A type that is used again is laid out again; one that differs is another's.
            let before = self.defined.insert(name, (parsed, text));
            if before.is_some_and(|(before, _)| !std::ptr::eq(before, parsed)) {
                return refuse(
                    path,
                    format!("{name} is defined twice; a name stands for one type"),
                );
            }
            self.open.push(name);
        }
        let kind = match parsed {
            Schema::Fixed(fixed) if fixed.size > FIXED_BYTES_MAX => {
                return refuse(path, format!("a fixed has at most {FIXED_BYTES_MAX} bytes"));
            }
            Schema::Fixed(fixed) => Kind::Fixed(fixed.size),
            Schema::Duration(_) => Kind::Duration,
            Schema::Uuid(_) => Kind::UuidBytes { with_length: false },
            Schema::Decimal(decimal) => {
                let fixed = match &decimal.inner {
                    InnerDecimalSchema::Fixed(fixed) => Some(fixed.size),
                    InnerDecimalSchema::Bytes => None,
                };
                if fixed.is_some_and(|bytes| !(1..=FIXED_BYTES_MAX).contains(&bytes)) {
                    let what = format!("a decimal's fixed has 1 to {FIXED_BYTES_MAX} bytes");
                    return refuse(path, what);
                }
                if decimal.precision > DIGITS_MAX {
                    return refuse(path, format!("a decimal has at most {DIGITS_MAX} digits"));
                }
                Kind::Decimal { precision: decimal.precision, scale: decimal.scale, fixed }
            }
            Schema::Enum(symbols) if symbols.symbols.is_empty() => {
                return refuse(path, "an enum without a symbol has no value");
            }
            Schema::Enum(symbols) => Kind::Enum(&symbols.symbols),
            Schema::Record(record) => {
                let texts = text["fields"].as_array().map_or(&[][..], Vec::as_slice);
                if texts.len() != record.fields.len() {
                    return refuse(path, "the text of the record is not laid out as AVRO has it");
                }
                let fields = record.fields.iter().zip(texts).map(|(field, text)| {
                    let path = join(path, &field.name);
                    let shape =
                        self.shape(&field.schema, &text["type"], Some(text), &path, depth)?;
                    Ok(Field { name: &field.name, shape, default: text.get("default") })
                });
                Kind::Record(fields.collect::<Result<_, _>>()?)
            }
            _ => return refuse(path, "a type that this version does not know"),
        };
        if parsed.name().is_some() {
            self.open.pop();
        }
        Ok(kind)
    }
}

/// Returns the path of a field of the record at `record`.
#[must_use]
pub fn join(record: &str, field: &str) -> String {
    if record.is_empty() { field.to_owned() } else { format!("{record}.{field}") }
}

/// Returns an annotation of the innermost of these texts, each within the one before, that has it.
fn annotation<'a>(
    path: &str,
    texts: &[&'a Value],
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, FieldError> {
    let found = texts.iter().rev().find_map(|text| text.get(name));
    let Some(found) = found else { return Ok(None) };
    match found.as_object() {
        Some(object) => Ok(Some(object)),
        None => refuse(path, format!("{name} must be an object")),
    }
}

impl FieldError {
    /// Says what is wrong at a path.
    #[must_use]
    pub fn new(path: &str, what: impl Into<String>) -> Self {
        let path = if path.is_empty() { "the schema" } else { path };
        Self { path: path.to_owned(), what: what.into() }
    }
}

fn refuse<T>(path: &str, what: impl Into<String>) -> Result<T, FieldError> {
    Err(FieldError::new(path, what))
}
