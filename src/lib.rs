//! A load of AVRO events on Apache Pulsar, paced, accounted for and judged.
//!
//! This is the table of contents. Modules stand from the ground up: each imports only what stands
//! above it in this list (`tests/tidy.rs` checks it). ARCHITECTURE.md says why.

// Ground: typed quantities, time, chance, load over time.
pub mod units;
pub mod clock;
