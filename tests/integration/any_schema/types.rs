//! Sketches of schemas over the whole of AVRO's type system, and their text.
//!
//! A sketch is a tree without names, so that proptest can cut it down; names, references to types
//! that stand before, and annotations come with the text. What has to fit its surroundings, such as
//! the branches of a union, is left out where it does not.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::annotations;
use super::defects::Defect;

/// What a type is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A type that a word names.
    Plain(&'static str),
    /// A logical type on a type that a word names.
    Logical(&'static str, &'static str),
    /// Digits, digits behind the point, and the size of the fixed or bytes.
    Decimal(usize, usize, Option<usize>),
    /// A fixed of 16 bytes.
    UuidFixed,
    Duration,
    Fixed(usize),
    /// Symbols.
    Enum(usize),
    Array(Box<Sketch>),
    Map(Box<Sketch>),
    Union(Vec<Sketch>),
    Record(Vec<Sketch>),
    /// A named type that stands before, again.
    Again(usize),
}

/// A type, and what decides all that is said about it.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    pub(super) kind: Kind,
    pub(super) pick: u32,
}

/// Every type that has no other in it.
const LOGICAL: [(&str, &str); 11] = [
    ("int", "date"),
    ("int", "time-millis"),
    ("long", "time-micros"),
    ("long", "timestamp-millis"),
    ("long", "timestamp-micros"),
    ("long", "timestamp-nanos"),
    ("long", "local-timestamp-millis"),
    ("long", "local-timestamp-micros"),
    ("long", "local-timestamp-nanos"),
    ("string", "uuid"),
    ("bytes", "uuid"),
];

const PLAIN: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// Returns how many digits a fixed of so many bytes can always hold.
fn digits_of(bytes: usize) -> usize {
    (bytes * 8 - 1) * 301 / 1_000
}

fn decimal() -> impl Strategy<Value = Kind> {
    let of_bytes = (1_usize..60, any::<prop::sample::Index>())
        .prop_map(|(precision, scale)| Kind::Decimal(precision, scale.index(precision + 1), None));
    let of_fixed = (1_usize..40, any::<prop::sample::Index>(), any::<prop::sample::Index>());
    let of_fixed = of_fixed.prop_map(|(size, precision, scale)| {
        let precision = precision.index(digits_of(size)) + 1;
        Kind::Decimal(precision, scale.index(precision + 1), Some(size))
    });
    prop_oneof![of_bytes, of_fixed]
}

fn leaf() -> impl Strategy<Value = Kind> {
    prop_oneof![
        8 => prop::sample::select(&PLAIN[..]).prop_map(Kind::Plain),
        6 => prop::sample::select(&LOGICAL[..]).prop_map(|(base, name)| Kind::Logical(base, name)),
        3 => decimal(),
        1 => Just(Kind::UuidFixed),
        1 => Just(Kind::Duration),
        1 => (0_usize..40).prop_map(Kind::Fixed),
        2 => (1_usize..9).prop_map(Kind::Enum),
        3 => (0_usize..9).prop_map(Kind::Again),
    ]
}

fn with_pick(kind: impl Strategy<Value = Kind>) -> impl Strategy<Value = Sketch> {
    (kind, any::<u32>()).prop_map(|(kind, pick)| Sketch { kind, pick })
}

/// Sketches of a record with fields of any type.
pub(super) fn records() -> impl Strategy<Value = Sketch> {
    let inner = with_pick(leaf()).prop_recursive(3, 24, 6, |inner| {
        let some = prop::collection::vec(inner.clone(), 0..6);
        let branches = prop::collection::vec(inner.clone(), 1..6);
        with_pick(prop_oneof![
            2 => inner.clone().prop_map(|items| Kind::Array(items.into())),
            2 => inner.prop_map(|values| Kind::Map(values.into())),
            3 => branches.prop_map(Kind::Union),
            3 => some.prop_map(Kind::Record),
        ])
    });
    with_pick(prop::collection::vec(inner, 1..8).prop_map(Kind::Record))
}

/// Writes a sketch as the text of a schema.
#[derive(Default)]
pub(super) struct Writer {
    names: usize,
    /// The full names of types that can stand again, and whether each has annotations.
    defined: Vec<String>,
    /// The record types that are being written.
    open: Vec<String>,
    /// What is wrong, in which record, and the path where it was put.
    defect: Option<Defect>,
    pub(super) defect_path: Option<String>,
    records: usize,
    /// How many arrays and maps there are around.
    repeated: usize,
    pub(super) lifecycle: bool,
    /// Fields that others depend on so far.
    pub(super) followed: usize,
}

impl Writer {
    /// Makes a writer that plants a defect.
    pub(super) fn planting(defect: Defect) -> Self {
        Self { defect: Some(defect), ..Self::default() }
    }

    /// Returns the outermost record.
    pub(super) fn outermost(&mut self, sketch: &Sketch) -> Value {
        self.lifecycle = sketch.pick.is_multiple_of(4);
        let mut schema = self.kind(sketch, "");
        if self.lifecycle {
            schema["producer-load"] = json!({ "lifecycle": { "steps": 3, "block": 4 } });
        }
        schema
    }

    fn kind(&mut self, sketch: &Sketch, path: &str) -> Value {
        match &sketch.kind {
            Kind::Plain(name) => json!(name),
            Kind::Logical(base, name) => json!({ "type": base, "logicalType": name }),
            Kind::Decimal(precision, scale, fixed) => {
                let mut text = match fixed {
                    None => json!({ "type": "bytes" }),
                    Some(size) => self.fixed(*size, sketch),
                };
                text["logicalType"] = "decimal".into();
                text["precision"] = (*precision).into();
                text["scale"] = (*scale).into();
                text
            }
            Kind::UuidFixed => self.logical_fixed(16, "uuid", sketch),
            Kind::Duration => self.logical_fixed(12, "duration", sketch),
            Kind::Fixed(size) => self.fixed(*size, sketch),
            Kind::Enum(symbols) => {
                let symbols: Vec<_> = (0..*symbols).map(|n| format!("S{n}")).collect();
                let mut text = self.named("enum", sketch);
                text["symbols"] = symbols.into();
                text
            }
            Kind::Array(items) => {
                let items = self.repeat(items, &format!("{path}[]"));
                json!({ "type": "array", "items": items })
            }
            Kind::Map(values) => {
                let values = self.repeat(values, &format!("{path}{{}}"));
                json!({ "type": "map", "values": values })
            }
            Kind::Union(branches) => self.union(branches, path),
            Kind::Record(fields) => self.record(fields, path, sketch),
            Kind::Again(number) => match self.defined.len() {
                0 => json!("boolean"),
                some => json!(self.defined[number % some]),
            },
        }
    }

    /// Writes a type with what is said about it in its own object.
    fn with_annotation(&mut self, sketch: &Sketch, path: &str) -> Value {
        let text = self.kind(sketch, path);
        let Some((property, said)) = annotations::of(self, sketch, 0) else { return text };
        match text {
            Value::Object(mut object) => {
                object.insert(property.to_owned(), said);
                Value::Object(object)
            }
            Value::String(name) if !name.contains('.') => json!({ "type": name, property: said }),
            text => text,
        }
    }

    fn repeat(&mut self, inner: &Sketch, path: &str) -> Value {
        self.repeated += 1;
        let text = self.with_annotation(inner, path);
        self.repeated -= 1;
        text
    }

    /// Returns whether arrays and maps need a length: a short one within others, so that the record
    /// stays short; and any where what is within must not be left out.
    pub(super) fn needs_length(&self) -> bool {
        self.repeated > 0 || self.plants()
    }

    /// Returns whether a defect is planted, so that nothing may be left out.
    pub(super) const fn plants(&self) -> bool {
        self.defect.is_some()
    }

    fn named(&mut self, word: &str, sketch: &Sketch) -> Value {
        self.names += 1;
        let namespace = if sketch.pick.is_multiple_of(3) { "other.place" } else { "n" };
        let name = format!("T{}", self.names);
        let full = format!("{namespace}.{name}");
        self.open.push(full.clone());
        if word != "record" {
            self.open.pop();
            self.defined.push(full);
        }
        json!({ "type": word, "name": name, "namespace": namespace })
    }

    fn fixed(&mut self, size: usize, sketch: &Sketch) -> Value {
        let mut text = self.named("fixed", sketch);
        text["size"] = size.into();
        text
    }

    fn logical_fixed(&mut self, size: usize, logical: &str, sketch: &Sketch) -> Value {
        let mut text = self.fixed(size, sketch);
        text["logicalType"] = logical.into();
        text
    }

    /// Writes a union of those branches that a union may have: no unions, no type twice.
    fn union(&mut self, branches: &[Sketch], path: &str) -> Value {
        let mut seen = BTreeSet::new();
        let kept: Vec<_> = branches
            .iter()
            .filter(|branch| {
                let base = match &branch.kind {
                    Kind::Plain(name) => (*name).to_owned(),
                    Kind::Logical(base, _) => (*base).to_owned(),
                    Kind::Decimal(_, _, None) => "bytes".to_owned(),
                    Kind::Array(_) => "array".to_owned(),
                    Kind::Map(_) => "map".to_owned(),
                    Kind::Union(_) | Kind::Again(_) => return false,
                    _ => return true,
                };
                seen.insert(base)
            })
            .collect();
        if kept.is_empty() {
            return json!(["null", "int"]);
        }
        kept.into_iter().map(|branch| self.with_annotation(branch, path)).collect()
    }

    fn record(&mut self, sketches: &[Sketch], path: &str, sketch: &Sketch) -> Value {
        let mut text = self.named("record", sketch);
        let own = self.records;
        self.records += 1;
        let mut fields: Vec<Value> = Vec::new();
        let follower = annotations::follower(self, sketch);
        for (number, inner) in sketches.iter().enumerate() {
            let name = format!("f{number}");
            let path = producer_load::schema::join(path, &name);
            let kind = self.kind(inner, &path);
            let mut field = json!({ "name": name, "type": kind });
            let branches = field["type"].as_array().map_or(0, Vec::len);
            if let Some((property, said)) = annotations::of(self, inner, branches) {
                put_annotation(&mut field, property, said, inner.pick);
            }
            fields.push(field);
        }
        fields.extend(follower);
        if let Some(defect) = self.defect.filter(|defect| defect.record == own) {
            let (field, below) = defect.field(self.open.last().map_or("", String::as_str));
            let at = defect.place % (fields.len() + 1);
            fields.insert(at, field);
            self.defect_path = Some(producer_load::schema::join(path, "bad") + below);
        }
        text["fields"] = fields.into();
        // What is still being written cannot stand again: it would contain itself.
        self.defined.extend(self.open.pop());
        text
    }
}

/// Puts what is said on the field, or in the object of its type.
fn put_annotation(field: &mut Value, property: &str, said: Value, pick: u32) {
    let kind = field["type"].take();
    field["type"] = match kind {
        Value::Object(mut object) if pick.is_multiple_of(2) => {
            object.insert(property.to_owned(), said);
            Value::Object(object)
        }
        kind => {
            field[property] = said;
            kind
        }
    };
}

/// Returns the words of a text: types, logical types, properties, ways of drawing.
pub(super) fn words(text: &Value, into: &mut BTreeSet<String>) {
    let mut keys = |object: &Map<String, Value>| {
        for (name, value) in object {
            into.insert(name.clone());
            if let Some(word) = value.as_str().filter(|_| name.contains("ype")) {
                into.insert(word.to_owned());
            }
            words(value, into);
        }
    };
    match text {
        Value::Object(object) => keys(object),
        Value::Array(list) => list.iter().for_each(|inner| {
            into.extend(inner.as_str().map(str::to_owned));
            words(inner, into);
        }),
        _ => {}
    }
}
