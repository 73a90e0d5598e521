//! Options that a schema takes from a file, put in the file's place.
//!
//! After that the text of the schema says all that decides a record's bytes, and the digest of a
//! run, which is made of it, covers the files too.

use std::io;

use serde_json::Value;

use super::shape::THEIRS;
use super::shape::join;
use super::without_comments;

/// An options file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}the options file {file} {what}", before(.path))]
pub struct OptionsError {
    /// The field that takes them; empty: it is none.
    pub path: String,
    /// The file, as the schema names it.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
}

fn before(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

/// Reads every `"options": {"file": …, "encoding": …}` of an annotated schema through `read` and
/// puts what it holds in its place: `json` values as a list, `binary` datums as their bytes.
///
/// # Errors
/// When a file cannot be read, or its values not be parsed.
pub fn inline_options(
    text: &str,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<String, OptionsError> {
    // What is no JSON is told by the parser of the schema, which knows where.
    let Ok(mut schema) = serde_json::from_str::<Value>(&without_comments(text)) else {
        return Ok(text.to_owned());
    };
    if inline(&mut schema, "", read)? { Ok(schema.to_string()) } else { Ok(text.to_owned()) }
}

/// Returns whether there was anything to put in place, in the field at `path` and below.
fn inline(
    schema: &mut Value,
    path: &str,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<bool, OptionsError> {
    match schema {
        Value::Array(inner) => {
            inner.iter_mut().try_fold(false, |any, inner| Ok(inline(inner, path, read)? || any))
        }
        Value::Object(object) => {
            let is_type = matches!(
                object.get("type").and_then(Value::as_str),
                Some("record" | "enum" | "fixed")
            );
            let field = object.get("name").and_then(Value::as_str).filter(|_| !is_type);
            let path = field.map_or_else(|| path.to_owned(), |field| join(path, field));
            let mut any = false;
            for (name, value) in object.iter_mut().filter(|(name, _)| *name != "default") {
                any |= match name.as_str() {
                    THEIRS => annotation(value, &path, read)?,
                    _ => inline(value, &path, read)?,
                };
            }
            Ok(any)
        }
        _ => Ok(false),
    }
}

fn annotation(
    said: &mut Value,
    path: &str,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<bool, OptionsError> {
    ["/options", "/keys/options"].iter().try_fold(false, |any, place| {
        let inlined =
            said.pointer_mut(place).map(|place| options(place, path, read)).transpose()?;
        Ok(inlined.unwrap_or_default() || any)
    })
}

fn options(
    place: &mut Value,
    path: &str,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<bool, OptionsError> {
    let Some(file) = place["file"].as_str() else { return Ok(false) };
    let wrong = |what: String| OptionsError { path: path.to_owned(), file: file.to_owned(), what };
    let bytes = read(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let found = match place["encoding"].as_str() {
        Some("json") => {
            let values = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
            let values: Result<Vec<_>, _> = values.collect();
            Value::Array(values.map_err(|error| wrong(format!("is no list of JSON: {error}")))?)
        }
        Some("binary") => {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            serde_json::json!({ "datums": digits.concat() })
        }
        _ => return Err(wrong("needs an 'encoding', json or binary".to_owned())),
    };
    *place = found;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str) -> io::Result<Vec<u8>> {
        match file {
            "nouns.json" => Ok(b"\"ant\"\n\"bee\"\n".to_vec()),
            "nouns.bin" => Ok(vec![2, b'a']),
            "broken.json" => Ok(b"\"ant".to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn with(options: &str) -> String {
        format!(r#"{{"type":"string","arg.properties":{{"options":{options}}}}}"#)
    }

    #[test]
    fn a_file_stands_where_it_was_named() {
        let inlined = inline_options(&with(r#"{"file":"nouns.json","encoding":"json"}"#), &read);
        assert_eq!(inlined.unwrap(), with(r#"["ant","bee"]"#));
        let inlined = inline_options(&with(r#"{"file":"nouns.bin","encoding":"binary"}"#), &read);
        assert_eq!(inlined.unwrap(), with(r#"{"datums":"0261"}"#));
        let untouched = with("[ 1 ]");
        assert_eq!(inline_options(&untouched, &read).unwrap(), untouched);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        for (options, words) in [
            (r#"{"file":"none.json","encoding":"json"}"#, "none.json cannot be read"),
            (r#"{"file":"broken.json","encoding":"json"}"#, "broken.json is no list of JSON"),
            (r#"{"file":"nouns.json"}"#, "nouns.json needs an 'encoding'"),
        ] {
            let said = inline_options(&with(options), &read).unwrap_err().to_string();
            assert!(said.starts_with(&format!("the options file {words}")), "{said}");
            let field = format!(r#"{{"name":"f","type":["null",{}]}}"#, with(options));
            let record = format!(r#"{{"type":"record","name":"R","fields":[{field}]}}"#);
            let within = format!(r#"{{"fields":[{{"name":"r","type":{record}}}]}}"#);
            let said = inline_options(&within, &read).unwrap_err().to_string();
            assert!(said.starts_with(&format!("r.f: the options file {words}")), "{said}");
        }
    }
}
