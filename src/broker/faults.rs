//! What the broker does wrong on purpose: faults with names, read from `NAME[=VALUE]`.
//!
//! They exist so that a test can provoke what a real broker does on a bad day. A fault is a value;
//! the code that suffers it reads a number from [`Faults`] and knows no names.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::units::UnitError;
use crate::units::parse_duration;

/// Says why a fault cannot be read, and what to write instead.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FaultError {
    /// No fault has this name.
    #[error("there is no fault '{name}'; there are: {}", known_names())]
    Unknown {
        /// What was typed.
        name: String,
    },
    /// The fault needs a value.
    #[error("the fault {name} needs a value, such as {example}")]
    ValueMissing {
        /// The fault.
        name: &'static str,
        /// A text that would be understood.
        example: &'static str,
    },
    /// The fault's value cannot be read.
    #[error("the fault {name} cannot be read, write for example {example}: {cause}")]
    ValueUnreadable {
        /// The fault.
        name: &'static str,
        /// A text that would be understood.
        example: &'static str,
        /// What is wrong with the value.
        cause: UnitError,
    },
    /// The same fault twice: one of the two would have no effect.
    #[error("the fault {name} is given twice")]
    Repeated {
        /// The fault.
        name: &'static str,
    },
}

const RECEIPT_DELAY: &str = "receipt-delay";
const RECEIPT_DELAY_EXAMPLE: &str = "receipt-delay=10ms";

/// Every fault's name, for the error that lists them.
const NAMES: [&str; 1] = [RECEIPT_DELAY];

fn known_names() -> String {
    NAMES.join(", ")
}

/// One fault, written `NAME[=VALUE]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `receipt-delay=10ms`: each receipt leaves this long after its SEND was read. Reading goes
    /// on.
    ReceiptDelay(Duration),
}

impl Fault {
    /// Returns the fault's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReceiptDelay(_) => RECEIPT_DELAY,
        }
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name.trim(), value.trim()),
            None => (text.trim(), ""),
        };
        match name {
            RECEIPT_DELAY if value.is_empty() => Err(FaultError::ValueMissing {
                name: RECEIPT_DELAY,
                example: RECEIPT_DELAY_EXAMPLE,
            }),
            RECEIPT_DELAY => parse_duration(value).map(Self::ReceiptDelay).map_err(|cause| {
                FaultError::ValueUnreadable {
                    name: RECEIPT_DELAY,
                    example: RECEIPT_DELAY_EXAMPLE,
                    cause,
                }
            }),
            _ => Err(FaultError::Unknown { name: name.to_owned() }),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReceiptDelay(delay) => {
                write!(f, "{RECEIPT_DELAY}={}", exact(delay.as_nanos()))
            }
        }
    }
}

/// Prints nanoseconds in the largest unit that loses nothing, so that the text reads back the same.
fn exact(ns: u128) -> String {
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
    let fitting = units.iter().find(|(size, _)| ns.is_multiple_of(*size));
    let (size, unit) = fitting.copied().unwrap_or((1, "ns"));
    format!("{}{unit}", ns / size)
}

/// All the faults of one broker, each at most once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How long after its SEND a receipt leaves; zero: at once.
    pub receipt_delay: Duration,
}

impl Faults {
    /// Combines single faults.
    ///
    /// # Errors
    /// When one is given twice.
    pub fn combine(faults: impl IntoIterator<Item = Fault>) -> Result<Self, FaultError> {
        let mut combined = Self::default();
        let mut names: Vec<&'static str> = Vec::new();
        for fault in faults {
            let name = fault.name();
            if names.contains(&name) {
                return Err(FaultError::Repeated { name });
            }
            names.push(name);
            match fault {
                Fault::ReceiptDelay(delay) => combined.receipt_delay = delay,
            }
        }
        Ok(combined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_reads_back_as_it_is_printed() {
        for text in
            ["receipt-delay=10ms", "receipt-delay=1500us", "receipt-delay=7ns", "receipt-delay=2s"]
        {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        let spaced: Fault = " receipt-delay = 3s ".parse().unwrap();
        assert_eq!(spaced, Fault::ReceiptDelay(Duration::from_secs(3)));
    }

    #[test]
    fn a_bad_fault_says_what_to_write() {
        let unknown = "receipt-delays=1s".parse::<Fault>().unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "there is no fault 'receipt-delays'; there are: receipt-delay"
        );
        for text in ["receipt-delay", "receipt-delay="] {
            let missing = text.parse::<Fault>().unwrap_err().to_string();
            assert!(missing.contains("such as receipt-delay=10ms"), "{missing}");
        }
        let unreadable = "receipt-delay=soon".parse::<Fault>().unwrap_err();
        assert!(unreadable.to_string().contains("'soon' is not a duration"));
    }

    #[test]
    fn the_same_fault_twice_is_refused() {
        let delay = Fault::ReceiptDelay(Duration::from_millis(5));
        let combined = Faults::combine([delay]).unwrap();
        assert_eq!(combined.receipt_delay, Duration::from_millis(5));
        assert_eq!(Faults::combine([]), Ok(Faults::default()));
        assert!(matches!(Faults::combine([delay, delay]), Err(FaultError::Repeated { .. })));
    }
}
