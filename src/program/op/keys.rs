//! The entries of a map: no key stands twice.

use super::Draw;
use super::Literal;
use super::Op;
use super::Range;
use super::below;
use super::position;
use super::put;
use super::run;
use super::varint;

/// A key that was there already is drawn again so often; then the map ends early.
const TRIES: usize = 16;

/// How the entries of a map are made.
#[derive(Debug)]
pub(in crate::program) struct Entries {
    pub(in crate::program) keys: Keys,
    pub(in crate::program) length: Range,
    /// Where the operations begin and end that write a value.
    pub(in crate::program) body: std::ops::Range<usize>,
}

/// How keys are made.
#[derive(Debug)]
pub(in crate::program) enum Keys {
    /// Taken from a list without one that stands twice: from a random place on, with a random
    /// stride that has no divisor in common with its length.
    Options { options: Box<[Literal]>, strides: Box<[u64]> },
    /// Drawn, each until it differs from those before it.
    Drawn(Op),
}

impl Keys {
    /// Makes the keys of a list, in which none stands twice.
    pub(in crate::program) fn options(options: Box<[Literal]>) -> Self {
        const STRIDES_MAX: usize = 64;
        let count = options.len() as u64;
        let strides = (1..=count).filter(|stride| divisor(*stride, count) == 1);
        Self::Options { strides: strides.take(STRIDES_MAX).collect(), options }
    }
}

/// Returns the greatest common divisor.
const fn divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Entries {
    /// Returns the most bytes of one key with its length.
    pub(in crate::program) fn key_bytes_max(&self) -> usize {
        match &self.keys {
            Keys::Options { options, .. } => {
                options.iter().map(Literal::bytes_max).max().unwrap_or_default()
            }
            Keys::Drawn(op) => op.bytes_max(),
        }
    }

    /// Writes the entries as one block (specification 1.12, "Maps").
    pub(super) fn write(&self, ops: &[Op], draw: &mut Draw, out: &mut [u8], start: usize) -> usize {
        let planned = self.length.draw(&mut draw.rng);
        let (outer, first_key) = (draw.position, draw.keys.len());
        let mut pick = self.first_pick(draw);
        let behind_count = start + varint::write(&mut out[start..], planned);
        let (mut at, mut made) = (behind_count, 0);
        while made < planned {
            draw.position = position(outer, self.length, made.cast_unsigned());
            let Some(behind_key) = self.key(&mut pick, first_key, draw, out, at) else { break };
            draw.keys.push((at, behind_key));
            at = run(&ops[..self.body.end], self.body.start, draw, out, behind_key);
            made += 1;
        }
        draw.keys.truncate(first_key);
        draw.position = outer;
        if made < planned {
            let mut count = [0; varint::BYTES_MAX];
            let count_bytes = varint::write(&mut count, made);
            put(out, start, &count[..count_bytes]);
            out.copy_within(behind_count..at, start + count_bytes);
            at -= behind_count - start - count_bytes;
        }
        if made == 0 { at } else { put(out, at, &[0]) }
    }

    /// Draws where in its list the first key stands, how far each is from the one before, and how
    /// many there are.
    fn first_pick(&self, draw: &mut Draw) -> (u64, u64, u64) {
        let Keys::Options { options, strides } = &self.keys else { return (0, 0, 0) };
        let first = below(&mut draw.rng, options.len() as u64);
        let stride = below(&mut draw.rng, strides.len() as u64);
        let stride = strides[usize::try_from(stride).unwrap_or_default()];
        (first, stride, options.len() as u64)
    }

    /// Writes a key that is none of those before it; `None`: there is no other.
    fn key(
        &self,
        pick: &mut (u64, u64, u64),
        first_key: usize,
        draw: &mut Draw,
        out: &mut [u8],
        at: usize,
    ) -> Option<usize> {
        match &self.keys {
            Keys::Options { options, .. } => {
                let (next, stride, left) = pick;
                *left = left.checked_sub(1)?;
                let option = &options[usize::try_from(*next).unwrap_or_default()];
                *next = (*next + *stride) % options.len() as u64;
                Some(option.write(out, at))
            }
            Keys::Drawn(op) => (0..TRIES).find_map(|_| {
                let end = op.write_rare(draw, out, at);
                let (before, own) = out.split_at(at);
                let mut keys = draw.keys[first_key..].iter();
                (!keys.any(|&(from, to)| before[from..to] == own[..end - at])).then_some(end)
            }),
        }
    }
}
