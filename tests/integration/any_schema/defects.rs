//! Fields that cannot be made, each for one reason, to be planted in a schema that can.

use serde_json::Value;
use serde_json::json;

/// A field that cannot be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defect {
    /// Which one of [`COUNT`].
    pub(super) which: usize,
    /// The record that it is planted in, in the order of the text.
    pub(super) record: usize,
    /// Its place among the fields.
    pub(super) place: usize,
}

pub(super) const COUNT: usize = 24;

impl Defect {
    /// Returns the field, and the rest of the path that the error names.
    pub(super) fn field(self, record: &str) -> (Value, &'static str) {
        let theirs =
            |kind: Value, said: Value| json!({"name": "bad", "type": kind, "arg.properties": said});
        let ours =
            |kind: Value, said: Value| json!({"name": "bad", "type": kind, "producer-load": said});
        let fixed = |size: u64| json!({ "type": "fixed", "name": "Bad", "size": size });
        let array = |items: Value| json!({ "type": "array", "items": items });
        let field = match self.which {
            0 => json!({ "name": "bad", "type": ["null", record] }),
            1 => return (json!({ "name": "bad", "type": array(json!(record)) }), "[]"),
            2 => theirs(json!("int"), json!({ "range": { "min": 5, "max": 5 } })),
            3 => theirs(json!("int"), json!({ "range": { "min": 0, "max": 3_000_000_000_u64 } })),
            4 => theirs(json!("string"), json!({ "regex": "a[" })),
            5 => theirs(json!("string"), json!({ "length": 1e9 })),
            6 => theirs(json!("string"), json!({ "lenght": 3 })),
            7 => theirs(json!("boolean"), json!({ "odds": 1.5 })),
            8 => theirs(json!("double"), json!({ "iteration": { "start": 1, "restart": 1 } })),
            9 => theirs(json!("int"), json!({ "options": [1, "two"] })),
            10 => theirs(json!("int"), json!([])),
            11 => json!({ "name": "bad", "type": fixed(1 << 40) }),
            12 => {
                json!({ "name": "bad", "type": { "type": "bytes", "logicalType": "big-decimal" } })
            }
            13 => theirs(json!({ "type": "map", "values": "int" }), json!({ "length": 2_000 })),
            14 => ours(json!("int"), json!({ "rnage": { "min": 1 } })),
            15 => ours(json!("int"), json!({ "range": { "min": 1 }, "normal": {} })),
            16 => ours(json!("int"), json!({ "by": { "field": "none", "cases": { "1": 1 } } })),
            17 => ours(json!("int"), json!({ "times": { "field": "none", "min": 1, "max": 2 } })),
            18 => ours(json!("double"), json!({ "id": {} })),
            19 => ours(json!(["null", "int", "string"]), json!({ "id": {} })),
            20 => ours(json!(["null", "int"]), json!({ "odds": [1, 2, 3] })),
            21 => ours(json!("int"), json!({ "choice": [{ "value": 1, "weight": 0 }] })),
            22 => ours(json!("float"), json!({ "lifecycle": { "steps": 2 } })),
            _ => {
                let broken = json!({ "type": "int", "arg.properties": { "range": {} } });
                return (json!({ "name": "bad", "type": array(broken) }), "[]");
            }
        };
        (field, "")
    }
}
