//! Where an earlier run of the same plan stopped, and what that leaves to do.
//!
//! The broker says of each producer the highest sequence id that it has, which is a record's index.
//! A stream goes on behind the lowest of its partitions and leaves out what each of the others has
//! already, so that nothing is missing and nothing is sent twice.

use crate::routing::Routing;

/// Why there is nothing to resume.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ResumptionError {
    /// The broker knows nothing of a producer.
    #[error(
        "the broker does not know where producer {producer} stopped: either deduplication is off \
         for its topic (or it forgot the name, after six hours), or no run of this plan has sent \
         to it (another seed, schema, number of producers or routing makes other names); \
         --resume=or-start begins such streams anew"
    )]
    Unknown {
        /// Its number.
        producer: u32,
    },
    /// What the broker knows is no index of the stream.
    #[error(
        "producer {producer} stopped at record {last}, which is none of its stream's: somebody \
         else has sent under its name"
    )]
    OtherStreams {
        /// Its number.
        producer: u32,
        /// What the broker says.
        last: u64,
    },
}

/// What a run that goes on finds done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resumption {
    /// The first index of each stream.
    starts: Vec<u64>,
    /// The last index that each producer has sent.
    done: Vec<Option<u64>>,
    /// Behind the last index that any has sent.
    done_until: u64,
}

impl Resumption {
    /// Finds out where each of so many streams goes on: `last` has the highest sequence id of each
    /// producer. Those without one are refused, unless they are to begin anew.
    ///
    /// # Errors
    /// When the broker does not know a producer, or of another number of streams.
    pub fn new(
        routing: &Routing,
        streams: u32,
        last: &[Option<u64>],
        may_start: bool,
    ) -> Result<Self, ResumptionError> {
        let mut starts = Vec::new();
        for (stream, route) in (0..).zip(routing.routes()) {
            let mut start = u64::MAX;
            for producer in (0..route.partitions).map(|partition| route.producer(partition)) {
                let known = last.get(producer as usize).copied().flatten();
                let next = match known {
                    None if may_start => stream,
                    None => return Err(ResumptionError::Unknown { producer }),
                    Some(last) if last % u64::from(streams) != stream => {
                        return Err(ResumptionError::OtherStreams { producer, last });
                    }
                    Some(last) => last + u64::from(streams),
                };
                start = start.min(next);
            }
            starts.push(start);
        }
        let done_until = last.iter().flatten().max().map_or(0, |last| last + 1);
        Ok(Self { starts, done: last.to_vec(), done_until })
    }

    /// Returns the first index of all.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.starts.iter().copied().min().unwrap_or_default()
    }

    /// Returns the first index of a stream.
    #[must_use]
    pub fn start(&self, stream: u32) -> u64 {
        self.starts.get(stream as usize).copied().unwrap_or_else(|| stream.into())
    }

    /// Returns the last index that a producer has sent.
    #[must_use]
    pub fn last(&self, producer: u32) -> Option<u64> {
        self.done.get(producer as usize).copied().flatten()
    }

    /// Returns the index behind that; 0: it has sent nothing.
    #[must_use]
    pub fn end(&self, producer: u32) -> u64 {
        self.last(producer).map_or(0, |last| last.saturating_add(1))
    }

    /// Returns whether a record may be done, which is cheap to ask.
    #[inline]
    #[must_use]
    pub const fn may_be_done(&self, index: u64) -> bool {
        index < self.done_until
    }

    /// Returns whether a producer has sent this record.
    #[must_use]
    pub fn is_done(&self, producer: u32, index: u64) -> bool {
        self.last(producer).is_some_and(|last| index <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Rule;

    #[test]
    fn each_stream_goes_on_behind_its_slowest_partition() {
        // Two streams on two partitions: producers 0 and 1, and 2 and 3.
        let routing = Routing::new(Rule::default(), &[2], 2, 1);
        let last = [Some(10), Some(4), Some(7), Some(9)];
        let resumed = Resumption::new(&routing, 2, &last, false).unwrap();
        assert_eq!((resumed.start(0), resumed.start(1), resumed.first()), (6, 9, 6));
        assert!(resumed.may_be_done(10) && !resumed.may_be_done(11));
        assert!(resumed.is_done(0, 10) && !resumed.is_done(1, 6) && resumed.is_done(1, 4));
        let nothing = Resumption::default();
        assert_eq!((nothing.start(1), nothing.may_be_done(0)), (1, false));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let routing = Routing::new(Rule::default(), &[2], 2, 1);
        let unknown = [Some(10), None, Some(7), Some(9)];
        let refused = Resumption::new(&routing, 2, &unknown, false).unwrap_err();
        assert_eq!(refused, ResumptionError::Unknown { producer: 1 });
        let anew = Resumption::new(&routing, 2, &unknown, true).unwrap();
        assert_eq!((anew.start(0), anew.start(1)), (0, 9));
        assert!(anew.is_done(0, 10) && !anew.is_done(1, 0));
        let odd = [Some(10), Some(5), Some(7), Some(9)];
        let refused = Resumption::new(&routing, 2, &odd, true).unwrap_err();
        assert_eq!(refused, ResumptionError::OtherStreams { producer: 1, last: 5 });
    }
}
