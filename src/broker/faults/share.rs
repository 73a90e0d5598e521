//! A share of all: `1%` or `0.01`, above nothing and at most everything.

use std::fmt;
use std::str::FromStr;

use fastrand::Rng;

use crate::units::UnitError;

/// All of it.
const WHOLE: u32 = 1_000_000;

/// A share in millionths; the default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share(u32);

impl Share {
    /// Tells whether one more falls into the share, by chance.
    pub(crate) fn strikes(self, chance: &mut Rng) -> bool {
        self.0 > 0 && chance.u32(..WHOLE) < self.0
    }
}

impl FromStr for Share {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, whole) = match text.strip_suffix('%') {
            Some(number) => (number, f64::from(WHOLE) / 100.0),
            None => (text, f64::from(WHOLE)),
        };
        let millionths = number.trim().parse().map_or(0.0, |number: f64| (number * whole).round());
        if !(1.0..=f64::from(WHOLE)).contains(&millionths) {
            let wanted = "a share such as 1% or 0.01, from 0.0001% to 100%";
            return Err(UnitError::Unreadable { text: text.to_owned(), wanted });
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the bounds")]
        #[expect(clippy::cast_sign_loss, reason = "it is at least 1")]
        Ok(Self(millionths as u32))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) * 100.0 / f64::from(WHOLE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_in_both_notations() {
        for (text, millionths) in [("1%", 10_000), ("0.01", 10_000), ("100 %", WHOLE), ("1", WHOLE)]
        {
            assert_eq!(text.parse(), Ok(Share(millionths)), "{text}");
        }
        assert_eq!("0.0001%".parse(), Ok(Share(1)));
        for text in ["0", "101%", "-1%", "1.1", "nan", "inf", "", "%", "many"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_share_that_strikes_is_the_one_asked_for() {
        let mut chance = Rng::with_seed(1);
        let mut strikes =
            |share: Share| (0..100_000).filter(|_| share.strikes(&mut chance)).count();
        assert_eq!(strikes(Share::default()), 0);
        assert_eq!(strikes(Share(WHOLE)), 100_000);
        let quarter = strikes(Share(WHOLE / 4));
        assert!((24_000..26_000).contains(&quarter), "{quarter}");
    }
}
