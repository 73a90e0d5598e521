//! The running second for a person at a terminal: one line, as much of it as fits.

use crate::units::duration_text;
use crate::units::grouped;

/// What the line says.
#[derive(Clone, Copy, Debug)]
pub struct LiveLine {
    /// How far the run is, in seconds.
    pub elapsed_s: u64,
    /// Records acknowledged a second.
    pub rate: u64,
    /// The 99th percentile of the second, response time where there is one; `None`: no receipt.
    pub p99_ns: Option<u64>,
    /// Records sent and not answered.
    pub in_flight: u64,
    /// `held`, or what is the limit.
    pub limit: &'static str,
}

/// Green for what is well, yellow for what is not (ECMA-48).
const COLOURS: [&str; 2] = ["\x1b[32m", "\x1b[33m"];
const PLAIN: &str = "\x1b[0m";

const GAP: &str = "  ";

impl LiveLine {
    /// Renders it in less than so many columns: what matters least is left out first, and the last
    /// column is never written, where some terminals begin a new line.
    #[must_use]
    pub fn render(&self, columns: usize, is_coloured: bool) -> String {
        let room = columns.saturating_sub(1);
        let (minutes, seconds) = (self.elapsed_s / 60, self.elapsed_s % 60);
        let p99 = self
            .p99_ns
            .map_or_else(|| "p99 -".to_owned(), |ns| format!("p99 {}", duration_text(ns)));
        let mut before = vec![
            format!("{}:{:02}:{seconds:02}", minutes / 60, minutes % 60),
            format!("{} in flight", grouped(self.in_flight)),
            p99,
            format!("{}/s", grouped(self.rate)),
        ];
        let width = |parts: &[String]| {
            let text: usize = parts.iter().map(|part| part.len() + GAP.len()).sum();
            text + self.limit.len()
        };
        // The first ones matter least.
        while !before.is_empty() && width(&before) > room {
            before.remove(0);
        }
        before.reverse();
        let text: String = before.into_iter().map(|part| part + GAP).collect();
        let limit = &self.limit[..self.limit.len().min(room)];
        if is_coloured {
            let colour = COLOURS[usize::from(self.limit != "held")];
            format!("{text}{colour}{limit}{PLAIN}")
        } else {
            format!("{text}{limit}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: LiveLine = LiveLine {
        elapsed_s: 3_725,
        rate: 50_000,
        p99_ns: Some(12_300_000),
        in_flight: 1_000,
        limit: "publisher CPU",
    };

    #[test]
    fn a_narrow_terminal_gets_what_matters_most() {
        for (columns, text) in [
            (80, "50,000/s  p99 12.3 ms  1,000 in flight  1:02:05  publisher CPU"),
            (60, "50,000/s  p99 12.3 ms  1,000 in flight  publisher CPU"),
            (40, "50,000/s  p99 12.3 ms  publisher CPU"),
            (30, "50,000/s  publisher CPU"),
            (20, "publisher CPU"),
            (6, "publi"),
            (1, ""),
            (0, ""),
        ] {
            assert_eq!(LINE.render(columns, false), text, "{columns}");
        }
    }

    #[test]
    fn a_colour_takes_no_column_and_says_whether_it_is_well() {
        for (limit, colour) in [("held", "\x1b[32m"), ("window", "\x1b[33m")] {
            let line = LiveLine { limit, ..LINE };
            for columns in 0..90 {
                let bare = line.render(columns, true).replace(colour, "").replace(PLAIN, "");
                assert_eq!(bare, line.render(columns, false), "{columns}");
                assert!(bare.len() < columns.max(1), "{columns}");
            }
        }
    }
}
