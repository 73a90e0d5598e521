//! What the broker does wrong on purpose: faults with names, read from `NAME=VALUE`.
//!
//! They exist so that a test can provoke what a real broker does on a bad day. A fault is a value;
//! when it strikes is decided in `mischief`, by the numbers in [`Faults`].

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use crate::units::UnitError;
use crate::units::parse_duration;
use crate::units::parse_duration_positive;

mod share;

pub use share::Share;

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

/// What there is to know of a fault before it has a value.
struct Kind {
    name: &'static str,
    /// A text that is understood.
    example: &'static str,
    does: &'static str,
    read: fn(&str) -> Result<Fault, UnitError>,
}

/// Every fault.
const KINDS: [Kind; 13] = [
    Kind {
        name: "receipt-delay",
        example: "receipt-delay=10ms",
        does: "each receipt leaves this long after its SEND was read; reading goes on",
        read: |text| parse_duration(text).map(Fault::ReceiptDelay),
    },
    Kind {
        name: "receipt-rate",
        example: "receipt-rate=5000",
        does: "receipts leave for so many records a second at most, on all connections together",
        read: |text| parse_count(text).map(Fault::ReceiptRate),
    },
    Kind {
        name: "drop-connection-every",
        example: "drop-connection-every=3s",
        does: "each connection is reset this long after it was accepted, a quarter more or less",
        read: |text| parse_duration_positive(text).map(Fault::DropConnectionEvery),
    },
    Kind {
        name: "close-producer-every",
        example: "close-producer-every=2s",
        does: "so often, a quarter more or less, each connection is told that its producers on one \
               topic are closed; what it then SENDs to them vanishes until it creates them again",
        read: |text| parse_duration_positive(text).map(Fault::CloseProducerEvery),
    },
    Kind {
        name: "send-error",
        example: "send-error=1%",
        does: "this share of the SENDs (1% or 0.01) is answered by a PersistenceError, not \
               taken",
        read: |text| text.parse().map(Fault::SendError),
    },
    Kind {
        name: "stop-reading-for",
        example: "stop-reading-for=2s",
        does: "once, 1 s after the broker's first SEND, the connections that have sent are not \
               read for this long",
        read: |text| parse_duration_positive(text).map(Fault::StopReadingFor),
    },
    Kind {
        name: "half-open",
        example: "half-open=5s",
        does: "each connection falls silent this long after it was accepted: neither read nor \
               answered nor, for two minutes, closed; its producers' names are free a second later",
        read: |text| parse_duration_positive(text).map(Fault::HalfOpen),
    },
    Kind {
        name: "refuse",
        example: "refuse=500ms",
        does: "new connections are reset at once, for this long from the broker's start and from \
               each time that drop-connection-every strikes",
        read: |text| parse_duration_positive(text).map(Fault::Refuse),
    },
    Kind {
        name: "corrupt-receipt",
        example: "corrupt-receipt=1",
        does: "so many receipts carry a wrong sequence id, the first of them within 20 SENDs, each \
               next one within twice as many",
        read: |text| parse_count(text).map(Fault::CorruptReceipt),
    },
    Kind {
        name: "lose",
        example: "lose=1",
        does: "so many records are acknowledged and counted, but not kept, the first within \
               2,000 records, each next one within twice as many; only in batches that are neither \
               compressed nor encrypted",
        read: |text| parse_count(text).map(Fault::Lose),
    },
    Kind {
        name: "repeat",
        example: "repeat=1",
        does: "so many records are kept twice, spread as by lose",
        read: |text| parse_count(text).map(Fault::Repeat),
    },
    Kind {
        name: "reorder",
        example: "reorder=1",
        does: "so many records change places with the next one of their batch, spread as by lose",
        read: |text| parse_count(text).map(Fault::Reorder),
    },
    Kind {
        name: "flip-bit",
        example: "flip-bit=1",
        does: "so many records are kept with one bit of the payload flipped and a right checksum, \
               spread as by lose",
        read: |text| parse_count(text).map(Fault::FlipBit),
    },
];

fn known_names() -> String {
    KINDS.map(|kind| kind.name).join(", ")
}

/// Returns an example of each fault and what it does, for the help.
pub fn described() -> impl Iterator<Item = (&'static str, &'static str)> {
    KINDS.iter().map(|kind| (kind.example, kind.does))
}

/// One fault with its value, written `NAME=VALUE`; [`described`] says what each does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table of kinds says what each does, and the help prints it")]
pub enum Fault {
    ReceiptDelay(Duration),
    ReceiptRate(NonZeroU64),
    DropConnectionEvery(Duration),
    CloseProducerEvery(Duration),
    SendError(Share),
    StopReadingFor(Duration),
    HalfOpen(Duration),
    Refuse(Duration),
    CorruptReceipt(NonZeroU64),
    Lose(NonZeroU64),
    Repeat(NonZeroU64),
    Reorder(NonZeroU64),
    FlipBit(NonZeroU64),
}

impl Fault {
    /// Tells whether the fault strikes what is kept, so that a broker that keeps nothing has none.
    #[must_use]
    pub const fn needs_records(self) -> bool {
        matches!(self, Self::Lose(_) | Self::Repeat(_) | Self::Reorder(_) | Self::FlipBit(_))
    }

    /// Returns the fault's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReceiptDelay(_) => "receipt-delay",
            Self::ReceiptRate(_) => "receipt-rate",
            Self::DropConnectionEvery(_) => "drop-connection-every",
            Self::CloseProducerEvery(_) => "close-producer-every",
            Self::SendError(_) => "send-error",
            Self::StopReadingFor(_) => "stop-reading-for",
            Self::HalfOpen(_) => "half-open",
            Self::Refuse(_) => "refuse",
            Self::CorruptReceipt(_) => "corrupt-receipt",
            Self::Lose(_) => "lose",
            Self::Repeat(_) => "repeat",
            Self::Reorder(_) => "reorder",
            Self::FlipBit(_) => "flip-bit",
        }
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let (name, value) = (name.trim(), value.trim());
        let Some(Kind { name, example, read, .. }) = KINDS.iter().find(|kind| kind.name == name)
        else {
            return Err(FaultError::Unknown { name: name.to_owned() });
        };
        if value.is_empty() {
            return Err(FaultError::ValueMissing { name, example });
        }
        read(value).map_err(|cause| FaultError::ValueUnreadable { name, example, cause })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.name())?;
        match self {
            Self::ReceiptDelay(duration)
            | Self::DropConnectionEvery(duration)
            | Self::CloseProducerEvery(duration)
            | Self::StopReadingFor(duration)
            | Self::HalfOpen(duration)
            | Self::Refuse(duration) => f.write_str(&exact(duration.as_nanos())),
            Self::ReceiptRate(count)
            | Self::CorruptReceipt(count)
            | Self::Lose(count)
            | Self::Repeat(count)
            | Self::Reorder(count)
            | Self::FlipBit(count) => write!(f, "{count}"),
            Self::SendError(share) => write!(f, "{share}"),
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

fn parse_count(text: &str) -> Result<NonZeroU64, UnitError> {
    let wanted = "a whole number above 0, such as 1";
    text.parse().map_err(|_| UnitError::Unreadable { text: text.to_owned(), wanted })
}

/// All the faults of one broker, each at most once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How long after its SEND a receipt leaves; zero: at once.
    pub receipt_delay: Duration,
    /// How many records a second receipts leave for at most.
    pub receipt_rate: Option<NonZeroU64>,
    /// How old a connection gets, about, before it is reset.
    pub drop_connection_every: Option<Duration>,
    /// How often, about, the producers of one of a connection's topics are closed.
    pub close_producer_every: Option<Duration>,
    /// Which share of the SENDs fails.
    pub send_error: Share,
    /// How long connections are not read, once.
    pub stop_reading_for: Option<Duration>,
    /// How old a connection gets before it falls silent.
    pub half_open: Option<Duration>,
    /// How long new connections are reset at once.
    pub refuse: Option<Duration>,
    /// How many receipts carry a wrong sequence id.
    pub corrupt_receipt: u64,
    /// How many records are not kept.
    pub lose: u64,
    /// How many records are kept twice.
    pub repeat: u64,
    /// How many records change places with the next one.
    pub reorder: u64,
    /// How many records are altered.
    pub flip_bit: u64,
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
            combined.add(fault);
        }
        Ok(combined)
    }

    const fn add(&mut self, fault: Fault) {
        match fault {
            Fault::ReceiptDelay(delay) => self.receipt_delay = delay,
            Fault::ReceiptRate(rate) => self.receipt_rate = Some(rate),
            Fault::DropConnectionEvery(period) => self.drop_connection_every = Some(period),
            Fault::CloseProducerEvery(period) => self.close_producer_every = Some(period),
            Fault::SendError(share) => self.send_error = share,
            Fault::StopReadingFor(duration) => self.stop_reading_for = Some(duration),
            Fault::HalfOpen(age) => self.half_open = Some(age),
            Fault::Refuse(duration) => self.refuse = Some(duration),
            Fault::CorruptReceipt(receipts) => self.corrupt_receipt = receipts.get(),
            Fault::Lose(records) => self.lose = records.get(),
            Fault::Repeat(records) => self.repeat = records.get(),
            Fault::Reorder(records) => self.reorder = records.get(),
            Fault::FlipBit(records) => self.flip_bit = records.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_reads_back_as_it_is_printed() {
        let texts =
            ["receipt-delay=1500us", "receipt-delay=7ns", "receipt-delay=2s", "send-error=0.25%"];
        for text in KINDS.iter().map(|kind| kind.example).chain(texts) {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        let spaced: Fault = " receipt-delay = 3s ".parse().unwrap();
        assert_eq!(spaced, Fault::ReceiptDelay(Duration::from_secs(3)));
    }

    #[test]
    fn a_bad_fault_says_what_to_write() {
        let unknown = "receipt-delays=1s".parse::<Fault>().unwrap_err().to_string();
        let start = "there is no fault 'receipt-delays'; there are: receipt-delay, receipt-rate, ";
        assert!(unknown.starts_with(start), "{unknown}");
        for kind in &KINDS {
            for text in [kind.name.to_owned(), format!("{}=", kind.name)] {
                let missing = text.parse::<Fault>().unwrap_err().to_string();
                assert!(missing.ends_with(&format!("such as {}", kind.example)), "{missing}");
            }
        }
        for (text, words) in [
            ("receipt-delay=soon", "'soon' is not a duration"),
            ("half-open=0", "it must be above 0"),
            ("receipt-rate=0", "'0' is not a whole number above 0"),
            ("send-error=101%", "'101%' is not a share"),
        ] {
            let unreadable = text.parse::<Fault>().unwrap_err().to_string();
            assert!(unreadable.contains(words), "{unreadable}");
        }
    }

    #[test]
    fn the_same_fault_twice_is_refused() {
        let delay = Fault::ReceiptDelay(Duration::from_millis(5));
        let combined = Faults::combine([delay]).unwrap();
        assert_eq!(combined.receipt_delay, Duration::from_millis(5));
        assert_eq!(Faults::combine([]), Ok(Faults::default()));
        assert!(matches!(Faults::combine([delay, delay]), Err(FaultError::Repeated { .. })));
    }

    #[test]
    fn all_faults_can_be_combined() {
        let all = KINDS.map(|kind| kind.example.parse::<Fault>().unwrap());
        let combined = Faults::combine(all).unwrap();
        for fault in all {
            let without = Faults::combine(all.into_iter().filter(|other| *other != fault)).unwrap();
            assert_ne!(without, combined, "{fault} changes nothing");
        }
    }
}
