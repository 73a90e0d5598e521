//! A schema compiled into a program: a flat list of operations that write a record's AVRO bytes.
//!
//! The schema is walked once; each field becomes an operation that is generator and encoder in one.
//! Running the program appends one record to a window of a batch's buffer, without allocating. A
//! record is a pure function of the identity, its index and its event time.

use bumpalo::Bump;

use crate::rng::Identity;
use crate::schema::EventSchema;
use crate::units::Sources;

mod annotation;
mod compile;
mod draw;
mod op;
mod source;
mod trial;
mod varint;

pub use draw::Draw;
pub use trial::TrialError;

use draw::below;
use op::Op;
use source::SourceKey;

/// The most bytes that a record may take: a schema that could make longer ones is refused, because
/// a batch has to hold at least one.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;

/// A schema that cannot be compiled.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CompileError {
    /// A kind of value that this version cannot make.
    #[error("{path}: {what} cannot be made yet")]
    Unsupported {
        /// The field.
        path: String,
        /// What it is.
        what: String,
    },
    /// An annotation that does not say what it should.
    #[error("{path}: {what}")]
    Annotation {
        /// The field.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// Records could be too long for a batch.
    #[error("a record can take {bytes} bytes, at most {RECORD_BYTES_MAX} are allowed")]
    TooLong {
        /// The most bytes of a record.
        bytes: usize,
    },
}

/// A compiled schema.
#[derive(Debug)]
pub struct Program {
    ops: Box<[Op]>,
    bytes_max: usize,
    key: SourceKey,
    identity: Identity,
    sources: Sources,
}

impl Program {
    /// Compiles a schema, and encodes what follows from each source alone.
    ///
    /// # Errors
    /// Names the path of the field that cannot be made.
    pub fn compile(
        schema: &EventSchema,
        identity: Identity,
        sources: Sources,
    ) -> Result<Self, CompileError> {
        let (ops, key) = compile::compile(schema, sources)?;
        let bytes_max = ops.iter().map(Op::bytes_max).sum::<usize>();
        if bytes_max > RECORD_BYTES_MAX {
            return Err(CompileError::TooLong { bytes: bytes_max });
        }
        Ok(Self { ops, bytes_max: bytes_max + varint::BYTES_MAX, key, identity, sources })
    }

    /// Returns the bytes of window that [`Program::encode`] needs: at most 64 KiB and a few.
    #[must_use]
    pub const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Returns the most bytes of a key.
    #[must_use]
    pub fn key_bytes_max(&self) -> usize {
        self.key.bytes_max()
    }

    /// Begins record `index` with this event time (milliseconds since 1970): draws its source.
    #[must_use]
    pub fn draw(&self, index: u64, event_time_ms: u64) -> Draw {
        let mut rng = self.identity.record(index);
        let source = self.sources.first + below(&mut rng, self.sources.end - self.sources.first);
        Draw::new(rng, source, index, event_time_ms)
    }

    /// Returns the record's message key, written to the arena.
    pub fn key<'arena>(&self, draw: &Draw, arena: &'arena Bump) -> &'arena [u8] {
        let key = arena.alloc_slice_fill_copy(self.key.bytes_max(), 0);
        let length = self.key.write(draw.source, key);
        &key[..length]
    }

    /// Writes the record's bare AVRO datum to the front of `window`; returns its length.
    ///
    /// # Panics
    /// When the window is smaller than [`Program::bytes_max`].
    pub fn encode(&self, draw: &mut Draw, window: &mut [u8]) -> usize {
        let window = &mut window[..self.bytes_max];
        self.ops.iter().fold(0, |at, op| op.write(draw, window, at))
    }
}

#[cfg(test)]
mod tests;
