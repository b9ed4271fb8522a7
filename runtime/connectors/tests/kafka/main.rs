//! The `kafka` connector against a real broker, one for the whole binary.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod generations;
#[path = "../../../../tests/src/kafka_broker.rs"]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "shared with other test binaries")]
mod kafka_broker;
#[path = "../../../../tests/src/maven.rs"]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "shared with other test binaries")]
mod maven;
mod setting;
mod sink;
mod source;
