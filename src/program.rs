//! A schema compiled into a program: a flat list of operations that write a record's AVRO bytes.
//!
//! The schema is walked once; each field becomes an operation that is generator and encoder in one.
//! Running the program appends one record to a window of a batch's buffer, without allocating. A
//! record is a pure function of the identity, its index and its event time.

use bumpalo::Bump;

use crate::rng;
use crate::rng::Identity;
use crate::schema::Encoding;
use crate::schema::EventSchema;
use crate::schema::FieldError;
use crate::units::Sources;

mod choice;
mod compile;
mod digits;
mod draw;
mod json;
mod key;
mod literal;
mod op;
mod pattern;
mod said;
mod scaled;
mod skip;
mod source;
mod table;
mod trial;
mod varint;

pub use choice::SourceChoice;
pub use choice::SourceChoiceError;
pub use draw::Draw;
pub use json::DatumText;
pub use key::KeyChoice;
pub use table::FieldRow;
pub use trial::PrepareError;
pub use trial::TrialError;

use choice::SourcePick;
use compile::Lifecycle;
use key::Key;
use op::Op;
use source::SourceKey;
use source::SourceKeys;

/// The most bytes that a record may take: a schema that could make longer ones is refused, because
/// a batch has to hold at least one, and brokers take 5 MiB at most unless told otherwise.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// How many records before its turn one is best foreseen: memory answers within the making of that
/// many, and the caches have room for what they need.
pub const FORESIGHT: u64 = 4;

/// The stream of a lifecycle that its source is drawn from.
const SOURCE_STREAM: u64 = 0;

/// A schema that cannot be compiled.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CompileError {
    /// Something that cannot be made, or an annotation that does not say what it should.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Records could be too long for a batch.
    #[error(
        "{path}: a record can take {bytes} bytes, at most {RECORD_BYTES_MAX} are allowed, and this \
         takes the most of them; give its arrays, maps, strings or bytes a 'length'"
    )]
    TooLong {
        /// The longest field.
        path: String,
        /// The most bytes of a record.
        bytes: usize,
    },
}

/// What a program is compiled for, beside its schema.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// What the records are drawn from, beside their indices and event times.
    pub identity: Identity,
    /// Who sends them.
    pub sources: Sources,
    /// Who sends how often.
    pub source_choice: SourceChoice,
    /// What the message key is.
    pub key: KeyChoice,
    /// How records are written.
    pub encoding: Encoding,
}

impl Parameters {
    /// Makes the parameters of AVRO records from sources that send equally often, with their ids as
    /// keys.
    #[must_use]
    pub fn new(identity: Identity, sources: Sources) -> Self {
        Self {
            identity,
            sources,
            source_choice: SourceChoice::Uniform,
            key: KeyChoice::Source,
            encoding: Encoding::Avro,
        }
    }
}

/// A compiled schema.
#[derive(Debug)]
pub struct Program {
    ops: Box<[Op]>,
    /// Which of them copy what is kept for a source.
    kept: Box<[usize]>,
    /// The most bytes that a record touches in AVRO.
    datum_bytes_max: usize,
    /// The most bytes that a record touches as it is written.
    bytes_max: usize,
    keys_max: usize,
    key: Key,
    identity: Identity,
    sources: SourcePick,
    lifecycle: Option<Lifecycle>,
    /// How records are written as JSON; `None`: they are AVRO.
    text: Option<json::Text>,
}

impl Program {
    /// Compiles a schema, and encodes what follows from each source alone.
    ///
    /// # Errors
    /// Names the path of the field that cannot be made.
    pub fn compile(schema: &EventSchema, parameters: &Parameters) -> Result<Self, CompileError> {
        let shape = schema.shape()?;
        let key_field = match &parameters.key {
            KeyChoice::Field(path) => Some(path.as_str()),
            KeyChoice::Source | KeyChoice::None => None,
        };
        let mut compiled = compile::compile(&shape, parameters, key_field)?;
        let text = (parameters.encoding == Encoding::Json).then(|| json::Text::of(&shape));
        let bytes = compiled.size.written_as(parameters.encoding);
        if bytes > RECORD_BYTES_MAX {
            return Err(CompileError::TooLong { path: compiled.longest, bytes });
        }
        let number = || SourceKey { prefix: "".into(), digits: 0, first: 0 };
        let key = match &parameters.key {
            KeyChoice::Source => {
                let key = compiled.source_key.unwrap_or_else(number);
                Key::Source(SourceKeys::new(key, parameters.sources, &mut compiled.room))
            }
            KeyChoice::None => Key::None,
            KeyChoice::Field(path) => Key::of_field(&shape, path),
        };
        let places = compiled.ops.iter().enumerate();
        let kept = places.filter(|(_, op)| matches!(op, Op::Source(_))).map(|(place, _)| place);
        Ok(Self {
            kept: kept.collect(),
            ops: compiled.ops,
            datum_bytes_max: compiled.size.bytes + varint::BYTES_MAX,
            bytes_max: bytes + varint::BYTES_MAX,
            keys_max: compiled.keys_max,
            key,
            identity: parameters.identity,
            sources: SourcePick::new(parameters.source_choice, parameters.sources),
            lifecycle: compiled.lifecycle,
            text,
        })
    }

    /// Returns the bytes of window that [`Program::encode`] needs.
    #[must_use]
    pub const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Returns the bytes of window that [`Program::datum`] needs.
    #[must_use]
    pub const fn datum_bytes_max(&self) -> usize {
        self.datum_bytes_max
    }

    /// Returns the most bytes of a key.
    #[must_use]
    pub fn key_bytes_max(&self) -> usize {
        self.key.bytes_max(self.datum_bytes_max)
    }

    /// Makes a draw, which serves record after record.
    #[must_use]
    pub fn draw(&self) -> Draw {
        let is_ahead = self.text.is_some() || self.key.follows_record();
        Draw::new(self.keys_max, if is_ahead { self.datum_bytes_max } else { 0 })
    }

    /// Begins record `index` with this event time (milliseconds since 1970): draws its source.
    pub fn begin(&self, draw: &mut Draw, index: u64, event_time_ms: u64) {
        self.begin_of(self.identity, draw, index, event_time_ms);
    }

    /// Begins a record of another seed that has the same schema, flags and sources: what is encoded
    /// once for all records follows from the sources alone.
    #[inline]
    pub fn begin_of(&self, identity: Identity, draw: &mut Draw, index: u64, event_time_ms: u64) {
        draw.rng = identity.record(index);
        draw.index = index;
        draw.event_time_ms = event_time_ms;
        draw.ahead_bytes = None;
        match self.lifecycle {
            None => draw.source = self.sources.draw(index, &mut draw.rng),
            Some(lifecycle) => {
                let (number, step) = lifecycle.place(index);
                draw.step = step;
                draw.lifecycle = identity.lifecycle(number);
                draw.source = self.source_of_lifecycle(draw.lifecycle, number);
            }
        }
    }

    /// Has the processor fetch what is kept for the source of a record that will be made soon. A
    /// paced run finds its caches cold again and again, and would wait for memory at each record.
    /// Returns the number of its key among [`Program::key_numbers`], as far as it is known.
    #[inline]
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn foresee(&self, index: u64) -> Option<usize> {
        // A draw that costs more than memory is not made twice.
        if !self.sources.is_cheap() {
            return None;
        }
        let source = self.source(index);
        for place in &self.kept {
            if let Op::Source(run) = &self.ops[*place] {
                run.fetch(source);
            }
        }
        let Key::Source(keys) = &self.key else { return None };
        keys.fetch(source);
        Some(keys.number(source))
    }

    /// Returns the source of a record.
    #[inline]
    fn source(&self, index: u64) -> u64 {
        let Some(lifecycle) = self.lifecycle else {
            return self.sources.draw(index, &mut self.identity.record(index));
        };
        let (number, _) = lifecycle.place(index);
        self.source_of_lifecycle(self.identity.lifecycle(number), number)
    }

    /// Returns the source of every record of a lifecycle whose streams follow from `state`.
    #[inline]
    fn source_of_lifecycle(&self, state: u64, number: u64) -> u64 {
        self.sources.draw(number, &mut rng::numbered(state, SOURCE_STREAM))
    }

    /// Returns the record's message key, written to the arena where it has to be. It is asked for
    /// before [`Program::encode`], which takes what is left of the record's draw.
    pub fn key<'a>(&'a self, draw: &mut Draw, arena: &'a Bump) -> &'a [u8] {
        if self.key.follows_record() {
            self.encode_ahead(draw);
        }
        self.key.of(draw, arena)
    }

    /// Returns how many keys there are, where they follow from the source and are few; else 0.
    #[must_use]
    pub fn key_numbers(&self) -> usize {
        match &self.key {
            Key::Source(keys) => keys.len(),
            _ => 0,
        }
    }

    /// Returns the number of the record's key among [`Program::key_numbers`]; beyond them: it has
    /// none.
    #[must_use]
    pub fn key_number(&self, draw: &Draw) -> usize {
        match &self.key {
            Key::Source(keys) => keys.number(draw.source),
            _ => usize::MAX,
        }
    }

    /// Returns the indices of about so many records among which is every step of a lifecycle.
    fn indices(&self, count: u64) -> impl Iterator<Item = u64> + use<> {
        let records = self.lifecycle.map_or(1, |lifecycle| lifecycle.steps * lifecycle.block);
        let stride = records.div_ceil(count);
        (0..count).map(move |number| number * stride)
    }

    /// Writes the record to the front of `window`, as a bare AVRO datum or as JSON; returns its
    /// length.
    ///
    /// # Panics
    /// When the window is smaller than [`Program::bytes_max`].
    #[inline]
    pub fn encode(&self, draw: &mut Draw, window: &mut [u8]) -> usize {
        let window = &mut window[..self.bytes_max];
        if self.text.is_none() && draw.ahead_bytes.is_none() {
            return op::run(&self.ops, 0, draw, window, 0);
        }
        self.encode_from_ahead(draw, window)
    }

    /// Returns the record as an AVRO datum, whatever its encoding is, at the front of `window`.
    pub fn datum<'w>(&self, draw: &mut Draw, window: &'w mut [u8]) -> &'w [u8] {
        let bytes = op::run(&self.ops, 0, draw, window, 0);
        &window[..bytes]
    }

    /// Writes the record from what the draw has of it, as JSON or as it is.
    #[inline(never)]
    fn encode_from_ahead(&self, draw: &mut Draw, window: &mut [u8]) -> usize {
        let bytes = self.encode_ahead(draw);
        let mut datum = &draw.ahead[..bytes];
        let Some(text) = &self.text else {
            window[..bytes].copy_from_slice(datum);
            return bytes;
        };
        let mut rest = &mut *window;
        // The window has room, and the datum is of the shape: the trial has seen it.
        text.write(&mut datum, &mut rest);
        let unused = rest.len();
        window.len() - unused
    }

    /// Makes the record in the draw itself, unless it is there already; returns its length.
    fn encode_ahead(&self, draw: &mut Draw) -> usize {
        if let Some(bytes) = draw.ahead_bytes {
            return bytes;
        }
        let mut ahead = std::mem::take(&mut draw.ahead);
        let bytes = op::run(&self.ops, 0, draw, &mut ahead, 0);
        draw.ahead = ahead;
        draw.ahead_bytes = Some(bytes);
        bytes
    }
}

impl Lifecycle {
    /// Returns the number of the lifecycle that a record belongs to, and which of its steps it is.
    fn place(self, index: u64) -> (u64, usize) {
        let (turn, within) = (index / self.block, index % self.block);
        let (round, step) = (turn / self.steps, turn % self.steps);
        (round * self.block + within, usize::try_from(step).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
