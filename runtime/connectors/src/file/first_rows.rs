//! What the first rows of files say before a job runs: their columns, and whether records begin where they should.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use weir_core::connector::ConnectorError;
use weir_core::time::Clock;

use super::file_reader::{Extent, open_at};
use super::paths::InputFile;
use crate::formats::framing::Framing;
use crate::formats::read_options::TextFormat;
use crate::formats::record_start::RecordStart;
use crate::formats::records::{Position, Record, Records};
use crate::formats::sample::Sample;
use crate::formats::transcoding::TextEncoding;

/// Lines of a file in which a record should begin.
const START_LINES: usize = 1000;
/// Files of which a note says that they have other columns.
const FILES_TOLD_MAX: usize = 3;
/// Rows of all files together that a schema is inferred from at most: of many files, fewer rows of each are looked at.
const INFER_ROWS_OF_ALL_MAX: usize = 100_000;

/// What to say if no record begins in the first lines of a file.
pub(super) fn unmatched(
    file: &InputFile,
    start: &RecordStart,
    encoding: TextEncoding,
) -> Result<Option<String>, ConnectorError> {
    let (mut lines, _) = open_file(file, &Framing::Text { start: None, is_raw: true }, encoding, None)?;
    lines.look_ahead(START_LINES)?;
    let (bytes, framed) = (lines.bytes(), lines.framed());
    let begins = |line: &Record| bytes.get(line.start..line.end).is_some_and(|line| start.begins(line) == Some(true));
    let is_unmatched = framed.len() > 1 && !framed.iter().any(begins);
    Ok(is_unmatched.then(|| {
        let (name, lines) = (&file.name, framed.len());
        format!("{name}: none of its first {lines} lines matches `record-start`, so they are one record")
    }))
}

/// The columns by the first rows of every file, and what to say about them.
pub(super) fn infer(
    shown: &str,
    files: &[InputFile],
    (format, framing, encoding): (&TextFormat, &Framing, TextEncoding),
    rows_max: usize,
) -> Result<(SchemaRef, Vec<String>), ConnectorError> {
    let rows_per_file = (INFER_ROWS_OF_ALL_MAX / files.len().max(1)).clamp(1, rows_max);
    let (mut sample, mut notes) = (Sample::default(), Vec::new());
    for file in files {
        let (mut records, _) = open_file(file, framing, encoding, None)?;
        let left_out = sample.merge(format.sample(&mut records, rows_per_file)?, format.is_json());
        if !left_out.is_empty() {
            let (name, columns) = (&file.name, left_out.join(", "));
            notes
                .push(format!("{name}: other files before it do not have the columns {columns}, so they are not read"));
        }
    }
    let more = notes.len().saturating_sub(FILES_TOLD_MAX);
    notes.truncate(FILES_TOLD_MAX);
    if more > 0 {
        notes.push(format!("{shown}: {more} more files have columns that are not read"));
    }
    let (schema, note) = match files {
        [only] => sample.finish(&only.name, "")?,
        files => sample.finish(shown, &format!(" of {} files", files.len()))?,
    };
    notes.insert(0, note);
    Ok((schema, notes))
}

/// The records of a file from its beginning.
pub(super) fn open_file(
    file: &InputFile,
    framing: &Framing,
    encoding: TextEncoding,
    clock: Option<Arc<dyn Clock>>,
) -> Result<(Records, Extent), ConnectorError> {
    let Some(opened) = open_at(file, 0, encoding, clock)? else {
        return Err(ConnectorError::Data(format!("{} has no beginning", file.name)));
    };
    Ok((Records::new(file.name.clone(), opened.input, framing.clone(), Position::BEGIN), opened.extent))
}
