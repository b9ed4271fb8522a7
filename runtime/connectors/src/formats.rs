//! Rows as text: CSV, JSON lines and plain lines, in and out, for every connector that moves bytes. Nothing here opens a file.
//!
//! | module | holds |
//! |---|---|
//! | [`read_options`] | the options that say how text becomes rows |
//! | [`format_options`] | the options of one format each, checked |
//! | [`sample`] | what the first rows say about the columns |
//! | [`inference`] | column types guessed from values |
//! | [`encoding`] | what is no plain text |
//! | [`compression`], [`compressed_writer`] | gzip and zstd, in and out |
//! | [`unlisted`] | keys that an inferred schema does not have |
//! | [`records`] | bytes into records: where each ends, on which line it begins |
//! | [`framing`] | where one record ends |
//! | [`record_start`] | where a record of several lines begins |
//! | [`reader`] | records into rows, and into malformed records where they are none |
//! | [`csv`], [`csv_fields`], [`csv_nulls`], [`csv_values`] | a block of CSV records into columns; what is wrong with a record |
//! | [`json`], [`json_columns`] | the same of JSON lines |
//! | [`text`] | lines into one column |
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

pub(crate) mod compressed_writer;
pub(crate) mod compression;
pub(crate) mod csv;
pub(crate) mod csv_fields;
pub(crate) mod csv_nulls;
pub(crate) mod csv_values;
pub(crate) mod encoding;
pub(crate) mod format_options;
pub(crate) mod framing;
pub(crate) mod inference;
pub(crate) mod json;
pub(crate) mod json_columns;
pub(crate) mod json_objects;
pub(crate) mod line_writer;
pub(crate) mod read_options;
pub(crate) mod reader;
pub(crate) mod record_start;
pub(crate) mod records;
pub(crate) mod sample;
pub(crate) mod text;
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
    /// One JSON object a line.
    #[serde(alias = "jsonl", alias = "json-lines", alias = "ndjson")]
    Json,
    /// One column of text, a line each.
    Text,
    /// One column of bytes, a line each.
    Raw,
}

impl FormatName {
    /// What the ending of a file's name says; that of a compressed one is taken off first.
    pub(crate) fn of_extension(path: &std::path::Path) -> Option<Self> {
        let path = match compression::Compression::of_extension(path) {
            Some(_) => path.file_stem()?.as_ref(),
            None => path,
        };
        match path.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            "txt" | "log" => Some(Self::Text),
            _ => None,
        }
    }
}
