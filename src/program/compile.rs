//! From the shape of a schema to operations: one walk over its types, depth first, in order.
//!
//! Neighbours of one kind become one operation. What may be merged with what stands before it ends
//! at a `barrier`: where a branch begins or ends, because operations jump there.

use std::collections::HashMap;

use super::CompileError;
use super::Parameters;
use super::draw::REGISTER_UNUSED;
use super::json;
use super::op::Literal;
use super::op::Op;
use super::said::Place;
use super::said::Said;
use super::source::Room;
use super::source::SourceField;
use super::source::SourceKey;
use super::source::SourceRun;
use super::varint;
use crate::schema::Encoding;
use crate::schema::FieldError;
use crate::schema::Kind;
use crate::schema::Shape;
use crate::units::Sources;

mod depend;
mod flow;
mod numbers;
mod ours;
mod reals;
mod size;
mod source;
mod text;
mod theirs;

use depend::Known;
use size::Size;
use source::Row;

/// Operations of one program at most.
const OPS_MAX: usize = 100_000;

/// Entries of one map at most: every key is compared with those before it.
pub(super) const ENTRIES_MAX: u64 = 1_000;

/// A compiled schema.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) ops: Box<[Op]>,
    /// The most that a record takes.
    pub(super) size: Size,
    /// The path of the field that can take the most, of records those within them.
    pub(super) longest: String,
    /// The most keys of maps that are written at the same time.
    pub(super) keys_max: usize,
    /// How a source is written as a key, where the schema says.
    pub(super) source_key: Option<SourceKey>,
    /// What the slots of the sources left.
    pub(super) room: Room,
    /// How many steps a lifecycle has, and how many lifecycles run side by side.
    pub(super) lifecycle: Option<Lifecycle>,
}

/// Records that belong together: `steps` of them, each `block` records after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifecycle {
    pub(super) steps: u64,
    pub(super) block: u64,
}

/// Compiles a shape. `key_field` is the path of the field that is the message key.
pub(super) fn compile(
    shape: &Shape<'_>,
    parameters: &Parameters,
    key_field: Option<&str>,
) -> Result<Compiled, CompileError> {
    let mut compiler = Compiler::new(shape, parameters, key_field)?;
    compiler.value(shape, Said::of(shape)?)?;
    compiler.end_source_run();
    if let Some(path) = compiler.key_field {
        let what = "there is no such field, or not in every record; --key takes source, none, or \
                    the path of a string, int, long, enum or uuid";
        return Err(FieldError::new(path, what).into());
    }
    Ok(Compiled {
        ops: compiler.ops.into(),
        size: compiler.size,
        longest: compiler.longest.1,
        keys_max: compiler.keys,
        source_key: compiler.source_key,
        room: compiler.room,
        lifecycle: compiler.lifecycle,
    })
}

struct Compiler<'k> {
    sources: Sources,
    encoding: Encoding,
    ops: Vec<Op>,
    /// Operations before this place are not merged with later ones.
    barrier: usize,
    /// The most that the operations take since the last branch or repetition began.
    size: Size,
    /// The field that can take the most bytes so far, and how many.
    longest: (usize, String),
    keys: usize,
    /// Neighbouring fields that follow from the source, not yet an operation.
    source_run: Vec<SourceField>,
    /// The most that they take.
    source_run_bytes: usize,
    /// What the slots of the sources may still take.
    room: Room,
    /// The rows of the sources' options by their names.
    rows: HashMap<String, Row>,
    /// Values so far, which number the random streams of sources and lifecycles.
    ordinal: u64,
    /// Fields that others depend on.
    depended: Vec<Known>,
    /// Those that are certain to be written already: their places in `depended`.
    written: Vec<usize>,
    /// How often the value that is compiled stands in one record at most.
    each: u64,
    /// Whether the value that is compiled stands in every record.
    is_certain: bool,
    lifecycle: Option<Lifecycle>,
    /// Whether the value that is compiled is the same in all steps of a lifecycle.
    is_once: bool,
    /// Whether it follows from the source.
    is_of_source: bool,
    /// The field that is the message key, until it is met.
    key_field: Option<&'k str>,
    source_key: Option<SourceKey>,
    /// What regular expressions cost so far.
    expressions_cost: usize,
}

impl<'k> Compiler<'k> {
    fn new(
        shape: &Shape<'_>,
        parameters: &Parameters,
        key_field: Option<&'k str>,
    ) -> Result<Self, FieldError> {
        Ok(Self {
            sources: parameters.sources,
            encoding: parameters.encoding,
            ops: Vec::new(),
            barrier: 0,
            size: Size::default(),
            longest: (0, "the schema".to_owned()),
            keys: 0,
            source_run: Vec::new(),
            source_run_bytes: 0,
            room: Room::default(),
            rows: HashMap::new(),
            ordinal: 0,
            depended: depend::find(shape)?,
            written: Vec::new(),
            each: 1,
            is_certain: true,
            lifecycle: None,
            is_once: false,
            is_of_source: false,
            key_field,
            source_key: None,
            expressions_cost: 0,
        })
    }

    /// Compiles a value of a type.
    fn value(&mut self, shape: &Shape<'_>, said: Said<'_>) -> Result<(), FieldError> {
        if self.ops.len() > OPS_MAX {
            let what = format!("the schema takes more than {OPS_MAX} operations");
            return Err(FieldError::new(&shape.path, what));
        }
        self.ordinal += 1;
        self.size = self.size.plus(Size { bytes: 0, overhead: json::overhead(&shape.kind) });
        match said {
            Said::Literal(value) => self.literal(shape, value),
            Said::Ours(way, value) => self.ours(shape, way, value),
            Said::Theirs(said) => self.theirs(shape, Some(said)),
            Said::Nothing => self.theirs(shape, None),
        }
    }

    fn fields(&mut self, shape: &Shape<'_>) -> Result<(), FieldError> {
        let Kind::Record(fields) = &shape.kind else { return Ok(()) };
        for field in fields {
            let is_key = self.key_field == Some(field.shape.path.as_str()) && self.is_certain;
            if is_key {
                self.mark_key(&field.shape)?;
                self.emit(Op::KeyStart);
                self.barrier = self.ops.len();
            }
            let before = self.reached();
            self.value(&field.shape, Said::of(&field.shape)?)?;
            let bytes = self.reached().saturating_sub(before);
            if bytes > self.longest.0 && !matches!(field.shape.kind, Kind::Record(_)) {
                self.longest = (bytes, field.shape.path.clone());
            }
            if is_key {
                self.emit(Op::KeyEnd);
                self.barrier = self.ops.len();
            }
        }
        Ok(())
    }

    /// Returns the most bytes since the last branch or repetition began.
    fn reached(&self) -> usize {
        let source_run = Size { bytes: self.source_run_bytes, overhead: 0 };
        self.size.plus(source_run).written_as(self.encoding)
    }

    fn mark_key(&mut self, shape: &Shape<'_>) -> Result<(), FieldError> {
        use Kind::{Date, Enum, Int, Long, String, TimeMicros, TimeMillis, Timestamp, UuidText};
        let can_be_text = matches!(
            shape.kind,
            String
                | UuidText
                | Enum(_)
                | Int
                | Long
                | Date
                | TimeMillis
                | TimeMicros
                | Timestamp { .. }
        );
        if !can_be_text {
            let what = format!("a {} cannot be a message key", shape.kind.name());
            return Err(FieldError::new(&shape.path, what));
        }
        self.key_field = None;
        Ok(())
    }

    fn literal(&mut self, shape: &Shape<'_>, value: &serde_json::Value) -> Result<(), FieldError> {
        let bytes = self.encoded(shape, value)?;
        let Some(place) = self.depended_at(&shape.path) else {
            self.constant(&bytes);
            return Ok(());
        };
        // Others depend on it: a choice of one writes its value where they look for it.
        let choice = self.choice_of(place, shape, &[(value, bytes)], super::op::Pick::Equal(1))?;
        self.emit(Op::Choice(choice.into()));
        Ok(())
    }

    /// Returns the bytes of a value that the schema writes down, of which a record may have one.
    fn encoded(
        &mut self,
        shape: &Shape<'_>,
        value: &serde_json::Value,
    ) -> Result<Vec<u8>, FieldError> {
        let bytes = super::literal::encode(shape, value)?;
        self.allow_for(shape, &bytes);
        Ok(bytes)
    }

    /// Allows for the JSON text of a datum: of a choice the sum, which is more than the longest.
    fn allow_for(&mut self, shape: &Shape<'_>, datum: &[u8]) {
        if !shape.kind.is_scalar() {
            let overhead = json::Text::of(shape).length(datum);
            self.size = self.size.plus(Size { bytes: 0, overhead });
        }
    }

    fn end_source_run(&mut self) {
        if !self.source_run.is_empty() {
            let fields = std::mem::take(&mut self.source_run);
            self.source_run_bytes = 0;
            let run = SourceRun::new(fields, self.sources, &mut self.room);
            self.size = self.size.plus(Size { bytes: run.bytes_max(), overhead: 0 });
            self.ops.push(Op::Source(run.into()));
        }
    }

    fn constant(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.emit(Op::Constant(Literal::new(bytes, 0).into()));
        }
    }

    /// Appends an operation, or lets it join the one before it.
    fn emit(&mut self, op: Op) {
        self.end_source_run();
        self.size = self.size.plus(Size { bytes: op.bytes_max(), overhead: 0 });
        let may_join = self.ops.len() > self.barrier;
        match (self.ops.last_mut().filter(|_| may_join), op) {
            (Some(Op::Doubles(run)), Op::Doubles(more)) => *run = joined(run, &more),
            (Some(Op::Constant(run)), Op::Constant(more)) => *run = run.joined(&more).into(),
            (Some(Op::Integers(run)), Op::Integers(more))
            | (Some(Op::Smalls(run)), Op::Smalls(more)) => *run = joined(run, &more),
            (Some(Op::SmallTimes(run)), Op::SmallTimes(more)) => *run = joined(run, &more),
            (_, op) => self.ops.push(op),
        }
    }

    /// Returns the operation of one integer.
    fn integer(&mut self, path: &str, range: super::op::Range) -> Op {
        let (min, max) = (range.low.into(), range.last().into());
        let register = self.write(path, min, max);
        if varint::is_small(min, max) {
            Op::Smalls([(range, register)].into())
        } else {
            Op::Integers([(range, register)].into())
        }
    }

    /// Notes that a field of numbers is written now, if others depend on it; returns the register.
    fn write(&mut self, path: &str, min: i128, max: i128) -> u8 {
        let Some(place) = self.depended_at(path) else { return REGISTER_UNUSED };
        self.note_written(place);
        self.depended[place].widen(min, max);
        self.depended[place].register
    }
}

fn joined<T: Clone>(run: &[T], more: &[T]) -> Box<[T]> {
    [run, more].concat().into()
}

/// Returns the place for errors of a shape.
fn place<'s>(shape: &'s Shape<'_>) -> Place<'s> {
    Place { path: &shape.path }
}
