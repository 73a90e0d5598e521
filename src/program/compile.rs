//! From the text of a schema to operations: one walk over its fields, depth first, in order.

use serde_json::Value;

use super::CompileError;
use super::annotation::Annotation;
use super::draw::REGISTER_UNUSED;
use super::draw::REGISTERS_MAX;
use super::op::Choice;
use super::op::Op;
use super::op::Range;
use super::op::Uniform;
use super::source::SourceField;
use super::source::SourceKey;
use super::source::SourceRun;
use super::varint;
use crate::schema::EventSchema;
use crate::units::Sources;

mod integer;
mod value;

use integer::Width;

/// Nested types at most; deeper schemas are refused rather than walked.
const DEPTH_MAX: usize = 64;

/// Letters or bytes of a string or bytes without a `length`: as many as this, up to so many more.
const LENGTH: Range = Range { low: 8, span: 9 };

/// Compiles a schema; also returns how its message key is made.
pub(super) fn compile(
    schema: &EventSchema,
    sources: Sources,
) -> Result<(Box<[Op]>, SourceKey), CompileError> {
    let mut compiler = Compiler { sources, ..Compiler::default() };
    compiler.find_registers(schema.annotated(), "");
    compiler.record(schema.annotated(), "", 0)?;
    compiler.end_source_run();
    let key = compiler.key.unwrap_or(SourceKey { prefix: "".into(), digits: 0, first: 0 });
    Ok((compiler.ops.into(), key))
}

struct Compiler {
    sources: Sources,
    ops: Vec<Op>,
    /// Neighbouring fields that follow from the source, not yet an operation.
    source_run: Vec<(u64, SourceField)>,
    /// Fields so far, which number the sources' random streams.
    ordinal: u64,
    /// Paths of integer fields that others depend on, each with its register.
    registers: Vec<String>,
    key: Option<SourceKey>,
}

impl Default for Compiler {
    fn default() -> Self {
        Self {
            sources: Sources { first: 0, end: 1 },
            ops: Vec::new(),
            source_run: Vec::new(),
            ordinal: 0,
            registers: Vec::new(),
            key: None,
        }
    }
}

impl Compiler {
    /// Notes every field that another one names in a `by` or `times`.
    fn find_registers(&mut self, schema: &Value, record: &str) {
        for field in fields(schema) {
            let path = join(record, field);
            for place in [field, &field["type"]] {
                let ours = &place[super::annotation::OURS];
                let named = ["by", "times"].map(|name| ours[name]["field"].as_str());
                for name in named.into_iter().flatten() {
                    let path = join_name(record, name);
                    if !self.registers.contains(&path) {
                        self.registers.push(path);
                    }
                }
            }
            if field["type"]["type"] == "record" {
                self.find_registers(&field["type"], &path);
            }
        }
    }

    fn record(&mut self, schema: &Value, path: &str, depth: usize) -> Result<(), CompileError> {
        for field in fields(schema) {
            let path = join(path, field);
            self.ordinal += 1;
            self.value(&field["type"], Some(field), &path, depth + 1)?;
        }
        Ok(())
    }

    /// Compiles the value of a type, annotated there or on its field.
    fn value(
        &mut self,
        schema: &Value,
        field: Option<&Value>,
        path: &str,
        depth: usize,
    ) -> Result<(), CompileError> {
        if depth > DEPTH_MAX {
            let what = format!("a type nested more than {DEPTH_MAX} deep");
            return Err(CompileError::Unsupported { path: path.to_owned(), what });
        }
        let name = match schema {
            Value::String(name) => name.as_str(),
            Value::Object(object) => match object.get("type") {
                Some(Value::String(name)) => name.as_str(),
                // {"type": {"type": …}}: the inner object is the type.
                Some(inner) => return self.value(inner, field, path, depth + 1),
                None => return unsupported(path, "a type without a name"),
            },
            _ => return unsupported(path, "a union"),
        };
        let annotation = Annotation::read(path, field, schema)?;
        if let Some((kind, said)) = annotation.ours()? {
            return self.ours(kind, said, schema, name, path, &annotation);
        }
        self.theirs(schema, name, path, depth, &annotation)
    }

    /// Compiles a value as `producer-load` says.
    fn ours(
        &mut self,
        kind: &str,
        said: &Value,
        schema: &Value,
        name: &str,
        path: &str,
        annotation: &Annotation<'_>,
    ) -> Result<(), CompileError> {
        let op = match (kind, name) {
            ("source", _) => {
                let field = value::source_field(said, name, annotation)?;
                if name == "int" && !field.fits_int(self.sources) {
                    return Err(annotation.wrong("some source's number is no int; use a long"));
                }
                self.follow_source(field);
                return Ok(());
            }
            ("event-time", "long") => event_time(schema).unwrap_or(Op::EventTime { per_ms: 1 }),
            ("id", "string") => {
                let digits = annotation.whole(said, "digits", 24)?;
                let digits = usize::try_from(digits.clamp(1, 64)).unwrap_or_default();
                Op::Id { digits }
            }
            ("choice", _) => {
                let register = self.register(path)?;
                Op::Choice(value::weighted(said, name, annotation, register)?)
            }
            ("by", "int" | "long") => {
                let by = self.by(said, path, annotation)?;
                refuse_wide(name, &by, annotation)?;
                by
            }
            ("times", "long") => {
                let (min, max) = annotation.whole_bounds(said)?;
                let on = self.depended_on(said, path, annotation)?;
                let range = integer::inclusive(min, max);
                Op::Times { on, range, register: self.register(path)? }
            }
            _ => return Err(annotation.wrong(&format!("'{kind}' does not go with {name}"))),
        };
        self.push(op);
        Ok(())
    }

    /// Compiles a value as `arg.properties` says, or as its type alone does.
    fn theirs(
        &mut self,
        schema: &Value,
        name: &str,
        path: &str,
        depth: usize,
        annotation: &Annotation<'_>,
    ) -> Result<(), CompileError> {
        if name == "record" {
            return self.record(schema, path, depth);
        }
        if let Some(options) = annotation.theirs("options") {
            annotation.refuse_others(&["options"])?;
            let register = self.register(path)?;
            self.push(Op::Choice(value::options(options, name, annotation, register)?));
            return Ok(());
        }
        let op = match name {
            "null" => Op::Constant([].into()),
            "boolean" => value::boolean(annotation)?,
            "int" | "long" => self.integer(schema, name, path, annotation)?,
            "float" => Op::Float(value::uniform(annotation)?),
            "double" => Op::Doubles([value::uniform(annotation)?].into()),
            "string" if schema["logicalType"] != "uuid" => {
                Op::Letters { length: integer::length(annotation, LENGTH)? }
            }
            "bytes" => Op::Bytes { length: integer::length(annotation, LENGTH)? },
            "fixed" => Op::Fixed(value::fixed_size(schema, annotation)?),
            "enum" => {
                let symbols = schema["symbols"].as_array().map_or(0, Vec::len) as u64;
                Op::Integer { range: Range { low: 0, span: symbols }, register: REGISTER_UNUSED }
            }
            other => return unsupported(path, &format!("a value of type {other}")),
        };
        self.push(op);
        Ok(())
    }

    /// Compiles an int or a long; a point in time without a range is the event time.
    fn integer(
        &self,
        schema: &Value,
        name: &str,
        path: &str,
        annotation: &Annotation<'_>,
    ) -> Result<Op, CompileError> {
        if let (None, Some(op)) = (annotation.theirs("range"), event_time(schema)) {
            return Ok(op);
        }
        let width = if name == "int" { Width::Int } else { Width::Long };
        let range = integer::range(annotation, width)?;
        Ok(Op::Integer { range, register: self.register(path)? })
    }

    fn by(
        &self,
        said: &Value,
        path: &str,
        annotation: &Annotation<'_>,
    ) -> Result<Op, CompileError> {
        let on = self.depended_on(said, path, annotation)?;
        let cases = said["cases"].as_object();
        let cases = cases.ok_or_else(|| annotation.wrong("'by' takes an object 'cases'"))?;
        let range = |value: &Value| match value.as_i64() {
            Some(value) => Ok(integer::inclusive(value, value)),
            None => annotation.whole_bounds(value).map(|(min, max)| integer::inclusive(min, max)),
        };
        let case = |(on, value): (&String, &Value)| {
            let on = on.parse().map_err(|_| annotation.wrong("a case is an integer"))?;
            Ok((on, range(value)?))
        };
        let cases = cases.iter().map(case).collect::<Result<_, CompileError>>()?;
        let otherwise = match said.get("otherwise") {
            Some(value) => range(value)?,
            None => integer::inclusive(0, 0),
        };
        Ok(Op::By { on, cases, otherwise, register: self.register(path)? })
    }

    /// Returns the register of the earlier field that an annotation names.
    fn depended_on(
        &self,
        said: &Value,
        path: &str,
        annotation: &Annotation<'_>,
    ) -> Result<u8, CompileError> {
        let name = said["field"].as_str();
        let name = name.ok_or_else(|| annotation.wrong("'field' must name an earlier field"))?;
        let record = path.rsplit_once('.').map_or("", |(record, _)| record);
        let earlier = join_name(record, name);
        let is_written = |op: &Op| {
            matches!(op, Op::Integer { register: r, .. }
            | Op::By { register: r, .. } | Op::Times { register: r, .. }
            | Op::Choice(Choice { register: r, .. })
            if self.registers.get(usize::from(*r)) == Some(&earlier))
        };
        if !self.ops.iter().any(is_written) {
            return Err(annotation.wrong(&format!("there is no integer field {name} before it")));
        }
        self.register(&earlier)
    }

    /// Returns the register of a field: one of its own, if another field depends on it.
    fn register(&self, path: &str) -> Result<u8, CompileError> {
        let Some(place) = self.registers.iter().position(|register| register == path) else {
            return Ok(REGISTER_UNUSED);
        };
        if place >= REGISTERS_MAX {
            let what = format!("more than {REGISTERS_MAX} fields that others depend on");
            return unsupported(path, &what);
        }
        Ok(u8::try_from(place).unwrap_or(REGISTER_UNUSED))
    }

    fn follow_source(&mut self, field: SourceField) {
        let key = match &field {
            SourceField::Text { prefix, digits, divisor: 1 } => {
                Some(SourceKey { prefix: prefix.clone(), digits: *digits, first: 0 })
            }
            SourceField::Number { divisor: 1, first } => {
                Some(SourceKey { prefix: "".into(), digits: 0, first: first.cast_unsigned() })
            }
            _ => None,
        };
        self.key = self.key.take().or(key);
        self.source_run.push((self.ordinal, field));
    }

    fn end_source_run(&mut self) {
        if !self.source_run.is_empty() {
            let fields = std::mem::take(&mut self.source_run);
            self.ops.push(Op::Source(SourceRun::new(fields, self.sources)));
        }
    }

    /// Appends an operation; a double joins the doubles before it.
    fn push(&mut self, op: Op) {
        self.end_source_run();
        match (self.ops.last_mut(), op) {
            (Some(Op::Doubles(run)), Op::Doubles(more)) => {
                *run = run.iter().chain(&more).copied().collect::<Box<[Uniform]>>();
            }
            (_, op) => self.ops.push(op),
        }
    }
}

/// Refuses an int with a case that is none: its bytes would decode to an error.
fn refuse_wide(name: &str, by: &Op, annotation: &Annotation<'_>) -> Result<(), CompileError> {
    let Op::By { cases, otherwise, .. } = by else { return Ok(()) };
    let mut ranges = cases.iter().map(|(_, range)| range).chain([otherwise]);
    if name == "int" && !ranges.all(|range| range.fits_int()) {
        return Err(annotation.wrong("some case is no int; use a long"));
    }
    Ok(())
}

/// Returns how the event time is written, for a logical type that is a point in time.
fn event_time(schema: &Value) -> Option<Op> {
    let per_ms = match schema["logicalType"].as_str()? {
        "timestamp-millis" | "local-timestamp-millis" => 1,
        "timestamp-micros" | "local-timestamp-micros" => 1_000,
        "timestamp-nanos" | "local-timestamp-nanos" => 1_000_000,
        _ => return None,
    };
    Some(Op::EventTime { per_ms })
}

fn fields(schema: &Value) -> impl Iterator<Item = &Value> {
    schema["fields"].as_array().into_iter().flatten()
}

fn join(record: &str, field: &Value) -> String {
    join_name(record, field["name"].as_str().unwrap_or_default())
}

fn join_name(record: &str, name: &str) -> String {
    if record.is_empty() { name.to_owned() } else { format!("{record}.{name}") }
}

fn unsupported<T>(path: &str, what: &str) -> Result<T, CompileError> {
    Err(CompileError::Unsupported { path: path.to_owned(), what: what.to_owned() })
}

/// Returns the bytes of a string: its length, then itself.
fn string_bytes(text: &str) -> Box<[u8]> {
    let mut bytes = varint::bytes(text.len().cast_signed() as i64);
    bytes.extend_from_slice(text.as_bytes());
    bytes.into()
}
