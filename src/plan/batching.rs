//! How records are gathered into batches, and how many batches may be on their way.

use std::time::Duration;

use serde::Serialize;

use super::PlanError;
use super::Settings;
use super::nanoseconds;
use crate::batch::Compression;
use crate::units::Rate;

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

/// Buffers of a lane at most: without batching each holds one record, and the channel has a place
/// for each.
const BUFFERS_MAX: usize = 16 * 1024;

impl Batching {
    /// Resolves what was typed; also returns the buffers of each of `lanes`.
    pub(super) fn resolve(settings: &Settings, lanes: u32) -> Result<(Self, usize), PlanError> {
        let typed = settings.batching;
        refuse_without_effect(settings)?;
        let outstanding = typed.outstanding_max.map(|max| (max / lanes as usize).max(1));
        let records_max = if typed.is_disabled {
            1
        } else {
            // A window in flight below a batch shrinks the batch: two have to be on their way.
            let half = outstanding.map_or(usize::MAX, |max| (max / BUFFERS_MIN).max(1));
            typed.records_max.unwrap_or(RECORDS_MAX).min(half)
        };
        let memory = typed.memory_bytes_max.map_or(LANE_BYTES_MAX, |max| max / lanes as usize);
        let bytes_max = typed.bytes_max.unwrap_or(BYTES_MAX).min(memory / BUFFERS_MIN).max(1);
        // Without batching a buffer is as large as the longest record, which the schema decides.
        let by_memory = if typed.is_disabled { BUFFERS_MAX } else { memory / bytes_max };
        let by_records = outstanding.map_or(usize::MAX, |max| max / records_max);
        let buffers = by_memory.min(by_records).clamp(BUFFERS_MIN, BUFFERS_MAX);
        let bytes_max = if typed.is_disabled { 1 } else { bytes_max };
        let batching = Self {
            lane_bytes_max: memory,
            window_ns: nanoseconds(typed.window.unwrap_or(WINDOW)),
            records_max,
            bytes_max,
            is_enabled: !typed.is_disabled,
            compression: typed.compression.unwrap_or_default(),
        };
        Ok((batching, buffers))
    }
}

fn refuse_without_effect(settings: &Settings) -> Result<(), PlanError> {
    let typed = settings.batching;
    let refuse = |flag, why| Err(PlanError::NoEffect { flag, why });
    if typed.is_disabled && typed.records_max.is_some() {
        return refuse("--batch-max-messages", "--disable-batching sends each message by itself");
    }
    if typed.is_disabled && typed.bytes_max.is_some() {
        return refuse("--batch-max-bytes", "--disable-batching sends each message by itself");
    }
    if settings.rate == Rate::Max && typed.window.is_some() {
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
