//! The `producer-load` program.
fn main() {}
