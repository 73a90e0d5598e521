//! What a person sees at a terminal while a run goes on, and what a log collector gets instead.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Read;
use std::process::Stdio;

use regex::Regex;
use rustix::pty;
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;
use rustix::termios::tcsetwinsize;
use serde_json::Value;

use crate::program::Said;
use crate::program::program;
use crate::program::run;
use crate::program::total;

/// How the line is taken away.
const ERASE: &str = "\r\x1b[K";

/// Runs the program with standard error at a terminal of so many columns.
fn at_terminal(columns: u16, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    let controller = pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    pty::grantpt(&controller).unwrap();
    pty::unlockpt(&controller).unwrap();
    let name = pty::ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
    let terminal = OpenOptions::new().read(true).write(true).open(name).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).unwrap();
    let mut command = program(arguments);
    command.env("TERM", "xterm").env_remove("NO_COLOR").envs(variables.iter().copied());
    let child = command.stderr(Stdio::from(terminal)).spawn().unwrap();
    // Our own end of the terminal has to go, or its end is never seen.
    drop(command);
    let reading = std::thread::spawn(move || {
        let (mut seen, mut some) = (Vec::new(), [0; 4_096]);
        let mut controller = File::from(controller);
        // A terminal that nobody has open any more is an error to read from.
        while let Ok(read @ 1..) = controller.read(&mut some) {
            seen.extend_from_slice(&some[..read]);
        }
        String::from_utf8(seen).unwrap()
    });
    let said = Said::from(child.wait_with_output().unwrap());
    Said { log: reading.join().unwrap(), ..said }
}

/// Returns each drawing of the line.
fn drawn(log: &str) -> Vec<&str> {
    log.split(ERASE).skip(1).filter(|line| !line.contains('\n') && !line.is_empty()).collect()
}

#[test]
fn a_terminal_has_one_line_that_is_drawn_anew() {
    let arguments = ["-r", "1k", "-d", "3500ms", "--warmup", "1500ms", "--report", "-"];
    let said = at_terminal(100, &arguments, &[]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    let lines = drawn(&said.log);
    assert!(lines.len() >= 3, "{:?}", said.log);
    let expected =
        r"^[0-9,]+/s  p99 (-|[0-9.]+ [mun]?s)  [0-9,]+ in flight  0:00:0[0-9]  \x1b\[3[23]m";
    let expected = Regex::new(expected).unwrap();
    assert!(lines.iter().all(|line| expected.is_match(line)), "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with("\x1b[32mheld\x1b[0m")), "{lines:?}");
    assert!(!said.log.contains("Sent "), "{:?}", said.log);
    // A line of the log comes above it, and it is drawn again below.
    let above =
        Regex::new(r"\r\x1b\[K[^\n\x1b]*INFO  the warm-up is over[^\n]*\n[0-9,]+/s  ").unwrap();
    assert!(above.is_match(&said.log), "{:?}", said.log);
    // In the end it is gone, and the result is on the other stream.
    assert!(said.log.ends_with(ERASE), "{:?}", said.log);
    assert_eq!(total(&said.report(), "acknowledged"), 3_500);
    assert!(!said.out.contains('\x1b'), "{}", said.out);
}

#[test]
fn a_narrow_terminal_is_not_wrapped_and_nobody_has_to_have_colours() {
    let said = at_terminal(24, &["-r", "1k", "-d", "2s"], &[("NO_COLOR", "1")]);
    let lines = drawn(&said.log);
    assert!(!lines.is_empty(), "{:?}", said.log);
    for line in lines {
        assert!(line.len() < 24 && line.contains("/s  "), "{line:?}");
        assert!(!line.contains('\x1b'), "{line:?}");
    }
}

#[test]
fn what_is_no_such_terminal_gets_lines() {
    let arguments = ["-r", "1k", "-d", "1s"];
    let dumb = at_terminal(80, &arguments, &[("TERM", "dumb")]);
    for log in [run(&arguments).log, dumb.log] {
        assert!(log.contains("Sent 1000 messages in last second"), "{log:?}");
        assert!(!log.contains('\x1b'), "{log:?}");
    }
}

#[test]
fn a_log_of_json_has_the_fields_of_every_second() {
    let arguments = ["-r", "2k", "-d", "2500ms", "--log-format", "json", "--report", "-"];
    let said = run(&arguments);
    let lines: Vec<Value> =
        said.log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        assert!(line["message"].is_string() && line["time"].is_string(), "{line}");
        assert!(["info", "warn"].contains(&line["level"].as_str().unwrap()), "{line}");
    }
    let seconds: Vec<_> = lines.iter().filter(|line| line["sent"].is_u64()).collect();
    assert!(seconds.len() >= 3, "{}", said.log);
    let sum = |name: &str| seconds.iter().map(|line| line[name].as_u64().unwrap()).sum::<u64>();
    let report = said.report();
    assert_eq!(sum("sent"), total(&report, "acknowledged"));
    assert_eq!(seconds.last().unwrap()["total"], total(&report, "acknowledged"));
    assert!(seconds.iter().all(|line| line["response_p99_ns"].is_u64()), "{}", said.log);
    assert!(seconds.iter().all(|line| line["limit"].is_string()), "{}", said.log);
    let failed = run(&["--log-format", "json", "--report", "/nowhere/out.json"]);
    let last: Value = serde_json::from_str(failed.log.lines().last().unwrap()).unwrap();
    assert_eq!(last["level"], "error", "{}", failed.log);
}
