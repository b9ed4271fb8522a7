//! `file`: CSV, JSON lines and plain lines, in and out.
//!
//! As a source:
//!
//! | option | default | |
//! |---|---|---|
//! | `path` | required | a file; a folder (every file in it); or a pattern: `*` is anything in a name, `**` any folders. In folders and patterns, names that begin with `.` or `_` are ignored. One split per file, in the order of their names |
//! | `format`, `header`, `delimiter`, `quote`, `comment`, `null-values`, `record-start`, `schema`, `infer-rows`, `encoding` | | see [`crate::formats::read_options`] |
//! | `partitions` | | `{ column = "type", ... }`: columns whose values are in names of folders, `column=value` |
//! | `reload` | | a duration, such as `"10s"`: look so often whether one file has changed, and give out the difference as an updating stream, without an end. The file has at most 32 MiB, as it is and in memory, and checkpoints hold its rows. A file that is changed is read when it is the same in two looks; one that cannot be read, or has malformed records, keeps the old rows |
//! | `follow` | `false` | read what is appended to files, and new files, without an end: see decision 40. Not with `partitions` |
//!
//! A record that is no row is reported as `FILE:LINE` with the column, and the others are processed. An offset is a number of bytes and
//! of lines. A file is read up to the end that it has when it is opened, and to the end of the line there. What is compressed with gzip or
//! zstd, by its first bytes, is read as its text: one split, whose offsets are bytes of text, up to which a job that resumes decompresses again.
//!
//! As a sink:
//!
//! | option | default | |
//! |---|---|---|
//! | `path` | required | a file; or a folder, if there is one of that name or the path ends in `/`. It is made, if the folder above it exists. A symbolic link is followed; a device, a FIFO or a socket is refused |
//! | `mode` | | one file: what happens to one that is there. Without it, only what an earlier run of the same pipeline has left is replaced, see decision 36. `"overwrite"` replaces any file, `"append"` begins with its rows |
//! | `format` | by the file's name; for a folder required | `"csv"`, `"json"`, `"text"` or `"raw"` |
//! | `compression` | by the file's name | `"gzip"`, `"zstd"` or `"none"`; a name that ends in `.gz` or `.zst` says it too. Not with `mode = "append"` |
//! | `lazy` | `false` | make no file (no folder) if there is no row |
//! | `roll-bytes` | | a folder: a part that is as long is ended between two checkpoints too, behind a batch of rows. A size such as `"64KiB"`, which is the least |
//!
//! With the pipeline's `changelog = "upsert"` the file has the rows of a table, and each checkpoint replaces it: see [`table`]. `key` names the
//! columns that tell them apart.
//!
//! A file is written by one subtask. It appears under its name when the stream has ended, complete and on disk, or not at all.
//!
//! A folder is written by any number of subtasks. What one of them got between two checkpoints (in a job without checkpoints:
//! everything) appears in it as `part-SUBTASK-GENERATION-ATTEMPT.csv`, `.jsonl`, `.txt` or `.raw`, and `.gz` or `.zst` behind that (with `roll-bytes` also `...-ATTEMPT-NUMBER`), complete and on disk, when the second one is
//! complete; no rows make no part. The folder must not have parts that the job does not resume from.
//!
//! What is not finished is in hidden files that end in `.tmp`, in the same folder. A job removes them when it fails, but for those
//! that a checkpoint may count on, from which it continues.
//!
//! Relative paths are relative to the folder of the pipeline file.

mod append;
mod asked_path;
mod behind;
mod commit;
mod compressed_input;
mod confined;
mod draft;
mod file_input;
mod file_reader;
mod first_rows;
mod follow;
mod grouped;
mod grouped_reader;
mod kept;
mod notices;
mod out;
mod partitions;
mod parts;
mod paths;
mod reload;
mod rows;
mod sink;
mod source;
mod space;
mod table;
mod target;
mod temporary;
#[cfg(test)]
mod tests;
mod whole;

pub(crate) use kept::{keeping_options, kept_options};
pub(crate) use sink::FileSink;
#[cfg(test)]
pub(crate) use source::FileSource;
pub(crate) use source::open as open_source;

use weir_core::connector::ConnectorError;
use weir_core::graph::Options;

use crate::formats::file_format::FileFormat;

/// The format that the options give, or else the name of the file.
fn format_of(
    options: &Options,
    format: Option<FileFormat>,
    path: &std::path::Path,
) -> Result<FileFormat, ConnectorError> {
    format.or_else(|| FileFormat::of_extension(path)).ok_or_else(|| {
        let path = path.display();
        options.error(
            "path",
            format!(
                "{path} does not end in .csv, .json, .jsonl, .txt, .log, .parquet or .arrow; set `format = \"csv\"`, \"json\", \"text\", \"raw\", \
                 \"parquet\" or \"arrow\""
            ),
        )
    })
}
