//! Pipelines as jobs of a real Flink cluster: the same results as Weir's own engine gives, whatever fails. The cluster is in a JVM that
//! all tests share; without Java or Maven they are skipped, which is said, unless WEIR_TEST_LANGUAGES=all.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod cluster;
mod control;
mod ends;
mod failures;
mod guests;
mod kafka;
mod keyed;
mod restarts;
mod rows;
mod same;
mod submit;
