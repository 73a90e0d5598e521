//! What nobody writes by mistake: numbers at the ends, types without one, names that go in circles.

use fastrand::Rng;
use serde_json::Value;
use serde_json::json;

/// Numbers that no place expects.
const NUMBERS: &str = "
    0 -0 1 -1 2 3 16 17 38 39 64 255 256 1000 1024 65536 1048576 2147483647 2147483648 -2147483648
    4294967296 9007199254740993 9223372036854775807 -9223372036854775808 18446744073709551615 1e18
    1e308 -1e308 5e-324 0.1 1.5 -0.5
";

/// Words that mean something somewhere.
const WORDS: &str = "
    type name namespace fields items values symbols size default aliases doc order logicalType
    precision scale record error enum array map fixed null boolean int long float double bytes
    string decimal big-decimal uuid date time-millis time-micros timestamp-millis timestamp-nanos
    local-timestamp-micros duration arg.properties producer-load options datums range iteration
    odds length regex prefix suffix keys min max start restart step initial file encoding source
    choice by times once id counter value weight lifecycle day-curve event-time normal
";

const TYPES: [&str; 31] = [
    r#""null""#,
    r#""boolean""#,
    r#""int""#,
    r#""long""#,
    r#""float""#,
    r#""double""#,
    r#""bytes""#,
    r#""string""#,
    r#"["null","string"]"#,
    r#"["null","int","double"]"#,
    r#"["string","null",{"type":"array","items":"int"}]"#,
    r#"{"type":"int","logicalType":"date"}"#,
    r#"{"type":"int","logicalType":"time-millis"}"#,
    r#"{"type":"long","logicalType":"time-micros"}"#,
    r#"{"type":"long","logicalType":"timestamp-millis"}"#,
    r#"{"type":"long","logicalType":"timestamp-micros"}"#,
    r#"{"type":"long","logicalType":"timestamp-nanos"}"#,
    r#"{"type":"long","logicalType":"local-timestamp-millis"}"#,
    r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#,
    r#"{"type":"bytes","logicalType":"decimal","precision":40,"scale":39}"#,
    r#"{"type":"fixed","name":"?","size":16,"logicalType":"decimal","precision":38,"scale":0}"#,
    r#"{"type":"fixed","name":"?","size":1,"logicalType":"decimal","precision":2,"scale":1}"#,
    r#"{"type":"fixed","name":"?","size":4}"#,
    r#"{"type":"fixed","name":"?","size":0}"#,
    r#"{"type":"fixed","name":"?","size":12,"logicalType":"duration"}"#,
    r#"{"type":"fixed","name":"?","size":16,"logicalType":"uuid"}"#,
    r#"{"type":"string","logicalType":"uuid"}"#,
    r#"{"type":"bytes","logicalType":"uuid"}"#,
    r#"{"type":"enum","name":"?","symbols":["A","B","C"]}"#,
    r#"{"type":"enum","name":"?","symbols":["ONE"],"default":"ONE"}"#,
    r#"{"type":"record","name":"?","fields":[]}"#,
];

/// Returns one of the words of a text.
fn one_of<'t>(words: &'t str, rng: &mut Rng) -> &'t str {
    rng.choice(words.split_whitespace().collect::<Vec<_>>()).unwrap()
}

pub(super) fn number(rng: &mut Rng) -> Value {
    serde_json::from_str(one_of(NUMBERS, rng)).unwrap()
}

pub(super) fn word(rng: &mut Rng) -> String {
    one_of(WORDS, rng).to_owned()
}

/// Returns a value of any kind.
pub(super) fn value(rng: &mut Rng) -> Value {
    match rng.u8(..16) {
        0 => Value::Null,
        1 => rng.bool().into(),
        2..7 => number(rng),
        7..9 => word(rng).into(),
        9 => "".into(),
        10 => "ä\u{0}\u{10ffff}".repeat(rng.usize(..400)).into(),
        11 => json!([]),
        12 => json!({}),
        13 => (0..rng.usize(1..40)).map(|_| number(rng)).collect(),
        14 => json!({"min": number(rng), "max": number(rng)}),
        _ => (0..rng.usize(1..120)).fold(number(rng), |inner, _| json!([inner])),
    }
}

/// Returns a type, with others in it at most so deep. Names are new ones, nearly always.
pub(super) fn type_of(rng: &mut Rng, depth: u8) -> Value {
    let inner = depth.saturating_sub(1);
    match rng.u8(..if depth == 0 { 9 } else { 12 }) {
        9 => json!({"type": "array", "items": type_of(rng, inner)}),
        10 => json!({"type": "map", "values": type_of(rng, inner)}),
        11 => json!({"type": "record", "name": name(rng), "fields": [
            {"name": "a", "type": type_of(rng, inner)}, {"name": "b", "type": "int"}]}),
        _ => {
            let text = rng.choice(TYPES).unwrap().replace('?', &name(rng));
            serde_json::from_str(&text).unwrap()
        }
    }
}

fn name(rng: &mut Rng) -> String {
    format!("N{}", rng.u32(..))
}

/// Returns an annotation that is one property with a value meant for no one.
pub(super) fn annotation(rng: &mut Rng) -> Value {
    json!({(word(rng)): value(rng)})
}

/// Returns `regex`, at times with a length.
pub(super) fn regex_annotation(rng: &mut Rng) -> Value {
    let depth = rng.u8(..7);
    let regex = match rng.u8(..12) {
        0 => "(".repeat(rng.usize(1..5_000)),
        1 => format!("{}a{}", "(".repeat(200), ")*".repeat(200)),
        2 => "a{1000}".repeat(rng.usize(1..100)),
        3 => (0..rng.u8(1..9)).fold("a".to_owned(), |inner, _| format!("({inner}){{1,1000}}")),
        4 => "\\w".repeat(rng.usize(1..4_000)),
        5 => "(a|b|)".repeat(rng.usize(1..1_000)),
        6 => (0..rng.u8(1..40)).fold("a".to_owned(), |inner, _| {
            format!("({inner}|{inner}x)?").chars().take(20_000).collect()
        }),
        _ => regex(rng, depth),
    };
    match rng.u8(..4) {
        0 => json!({"regex": regex, "length": number(rng)}),
        1 => json!({"regex": regex, "length": {"min": number(rng), "max": number(rng)}}),
        2 => json!({"regex": regex, "length": rng.u16(..1_100), "prefix": "p", "suffix": "ü"}),
        _ => json!({"regex": regex}),
    }
}

fn regex(rng: &mut Rng, depth: u8) -> String {
    const ATOMS: [&str; 36] = [
        "a",
        "Z",
        "7",
        ".",
        "\\d",
        "\\w",
        "\\W",
        "\\s",
        "\\S",
        "\\D",
        "[a-z]",
        "[^a-z]",
        "[^\\x00-\\x{10FFFF}]",
        "\\x{10FFFF}",
        "\\n",
        "^",
        "$",
        "\\b",
        "\\B",
        "\\A",
        "\\z",
        "\\pL",
        "\\p{Greek}",
        "(?i)k",
        "(?s-u:.)",
        "(?=a)",
        "\\1",
        "[[:alpha:]]",
        "[a&&b]",
        "[z-a]",
        "ä",
        "\u{1F600}",
        "(",
        "]",
        "{2}",
        "(?x) # c",
    ];
    const REPEATS: [&str; 14] = [
        "*",
        "+",
        "?",
        "{0}",
        "{3}",
        "{0,}",
        "{2,5}",
        "{5,2}",
        "{1000}",
        "{100000}",
        "{4294967295}",
        "{99999999999}",
        "*?",
        "{1,1000}",
    ];
    if depth == 0 {
        return (*rng.choice(ATOMS).unwrap()).to_owned();
    }
    let count = rng.u8(1..4);
    let parts: Vec<_> = (0..count).map(|_| regex(rng, depth - 1)).collect();
    match rng.u8(..4) {
        0 => parts.concat(),
        1 => format!("({})", parts.join("|")),
        2 => format!("(?:{}){}", parts.concat(), rng.choice(REPEATS).unwrap()),
        _ => format!("{}{}", parts.concat(), rng.choice(REPEATS).unwrap()),
    }
}

fn record(fields: impl IntoIterator<Item = Value>) -> String {
    let named = |(number, schema)| json!({"name": format!("f{number}"), "type": schema});
    let fields: Value = fields.into_iter().enumerate().map(named).collect();
    json!({"type": "record", "name": "R", "fields": fields}).to_string()
}

/// Returns the text of a schema that is large or deep, or goes in circles.
pub(super) fn structure(rng: &mut Rng) -> String {
    match rng.u8(..11) {
        0 => nested(rng),
        1 => circle(rng),
        2 => doubled(rng),
        3 => {
            let size = number(rng);
            let fixed = json!({"type": "fixed", "name": "F", "size": size,
                "logicalType": one_of("none decimal duration uuid", rng),
                "precision": number(rng), "scale": number(rng)});
            record([fixed, json!("F")])
        }
        4 => record([json!({"type": "bytes", "logicalType": "decimal", "precision": number(rng),
            "scale": number(rng), "arg.properties": {"range": {"min": number(rng),
            "max": number(rng)}}})]),
        5 => {
            let length = if rng.bool() {
                number(rng)
            } else {
                json!({"min": number(rng), "max": number(rng)})
            };
            let inner = type_of(rng, 1);
            let outer = match rng.u8(..4) {
                0 => json!({"type": "array", "items": inner}),
                1 => json!({"type": "map", "values": inner}),
                2 => json!({"type": "string"}),
                _ => json!({"type": "bytes"}),
            };
            let mut outer = outer;
            outer["arg.properties"] = json!({"length": length});
            record([outer])
        }
        6 => record((0..500).map(|_| type_of(rng, 1)).collect::<Vec<_>>()),
        7 => {
            let count = rng.u32(1..5_000);
            let symbols: Value = (0..count).map(|number| format!("S{number}")).collect();
            let options = if rng.bool() { symbols.clone() } else { value(rng) };
            record([json!({"type": "enum", "name": "E", "symbols": symbols,
                "arg.properties": {"options": options}})])
        }
        8 => {
            let branches: Value = (0..rng.u32(..300)).map(|_| type_of(rng, 1)).collect();
            record([branches])
        }
        9 => {
            let kind = one_of("int long float double string", rng);
            let said = json!({"start": number(rng), "restart": number(rng), "step": number(rng),
                "initial": number(rng)});
            let mut kept = said.as_object().unwrap().clone();
            kept.retain(|name, _| name == "start" || rng.bool());
            record([json!({"type": kind, "arg.properties": {"iteration": kept}})])
        }
        _ => record([json!({"type": "string", "arg.properties": regex_annotation(rng)})]),
    }
}

/// Types in types, or annotations in annotations: deeper than any parser goes, or just as deep.
fn nested(rng: &mut Rng) -> String {
    let depth = if rng.bool() { rng.usize(10..130) } else { rng.usize(130..5_000) };
    let (open, close) = rng
        .choice([
            (r#"{"type":"array","items":"#, "}"),
            (r#"{"type":"map","values":"#, "}"),
            (r#"{"type":"#, "}"),
            ("[", "]"),
            (r#"["null","#, "]"),
            (r#"["null",{"type":"array","items":"#, "}]"),
            (r#"{"type":"record","name":"N?","fields":[{"name":"a","type":"#, "}]}"),
            (r#"{"type":"array","arg.properties":{"length":1},"items":"#, "}"),
            (r#"{"type":"array","arg.properties":{"length":2},"items":"#, "}"),
            (r#"{"type":"int","producer-load":{"once":"#, "}}"),
        ])
        .unwrap();
    let mut text = r#"{"type":"record","name":"R","fields":[{"name":"x","type":"#.to_owned();
    for number in 0..depth {
        text.push_str(&open.replace('?', &number.to_string()));
    }
    text.push_str(r#""int""#);
    if rng.u8(..10) > 0 {
        text.push_str(&close.repeat(depth));
        text.push_str("}]}");
    }
    if rng.u8(..3) == 0 {
        // Cases in cases, steps in steps.
        let (open, close) = rng
            .choice([
                (r#"{"by":{"field":"s","cases":{},"otherwise":"#, "}}"),
                (r#"{"by":{"field":"s","cases":{"1":4,"2":"#, "}}}"),
                (r#"{"once":"#, "}"),
                (r#"{"step":["#, "]}"),
                (r#"{"source":{"choice":[{"value":"#, "}]}}"),
                (r#"{"value":"#, "}"),
            ])
            .unwrap();
        let said = format!("{}7{}", open.repeat(depth), close.repeat(depth));
        return format!(
            r#"{{"type":"record","name":"R","fields":[{{"name":"s","type":"int","producer-load":
            {{"range":{{"min":1,"max":2}}}}}},{{"name":"x","type":"int","producer-load":{said}}}],
            "producer-load":{{"lifecycle":{{"steps":1,"block":1}}}}}}"#
        );
    }
    text
}

/// Names that lead back to themselves, directly or through others.
fn circle(rng: &mut Rng) -> String {
    let count = rng.usize(1..30);
    let through = |name: String, rng: &mut Rng| match rng.u8(..4) {
        0 => json!(name),
        1 => json!(["null", name]),
        2 => json!({"type": "array", "items": name, "arg.properties": {"length": number(rng)}}),
        _ => json!({"type": "map", "values": name}),
    };
    let mut inner = through("R0".to_owned(), rng);
    for number in (0..count).rev() {
        let back = through(format!("R{}", rng.usize(..count)), rng);
        inner = json!({"type": "record", "name": format!("R{number}"), "fields": [
            {"name": "a", "type": inner}, {"name": "b", "type": back}]});
    }
    inner.to_string()
}

/// Each record has the one before it twice or more: twice as many types with every one.
fn doubled(rng: &mut Rng) -> String {
    let (count, uses) = (rng.usize(1..60), rng.usize(1..4));
    let ends = [json!("int"), json!({"type": "array", "items": "int"}), json!("null")];
    let mut defined = vec![json!({"type": "record", "name": "R0", "fields": [
        {"name": "a", "type": rng.choice(&ends).unwrap()}]})];
    for number in 1..count {
        let before = format!("R{}", number - 1);
        let fields: Value =
            (0..uses).map(|at| json!({"name": format!("f{at}"), "type": before})).collect();
        defined.push(json!({"type": "record", "name": format!("R{number}"), "fields": fields}));
    }
    record(defined)
}
