//! Texts of schemas that try to break what reads them: deep, huge, endless, or only nearly right.

use fastrand::Rng;
use serde_json::Value;
use serde_json::json;

/// Numbers at the ends of types and of limits, and some that are none of an integer.
const NUMBERS: [&str; 34] = [
    "0",
    "1",
    "-1",
    "2",
    "7",
    "16",
    "12",
    "0.5",
    "-0.0",
    "18",
    "19",
    "38",
    "39",
    "1000",
    "1024",
    "1025",
    "32768",
    "32769",
    "65536",
    "1048576",
    "2147483647",
    "2147483648",
    "-2147483649",
    "4294967296",
    "1099511627776",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "1e19",
    "1e308",
    "-1e-308",
    "123456789.123456789",
];

/// Expressions that are nested, repeated, ambiguous or broken.
const REGEXES: [&str; 20] = [
    "(((((((a*)*)*)*)*)*)*)*",
    "((a{1,1000}){1,1000})",
    "a{4294967295}",
    "(a{4294967295}){4294967295}b",
    "(ä?){4294967295}",
    "((|a)(|b))*()*",
    "(a|bc)*(d|ef)*(g|hi)*(j|kl)*",
    r"[\p{L}&&[^a-z]]*x",
    r"(?i)straße+",
    r"\w{1,1000}\d*\s+",
    "(?-u:\\xff)",
    r"(a)\1",
    "(?=a)b",
    "[z-a]",
    "a**",
    "((((",
    r"\b^$\B",
    "",
    "[^\\s\\S]",
    r"\x{10ffff}{9}",
];

pub(super) fn pick<'l, T: ?Sized>(rng: &mut Rng, list: &[&'l T]) -> &'l T {
    list[rng.usize(..list.len())]
}

/// Returns a number from the ends of something.
pub(super) fn number(rng: &mut Rng) -> Value {
    // What is no number of 64 bits becomes one of a double.
    serde_json::from_str(pick(rng, &NUMBERS)).unwrap()
}

/// Returns a hostile expression, as it is or made of several.
pub(super) fn regex(rng: &mut Rng) -> String {
    let parts = rng.usize(1..4);
    let parts: Vec<_> = (0..parts).map(|_| pick(rng, &REGEXES)).collect();
    match rng.u8(..4) {
        0 => parts.concat(),
        1 => format!("({})", parts.join("|")),
        2 => format!("(?:{}){{{}}}", parts.concat(), number(rng)),
        _ => format!("({})*", parts.concat()),
    }
}

/// Returns any JSON, mostly of a type that is not expected.
pub(super) fn anything(rng: &mut Rng) -> Value {
    match rng.u8(..12) {
        0 => Value::Null,
        1 => rng.bool().into(),
        2..=5 => number(rng),
        6 => regex(rng).into(),
        7 => json!([]),
        8 => json!({}),
        9 => json!([number(rng), number(rng)]),
        10 => json!({ "min": number(rng), "max": number(rng) }),
        _ => pick(rng, &["", "int", "string", "R", "null", "\u{0}", "a.b", "🐻"]).into(),
    }
}

/// Returns types within types, so many deep.
fn deep(rng: &mut Rng) -> String {
    let deepest = pick(rng, &[&64, &130, &130, &5_000]);
    let depth = rng.usize(10..*deepest);
    let (open, close) = match rng.u8(..8) {
        0 => (r#"{"type":"array","items":"#, "}"),
        1 => (r#"{"type":"map","values":"#, "}"),
        2 => (r#"["null",{"type":"array","items":"#, "}]"),
        3 => (r#"{"type":"#, "}"),
        4 => ("[", "]"),
        5 => (r#"{"type":"array","arg.properties":{"length":1},"items":"#, "}"),
        6 => (r#"{"type":"int","producer-load":{"by":"#, "}}"),
        _ => {
            let opened = |n| {
                format!(r#"{{"type":"record","name":"R{n}","fields":[{{"name":"f","type":"#)
            };
            let opened: String = (0..depth).map(opened).collect();
            return format!(r#"{opened}"int"{}"#, "}]}".repeat(depth));
        }
    };
    let inner = pick(rng, &[r#""int""#, r#""null""#, "{}", "1", r#"{"type":"int"}"#]);
    let (opened, closed) = (open.repeat(depth), close.repeat(depth));
    in_record(&format!("{opened}{inner}{closed}"))
}

/// Returns the text of a record with one field of this type.
fn in_record(kind: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{{"name":"f","type":{kind}}}]}}"#)
}

/// Returns a record type whose field is annotated.
fn annotated(kind: &Value, property: &str, said: &Value) -> String {
    let field = json!({ "name": "f", "type": kind, property: said });
    json!({ "type": "record", "name": "R", "fields": [field] }).to_string()
}

/// Returns types that contain themselves, or each other.
fn cycle(rng: &mut Rng) -> String {
    let length = rng.usize(1..40);
    let mut kind = json!("R0");
    for n in (0..length).rev() {
        let inner = match rng.u8(..4) {
            0 => json!({ "type": "array", "items": kind }),
            1 => json!({ "type": "map", "values": kind }),
            2 => json!(["null", kind]),
            _ => kind,
        };
        let field = json!({ "name": "f", "type": inner });
        kind = json!({ "type": "record", "name": format!("R{n}"), "fields": [field] });
    }
    kind.to_string()
}

/// Returns named types each of which has the one before it several times.
fn doubling(rng: &mut Rng) -> String {
    let (levels, times) = (rng.usize(1..50), rng.usize(1..4));
    let leaf = pick(rng, &["int", "null", "string", "bytes"]);
    let mut fields = vec![json!({ "name": "f", "type":
        { "type": "record", "name": "A0", "fields": [{ "name": "x", "type": leaf }] } })];
    for level in 1..levels {
        let below = format!("A{}", level - 1);
        let inner: Vec<_> =
            (0..times).map(|n| json!({ "name": format!("x{n}"), "type": below })).collect();
        fields.push(json!({ "name": format!("f{level}"), "type":
            { "type": "record", "name": format!("A{level}"), "fields": inner } }));
    }
    json!({ "type": "record", "name": "R", "fields": fields }).to_string()
}

/// Returns a record type with very many fields, or one field with very many of something.
fn wide(rng: &mut Rng) -> String {
    let count = pick(rng, &[&500, &60, &3_000]);
    let names = (0..*count).map(|n| format!("s{n}"));
    match rng.u8(..5) {
        0 => {
            let fields: Vec<_> = names.map(|name| json!({ "name": name, "type": "long" })).collect();
            json!({ "type": "record", "name": "R", "fields": fields }).to_string()
        }
        1 => {
            let symbols: Vec<_> = names.collect();
            in_record(&json!({ "type": "enum", "name": "E", "symbols": symbols }).to_string())
        }
        2 => {
            let options: Vec<_> = names.collect();
            let keys = json!({ "length": number(rng), "keys": { "options": options } });
            annotated(&json!({ "type": "map", "values": "int" }), "arg.properties", &keys)
        }
        3 => {
            let fixed = |name| json!({ "type": "fixed", "name": name, "size": 1 });
            in_record(&names.map(fixed).collect::<Value>().to_string())
        }
        _ => {
            let regex = regex(rng);
            let fields: Vec<_> = names
                .take(20)
                .map(|name| {
                    json!({ "name": name, "type": "string", "arg.properties":
                        { "regex": regex, "length": { "max": number(rng) } } })
                })
                .collect();
            json!({ "type": "record", "name": "R", "fields": fields }).to_string()
        }
    }
}

/// Returns a type whose sizes, lengths or digits come from the ends of numbers.
fn huge(rng: &mut Rng) -> String {
    let fixed = json!({ "type": "fixed", "name": "F", "size": number(rng) });
    let decimal = |rng: &mut Rng| {
        let mut kind = if rng.bool() { fixed.clone() } else { json!({ "type": "bytes" }) };
        kind["logicalType"] = "decimal".into();
        kind["precision"] = number(rng);
        if rng.bool() {
            kind["scale"] = number(rng);
        }
        kind
    };
    let logical = |rng: &mut Rng| {
        let mut kind = fixed.clone();
        kind["logicalType"] = pick(rng, &["duration", "uuid", "date", "decimal"]).into();
        kind
    };
    let kind = match rng.u8(..10) {
        0 => fixed.clone(),
        1..=4 => decimal(rng),
        5 => logical(rng),
        6 => json!({ "type": "array", "items": pick(rng, &["null", "int", "string"]) }),
        7 => json!({ "type": "map", "values": pick(rng, &["null", "int", "string"]) }),
        8 => json!({ "type": "long", "logicalType": pick(rng, &["timestamp-nanos", "time-micros"]) }),
        _ => json!(pick(rng, &["int", "long", "float", "double", "bytes", "string"])),
    };
    if rng.u8(..4) == 0 {
        return in_record(&kind.to_string());
    }
    let bounds = json!({ "min": number(rng), "max": number(rng) });
    let one_sided = json!({ pick(rng, &["min", "max"]): number(rng) });
    let bounds = if rng.bool() { bounds } else { one_sided };
    let counting = json!({ "start": number(rng), "step": number(rng), "restart": number(rng),
        "initial": number(rng) });
    let theirs = match rng.u8(..5) {
        0 => json!({ "length": if rng.bool() { number(rng) } else { bounds } }),
        1 => json!({ "range": bounds }),
        2 => json!({ "options": [number(rng), 1] }),
        3 => json!({ "regex": regex(rng), "length": bounds }),
        _ => json!({ "iteration": counting }),
    };
    if rng.bool() {
        return annotated(&kind, "arg.properties", &theirs);
    }
    let ours = match rng.u8(..9) {
        0 => json!({ "range": { "min": number(rng), "max": number(rng), "decimals": number(rng) } }),
        1 => json!({ "normal": { "mean": number(rng), "deviation": number(rng) } }),
        2 => json!({ "log-normal": { "median": number(rng), "sigma": number(rng) } }),
        3 => json!({ "day-curve": { "points": { "01:00": number(rng), "02:00": number(rng) },
                "noise": number(rng) } }),
        4 => json!({ "event-time": { "later-ms": { "min": number(rng), "max": number(rng) } } }),
        5 => json!({ "counter": { "start": number(rng), "step": number(rng) } }),
        6 => json!({ "id": { "digits": number(rng) } }),
        7 => json!({ "source": { "divisor": number(rng), "first": number(rng) } }),
        _ => json!({ "choice": [{ "value": number(rng), "weight": number(rng) }, { "value": 1 }] }),
    };
    annotated(&kind, "producer-load", &ours)
}

/// Returns a text that no person would write.
pub(super) fn hostile(rng: &mut Rng) -> String {
    match rng.u8(..10) {
        0 => deep(rng),
        1 => cycle(rng),
        2 => doubling(rng),
        3 => wide(rng),
        _ => huge(rng),
    }
}
