//! What follows from an earlier field, from the lifecycle's step or from chance: where to go on, or
//! a value at once.

use fastrand::Rng;

use super::Draw;
use super::Literal;
use super::Pick;

/// Where to go on, and by what that is decided.
#[derive(Debug)]
pub(in crate::program) struct Branch {
    pub(in crate::program) on: Selector,
    /// Where each branch starts.
    pub(in crate::program) targets: Box<[usize]>,
}

/// A value, and by what it is decided: cheaper than a branch, and never mispredicted.
#[derive(Debug)]
pub(in crate::program) struct Lookup {
    pub(in crate::program) on: Selector,
    pub(in crate::program) options: Box<[Literal]>,
    /// Where its number goes.
    pub(in crate::program) register: u8,
}

/// What decides.
#[derive(Debug)]
pub(in crate::program) enum Selector {
    /// Chance.
    Odds(Pick),
    /// The lifecycle's step; the last place serves all later ones.
    Step,
    /// An earlier field's value: the cases stand in ascending order and the place after theirs is
    /// for every other value.
    Register { register: u8, cases: Box<[i64]> },
    /// The same where the cases are `low`, `low + 1` and so on.
    Dense { register: u8, low: i64 },
}

impl Selector {
    /// Returns the place that is decided for, of those up to `last`.
    #[inline]
    fn place(&self, rng: &mut Rng, draw: &Draw, last: usize) -> usize {
        let place = match self {
            Self::Odds(pick) => pick.draw(rng),
            Self::Step => draw.step,
            Self::Register { register, cases } => {
                cases.binary_search(&draw.register(*register)).unwrap_or(last)
            }
            Self::Dense { register, low } => {
                let offset = draw.register(*register).wrapping_sub(*low).cast_unsigned();
                usize::try_from(offset).unwrap_or(last)
            }
        };
        place.min(last)
    }
}

impl Branch {
    #[inline]
    pub(super) fn target(&self, rng: &mut Rng, draw: &Draw) -> usize {
        self.targets[self.on.place(rng, draw, self.targets.len() - 1)]
    }
}

impl Lookup {
    pub(super) fn bytes_max(&self) -> usize {
        self.options.iter().map(Literal::bytes_max).max().unwrap_or_default()
    }

    #[inline]
    pub(super) fn write(&self, rng: &mut Rng, draw: &mut Draw, out: &mut [u8], at: usize) -> usize {
        let option = &self.options[self.on.place(rng, draw, self.options.len() - 1)];
        draw.set_register(self.register, option.value);
        option.write(out, at)
    }
}
