//! In what two plans differ, field by field: a whole object in a message hides the one that counts.

use std::collections::BTreeSet;

use serde_json::Value;

/// Letters of a value that are shown at most.
const LETTERS_MAX: usize = 40;

/// Returns what differs between two values of this name, each field by itself.
#[must_use]
pub fn differences(name: &str, one: &Value, other: &Value) -> Vec<String> {
    match (one, other) {
        _ if one == other => Vec::new(),
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let of = |field: &&String| {
                differences(&format!("{name}.{field}"), &one[*field], &other[*field])
            };
            names.iter().flat_map(of).collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let of = |(place, (a, b)): (usize, (&Value, &Value))| {
                differences(&format!("{name}[{place}]"), a, b)
            };
            a.iter().zip(b).enumerate().flat_map(of).collect()
        }
        _ => vec![format!("{name} is {} and {}", short(one), short(other))],
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= LETTERS_MAX {
        return text;
    }
    text.chars().take(LETTERS_MAX).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told_and_long_values_are_cut() {
        let one = json!({"a": {"b": 1, "c": "x"}, "d": [1, 2], "e": "f".repeat(90)});
        let other = json!({"a": {"b": 2, "c": "x"}, "d": [1, 3], "g": null});
        let cut = format!("p.e is \"{}… and null", "f".repeat(39));
        assert_eq!(
            differences("p", &one, &other),
            ["p.a.b is 1 and 2".to_owned(), "p.d[1] is 2 and 3".to_owned(), cut]
        );
        assert!(differences("p", &one, &one).is_empty());
    }
}
