//! Standard error: the lines of the log, and on a terminal one line below them that is drawn anew.

use std::io;
use std::io::Write;

use parking_lot::Mutex;

/// What a terminal is assumed to be wide that does not say.
const COLUMNS: usize = 80;

/// Back to the line's beginning, and erase what is there (ECMA-48).
const ERASE: &[u8] = b"\r\x1b[K";

/// The line that is drawn anew; empty: there is none.
static LIVE: Mutex<String> = Mutex::new(String::new());

/// A terminal on which a line can be drawn anew.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Whether colours are wanted.
    pub is_coloured: bool,
}

impl Screen {
    /// Returns how many columns the terminal has now.
    #[must_use]
    pub fn columns(self) -> usize {
        let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
        if columns == 0 { COLUMNS } else { columns.into() }
    }

    /// Draws the line in place of the last one. With standard error closed nobody sees it.
    pub fn draw(self, line: String) {
        let mut drawn = LIVE.lock();
        *drawn = line;
        let mut terminal = io::stderr().lock();
        terminal.write_all(ERASE).and_then(|()| terminal.write_all(drawn.as_bytes())).ok();
    }

    /// Takes the line away.
    pub fn clear(self) {
        if !std::mem::take(&mut *LIVE.lock()).is_empty() {
            io::stderr().lock().write_all(ERASE).ok();
        }
    }
}

/// Writes lines of the log, above the line that is drawn anew.
#[derive(Debug)]
pub struct Lines;

impl Write for Lines {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let live = LIVE.lock();
        let mut terminal = io::stderr().lock();
        if live.is_empty() {
            terminal.write_all(lines)?;
        } else {
            terminal.write_all(&[ERASE, lines, live.as_bytes()].concat())?;
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}
