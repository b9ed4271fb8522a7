//! Pipelines as jobs of a real Spark: the same results as Weir's own engine gives, whatever fails. Most run in a JVM that all tests share;
//! without Java, Maven or Python they are skipped, which is said, unless WEIR_TEST_LANGUAGES=all.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod failures;
mod kafka;
mod kills;
mod same;
mod spark;
mod standalone;
mod submit;
