//! How records are gathered into batches, and how many batches may be on their way.

use std::time::Duration;

use serde::Serialize;

use super::Load;
use super::PlanError;
use super::Settings;
use super::nanoseconds;
use crate::batch::Compression;

/// How batches reach Pulsar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// As finished frames that the lanes seal, over connections of our own.
    #[default]
    Framed,
    /// Record by record through the `pulsar` crate: what the other one is compared with.
    Client,
}

impl Transport {
    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Framed => "framed",
            Self::Client => "client",
        }
    }
}

/// What was typed of batching, each `None` where nothing was.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchSettings {
    /// `--batch-time-window`.
    pub window: Option<Duration>,
    /// `--batch-max-messages`.
    pub records_max: Option<usize>,
    /// `--batch-max-bytes`.
    pub bytes_max: Option<usize>,
    /// `--disable-batching`.
    pub is_disabled: bool,
    /// `--memory-limit`, in bytes.
    pub memory_bytes_max: Option<usize>,
    /// `--max-outstanding`, in messages.
    pub outstanding_max: Option<usize>,
    /// `--compression`.
    pub compression: Option<Compression>,
    /// `--transport`.
    pub transport: Transport,
}

/// How records are gathered into batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Batching {
    /// Records due within one such window of the schedule share a batch.
    pub window_ns: u64,
    /// Records in a batch at most.
    pub records_max: usize,
    /// Bytes in a batch at most, before it is compressed.
    pub bytes_max: usize,
    /// Memory for the batches of one lane.
    pub lane_bytes_max: usize,
    /// Records of one lane on their way at most; `None`: as many as fit the memory.
    pub lane_records_max: Option<usize>,
    /// Whether records are gathered at all; else each is a message by itself.
    pub is_enabled: bool,
    /// How batches are compressed.
    pub compression: Compression,
}

/// Records due within this time share a batch.
const WINDOW: Duration = Duration::from_millis(10);

/// Records in a batch at most: the Java client's default.
const RECORDS_MAX: usize = 1_000;

/// Bytes in a batch at most; far below the smallest `maxMessageSize` that brokers are given.
const BYTES_MAX: usize = 256 * 1024;

/// Memory for the batches of all lanes, where nothing was typed: of one lane with the default
/// batches 64 of them, so that with one stream, one partition and the default window a broker may
/// answer 640 ms late before a lane has to wait. What a run does not need is never touched.
const LANE_BYTES_MAX: usize = 64 * BYTES_MAX;

/// A lane that fills one buffer while another one is on its way.
const BUFFERS_MIN: usize = 2;

/// Buffers for each batch that a lane holds open, where it holds several: one is filled, one waits
/// for its time, one is on its way.
const BUFFERS_AN_OPEN_BATCH: usize = 3;

/// Buffers of a lane at most: without batching each holds one record, and the channel has a place
/// for each.
const BUFFERS_MAX: usize = 16 * 1024;

impl Batching {
    /// Resolves what was typed; also returns the buffers of each of `lanes`, which run so many
    /// `streams`.
    pub(super) fn resolve(
        settings: &Settings,
        load: &Load,
        lanes: u32,
        streams: u32,
    ) -> Result<(Self, usize), PlanError> {
        let typed = settings.batching;
        refuse_without_effect(settings, load)?;
        let records_max = typed.records_max.unwrap_or(RECORDS_MAX);
        let of_lane = |all: usize| (all / lanes as usize).max(1);
        let batching = Self {
            lane_bytes_max: typed.memory_bytes_max.map_or(LANE_BYTES_MAX, of_lane),
            lane_records_max: typed.outstanding_max.map(of_lane),
            window_ns: nanoseconds(typed.window.unwrap_or(WINDOW)),
            records_max: if typed.is_disabled { 1 } else { records_max },
            bytes_max: if typed.is_disabled { 1 } else { typed.bytes_max.unwrap_or(BYTES_MAX) },
            is_enabled: !typed.is_disabled,
            compression: typed.compression.unwrap_or_default(),
        };
        Ok(batching.of_lane(streams.div_ceil(lanes) as usize))
    }

    /// Returns the batches of a lane that holds so many open at a time, small enough that enough
    /// of them fit the window in flight and the memory; also returns how many buffers there are.
    #[must_use]
    pub fn of_lane(self, open: usize) -> (Self, usize) {
        let buffers_min = if open <= 1 { BUFFERS_MIN } else { open * BUFFERS_AN_OPEN_BATCH };
        let window = self.lane_records_max.unwrap_or(usize::MAX);
        let records_max = self.records_max.min(window / buffers_min).max(1);
        let bytes_max = self.bytes_max.min(self.lane_bytes_max / buffers_min).max(1);
        // Without batching a buffer is as large as the longest record, which the schema decides.
        let by_memory = if self.is_enabled { self.lane_bytes_max / bytes_max } else { BUFFERS_MAX };
        let buffers = by_memory.min(window / records_max).clamp(BUFFERS_MIN, BUFFERS_MAX);
        (Self { records_max, bytes_max, ..self }, buffers)
    }
}

fn refuse_without_effect(settings: &Settings, load: &Load) -> Result<(), PlanError> {
    let typed = settings.batching;
    let refuse = |flag, why| Err(PlanError::NoEffect { flag, why });
    if typed.is_disabled && typed.records_max.is_some() {
        return refuse("--batch-max-messages", "--disable-batching sends each message by itself");
    }
    if typed.is_disabled && typed.bytes_max.is_some() {
        return refuse("--batch-max-bytes", "--disable-batching sends each message by itself");
    }
    if !load.is_paced() && typed.window.is_some() {
        return refuse("--batch-time-window", "at --rate max a batch leaves when it is full");
    }
    if typed.transport == Transport::Client {
        if typed.compression.is_some_and(|compression| compression != Compression::None) {
            return refuse("--compression", "--transport client sends batches as they are");
        }
        if typed.is_disabled {
            return refuse("--disable-batching", "--transport client always batches");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_open_batches_are_smaller_ones_in_the_same_memory() {
        let batching = Batching {
            window_ns: 1,
            records_max: 1_000,
            bytes_max: BYTES_MAX,
            lane_bytes_max: LANE_BYTES_MAX,
            lane_records_max: None,
            is_enabled: true,
            compression: Compression::None,
        };
        for open in [1, 2, 16, 64, 64 * 8, 64 * 1_024] {
            let (fitted, buffers) = batching.of_lane(open);
            assert!(fitted.bytes_max * buffers <= LANE_BYTES_MAX, "{open}");
            assert!(buffers >= (open * 3).min(BUFFERS_MAX), "{open}");
        }
        let (fitted, buffers) = batching.of_lane(1);
        assert_eq!((fitted, buffers), (batching, 64));
        let small = Batching { lane_records_max: Some(600), ..batching };
        assert_eq!((small.of_lane(1).0.records_max, small.of_lane(1).1), (300, 2));
        assert_eq!((small.of_lane(4).0.records_max, small.of_lane(4).1), (50, 12));
    }
}
