//! The series of several runs, point by point at the same time.
//!
//! Time is cut into intervals of the wall clock. A run's points go where they begin, rounded to the
//! nearest: counts stay whole, and stand at most half an interval beside their time. Where runs
//! have points of different length, all are merged to the longest.

use std::collections::BTreeMap;

use crate::report::POINTS_MAX;
use crate::report::Point;
use crate::report::Series;

/// The sum of what was added.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    interval_ns: u64,
    /// By the number of the interval since 1970.
    points: BTreeMap<u64, Point>,
}

impl Aligned {
    /// Adds a run's series.
    pub(super) fn add(&mut self, started_wall_ms: u64, series: &Series) {
        let own_ns = series.interval_ns.max(1);
        while self.interval_ns > 0 && self.interval_ns < own_ns {
            self.coarsen();
        }
        self.interval_ns = self.interval_ns.max(own_ns);
        let many = self.interval_ns / own_ns;
        let first = (started_wall_ms * 1_000_000 + own_ns / 2) / own_ns;
        // A run's own points one after the other, before they stand beside those of others.
        let mut own: Option<(u64, Point)> = None;
        for (place, point) in (first..).zip(&series.points) {
            let place = place / many;
            own = match own {
                Some((last, sum)) if last == place => Some((place, sum.merged(*point))),
                done => {
                    self.put(done);
                    Some((place, *point))
                }
            };
        }
        self.put(own);
        while self.span() > POINTS_MAX as u64 {
            self.coarsen();
        }
    }

    fn put(&mut self, point: Option<(u64, Point)>) {
        if let Some((place, point)) = point {
            let here = self.points.remove(&place);
            self.points.insert(place, here.map_or(point, |here| here.together(point)));
        }
    }

    fn coarsen(&mut self) {
        self.interval_ns *= 2;
        let mut points = BTreeMap::<u64, Point>::new();
        for (place, point) in std::mem::take(&mut self.points) {
            let here = points.remove(&(place / 2));
            points.insert(place / 2, here.map_or(point, |here| here.merged(point)));
        }
        self.points = points;
    }

    fn span(&self) -> u64 {
        let ends = self.points.keys().next().zip(self.points.keys().next_back());
        ends.map_or(0, |(first, last)| last - first + 1)
    }

    /// Returns the sum; intervals in which no run was are empty.
    pub(super) fn series(self) -> Series {
        let first = self.points.keys().next().copied().unwrap_or_default();
        let places = first..first + self.span();
        let points = places.map(|place| self.points.get(&place).copied().unwrap_or_default());
        Series::of(self.interval_ns.max(1_000_000_000), points.collect())
    }
}
