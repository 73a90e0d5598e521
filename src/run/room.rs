//! What the buffers of a run hold, how many there are, and what they are sealed with.

use super::Run;
use crate::batch::BatchLimits;
use crate::batch::FrameSealerParts;
use crate::plan::Batching;
use crate::plan::Transport;
use crate::publisher::Publisher;
use crate::wire;

impl Run<'_> {
    /// Returns what a buffer has to hold.
    pub(super) fn limits(&self, publisher: &Publisher) -> BatchLimits {
        let Batching { records_max, bytes_max, compression, .. } = self.batching;
        let record_bytes_max = self.program.bytes_max() + self.program.key_bytes_max();
        match publisher.message_bytes_max() {
            Some(message_bytes_max) => {
                // The broker's limit is for what stands before the records too.
                let room = message_bytes_max.saturating_sub(wire::HEAD_BYTES_MAX);
                compression.limits(records_max, bytes_max.min(room), record_bytes_max)
            }
            None => BatchLimits {
                records_max,
                // However long records can be, one has to fit.
                bytes_max: bytes_max.max(record_bytes_max),
                record_bytes_max,
                are_noted: true,
                ..BatchLimits::default()
            },
        }
    }

    /// Returns how many buffers each lane has: as planned, unless records are so long that fewer
    /// fit the memory.
    pub(super) fn buffers(&self, limits: &BatchLimits) -> usize {
        let by_memory = self.batching.lane_bytes_max / limits.buffer_bytes();
        self.buffers.min(by_memory).max(2)
    }

    /// Returns what frames are sealed with; `None`: the transport makes none.
    pub(super) fn sealing(&self, publisher: &Publisher) -> Option<FrameSealerParts> {
        (self.plan.transport == Transport::Framed).then(|| FrameSealerParts {
            producers: publisher.heads().into(),
            origin: self.plan.origin(),
            streams: self.plan.streams,
            compression: self.batching.compression,
            is_batching: self.batching.is_enabled,
        })
    }
}
