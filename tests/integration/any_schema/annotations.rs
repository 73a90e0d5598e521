//! What is said about a type: an annotation that fits it, or none.

use serde_json::Value;
use serde_json::json;

use super::types::Kind;
use super::types::Sketch;
use super::types::Writer;

const THEIRS: &str = "arg.properties";
const OURS: &str = "producer-load";

/// At most so many fields of a schema have others depend on them.
const FOLLOWED_MAX: usize = 10;

/// Takes one number after the other out of one.
struct Picks(u32);

impl Picks {
    fn below(&mut self, count: u32) -> u32 {
        let picked = self.0 % count;
        self.0 = (self.0 / count).wrapping_mul(0x9e37_79b9) ^ (self.0 >> 7);
        picked
    }

    fn one(&mut self, mut of: Vec<Value>) -> Value {
        let count = u32::try_from(of.len()).unwrap();
        of.swap_remove(self.below(count) as usize)
    }
}

/// Returns what is said about a type, and under which property.
pub(super) fn of(
    writer: &Writer,
    sketch: &Sketch,
    branches: usize,
) -> Option<(&'static str, Value)> {
    let picks = &mut Picks(sketch.pick);
    let length = length(writer, &sketch.kind, picks);
    if length.is_none() && picks.below(3) == 0 {
        return None;
    }
    if branches > 0 {
        // A branch without a weight is never looked into.
        let least = usize::from(writer.plants());
        let weights: Vec<_> = (1..=branches).map(|branch| (branch % 3).max(least)).collect();
        return (weights != [0]).then(|| (OURS, json!({ "odds": weights })));
    }
    if picks.below(2) == 0 || length.is_some() {
        let said = theirs(&sketch.kind, length, picks)?;
        return Some((THEIRS, said));
    }
    let (said, may_be_once) = ours(&sketch.kind, picks)?;
    let said = match picks.below(3) {
        0 if writer.lifecycle && may_be_once => json!({ "once": said }),
        1 if writer.lifecycle => json!({ "step": [said.clone(), said.clone(), said] }),
        _ => said,
    };
    Some((OURS, said))
}

/// Returns a small whole number, and a field that follows it, for one record in two.
pub(super) fn follower(writer: &mut Writer, sketch: &Sketch) -> Vec<Value> {
    let picks = &mut Picks(sketch.pick);
    if picks.below(2) == 0 || writer.followed == FOLLOWED_MAX {
        return Vec::new();
    }
    writer.followed += 1;
    let followed = picks.one(vec![
        json!({"name": "s", "type": "int", "producer-load": {"range": {"min": -2, "max": 3}}}),
        json!({ "name": "s", "type": "long", "arg.properties": { "options": [1, -2, 77] } }),
        json!({ "name": "s", "type": "int", "producer-load": { "source": { "options": [1, 2] } } }),
    ]);
    let said = picks.one(vec![
        json!({ "times": { "field": "s", "min": -3, "max": 9_000_000 } }),
        json!({ "times": { "field": "s", "times": "s" } }),
        json!({ "by": { "field": "s", "cases": { "1": 5, "-2|77": { "min": 1, "max": 9 } },
            "otherwise": { "normal": { "mean": 5, "deviation": 2, "min": 0, "max": 9 } } } }),
    ]);
    vec![followed, json!({ "name": "x", "type": "long", "producer-load": said })]
}

/// Returns a length where one is needed or wanted.
fn length(writer: &Writer, kind: &Kind, picks: &mut Picks) -> Option<Value> {
    let is_repeated = matches!(kind, Kind::Array(_) | Kind::Map(_));
    (is_repeated && (writer.needs_length() || picks.below(2) == 0)).then(|| {
        picks.one(vec![json!(0), json!(3), json!({ "max": 4 }), json!({ "min": 1, "max": 3 })])
    })
}

fn theirs(kind: &Kind, length: Option<Value>, picks: &mut Picks) -> Option<Value> {
    let of = match kind {
        Kind::Plain("null") => vec![json!({ "options": [null] })],
        Kind::Plain("boolean") => vec![
            json!({ "odds": 0.3 }),
            json!({ "options": [true] }),
            json!({ "iteration": { "start": true } }),
        ],
        Kind::Plain("string") => vec![
            json!({ "length": 70 }),
            json!({ "length": { "max": 3 } }),
            json!({ "regex": "[a-zä]{0,4}€?" }),
            json!({ "regex": "(x|[0-9\\\\\"]{2})*", "length": { "min": 1, "max": 9 } }),
            json!({ "prefix": "é\u{1}\"", "suffix": "\u{1f43b}" }),
            json!({ "options": ["", "a", "\u{0}\n\u{7f}", "longer than sixteen bytes"] }),
            json!({ "iteration": { "start": -3, "step": 2 }, "prefix": "n" }),
        ],
        Kind::Plain("bytes") => vec![
            json!({ "length": { "max": 100 } }),
            json!({ "length": 0 }),
            json!({ "options": ["\u{ff}\u{0}", ""] }),
        ],
        Kind::Plain("float" | "double") => vec![
            json!({ "range": { "min": -1e30, "max": 0.5 } }),
            json!({ "range": { "max": -3 } }),
            json!({ "options": [0.1, -0.0, 1e-38] }),
            json!({ "iteration": { "start": -1.5, "step": 0.25, "restart": 3 } }),
        ],
        Kind::Plain(_) | Kind::Logical("int" | "long", _) => vec![
            json!({ "range": { "min": -70, "max": 70 } }),
            json!({ "range": { "min": 2_000_000_000 } }),
            json!({ "options": [0, -1, 2_147_483_647] }),
            json!({ "iteration": { "start": 5, "restart": -9, "step": -4 } }),
        ],
        Kind::Decimal(precision, scale, _) if *precision <= 15 && *scale < *precision => vec![
            json!({ "range": { "min": -9, "max": 9 } }),
            json!({ "options": [0, 1, -9] }),
            json!({ "iteration": { "start": 0, "restart": 9 } }),
        ],
        Kind::Fixed(size) => vec![json!({ "options": ["\u{e9}".repeat(*size)] })],
        Kind::Enum(_) => vec![json!({ "options": ["S0"] })],
        Kind::Array(_) => match length {
            Some(length) => vec![json!({ "length": length })],
            None => vec![json!({ "options": [[]] })],
        },
        Kind::Map(_) => match length {
            Some(length) => vec![
                json!({ "length": length }),
                json!({ "length": length, "keys": { "options": ["", "k", "ü"] } }),
                json!({ "length": length, "keys": { "regex": "[ab]{1,2}" } }),
                json!({ "length": length, "keys": { "iteration": { "start": 0 } } }),
            ],
            None => vec![json!({ "options": [{}] })],
        },
        _ => return None,
    };
    Some(picks.one(of))
}

/// Returns what is said in one of our ways, and whether it may stand within `once`.
fn ours(kind: &Kind, picks: &mut Picks) -> Option<(Value, bool)> {
    let choice = |values: Vec<Value>| {
        let weighted = values.into_iter().enumerate();
        let weighted: Vec<_> =
            weighted.map(|(n, value)| json!({ "value": value, "weight": n + 1 })).collect();
        json!({ "choice": weighted })
    };
    let spread = vec![
        json!({ "range": { "min": -5, "max": 5 } }),
        json!({ "normal": { "mean": 0, "deviation": 2, "min": -9, "max": 9 } }),
        json!({ "log-normal": { "median": 2, "sigma": 0.5, "max": 9 } }),
        json!({ "day-curve": { "points": { "04:00": -3, "15:30": 7 }, "noise": 2 } }),
        json!({ "counter": { "restart": 7 } }),
    ];
    let of = match kind {
        Kind::Plain("boolean") => vec![json!({ "odds": 0.9 })],
        Kind::Plain("int" | "long") => {
            let mut of = spread;
            of.push(json!({ "source": { "divisor": 7, "first": -3 } }));
            of.push(json!({ "source": { "range": { "min": -70_000, "max": 70_000 } } }));
            of.push(json!({ "source": { "options": [1, -2, 300] } }));
            let small = choice(vec![json!(1), json!(-2), json!(77)]);
            of.extend([small.clone(), small.clone(), small]);
            of
        }
        Kind::Plain("float" | "double") => {
            let mut of = spread;
            of.push(json!({ "range": { "min": 0.5, "max": 99.99, "decimals": 2 } }));
            of.push(json!({ "source": { "range": { "min": -1.5, "max": 1.5 } } }));
            of
        }
        Kind::Plain("string") => vec![
            json!({ "id": { "digits": 64 } }),
            json!({ "source": { "prefix": "ö-", "digits": 7 } }),
            json!({ "counter": { "digits": 20, "suffix": "!" } }),
            choice(vec![json!(""), json!("x")]),
        ],
        Kind::Logical("string" | "bytes", _) | Kind::UuidFixed => vec![json!({ "id": {} })],
        Kind::Logical(_, _) => vec![
            json!({ "event-time": {} }),
            json!({ "event-time": { "later-ms": { "min": -100_000_000, "max": 100_000_000 } } }),
        ],
        Kind::Decimal(precision, scale, _) if *precision <= 15 && *scale < *precision => spread,
        Kind::Enum(_) => {
            vec![choice(vec![json!("S0")]), json!({ "source": { "options": ["S0"] } })]
        }
        Kind::Array(_) => vec![choice(vec![json!([])])],
        Kind::Map(_) => vec![choice(vec![json!({})])],
        _ => return None,
    };
    let said = picks.one(of);
    let follows_record =
        ["event-time", "counter", "day-curve"].iter().any(|way| said.get(way).is_some());
    Some((said, !follows_record))
}
