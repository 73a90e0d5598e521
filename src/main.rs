//! The `producer-load` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    producer_load::cli::main()
}
