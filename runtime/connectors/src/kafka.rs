//! `kafka`: the messages of a topic as rows, and rows as messages. Never joins a consumer group, and never prints.
//!
//! As a source; every partition is a split:
//!
//! | option | default | |
//! |---|---|---|
//! | `brokers` | required | `"kafka-1:9092,kafka-2:9092"` |
//! | `topic` | required | one topic |
//! | `partitions` | all | those that are read: a number, or numbers and ranges such as `"0-15"` |
//! | `format` | `"json"` | what a message's value is: `"json"` (one object), `"csv"` (one record, no header), `"text"`, `"raw"` (text or bytes) |
//! | `schema` | required, but `{ value = "binary" }` if raw, `{ line = "utf8" }` if text | see [`weir_core::column_type`]; CSV fields by their places |
//! | `delimiter`, `quote`, `null-values` | | CSV |
//! | `changelog` | inserts | `"upsert"`: the newest message of each key counts, and one without a value deletes it |
//! | `key`, `key-format` | | with that: the columns that the key has, and `"json"` (default) or `"text"` |
//! | `envelope` | none | `"connect"`: values, and keys of that kind, are `{ schema, payload }` |
//! | `tombstones` | refused | `"skip"`: messages without a value are left out |
//! | `metadata` | none | more columns: `{ COLUMN = "key" }`, or `"key-binary"`, `"partition"`, `"offset"`, `"timestamp"`, `"headers"`, see [`columns::Metadata`] |
//! | `start` | `"earliest"` | where a partition begins if no checkpoint says: also `"latest"`, `"group"` (where that is; unknown: earliest), `{ timestamp = "2026-01-01T00:00:00Z" }` |
//! | `stop` | never | `"latest"`: each partition ends where it ended when it was begun; the offset remembers |
//! | `group` | none | offsets are committed to it when a checkpoint is complete, for tools that show lag; nothing depends on it |
//! | `isolation` | `"read_committed"` | or `"read_uncommitted"` |
//! | `discover` | `"30s"` | how often new partitions are looked for; they begin at their earliest message |
//! | `properties` | none | passed on to librdkafka: `{ "security.protocol" = "SASL_SSL" }`, ... |
//!
//! An offset is that of the next message. A message that is no row is reported as `TOPIC/PARTITION@OFFSET`; so is one without a
//! value (a tombstone), which only text and raw have a row for. Values of which no column is used are not looked into. A broker that is away
//! is waited for; [`weir_core::connector::Source::trouble`] says so. An offset that the topic has no more ends the job.
//!
//! As a sink:
//!
//! | option | default | |
//! |---|---|---|
//! | `brokers`, `topic`, `properties` | | as above; the topic must be there |
//! | `format` | `"json"` | `"json"`, `"csv"` (no header), `"text"`, `"raw"`: the one column that is neither key nor header, null is a tombstone |
//! | `key` | none | columns; in JSON and CSV they are in the value too |
//! | `key-format` | `"text"`; of upserts `"json"` | `"text"`: one column, text and bytes as they are, others as CSV writes them, null is no key. `"json"`: an object |
//! | `headers` | none | columns that become headers of their names, and are not in the value |
//! | `partitioner` | `"murmur2_random"` | as Java's clients have it; or another of librdkafka's |
//! | `compression` | `"none"` | `"lz4"`, `"zstd"`, `"gzip"`, `"snappy"` |
//! | `linger`, `batch-bytes` | `"5ms"`, 1000000 | how long, and up to which size, a batch is filled |
//! | `delivery` | `"exactly-once"` | or `"at-least-once"`: rows are sent at once, and a checkpoint waits for the answers |
//! | `transactional-id` | `weir-JOB-TOPIC` | must be one sink's alone; also the group that keeps the marker |
//! | `lost-marker` | `"fail"` | see below |
//!
//! # Exactly-once
//!
//! The rows of a checkpoint interval are staged in the checkpoint. When it is complete, one transaction writes them and a
//! *marker*: the metadata of an offset that the group `transactional-id` commits for partition 0, which names job, lineage,
//! generation and checkpoint. A checkpoint that is committed again, by another process too, is compared with the marker first. A
//! process of an older generation is fenced by the transactional id. Readers must be `read_committed`.
//!
//! Brokers forget the offsets of a group that commits none for `offsets.retention.minutes` (7 days). A job that runs commits often
//! enough. One that was down for longer finds no marker, and stops with an error, since it cannot know whether the rows of its
//! last checkpoint were written; `lost-marker = "write"` or `"skip"` says it, after a look at the topic. The same happens if the
//! group is deleted, or `transactional-id` changed. Checkpoints from an older copy, whose next numbers the marker counts as written,
//! stop the job too. A job that begins anew, without checkpoints, is a new lineage and is not mistaken for the old one.
//!
//! A job without checkpoints sends rows at once.
//!
//! # Upserts
//!
//! With the pipeline's `changelog = "upsert"` one message per key is staged, or sent per batch: what the key has come to, see [`newest`]. Rows of
//! one key come to one writer.

mod client;
mod columns;
mod committer;
mod consumer;
mod decoding;
mod direct;
mod encode;
mod failure;
mod guard;
mod keyed;
mod marker;
mod messages;
mod newest;
mod options;
mod producer;
mod properties;
mod reader;
mod shared;
mod sink;
mod source;
mod staging;
mod start;
mod topic;
mod trouble;

use weir_core::connector::{ConnectorError, Sink, Source};
use weir_core::graph::Options;

pub(crate) fn source(options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
    Ok(Box::new(source::KafkaSource::open(options)?))
}

pub(crate) fn sink(options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
    Ok(Box::new(sink::KafkaSink::open(options)?))
}
