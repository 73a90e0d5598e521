//! A load of AVRO events on Apache Pulsar, paced, accounted for and judged.
//!
//! This is the table of contents. Modules stand from the ground up: each imports only what stands
//! above it in this list (`tests/tidy.rs` checks it). ARCHITECTURE.md says why.

// Ground: typed quantities, time, chance, the schedule, the machine.
pub mod units;
pub mod topic;
pub mod trust;
pub mod credentials;
pub mod clock;
pub mod rng;
pub mod schedule;
pub mod routing;
pub mod stop;
pub mod console;
pub mod cpu;
pub mod memory;
// Data: schemas and what encodes them.
pub mod schema;
pub mod domain;
pub mod program;
pub mod wire;
// Passage: what crosses between the stages.
pub mod batch;
pub mod handover;
pub mod stats;
// Intent: everything that this run means to do.
pub mod plan;
// Doors: waiting, connecting.
pub mod pacer;
pub mod connection;
// Stages: they meet only in the passage.
pub mod generator;
pub mod publisher;
pub mod broker;
// Outcome: plain results and their renderings.
pub mod report;
pub mod past;
pub mod fleet;
pub mod compare;
pub mod chart;
pub mod verify;
pub mod capacity;
pub mod search;
// Shell: wiring.
pub mod signals;
pub mod metrics;
pub mod run;
pub mod gauge;
pub mod probe;
pub mod check;
pub mod sample;
pub mod cli;
