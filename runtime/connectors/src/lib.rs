//! The sources and sinks that come with Weir, by the names that pipeline files call them. None of them knows the engine.
//!
//! # Sources
//!
//! | connector | rows | options |
//! |---|---|---|
//! | `collection` | written in the pipeline file | `rows`, `schema` |
//! | `file` | of a file, or of all files of a folder or a pattern | `path`, `format`, `header`, `delimiter`, `quote`, `comment`, `null-values`, `record-start`, `schema`, `infer-rows`, `partitions`, `follow` |
//! | `kafka` | of a topic's messages | `brokers`, `topic`, `format`, `schema`, `delimiter`, `quote`, `null-values`, `metadata`, `start`, `stop`, `group`, `isolation`, `discover`, `properties` |
//! | `nexmark` | made up: persons, auctions and bids | `table`, `events`, `rate` |
//! | `stdin` | piped in | `format`, `header`, `delimiter`, `quote`, `comment`, `null-values`, `record-start`, `schema`, `infer-rows` |
//!
//! # Sinks
//!
//! | connector | rows go | options |
//! |---|---|---|
//! | `blackhole` | nowhere; they are counted, and summed up in a checksum | `checksum`, `string-hash` |
//! | `console` | into an aligned table on the standard output | `rows-max` |
//! | `file` | into one file, all or nothing; or into a folder, one part per checkpoint | `path`, `format`, `mode`, `lazy`, `roll-bytes`, `allow-newer` |
//! | `kafka` | into a topic, exactly once | `brokers`, `topic`, `format`, `key`, `headers`, `partitioner`, `compression`, `linger`, `batch-bytes`, `delivery`, `transactional-id`, `lost-marker`, `properties` |
//! | `stdout` | to the standard output as text | `format` |
//!
//! What each option means; those of `kafka` are at its module:
//!
//! | option | of | default | |
//! |---|---|---|---|
//! | `allow-newer` | `file` (sink) | `false` | into a folder: parts that are newer than the checkpoint do not keep the job from starting; remove them yourself |
//! | `checksum` | `blackhole` | `false` | report the order-insensitive [`checksum`] of the rows too |
//! | `comment` | `file`, `stdin` | none | CSV: lines that begin with this character are skipped |
//! | `delimiter` | `file`, `stdin` | `","` | CSV: one ASCII character between fields |
//! | `events` | `nexmark` | endless | how many events, over all three kinds: of 50, 46 are bids, 3 auctions, 1 is a person |
//! | `follow` | `file` (source) | `false` | read what is appended to files, and new files, without an end |
//! | `format` | `file` | by the file's name; into a folder required | `"csv"`; `"json"` (also `"jsonl"`, `"json-lines"`): one object per line; `"text"`, `"raw"`: one column, a line per row |
//! | `format` | `stdin`, `stdout` | `"json"` | the same |
//! | `header` | `file`, `stdin` | `true` | CSV: the first line names the columns |
//! | `infer-rows` | `file`, `stdin` | 1000 | without a `schema`: how many rows of each file are looked at |
//! | `lazy` | `file` (sink) | `false` | make no file (no folder) if there is no row |
//! | `mode` | `file` (sink) | | one file: `"overwrite"` replaces one that this pipeline has not written, `"append"` adds rows to it |
//! | `null-values` | `file`, `stdin` | `[""]` | CSV: fields with exactly one of these texts are null |
//! | `partitions` | `file` (source) | | `{ column = "type", ... }`: columns whose values are in names of folders, `column=value` |
//! | `path` | `file` | required | relative to the folder of the pipeline file; of a sink: a folder if it is one, or ends in `/` |
//! | `quote` | `file`, `stdin` | `"\""` | CSV: what is around fields; `""`: nothing is |
//! | `rate` | `nexmark` | as fast as can be | events a second, over all three kinds and all splits |
//! | `record-start` | `file`, `stdin` | every line | text and raw: a regular expression of the lines that begin a record |
//! | `roll-bytes` | `file` (sink) | | into a folder: a part that is as long is ended between two checkpoints too |
//! | `rows` | `collection` | required | `[ { column = value, ... }, ... ]` |
//! | `rows-max` | `console` | 100 | rows that are shown; the others are counted |
//! | `schema` | `collection`, `file`, `stdin` | inferred, and said aloud | `{ column = "type", ... }`: exactly these columns |
//! | `string-hash` | `blackhole` | `"fnv"` | how the checksum takes text: `"fnv"` hashes it, `"touch"` looks at length and last byte |
//! | `table` | `nexmark` | required | `"bid"`, `"person"` or `"auction"` |
//!
//! The types of a `schema`: `bool`, `int8` .. `int64`, `uint8` .. `uint64`, `float32`, `float64`, `utf8` (or `string`),
//! `binary` (as hexadecimal digits), `date32`, `timestamp` (= `timestamp(us, UTC)`), `timestamp(UNIT)` and
//! `timestamp(UNIT, ZONE)` with a UNIT of `s`, `ms`, `us`, `ns` and a ZONE of `UTC`, an offset like `+01:00` or a name like
//! `Europe/Berlin`, `decimal128(PRECISION, SCALE)`, and, not in CSV, `list<TYPE>` and `struct<NAME: TYPE, ...>`.
//!
//! # Rules of text
//!
//! An empty CSV field is null. A record that is no row becomes [`Malformed`](weir_core::connector::Malformed), with its file,
//! line and column, and the others are processed. A column that the pipeline does not use is not decoded, and what is wrong in it is not
//! seen. Written timestamps are UTC and end in `Z`.

pub mod checksum;
pub mod json_rows;

mod blackhole;
mod collection;
mod console;
mod file;
mod formats;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(not(feature = "kafka"))]
#[path = "without_kafka.rs"]
mod kafka;
mod nexmark;
mod options;
mod secrets;
mod stdin;
mod stdout;
mod tally;

#[cfg(test)]
#[cfg(feature = "kafka")]
mod misspelt_tests;

pub use secrets::WithSecrets;

use std::path::Path;

use arrow::datatypes::Schema;
use weir_core::connector::{ConnectorError, Connectors, Sink, Source};
use weir_core::graph::Options;

/// The connectors of this crate.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardConnectors;

impl StandardConnectors {
    /// All of them.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Connectors for StandardConnectors {
    fn source(&self, connector: &str, options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        Ok(match connector {
            "collection" => Box::new(collection::Collection::open(options)?),
            "file" => file::open_source(options)?,
            "kafka" => kafka::source(options)?,
            "nexmark" => Box::new(nexmark::Nexmark::open(options)?),
            "stdin" => Box::new(stdin::Stdin::open(options)?),
            _ => return Err(ConnectorError::Unknown { name: connector.to_owned(), known: self.source_names() }),
        })
    }

    fn sink(&self, connector: &str, options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
        Ok(match connector {
            "blackhole" => Box::new(blackhole::Blackhole::open(options)?),
            "console" => Box::new(console::Console::open(options, stdout::standard_output())?),
            "file" => Box::new(file::FileSink::open(options)?),
            "kafka" => kafka::sink(options)?,
            "stdout" => Box::new(stdout::Stdout::open(options, stdout::standard_output())?),
            _ => return Err(ConnectorError::Unknown { name: connector.to_owned(), known: self.sink_names() }),
        })
    }

    fn source_names(&self) -> Vec<&'static str> {
        vec!["collection", "file", "kafka", "nexmark", "stdin"]
    }

    fn sink_names(&self) -> Vec<&'static str> {
        vec!["blackhole", "console", "file", "kafka", "stdout"]
    }

    fn keeping_sink(&self, path: &str, base: &Path) -> Option<(&'static str, Options)> {
        Some(("file", file::keeping_options(path, base)))
    }

    fn kept_source(&self, path: &str, base: &Path, schema: &Schema) -> Result<Box<dyn Source>, ConnectorError> {
        self.source("file", &file::kept_options(path, base, schema))
    }
}

/// Those of them that a server can have: it has no terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerConnectors(StandardConnectors);

impl ServerConnectors {
    const TERMINAL: [&str; 3] = ["console", "stdin", "stdout"];

    /// All of them.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn check(connector: &str) -> Result<(), ConnectorError> {
        if Self::TERMINAL.contains(&connector) {
            let message = format!("a server has no terminal, so there is no {connector} on it: use file or kafka");
            return Err(ConnectorError::Option { message, span: None });
        }
        Ok(())
    }
}

impl Connectors for ServerConnectors {
    fn source(&self, connector: &str, options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        Self::check(connector)?;
        self.0.source(connector, options)
    }

    fn sink(&self, connector: &str, options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
        Self::check(connector)?;
        self.0.sink(connector, options)
    }

    fn source_names(&self) -> Vec<&'static str> {
        self.0.source_names().into_iter().filter(|name| !Self::TERMINAL.contains(name)).collect()
    }

    fn sink_names(&self) -> Vec<&'static str> {
        self.0.sink_names().into_iter().filter(|name| !Self::TERMINAL.contains(name)).collect()
    }

    fn keeping_sink(&self, path: &str, base: &Path) -> Option<(&'static str, Options)> {
        self.0.keeping_sink(path, base)
    }

    fn kept_source(&self, path: &str, base: &Path, schema: &Schema) -> Result<Box<dyn Source>, ConnectorError> {
        self.0.kept_source(path, base, schema)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn every_name_that_is_offered_is_known() {
        let connectors = StandardConnectors::new();
        let options = Options::from_toml("no-such-option = 1", PathBuf::new());
        let sources = connectors.source_names().into_iter().map(|name| connectors.source(name, &options).err());
        let sinks = connectors.sink_names().into_iter().map(|name| connectors.sink(name, &options).err());
        for error in sources.chain(sinks) {
            assert!(matches!(error, Some(ConnectorError::Option { span: Some(_), .. })), "{error:?}");
        }
        let error = connectors.source("nexmrk", &options).err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some(
                "there is no connector named \"nexmrk\"; did you mean \"nexmark\"?; the connectors are collection, file, kafka, nexmark, stdin"
            )
        );
    }
}
