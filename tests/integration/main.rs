//! The integration tests, one binary: parts of the program against each other over real sockets.

#[cfg(test)]
mod broker;
#[cfg(test)]
mod raw_client;
