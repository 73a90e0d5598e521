//! The outcome for a person.

use std::fmt::Write;

use super::Latency;
use super::Outcome;
use super::Reported;
use super::Verdict;
use crate::units::bytes_text;
use crate::units::counted;
use crate::units::duration_text;
use crate::units::grouped;
use crate::verify::findings::Counts;
use crate::verify::findings::Example;
use crate::verify::findings::Kind;

impl Outcome {
    /// Renders the outcome for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("\nproducer-load {} verify: {}\n", self.version, self.events);
        let mut line = |name: &str, value: String| {
            // Writing to a string cannot fail.
            writeln!(text, "  {name:<10}{value}").ok();
        };
        let counts = &self.counts;
        let several =
            if self.topics > 1 { format!("-0 to -{}", self.topics - 1) } else { String::new() };
        line("of", format!("{}{several} at {}", self.topic, self.service_url));
        line("read", self.read_text());
        line("missing", self.missing_text());
        line("dropped", format!("{}, by what producers say", grouped(counts.dropped)));
        if counts.gone > 0 {
            let what = "before the first that is there: let go of by the broker, or lost";
            line("gone", format!("{} {what}", grouped(counts.gone)));
        }
        if counts.overrun_messages > 0 {
            let messages = counted(counts.overrun_messages, "message");
            let what = format!("{messages} that the broker let go of before they were read");
            line("overrun", format!("{}, {what}", grouped(counts.overrun)));
        }
        line("repeated", self.repeated_text());
        line("reordered", grouped(counts.reordered));
        line("altered", grouped(counts.altered));
        line("foreign", grouped(counts.foreign));
        let (malformed, wrong) = (counts.malformed_batches, counts.wrong_checksums);
        line("batches", format!("{malformed} malformed, {wrong} with a wrong checksum"));
        line("ends", self.ends_text());
        if let Some(Latency { p50_ms, p99_ms, p999_ms, max_ms, .. }) = &self.latency {
            let tail = format!("p99.9 {p999_ms} ms, max {max_ms} ms (event time to reading)");
            line("latency", format!("p50 {p50_ms} ms, p99 {p99_ms} ms, {tail}"));
        }
        line("cost", self.cost_text());
        for example in &self.examples {
            text += &example.text();
        }
        let word = if self.verdict.code == 0 { "ok" } else { "not ok" };
        let Verdict { code, text: verdict } = &self.verdict;
        writeln!(text, "\n  {word}: {verdict} (exit code {code})").ok();
        text
    }

    fn read_text(&self) -> String {
        let Counts { records, batches, .. } = self.counts;
        format!(
            "{} in {} from {} on {}",
            counted(records, "record"),
            counted(batches, "message"),
            counted(self.producers as u64, "producer"),
            counted(self.partitions.into(), "partition")
        )
    }

    fn missing_text(&self) -> String {
        let missing = grouped(self.counts.missing);
        match self.reported {
            Some(Reported { failed, unknown, dropped, .. }) => format!(
                "{missing} (reported: {failed} failed, {unknown} unknown, {dropped} dropped)"
            ),
            None => missing,
        }
    }

    fn repeated_text(&self) -> String {
        let Counts { repeated, repeated_or_late, .. } = self.counts;
        let late = format!("{}, and {repeated_or_late} repeated or late", grouped(repeated));
        match self.reported {
            Some(Reported { resent, .. }) => format!("{late} (reported: {resent} resent)"),
            None => late,
        }
    }

    fn ends_text(&self) -> String {
        let known = match self.reported {
            Some(_) => "known from the report".to_owned(),
            None => "end not known: give the run's report with --report".to_owned(),
        };
        match self.counts.open {
            0 => known,
            open => format!("{known}; {} may have been on their way", grouped(open)),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "for display")]
    fn cost_text(&self) -> String {
        let took = duration_text(self.elapsed_ns);
        let records = self.counts.records.max(1) as f64;
        let each = self.cpu_ns as f64 / records;
        let memory = self.rss_bytes_max.map_or("not known".into(), bytes_text);
        format!("{took}, {each:.0} ns of CPU a record, memory {memory} at most")
    }
}

impl Example {
    fn text(&self) -> String {
        let kind = match self.kind {
            Kind::Missing => "missing",
            Kind::Dropped => "dropped",
            Kind::Gone => "gone",
            Kind::Overrun => "overrun",
            Kind::Repeated => "repeated",
            Kind::RepeatedOrLate => "repeated or late",
            Kind::Reordered => "reordered",
            Kind::Altered => "altered",
            Kind::Foreign => "foreign",
            Kind::MalformedBatch => "malformed batch",
            Kind::WrongChecksum => "wrong checksum",
        };
        let mut text = format!("  {kind}:");
        if let Some(index) = self.index {
            write!(text, " index {index}").ok();
        }
        if self.records > 1 {
            write!(text, " and {} more of its stream", grouped(self.records - 1)).ok();
        }
        write!(text, " of {}", self.producer).ok();
        if let Some(stream) = &self.stream {
            write!(text, ", stream {stream}").ok();
        }
        if let Some(partition) = self.partition {
            write!(text, ", partition {partition}").ok();
        }
        if let Some(id) = &self.message_id {
            write!(text, ", message {id}").ok();
        }
        if let Some(why) = &self.why {
            write!(text, ": {why}").ok();
        }
        text + "\n"
    }
}
