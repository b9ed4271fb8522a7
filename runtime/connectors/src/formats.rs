//! Rows as bytes: CSV, JSON lines and plain lines for every connector that moves bytes, Parquet and Arrow IPC for files. Nothing here opens
//! a file.
//!
//! | module | holds |
//! |---|---|
//! | [`read_options`] | the options that say how text becomes rows |
//! | [`file_format`] | the formats of files, by name |
//! | [`format_options`] | the options of one format each, checked |
//! | [`sample`] | what the first rows say about the columns |
//! | [`inference`] | column types guessed from values |
//! | [`encoding`] | what is no plain text |
//! | [`transcoding`] | text of other encodings, as UTF-8 |
//! | [`compression`], [`gzip_members`], [`compressed_writer`] | gzip and zstd, in and out |
//! | [`unlisted`] | keys that an inferred schema does not have |
//! | [`records`] | bytes into records: where each ends, on which line it begins |
//! | [`framing`], [`extent`] | where one record ends; where a line ends, and how long a record may be |
//! | [`record_start`] | where a record of several lines begins |
//! | [`reader`] | records into rows, and into malformed records where they are none |
//! | [`csv`], [`csv_fields`], [`csv_nulls`], [`csv_values`] | a block of CSV records into columns; what is wrong with a record |
//! | [`json`], [`json_columns`] | the same of JSON |
//! | [`json_shape`], [`json_values`], [`json_scan`] | JSON that is not lines: how it is recognised, and where its records end |
//! | [`text`] | lines into one column |
//! | [`row_groups`], [`group_rows`], [`parquet`], [`arrow_file`] | Parquet and Arrow IPC: groups of rows that are read alone |
//! | [`foreign_types`], [`shared_values`] | their types, and Weir's; what values take that rows share |
//! | [`row_writer`] | rows into text, Parquet or Arrow IPC |
//! | [`zone`] | time zones of columns, while text is read or written |
//! | [`write`], [`line_writer`] | rows into text |

/// The methods of a visitor that looks into objects and lists, and passes over all other values.
macro_rules! pass_over_scalars {
    () => {
        pass_over_scalars!(visit_bool bool, visit_i64 i64, visit_u64 u64, visit_f64 f64, visit_str &str);

        fn visit_unit<E>(self) -> Result<(), E> {
            Ok(())
        }
    };
    ($($method:ident $of:ty),*) => {$(
        fn $method<E>(self, _: $of) -> Result<(), E> {
            Ok(())
        }
    )*};
}

pub(crate) mod arrow_file;
pub(crate) mod compressed_writer;
pub(crate) mod compression;
pub(crate) mod csv;
pub(crate) mod csv_fields;
pub(crate) mod csv_nulls;
pub(crate) mod csv_values;
pub(crate) mod encoding;
pub(crate) mod extent;
pub(crate) mod file_format;
pub(crate) mod foreign_types;
pub(crate) mod format_options;
pub(crate) mod framing;
pub(crate) mod group_rows;
pub(crate) mod gzip_members;
pub(crate) mod inference;
pub(crate) mod json;
pub(crate) mod json_columns;
pub(crate) mod json_objects;
pub(crate) mod json_scan;
pub(crate) mod json_shape;
pub(crate) mod json_values;
pub(crate) mod line_writer;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "formats/without_parquet.rs"]
pub(crate) mod parquet;
pub(crate) mod read_options;
pub(crate) mod reader;
pub(crate) mod record_start;
pub(crate) mod records;
pub(crate) mod row_groups;
pub(crate) mod row_writer;
pub(crate) mod sample;
pub(crate) mod shared_values;
pub(crate) mod text;
pub(crate) mod transcoding;
pub(crate) mod unlisted;
pub(crate) mod write;
pub(crate) mod zone;

#[cfg(test)]
mod guide_tests;

use serde::Deserialize;

/// How rows are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FormatName {
    /// RFC 4180, one header line if not told otherwise.
    Csv,
    /// One JSON object per line.
    #[serde(alias = "jsonl", alias = "json-lines", alias = "ndjson")]
    Json,
    /// One column of text, a line each.
    Text,
    /// One column of bytes, a line each.
    Raw,
}
