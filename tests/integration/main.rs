//! The integration tests, one binary: parts of the program against each other over real sockets.

#[cfg(test)]
mod allocations;
#[cfg(test)]
mod broker;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod consuming;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod distribution;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod fault_matrix;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod framed;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod help;
#[cfg(test)]
mod java;
mod load;
#[cfg(test)]
mod look_ups;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod past_reports;
#[cfg(test)]
mod printed;
#[cfg(test)]
mod program;
#[cfg(test)]
mod pods;
#[cfg(test)]
mod pulsar;
#[cfg(test)]
mod real_pulsar;
#[cfg(test)]
mod real_pulsar_doors;
#[cfg(test)]
mod real_pulsar_faults;
#[cfg(test)]
mod real_pulsar_refusals;
#[cfg(test)]
mod raw_broker;
#[cfg(test)]
mod raw_client;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod secured_pulsar;
#[cfg(test)]
mod secured_pulsar_tls;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod sink;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod records;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod report;
#[cfg(test)]
mod report_schema;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod routing;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod schema_examples;
#[cfg(test)]
mod any_schema;
mod verdict;
#[cfg(test)]
mod schema_robustness;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod verify;
