//! The generator stage: a lane turns its streams' due records into sealed batches, on time.
//!
//! A lane alternates between building and releasing. It builds for the stream whose next record is
//! due first, and releases a built batch before it builds anything that is due after it. Built
//! ahead, a batch leaves when its last record is due. The loop is the same at every rate: at
//! maximum rate nothing is due, and a batch leaves when it is full.

use std::collections::VecDeque;

use bumpalo::Bump;

use crate::batch::Batch;
use crate::batch::RecordHead;
use crate::batch::Sealer;
use crate::clock::Moment;
use crate::handover::LaneEnd;
use crate::handover::NoBuffer;
use crate::pacer::Pacer;
use crate::program::Draw;
use crate::program::FORESIGHT;
use crate::program::Program;
use crate::routing::KeyHashes;
use crate::routing::Route;
use crate::routing::Routing;
use crate::schedule::Cursor;
use crate::schedule::Schedule;
use crate::stats::Measuring;
use crate::stats::Stats;
use crate::stop::Stop;

mod departures;
mod resumption;

pub use resumption::Resumption;
pub use resumption::ResumptionError;

use departures::Departures;

/// What a lane is made of, all of it before the run starts.
pub struct LaneParts<'a, S> {
    /// The streams that this lane runs.
    pub streams: Vec<u32>,
    /// How many streams the whole run has.
    pub streams_total: u32,
    /// The length of a batch window, in nanoseconds.
    pub window_ns: u64,
    /// A record later than this is dropped; 0: never.
    pub max_lag_ns: u64,
    /// When what is due.
    pub schedule: Schedule,
    /// Which records are measured.
    pub measuring: Measuring,
    /// When the run starts.
    pub start: Moment,
    /// The same moment in milliseconds since 1970, which dates the records.
    pub start_wall_ms: u64,
    /// What an earlier run has done.
    pub resumption: &'a Resumption,
    /// Which topic and partition a record goes to.
    pub routing: &'a Routing,
    /// What draws and writes records.
    pub program: &'a Program,
    /// What lays them out.
    pub sealer: S,
    /// Buffers in, batches out.
    pub end: LaneEnd,
    /// Waits for due times.
    pub pacer: Pacer,
    /// Ends the run early.
    pub stop: Stop,
    /// This lane's number among [`Stats::lanes`].
    pub lane: usize,
    /// What it counts into.
    pub stats: &'a Stats,
}

/// Why a lane ends before its schedule does.
enum Ended {
    /// The run was stopped.
    Stopped,
    /// The publisher is gone: nothing can be handed over any more.
    PublisherGone,
}

/// One stream: which records are left, and what was sealed last for each partition.
struct Stream {
    number: u32,
    cursor: Cursor,
    route: Route,
    /// The partition of the stripe that is being filled.
    stripe: usize,
    /// The batch being filled for each partition.
    open: Vec<Option<Box<Batch>>>,
    /// The last index sealed for each partition.
    previous: Vec<Option<u64>>,
}

struct Lane<'a, S> {
    streams_total: u64,
    window_ns: u64,
    max_lag_ns: u64,
    /// From then on records have no due times.
    paced_until_ns: u64,
    end_ns: u64,
    start_wall_ms: u64,
    resumption: &'a Resumption,
    program: &'a Program,
    draw: Draw,
    sealer: S,
    streams: Vec<Stream>,
    hashes: KeyHashes,
    departures: Departures<'a>,
}

/// Runs a lane until the schedule ends or the run is stopped. Whatever the end, every record whose
/// turn came is counted.
pub fn run_lane<S: Sealer>(parts: LaneParts<'_, S>) {
    let mut lane = Lane::new(parts);
    if lane.run(&mut Bump::new()).is_err() {
        lane.end_early();
    }
}

impl<'a, S: Sealer> Lane<'a, S> {
    fn new(parts: LaneParts<'a, S>) -> Self {
        let stream = |&number: &u32| {
            let route = parts.routing.of(number);
            let last = |partition| parts.resumption.last(route.producer(partition));
            let start = parts.resumption.start(number);
            let skipped = (start - u64::from(number)) / u64::from(parts.streams_total);
            parts.stats.lanes[parts.lane].skipped.add(skipped);
            Stream {
                number,
                cursor: parts.schedule.cursor(start, parts.streams_total.into()),
                route,
                stripe: 0,
                open: (0..route.partitions).map(|_| None).collect(),
                previous: (0..route.partitions).map(last).collect(),
            }
        };
        Self {
            streams_total: parts.streams_total.into(),
            window_ns: parts.window_ns,
            max_lag_ns: parts.max_lag_ns,
            paced_until_ns: parts.measuring.paced_until_ns,
            end_ns: parts.schedule.end_ns(),
            start_wall_ms: parts.start_wall_ms,
            resumption: parts.resumption,
            program: parts.program,
            draw: parts.program.draw(),
            sealer: parts.sealer,
            streams: parts.streams.iter().map(stream).collect(),
            hashes: KeyHashes::new(parts.routing.rule(), parts.program.key_numbers()),
            departures: Departures {
                waiting: VecDeque::with_capacity(parts.end.buffers()),
                end: parts.end,
                pacer: parts.pacer,
                start: parts.start,
                stop: parts.stop,
                counters: &parts.stats.lanes[parts.lane],
                stats: parts.stats,
                measuring: parts.measuring,
            },
        }
    }

    /// Builds and releases until the schedule ends.
    fn run(&mut self, arena: &mut Bump) -> Result<(), Ended> {
        while let Some((slot, due_ns)) = self.next_stream() {
            if self.departures.earliest_ns().is_some_and(|earliest_ns| earliest_ns < due_ns) {
                self.departures.release_next()?;
            } else if due_ns < self.paced_until_ns {
                self.drop_too_late(slot);
                self.build_window(arena, slot)?;
            } else if self.departures.elapsed_ns() < self.end_ns {
                self.build_batch(arena, slot)?;
            } else {
                break;
            }
            arena.reset();
        }
        self.seal_all();
        while self.departures.earliest_ns().is_some() {
            self.departures.release_next()?;
        }
        Ok(())
    }

    /// Returns the stream whose next record comes first, and when that is due.
    fn next_stream(&self) -> Option<(usize, u64)> {
        let next = self.streams.iter().enumerate().filter_map(|(slot, stream)| {
            stream.cursor.due_ns().map(|due_ns| (due_ns, stream.cursor.index(), slot))
        });
        next.min().map(|(due_ns, _, slot)| (slot, due_ns))
    }

    /// Builds one stream's records until a batch is full or the window of the first one ends.
    fn build_window(&mut self, arena: &Bump, slot: usize) -> Result<(), Ended> {
        let cursor = &self.streams[slot].cursor;
        let Some(first_ns) = cursor.due_ns() else {
            return Ok(());
        };
        let window_end_ns = (first_ns / self.window_ns + 1).saturating_mul(self.window_ns);
        let window_end_ns = window_end_ns.min(self.paced_until_ns);
        while let Some(due_ns) = self.streams[slot].cursor.due_ns() {
            if due_ns >= window_end_ns {
                break;
            }
            let event_time_ms = self.start_wall_ms + due_ns / 1_000_000;
            let has_sealed = self.append(arena, slot, due_ns, event_time_ms)?;
            let next_ns = self.streams[slot].cursor.due_ns();
            if has_sealed && next_ns.is_some_and(|next_ns| next_ns < window_end_ns) {
                return Ok(());
            }
        }
        self.seal_stream(slot);
        Ok(())
    }

    /// Builds one stream's records until a batch is full, all with the time of now.
    fn build_batch(&mut self, arena: &Bump, slot: usize) -> Result<(), Ended> {
        let event_time_ms = self.start_wall_ms + self.departures.elapsed_ns() / 1_000_000;
        while let Some(due_ns) = self.streams[slot].cursor.due_ns() {
            if self.append(arena, slot, due_ns, event_time_ms)? {
                break;
            }
        }
        Ok(())
    }

    /// Appends the stream's next record to its partition's batch; returns whether that was sealed,
    /// or room had to be made for it: then time has passed.
    fn append(
        &mut self,
        arena: &Bump,
        slot: usize,
        due_ns: u64,
        event_time_ms: u64,
    ) -> Result<bool, Ended> {
        let index = self.streams[slot].cursor.index();
        self.program.begin(&mut self.draw, index, event_time_ms);
        self.foresee(slot, index + FORESIGHT * self.streams_total);
        let key = self.program.key(&mut self.draw, arena);
        let route = self.streams[slot].route;
        let (hashes, source) = (&mut self.hashes, self.program.key_number(&self.draw));
        let partition = route.partition_by(index, key, || hashes.of(source, key));
        if self.resumption.may_be_done(index)
            && self.resumption.is_done(route.producer(partition), index)
        {
            self.streams[slot].cursor.advance();
            self.departures.counters.skipped.add(1);
            return Ok(false);
        }
        if partition as usize != self.streams[slot].stripe && !route.is_by_key(key) {
            // A stripe has ended: its batch gets nothing any more, so it does not wait.
            let ended = std::mem::replace(&mut self.streams[slot].stripe, partition as usize);
            self.seal(slot, ended);
        }
        let (mut batch, has_made_room) = match self.streams[slot].open[partition as usize].take() {
            Some(batch) => (batch, false),
            None => self.begin(slot, partition)?,
        };
        self.sealer.open(&mut batch, &RecordHead { index, due_ns, event_time_ms, key });
        let bytes = self.program.encode(&mut self.draw, batch.room());
        batch.advance(bytes);
        self.sealer.close(&mut batch);
        let is_full = batch.is_full();
        let stream = &mut self.streams[slot];
        stream.cursor.advance();
        stream.open[partition as usize] = Some(batch);
        if is_full {
            self.seal(slot, partition as usize);
        }
        Ok(is_full || has_made_room)
    }

    /// Has the processor fetch what a record of a stream needs that will be made soon: what is kept
    /// for its source, and with many partitions the room in its batch.
    #[inline]
    fn foresee(&self, slot: usize, index: u64) {
        let number = self.program.foresee(index);
        let Stream { route, open, .. } = &self.streams[slot];
        if open.len() > 1
            && let Some(hash) = number.and_then(|number| self.hashes.known(number))
            && let Some(partition) = route.partition_of(hash)
            && let Some(batch) = &open[partition as usize]
        {
            batch.fetch_room();
        }
    }

    /// Takes an empty buffer for a stream and partition, making room if all are in use; returns
    /// whether it had to.
    fn begin(&mut self, slot: usize, partition: u32) -> Result<(Box<Batch>, bool), Ended> {
        let mut has_made_room = false;
        let mut batch = loop {
            match self.departures.try_take() {
                Ok(batch) => break batch,
                Err(NoBuffer::PublisherGone) => return Err(Ended::PublisherGone),
                Err(NoBuffer::NoneFree | NoBuffer::Stopped) => has_made_room = true,
            }
            if self.departures.earliest_ns().is_some() {
                self.departures.release_next()?;
            } else if let Some((slot, partition)) = self.oldest_open() {
                self.seal(slot, partition);
            } else {
                break self.departures.take()?;
            }
        };
        let stream = &self.streams[slot];
        batch.begin(stream.number, partition, stream.route.producer(partition));
        Ok((batch, has_made_room))
    }

    /// Returns the open batch that holds the oldest record.
    fn oldest_open(&self) -> Option<(usize, usize)> {
        let open = self.streams.iter().enumerate().flat_map(|(slot, stream)| {
            let batches = stream.open.iter().enumerate();
            batches.filter_map(move |(p, batch)| Some((batch.as_ref()?.first_index, slot, p)))
        });
        open.min().map(|(_, slot, partition)| (slot, partition))
    }

    /// Seals a stream's open batch for a partition, if there is one, and lays it out for release.
    fn seal(&mut self, slot: usize, partition: usize) {
        let stream = &mut self.streams[slot];
        if let Some(mut batch) = stream.open[partition].take() {
            batch.previous_index = stream.previous[partition].replace(batch.last_index);
            self.sealer.seal(&mut batch);
            self.departures.push(batch);
        }
    }

    fn seal_stream(&mut self, slot: usize) {
        for partition in 0..self.streams[slot].open.len() {
            self.seal(slot, partition);
        }
    }

    fn seal_all(&mut self) {
        (0..self.streams.len()).for_each(|slot| self.seal_stream(slot));
    }

    /// Drops the records of a stream that are later than the lag allows.
    fn drop_too_late(&mut self, slot: usize) {
        if self.max_lag_ns > 0 {
            let now_ns = self.departures.elapsed_ns();
            self.drop_due_before(slot, now_ns.saturating_sub(self.max_lag_ns), now_ns, 0);
        }
    }

    /// Counts a stream's records that are due before `until_ns` and will never be built, each with
    /// the lag that it has now, where that is not below `known_ns`.
    fn drop_due_before(&mut self, slot: usize, until_ns: u64, now_ns: u64, known_ns: u64) {
        let until_ns = until_ns.min(self.paced_until_ns);
        let mut is_first = true;
        loop {
            let cursor = &self.streams[slot].cursor;
            let (index, due_ns) = (cursor.index(), cursor.due_ns());
            let Some(due_ns) = due_ns.filter(|&due_ns| due_ns < until_ns) else { return };
            if std::mem::take(&mut is_first) {
                // No batch spans a record that was dropped: it would hide that from consumers.
                self.seal_stream(slot);
            }
            if self.resumption.may_be_done(index) && self.is_done(slot, index) {
                self.departures.counters.skipped.add(1);
            } else {
                self.departures.count_late(due_ns, now_ns, known_ns);
            }
            self.streams[slot].cursor.advance();
        }
    }

    /// Returns whether an earlier run has sent a record, which takes drawing its key.
    fn is_done(&mut self, slot: usize, index: u64) -> bool {
        self.program.begin(&mut self.draw, index, self.start_wall_ms);
        let arena = Bump::new();
        let route = self.streams[slot].route;
        let partition = route.partition(index, self.program.key(&mut self.draw, &arena));
        self.resumption.is_done(route.producer(partition), index)
    }

    /// Hands over what has begun to be due, and counts what was due but never built.
    ///
    /// What the stop cut off has waited only so long, and would have gone on: its lag counts where
    /// no receipt has shown a longer time. With all of it a run would look faster the sooner it is
    /// stopped; without any of it a broker that stands still would not show.
    fn end_early(&mut self) {
        let stopped_ns = self.departures.elapsed_ns();
        let known_ns = self.departures.stats.publisher.response_ns_max.get();
        self.seal_all();
        self.departures.release_begun(stopped_ns);
        for slot in 0..self.streams.len() {
            self.drop_too_late(slot);
            self.drop_due_before(slot, stopped_ns, stopped_ns, known_ns);
        }
    }
}

#[cfg(test)]
mod tests;
