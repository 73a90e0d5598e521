//! Which field a schema cannot be parsed for, which the parser does not say.
//!
//! A schema is parsed in its order, so that the first fields of a record are a schema themselves:
//! the faulty one is the last of the fewest that are none.

use apache_avro::Schema;
use serde_json::Value;

use super::shape::join;

/// Returns the path of the first field without which, and without those behind it, the schema can
/// be parsed; empty: it is no field's fault.
pub(super) fn faulty_field(schema: &Value) -> String {
    let (mut schema, mut path) = (schema.clone(), String::new());
    let mut record = Some(String::new());
    while let Some(at) = record {
        let place = format!("{at}/fields");
        let Some(fields) = schema.pointer(&place).and_then(Value::as_array).cloned() else { break };
        let counts: Vec<usize> = (0..fields.len()).collect();
        let faulty = counts.partition_point(|&count| parses(&schema, &place, &fields[..=count]));
        let Some(field) = fields.get(faulty).filter(|_| parses(&schema, &place, &[])) else {
            break;
        };
        path = join(&path, field["name"].as_str().unwrap_or("(a field without a name)"));
        put(&mut schema, &place, &fields[..=faulty]);
        record = records(&field["type"], &format!("{place}/{faulty}/type"))
            .into_iter()
            .find(|within| parses(&schema, &format!("{within}/fields"), &[]));
    }
    path
}

/// Returns whether the schema can be parsed with these fields in that place.
fn parses(schema: &Value, place: &str, fields: &[Value]) -> bool {
    let mut tried = schema.clone();
    put(&mut tried, place, fields);
    Schema::parse(&tried).is_ok()
}

fn put(schema: &mut Value, place: &str, fields: &[Value]) {
    if let Some(there) = schema.pointer_mut(place) {
        *there = fields.into();
    }
}

/// Returns the places of the outermost records of a type.
fn records(kind: &Value, at: &str) -> Vec<String> {
    match kind {
        Value::Array(branches) => {
            let within = branches.iter().enumerate();
            within.flat_map(|(number, branch)| records(branch, &format!("{at}/{number}"))).collect()
        }
        Value::Object(object) if object.contains_key("fields") => vec![at.to_owned()],
        Value::Object(object) => ["type", "items", "values"]
            .iter()
            .filter_map(|name| Some(records(object.get(*name)?, &format!("{at}/{name}"))))
            .flatten()
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, fields: &str) -> String {
        format!(r#"{{"type":"record","name":"{name}","fields":[{fields}]}}"#)
    }

    #[test]
    fn the_field_at_fault_is_found_wherever_it_stands() {
        let good = r#"{"name":"a","type":"int"},{"name":"b","type":["null","string"]}"#;
        let faulty = |fields: &str| {
            let schema = record("R", fields);
            faulty_field(&serde_json::from_str(&schema).unwrap())
        };
        for (kind, below) in [
            (r#""intt""#, ""),
            (r#"["null","null"]"#, ""),
            (r#"{"type":"map"}"#, ""),
            (&record("S", &format!(r#"{good},{{"name":"x","type":"nope"}}"#)), ".x"),
            (&format!(r#"["null",{}]"#, record("S", r#"{"name":"x","type":7}"#)), ".x"),
            (
                &format!(
                    r#"{{"type":"array","items":{}}}"#,
                    record(
                        "S",
                        &format!(
                            r#"{{"name":"x","type":{}}}"#,
                            record("T", r#"{"name":"y","type":[[]]}"#)
                        )
                    )
                ),
                ".x.y",
            ),
        ] {
            let fields =
                format!(r#"{good},{{"name":"f","type":{kind}}},{{"name":"g","type":"int"}}"#);
            assert_eq!(faulty(&fields), format!("f{below}"), "{kind}");
        }
        // Twice the same name: the second one.
        assert_eq!(faulty(&format!("{good},{good}")), "a");
        let unnamed = faulty_field(&serde_json::json!({"type": "record", "fields": []}));
        assert_eq!(unnamed, "");
    }
}
