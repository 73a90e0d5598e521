//! Schemas that could be made, and what changes them a little: values, tokens, bytes.

use fastrand::Rng;
use producer_load::domain::DOMAINS;
use serde_json::Value;
use serde_json::json;

use super::texts;
use crate::records::file_text;

/// Fields of schemas that can be made.
pub(super) struct Seeds {
    fields: Vec<Value>,
}

impl Seeds {
    /// Reads the fields of every domain and of the schemas of the tests.
    pub(super) fn read() -> Self {
        let files = ["tests/schemas/datagen.avsc", "tests/schemas/options.avsc"].map(file_text);
        let domains = DOMAINS.iter().map(|domain| domain.schema_text);
        let mut fields = Vec::new();
        for text in domains.chain(files.iter().map(String::as_str)) {
            let mut plain = text.to_owned();
            json_strip_comments::strip(&mut plain).unwrap();
            let schema: Value = serde_json::from_str(&plain).unwrap();
            fields.extend(schema["fields"].as_array().unwrap().iter().map(without_doc));
        }
        Self { fields }
    }

    /// Returns a record type of a few of the fields, some of which follow each other.
    fn schema(&self, rng: &mut Rng) -> Value {
        let mut fields: Vec<Value> = Vec::new();
        for _ in 0..rng.usize(1..4) {
            let first = rng.usize(..self.fields.len());
            let run = self.fields[first..].iter().take(rng.usize(1..5));
            fields.extend(run.cloned());
        }
        for (number, field) in fields.iter_mut().enumerate() {
            // A name that stands twice is refused before anything else is looked at.
            if rng.u8(..3) == 0 {
                field["name"] = format!("f{number}").into();
            }
        }
        let mut schema = json!({ "type": "record", "name": "R", "fields": fields });
        if rng.bool() {
            let steps = [1, 4, 5, 6, 8][rng.usize(..5)];
            schema["producer-load"] = json!({ "lifecycle": { "steps": steps, "block": 16 } });
        }
        schema
    }

    /// Returns the text of a schema that could be made, and was changed.
    pub(super) fn text(&self, rng: &mut Rng) -> String {
        let mut schema = self.schema(rng);
        for _ in 0..rng.usize(..3) {
            change_value(&mut schema, rng, &self.fields);
        }
        let mut text = schema.to_string();
        for _ in 0..rng.usize(..2) {
            text = change_tokens(&text, rng);
        }
        let mut bytes = text.into_bytes();
        if rng.u8(..4) == 0 {
            for _ in 0..rng.usize(1..4) {
                change_bytes(&mut bytes, rng);
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn without_doc(field: &Value) -> Value {
    let mut field = field.clone();
    if let Some(field) = field.as_object_mut() {
        field.remove("doc");
    }
    field
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(object) => object.values().map(count).sum(),
        _ => 0,
    }
}

/// Finds the value of this number, counted depth first.
fn nth<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().find_map(|inner| nth(inner, left)),
        Value::Object(object) => object.values_mut().find_map(|inner| nth(inner, left)),
        _ => None,
    }
}

const WORDS: [&str; 40] = [
    "null",
    "boolean",
    "int",
    "long",
    "float",
    "double",
    "bytes",
    "string",
    "record",
    "enum",
    "array",
    "map",
    "fixed",
    "R",
    "decimal",
    "date",
    "uuid",
    "duration",
    "timestamp-nanos",
    "big-decimal",
    "options",
    "range",
    "iteration",
    "length",
    "regex",
    "odds",
    "keys",
    "prefix",
    "by",
    "times",
    "step",
    "once",
    "choice",
    "source",
    "counter",
    "normal",
    "event-time",
    "day-curve",
    "lifecycle",
    "value",
];

/// Changes one value somewhere in a schema.
fn change_value(schema: &mut Value, rng: &mut Rng, fields: &[Value]) {
    let mut left = rng.usize(..count(schema));
    let Some(place) = nth(schema, &mut left) else { return };
    let taken = place.take();
    *place = match (rng.u8(..9), taken) {
        (0..=2, Value::Number(_)) => texts::number(rng),
        (0, Value::String(_)) => texts::regex(rng).into(),
        (1..=3, Value::String(_)) => texts::pick(rng, &WORDS).into(),
        (0..=2, Value::Object(mut object)) => {
            // One of its properties under another name, or not at all.
            let names: Vec<_> = object.keys().cloned().collect();
            if let Some(name) = names.get(rng.usize(..=names.len())) {
                let value = object.remove(name);
                if rng.bool() {
                    object.insert(texts::pick(rng, &WORDS).to_owned(), value.unwrap_or_default());
                }
            }
            Value::Object(object)
        }
        (0..=2, Value::Array(mut list)) => {
            match list.len() {
                0 => list.push(texts::anything(rng)),
                some => {
                    let copied = list[rng.usize(..some)].clone();
                    (0..rng.usize(1..30)).for_each(|_| list.push(copied.clone()));
                }
            }
            Value::Array(list)
        }
        (4, taken) => json!([taken]),
        (5, taken) => json!({ "type": taken }),
        (6, taken) => json!({ texts::pick(rng, &WORDS): taken }),
        (7, _) => fields[rng.usize(..fields.len())]["type"].clone(),
        _ => texts::anything(rng),
    };
}

/// Returns where the tokens of a text begin.
fn tokens(text: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut in_string = false;
    for (at, c) in text.char_indices() {
        if !in_string {
            starts.push(at);
        }
        in_string ^= c == '"';
    }
    starts.push(text.len());
    starts
}

/// Swaps two tokens of a text, or doubles, drops or replaces one.
fn change_tokens(text: &str, rng: &mut Rng) -> String {
    let starts = tokens(text);
    let some = starts.len() - 1;
    if some == 0 {
        return text.to_owned();
    }
    let (a, b) = (rng.usize(..some), rng.usize(..some));
    let (a, b) = (a.min(b), a.max(b));
    let token = |n: usize| &text[starts[n]..starts[n + 1]];
    let (before, after) = (&text[..starts[a]], &text[starts[a + 1]..]);
    match rng.u8(..5) {
        0 if a < b => {
            let between = &text[starts[a + 1]..starts[b]];
            [before, token(b), between, token(a), &text[starts[b + 1]..]].concat()
        }
        1 => [before, token(a), token(a), after].concat(),
        2 => [before, after].concat(),
        3 => [before, &texts::anything(rng).to_string(), after].concat(),
        // From one token to another, many times over.
        _ => [before, &text[starts[a]..starts[b]].repeat(rng.usize(..4)), &text[starts[b]..]].concat(),
    }
}

fn change_bytes(bytes: &mut Vec<u8>, rng: &mut Rng) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.usize(..bytes.len());
    match rng.u8(..5) {
        0 => bytes[at] ^= 1 << rng.u8(..8),
        1 => drop(bytes.remove(at)),
        2 => bytes.insert(at, rng.u8(..)),
        3 => bytes.truncate(at),
        _ => {
            let end = (at + rng.usize(1..60)).min(bytes.len());
            let copied = bytes[at..end].to_vec();
            let to = rng.usize(..bytes.len());
            bytes.splice(to..to, copied);
        }
    }
}
