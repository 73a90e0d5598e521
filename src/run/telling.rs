//! What a person is told of a second: lines of the log, or on a terminal a line that is drawn anew.

use crate::console::Screen;
use crate::report::Finding;
use crate::report::LiveLine;
use crate::run::seconds::Second;
use crate::units;

/// What is thought of a second.
pub(super) struct Judged {
    /// Records that were due and have no end.
    pub(super) behind: u64,
    /// Whether records are late.
    pub(super) is_missed: bool,
    /// The limit.
    pub(super) finding: Finding,
}

impl Judged {
    /// Returns whether nothing is to be said about it: whatever a run as fast as it goes is limited
    /// by, it is late for nothing, but errors are errors.
    fn is_well(&self) -> bool {
        !self.is_missed && self.finding.limit != "errors"
    }
}

/// Tells the seconds.
pub(super) struct Telling {
    screen: Option<Screen>,
    /// The limit that was told last; each second is drawn, but what stays is not repeated.
    told: &'static str,
}

impl Telling {
    /// Tells them by lines, or on a screen.
    pub(super) fn new(screen: Option<Screen>) -> Self {
        let screen = screen.filter(|_| log::log_enabled!(log::Level::Info));
        Self { screen, told: "held" }
    }

    /// Tells a second that ended so far into the run and lasted so long.
    pub(super) fn tell(
        &mut self,
        elapsed_ns: u64,
        lasted_ns: u64,
        second: &Second,
        judged: &Judged,
    ) {
        let point = &second.point;
        let sent = point.acknowledged;
        let lasted_ns = u128::from(lasted_ns.max(1));
        let rate = (u128::from(sent) * 1_000_000_000 + lasted_ns / 2) / lasted_ns;
        let rate = u64::try_from(rate).unwrap_or(u64::MAX);
        if let Some(screen) = self.screen {
            let line = LiveLine {
                elapsed_s: elapsed_ns / 1_000_000_000,
                rate,
                p99_ns: point.response.or(point.service).map(|latency| latency.p99_ns),
                in_flight: point.in_flight,
                limit: judged.finding.limit,
            };
            screen.draw(line.render(screen.columns(), screen.is_coloured));
        } else {
            log_second(rate, second, judged.finding.limit);
        }
        self.warn(second, judged);
    }

    /// Takes the line away that is drawn anew.
    pub(super) fn end(&self) {
        if let Some(screen) = self.screen {
            screen.clear();
        }
    }

    fn warn(&mut self, second: &Second, judged: &Judged) {
        let Second { counts, point, .. } = second;
        if point.acknowledged == 0 && point.in_flight > 0 {
            log::warn!("No receipts: {} messages wait", point.in_flight);
        }
        if point.failed + point.unknown + point.dropped > 0 {
            let [failed, unknown, dropped] = [counts.failed, counts.unknown, counts.dropped];
            log::warn!("Not sent: {failed} failed, {unknown} unknown, {dropped} dropped");
        }
        let Finding { limit, evidence, mend } = &judged.finding;
        let is_told = self.screen.is_some() && self.told == *limit;
        if !judged.is_well() && !is_told {
            let behind = units::counted(judged.behind, "record");
            log::warn!(
                limit = *limit, behind = judged.behind;
                "Not well: {behind} behind; limit: {limit} ({evidence}); {mend}"
            );
        }
        self.told = if judged.is_well() { "held" } else { limit };
    }
}

/// Logs a second as the replaced system did; the fields are for who reads the log as JSON.
fn log_second(rate: u64, second: &Second, limit: &str) {
    let Second { counts, point, .. } = second;
    let sent = point.acknowledged;
    log::info!(
        sent = sent,
        rate = rate,
        total = counts.acknowledged,
        failed = point.failed,
        unknown = point.unknown,
        dropped = point.dropped,
        resent = point.resent,
        in_flight = point.in_flight,
        response_p50_ns = point.response.map(|latency| latency.p50_ns),
        response_p99_ns = point.response.map(|latency| latency.p99_ns),
        response_max_ns = point.response.map(|latency| latency.max_ns),
        service_p99_ns = point.service.map(|latency| latency.p99_ns),
        cpu_ns = point.cpu_ns,
        limit = limit;
        "Sent {sent} messages in last second"
    );
    log::info!("Current rate: {rate} msg/sec");
    log::info!("Total sent: {} messages", counts.acknowledged);
}
