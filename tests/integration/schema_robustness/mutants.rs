//! Texts that are nearly schemas: those of the domains and some more, with something changed.

use fastrand::Rng;
use producer_load::domain::DOMAINS;
use producer_load::schema::OURS;
use producer_load::schema::THEIRS;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::hostile;

/// What is changed.
pub(super) struct Corpus {
    texts: Vec<String>,
    schemas: Vec<Value>,
    /// Annotations by their property: those of the schemas, and the examples of schemas/README.md.
    annotations: Vec<(&'static str, Value)>,
}

/// The start of a schema whose fields others can follow.
const LEADERS: &str = r#"[
    {"name":"status","type":"int","producer-load":{"range":{"min":1,"max":4}}},
    {"name":"packets","type":"int","producer-load":{"range":{"min":0,"max":9}}},
    {"name":"quantity","type":"long","producer-load":{"range":{"min":-3,"max":4}}},
    {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2},
     "producer-load":{"range":{"min":0.5,"max":99.99}}},
    {"name":"word","type":"string","producer-load":{"choice":[{"value":"a","weight":1},
     {"value":"b","weight":2}]}}]"#;

/// Returns types that take such an annotation, so that not all are refused.
fn types_for(said: &Value) -> &'static [&'static str] {
    let has = |names: &[&str]| names.iter().any(|name| said.get(name).is_some());
    if has(&["regex", "prefix", "suffix", "id"]) || said["source"]["prefix"].is_string() {
        &[r#""string""#]
    } else if has(&["keys"]) {
        &[r#"{"type":"map","values":"int"}"#]
    } else if has(&["length"]) {
        &[r#""string""#, r#""bytes""#, r#"{"type":"array","items":"string"}"#]
    } else if has(&["odds"]) {
        &[r#""boolean""#, r#"["null","int"]"#, r#"["string","null","long"]"#]
    } else if has(&["event-time"]) {
        &[r#""long""#, r#"{"type":"int","logicalType":"date"}"#]
    } else if has(&["options", "choice", "by", "step", "once", "source"]) {
        &[r#""string""#, r#""int""#, r#"["null","string"]"#, r#"["null","long"]"#, r#""double""#]
    } else {
        &[
            r#""int""#,
            r#""long""#,
            r#""float""#,
            r#""double""#,
            r#"{"type":"bytes","logicalType":"decimal","precision":20,"scale":3}"#,
            r#"{"type":"fixed","name":"D","size":5,"logicalType":"decimal","precision":9}"#,
        ]
    }
}

/// Returns the texts of all files of a folder.
fn files_of(folder: &str) -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn readme_examples() -> Vec<Value> {
    let text = include_str!("../../../schemas/README.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.flat_map(|line| line.split('`').skip(1).step_by(2));
    let examples = cells.filter_map(|code| serde_json::from_str(&code.replace("\\|", "|")).ok());
    let examples: Vec<Value> = examples.filter(Value::is_object).collect();
    assert!(examples.len() > 25, "{examples:?}");
    examples
}

/// Adds every annotation within.
fn annotations_in(schema: &Value, found: &mut Vec<(&'static str, Value)>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| annotations_in(item, found)),
        Value::Object(object) => {
            for (name, value) in object {
                match [OURS, THEIRS].into_iter().find(|property| property == name) {
                    Some(property) => found.push((property, value.clone())),
                    None => annotations_in(value, found),
                }
            }
        }
        _ => {}
    }
}

impl Corpus {
    pub(super) fn load() -> Self {
        let mut texts: Vec<_> = DOMAINS.iter().map(|it| it.schema_text.to_owned()).collect();
        texts.extend(files_of("tests/schemas"));
        let schemas: Vec<_> = texts.iter().filter_map(|it| serde_json::from_str(it).ok()).collect();
        let mut annotations = Vec::new();
        for example in readme_examples() {
            annotations.push((OURS, example.clone()));
            annotations.push((THEIRS, example));
        }
        for schema in &schemas {
            annotations_in(schema, &mut annotations);
        }
        Self { texts, schemas, annotations }
    }

    pub(super) fn mutant(&self, rng: &mut Rng) -> String {
        match rng.u8(..100) {
            0..8 => changed_bytes(rng.choice(&self.texts).unwrap(), rng),
            8..33 => {
                let mut schema = rng.choice(&self.schemas).unwrap().clone();
                (0..=rng.u8(..3)).for_each(|_| self.change_said(&mut schema, rng));
                schema.to_string()
            }
            33..80 => self.annotated(rng).to_string(),
            80..94 => hostile::structure(rng),
            _ => {
                // A structure that is changed once more, where it is JSON.
                let text = hostile::structure(rng);
                let Ok(mut schema) = serde_json::from_str::<Value>(&text) else { return text };
                self.change(&mut schema, rng);
                schema.to_string()
            }
        }
    }

    /// Makes a record whose fields have annotations that were meant for others, some of them
    /// changed.
    fn annotated(&self, rng: &mut Rng) -> Value {
        let mut fields: Vec<Value> = serde_json::from_str(LEADERS).unwrap();
        // One that is refused hides all behind it: most have but one.
        let count = match rng.u8(..) {
            0 => 500,
            1..50 => rng.usize(2..6),
            _ => 1,
        };
        for number in 0..count {
            let (property, mut said) = self.annotation(rng);
            let mut schema = if rng.u8(..3) == 0 {
                hostile::type_of(rng, 2)
            } else {
                serde_json::from_str(rng.choice(types_for(&said)).unwrap()).unwrap()
            };
            (0..rng.u8(..3)).for_each(|_| self.change(&mut said, rng));
            let name = format!("f{number}");
            let field = match schema.as_object_mut() {
                Some(object) if rng.bool() => {
                    object.insert(property.to_owned(), said);
                    json!({"name": name, "type": schema})
                }
                _ => json!({"name": name, "type": schema, (property): said}),
            };
            fields.push(field);
        }
        let mut record = json!({"type": "record", "name": "R", "fields": fields});
        if rng.u8(..4) == 0 {
            let lifecycle = json!({"lifecycle": {"steps": rng.u8(1..6), "block": 1024}});
            record[OURS] = if rng.bool() { lifecycle } else { hostile::value(rng) };
        }
        record
    }

    fn annotation(&self, rng: &mut Rng) -> (&'static str, Value) {
        match rng.u8(..10) {
            0 => (if rng.bool() { OURS } else { THEIRS }, hostile::annotation(rng)),
            1 => (
                OURS,
                json!({"by": {"field": "status", "cases": {"1": self.inner(rng),
                   "2|3": self.inner(rng)}, "otherwise": self.inner(rng)}}),
            ),
            2 => (OURS, json!({"once": self.inner(rng)})),
            3 => (OURS, json!({"step": [self.inner(rng), self.inner(rng), self.inner(rng)]})),
            4 => (THEIRS, hostile::regex_annotation(rng)),
            _ => rng.choice(&self.annotations).unwrap().clone(),
        }
    }

    fn inner(&self, rng: &mut Rng) -> Value {
        match rng.choice(&self.annotations).unwrap().clone() {
            (THEIRS, said) => json!({(THEIRS): said}),
            (_, said) => said,
        }
    }

    /// Changes an annotation within, as a rule, or else any place.
    fn change_said(&self, schema: &mut Value, rng: &mut Rng) {
        let mut places = annotated_in(schema);
        if rng.u8(..4) == 0 || places.is_empty() {
            self.change(schema, rng);
        } else {
            let at = rng.usize(..places.len());
            self.change(places.swap_remove(at), rng);
        }
    }

    /// Changes one place within.
    fn change(&self, schema: &mut Value, rng: &mut Rng) {
        let other = match rng.u8(..4) {
            0 => part(&mut rng.choice(&self.schemas).unwrap().clone(), rng).take(),
            1 => rng.choice(&self.annotations).unwrap().1.clone(),
            _ => hostile::value(rng),
        };
        let place = part(schema, rng);
        match (rng.u8(..6), &mut *place) {
            (0, Value::Object(object)) if !object.is_empty() => {
                let name = object.keys().nth(rng.usize(..object.len())).unwrap().clone();
                object.remove(&name);
            }
            (1, Value::Object(object)) => {
                object.insert(hostile::word(rng), other);
            }
            (2, Value::Object(object)) if !object.is_empty() => {
                let at = rng.usize(..object.len());
                let renamed = |(number, (name, value)): (usize, (&String, &Value))| {
                    let name = if number == at { hostile::word(rng) } else { name.clone() };
                    (name, value.clone())
                };
                *object = object.iter().enumerate().map(renamed).collect();
            }
            (0, Value::Array(items)) if !items.is_empty() => {
                items.remove(rng.usize(..items.len()));
            }
            (1 | 2, Value::Array(items)) if !items.is_empty() => {
                let copy = rng.choice(&*items).unwrap().clone();
                items.insert(rng.usize(..=items.len()), copy);
            }
            (3, Value::Array(items)) => items.push(other),
            (_, place) => *place = other,
        }
    }
}

/// Returns every annotation within.
fn annotated_in(schema: &mut Value) -> Vec<&mut Value> {
    match schema {
        Value::Array(items) => items.iter_mut().flat_map(annotated_in).collect(),
        Value::Object(object) => object
            .iter_mut()
            .flat_map(|(name, value)| match name.as_str() {
                OURS | THEIRS => vec![value],
                _ => annotated_in(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Returns one place within, more often near the leaves.
fn part<'v>(schema: &'v mut Value, rng: &mut Rng) -> &'v mut Value {
    let mut place = schema;
    loop {
        let inner = match place {
            Value::Array(items) => items.len(),
            Value::Object(object) => object.len(),
            _ => 0,
        };
        if inner == 0 || rng.u8(..12) == 0 {
            return place;
        }
        let at = rng.usize(..inner);
        place = match place {
            Value::Array(items) => &mut items[at],
            Value::Object(object) => object.values_mut().nth(at).unwrap(),
            place => place,
        };
    }
}

fn changed_bytes(text: &str, rng: &mut Rng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=rng.u8(..6) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.usize(..bytes.len());
        let end = (at + 1 + rng.usize(..12)).min(bytes.len());
        match rng.u8(..6) {
            0 => bytes[at] ^= 1 << rng.u8(..8),
            1 => bytes[at] = *rng.choice(br#"{}[]":,\0-9eE. /*"#).unwrap(),
            2 => drop(bytes.drain(at..end)),
            3 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            4 => bytes.truncate(at),
            _ => {
                let end = (at + rng.usize(..2_000)).min(bytes.len());
                drop(bytes.splice(at..at, bytes[at..end].to_vec()));
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns the schema with one thing taken away or put in its parent's place, for each that can be.
pub(super) fn smaller(schema: &Value) -> Vec<Value> {
    match schema {
        Value::Array(items) => {
            let without =
                (0..items.len()).map(|at| Value::Array([&items[..at], &items[at + 1..]].concat()));
            let inner = items.iter().enumerate().flat_map(|(at, item)| {
                smaller(item).into_iter().map(move |item| {
                    let mut items = items.clone();
                    items[at] = item;
                    Value::Array(items)
                })
            });
            without.chain(inner).collect()
        }
        Value::Object(object) => {
            let without = object.keys().map(|name| {
                let kept = object.iter().filter(|(other, _)| *other != name);
                Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
            });
            let inner = object.iter().flat_map(|(name, value)| {
                smaller(value).into_iter().map(move |value| {
                    let mut object: Map<_, _> = object.clone();
                    object[name] = value;
                    Value::Object(object)
                })
            });
            without.chain(inner).collect()
        }
        Value::String(text) if text.len() > 100 => {
            vec![Value::String(text.chars().take(text.len() / 2).collect())]
        }
        _ => Vec::new(),
    }
}
