//! From Kafka over an operator with state to Kafka, while brokers and processes come and go: a committed reader finds what an
//! undisturbed run writes, each row once.

mod damage;
mod job;
mod outage;
mod partitions;
mod shards;
mod takeover;
mod upserts;
