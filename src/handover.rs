//! The hand-over between lanes and publisher: sealed batches one way, empty buffers the other.
//!
//! A buffer has exactly one owner at any time, and there are as many as the plan says: their number
//! is the window in flight and the bound on memory. The channel of sealed batches has room for all
//! of them, so a lane never waits to hand over; it waits for an empty buffer, which is
//! back-pressure.
//!
//! The publisher sleeps on a [`Notify`], never in a blocking receive, so that its runtime keeps
//! reading receipts; a lane rings the bell once a batch.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;
use crossbeam_channel::TryRecvError;
use crossbeam_channel::select;
use tokio::sync::Notify;

use crate::batch::Batch;
use crate::batch::BatchLimits;
use crate::stop::Stop;

/// A lane's side.
#[derive(Debug)]
pub struct LaneEnd {
    empty: Receiver<Box<Batch>>,
    /// Buffers that came back. The last one is taken first: it is the likeliest to be in the cache
    /// still, and buffers that a run never needs are never touched.
    #[expect(clippy::vec_box, reason = "a buffer's own box moves between the threads")]
    idle: Vec<Box<Batch>>,
    /// `None` only while dropping.
    sealed: Option<Sender<Box<Batch>>>,
    bell: Arc<Notify>,
}

/// Why a lane got no buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoBuffer {
    /// All are in flight.
    NoneFree,
    /// The run was stopped.
    Stopped,
    /// The publisher has ended.
    PublisherGone,
}

impl LaneEnd {
    /// Returns how many buffers circulate between this lane and the publisher.
    #[must_use]
    pub fn buffers(&self) -> usize {
        self.empty.capacity().unwrap_or_default()
    }

    /// Takes an empty buffer if there is one.
    ///
    /// # Errors
    /// When all buffers are in flight, or none will ever come back.
    pub fn try_take(&mut self) -> Result<Box<Batch>, NoBuffer> {
        loop {
            match self.empty.try_recv() {
                Ok(batch) => self.idle.push(batch),
                Err(TryRecvError::Disconnected) => return Err(NoBuffer::PublisherGone),
                Err(TryRecvError::Empty) => return self.idle.pop().ok_or(NoBuffer::NoneFree),
            }
        }
    }

    /// Waits for an empty buffer.
    ///
    /// # Errors
    /// When the run is stopped or the publisher ends meanwhile.
    pub fn take(&mut self, stop: &Stop) -> Result<Box<Batch>, NoBuffer> {
        match self.try_take() {
            Err(NoBuffer::NoneFree) => {}
            taken => return taken,
        }
        select! {
            recv(self.empty) -> taken => taken.map_err(|_| NoBuffer::PublisherGone),
            recv(stop.receiver()) -> _ => Err(NoBuffer::Stopped),
        }
    }

    /// Hands a sealed batch over and rings.
    ///
    /// # Errors
    /// Returns the batch when the publisher has ended.
    pub fn hand_over(&self, batch: Box<Batch>) -> Result<(), Box<Batch>> {
        match &self.sealed {
            Some(sealed) => sealed.send(batch).map_err(|unsent| unsent.0)?,
            None => return Err(batch),
        }
        self.bell.notify_one();
        Ok(())
    }
}

impl Drop for LaneEnd {
    fn drop(&mut self) {
        // The channel must be closed before the bell rings, or the publisher sleeps through the
        // end.
        self.sealed.take();
        self.bell.notify_one();
    }
}

/// The publisher's side.
#[derive(Debug)]
pub struct PublisherEnd {
    sealed: Receiver<Box<Batch>>,
    returns: Returns,
    bell: Arc<Notify>,
}

/// What the hand-over has for the publisher.
#[derive(Debug)]
pub enum Next {
    /// The next sealed batch.
    Batch(Box<Batch>),
    /// Nothing yet.
    Nothing,
    /// Every lane has ended, and nothing is left.
    Ended,
}

impl PublisherEnd {
    /// Waits for the next sealed batch; `None` once every lane has ended and nothing is left.
    pub async fn next(&self) -> Option<Box<Batch>> {
        loop {
            match self.sealed.try_recv() {
                Ok(batch) => return Some(batch),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => self.bell.notified().await,
            }
        }
    }

    /// Takes a sealed batch if there is one, without waiting.
    #[must_use]
    pub fn try_next(&self) -> Next {
        match self.sealed.try_recv() {
            Ok(batch) => Next::Batch(batch),
            Err(TryRecvError::Empty) => Next::Nothing,
            Err(TryRecvError::Disconnected) => Next::Ended,
        }
    }

    /// Waits until a lane has rung since the last time.
    pub fn rung(&self) -> impl Future<Output = ()> {
        self.bell.notified()
    }

    /// Returns the way back to the lanes.
    #[must_use]
    pub const fn returns(&self) -> &Returns {
        &self.returns
    }
}

/// The way back of empty buffers, each to its lane.
#[derive(Clone, Debug)]
pub struct Returns {
    lanes: Arc<[Sender<Box<Batch>>]>,
}

impl Returns {
    /// Gives a buffer back to its lane; when the lane has ended, the buffer ends too.
    pub fn give_back(&self, batch: Box<Batch>) {
        if let Some(lane) = self.lanes.get(batch.lane as usize) {
            // There is room for every buffer of the lane; only a lane that has ended refuses.
            drop(lane.try_send(batch));
        }
    }
}

/// Makes the hand-over with `buffers` empty buffers for each of `lanes`.
#[must_use]
pub fn hand_over(lanes: u32, buffers: usize, limits: BatchLimits) -> (Vec<LaneEnd>, PublisherEnd) {
    let (sealed_in, sealed_out) = crossbeam_channel::bounded(lanes as usize * buffers);
    let bell = Arc::new(Notify::new());
    let mut ends = Vec::new();
    let mut returns = Vec::new();
    for lane in 0..lanes {
        let (empty_in, empty_out) = crossbeam_channel::bounded(buffers);
        for _ in 0..buffers {
            // The channel was made with room for all of them and its other end is in hand.
            drop(empty_in.try_send(Box::new(Batch::new(lane, limits))));
        }
        let sealed = Some(sealed_in.clone());
        let idle = Vec::with_capacity(buffers);
        ends.push(LaneEnd { empty: empty_out, idle, sealed, bell: Arc::clone(&bell) });
        returns.push(empty_in);
    }
    (ends, PublisherEnd { sealed: sealed_out, returns: Returns { lanes: returns.into() }, bell })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop;

    fn limits() -> BatchLimits {
        BatchLimits {
            records_max: 1,
            bytes_max: 64,
            record_bytes_max: 64,
            ..BatchLimits::default()
        }
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn buffers_circulate_and_are_never_more() {
        let (mut lanes, publisher) = hand_over(2, 3, limits());
        let (_handle, stop) = stop::stop();
        let mut lane = lanes.remove(1);
        for _ in 0..10 {
            let taken: Vec<_> = (0..3).map(|_| lane.take(&stop).unwrap()).collect();
            assert_eq!(lane.try_take().unwrap_err(), NoBuffer::NoneFree);
            for batch in taken {
                lane.hand_over(batch).unwrap();
                publisher.returns().give_back(block_on(publisher.next()).unwrap());
            }
        }
    }

    #[test]
    fn the_publisher_hears_the_last_lane_leave() {
        let (lanes, publisher) = hand_over(2, 1, limits());
        let leaving = std::thread::spawn(move || drop(lanes));
        assert!(block_on(publisher.next()).is_none());
        leaving.join().unwrap();
    }

    #[test]
    fn a_waiting_lane_hears_the_stop_and_the_publishers_end() {
        let (mut lanes, publisher) = hand_over(1, 1, limits());
        let mut lane = lanes.remove(0);
        let (handle, stop) = stop::stop();
        let batch = lane.take(&stop).unwrap();
        handle.set();
        assert_eq!(lane.take(&stop).unwrap_err(), NoBuffer::Stopped);
        drop(publisher);
        assert_eq!(lane.try_take().unwrap_err(), NoBuffer::PublisherGone);
        assert!(lane.hand_over(batch).is_err());
    }
}
