//! `file`: CSV and JSON lines, in and out.
//!
//! As a source:
//!
//! | option | default | |
//! |---|---|---|
//! | `path` | required | a file; a folder (every file in it that is not hidden); or a path with `*` in its last part. A split a file, in the order of their names |
//! | `format`, `header`, `delimiter`, `schema`, `infer-rows` | | see [`crate::formats::read_options`] |
//!
//! A record that is no row is reported as `FILE:LINE` with the column, and the others go on. An offset is a number of bytes and
//! of lines; a file that changes while it is read, or between two runs, is not noticed.
//!
//! As a sink, written by one subtask:
//!
//! | option | default | |
//! |---|---|---|
//! | `path` | required | the file; folders above it are made, a file of that name is replaced |
//! | `format` | by the file's name | `"csv"` or `"json"` |
//! | `lazy` | `false` | make no file if there is no row |
//!
//! The file appears under its name when the stream has ended, complete and on disk, or not at all.
//!
//! Relative paths are relative to the folder of the pipeline file.

mod paths;
mod sink;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use sink::FileSink;
pub(crate) use source::FileSource;

use weir_core::connector::ConnectorError;
use weir_core::graph::Options;

use crate::formats::FormatName;

/// The format that the options give, or else the name of the file.
fn format_of(
    options: &Options,
    format: Option<FormatName>,
    path: &std::path::Path,
) -> Result<FormatName, ConnectorError> {
    format.or_else(|| FormatName::of_extension(path)).ok_or_else(|| {
        let path = path.display();
        options
            .error("path", format!("{path} does not end in .csv, .json or .jsonl; say `format = \"csv\"` or \"json\""))
    })
}
