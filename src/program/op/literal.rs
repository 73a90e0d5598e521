//! Values that are encoded already, and the choice among them.

use fastrand::Rng;

use super::Draw;
use super::below;
use super::put;

/// How one of several is picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::program) enum Pick {
    /// Each as likely.
    Equal(u64),
    /// By weight: what all options up to and including each weigh together, of 2^32 in all; the
    /// last one takes the rest.
    Weighted(Box<[u32]>),
    /// The same for few options: each is compared, without a branch that could be mispredicted.
    WeightedFew([u32; FEW]),
}

/// Options before the last one that are few.
const FEW: usize = 4;

impl Pick {
    /// Makes the pick among options of these weights, which are finite, not negative, and not all
    /// zero.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 2^32 - 1")]
    pub(in crate::program) fn by_weight(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let up_to = weights[..weights.len() - 1].iter().scan(0.0, |sum, weight| {
            *sum += weight;
            Some((*sum / total * 4_294_967_296.0).round().min(4_294_967_295.0) as u32)
        });
        let up_to: Box<[u32]> = up_to.collect();
        if up_to.len() > FEW {
            return Self::Weighted(up_to);
        }
        // Of 2^31 here, so that what stands behind the last one is never reached.
        let mut few = [u32::MAX; FEW];
        for (few, up_to) in few.iter_mut().zip(&up_to) {
            *few = up_to / 2;
        }
        Self::WeightedFew(few)
    }

    /// Returns the number of the picked one.
    #[inline]
    pub(in crate::program) fn draw(&self, rng: &mut Rng) -> usize {
        match self {
            Self::Equal(options) => usize::try_from(below(rng, *options)).unwrap_or_default(),
            Self::Weighted(up_to) => {
                let random = (rng.u64(..) >> 32) as u32;
                up_to.partition_point(|&up_to| up_to <= random)
            }
            Self::WeightedFew(up_to) => {
                let random = (rng.u64(..) >> 33) as u32;
                let [a, b, c, d] = *up_to;
                usize::from(a <= random)
                    + usize::from(b <= random)
                    + usize::from(c <= random)
                    + usize::from(d <= random)
            }
        }
    }
}

/// One of several values that are encoded already.
#[derive(Debug)]
pub(in crate::program) struct Choice {
    pub(in crate::program) pick: Pick,
    pub(in crate::program) options: Box<[Literal]>,
    /// Where its value goes.
    pub(in crate::program) register: u8,
}

impl Choice {
    pub(super) fn bytes_max(&self) -> usize {
        self.options.iter().map(Literal::bytes_max).max().unwrap_or_default()
    }

    #[inline]
    pub(super) fn write(&self, rng: &mut Rng, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
        // The pick never goes beyond the options.
        let Some(option) = self.options.get(self.pick.draw(rng)) else { return at };
        draw.set_register(self.register, option.value);
        option.write(out, at)
    }
}

/// A value that is encoded already: its first bytes as many as copy at once, and the rest.
#[derive(Clone, Debug)]
pub(in crate::program) struct Literal {
    head: [u8; HEAD],
    rest: Box<[u8]>,
    bytes: usize,
    /// The value where others depend on it.
    pub(in crate::program) value: i64,
}

/// Bytes that are copied at once: most literals are shorter, and a fixed length copies without a
/// call.
const HEAD: usize = 16;

impl Literal {
    pub(in crate::program) fn new(bytes: &[u8], value: i64) -> Self {
        let (first, rest) = bytes.split_at(bytes.len().min(HEAD));
        let mut head = [0; HEAD];
        head[..first.len()].copy_from_slice(first);
        Self { head, rest: rest.into(), bytes: bytes.len(), value }
    }

    /// Returns this value and the one behind it as one.
    pub(in crate::program) fn joined(&self, next: &Self) -> Self {
        Self::new(&[self.to_bytes(), next.to_bytes()].concat(), 0)
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.head.iter().chain(&self.rest).take(self.bytes).copied().collect()
    }

    pub(in crate::program) fn bytes_max(&self) -> usize {
        HEAD + self.rest.len()
    }

    #[inline]
    pub(in crate::program) fn write(&self, out: &mut [u8], at: usize) -> usize {
        if let Some(place) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *place = self.head;
        }
        if !self.rest.is_empty() {
            put(out, at + HEAD, &self.rest);
        }
        at + self.bytes
    }
}
