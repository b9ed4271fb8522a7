//! What must hold for files with groups of rows, such as Parquet: how much is read at once and where reading resumes change no row, and rows that
//! were read can be written, and are the same when they are read again.

use std::time::Duration;

use arrow::array::RecordBatch;
use weir_core::connector::{ConnectorError, Polled, Source};

use crate::panics;
use crate::records::{Found, check_written, open, reader, splits};
use crate::scratch;

/// Rows of one poll, if nothing is to be cut.
const ROWS_MAX: usize = 4096;
/// Polls of one reading at most: a few bytes can say that there are rows without end, of columns that take no bytes.
const POLLS_MAX: usize = 64;

/// A file, and how it is read.
pub(crate) struct Groups<'a> {
    /// `parquet` or `arrow`.
    pub(crate) format: &'static str,
    /// What cuts depend on.
    pub(crate) cuts: u8,
    pub(crate) bytes: &'a [u8],
}

impl Groups<'_> {
    /// Checks all of it. A file that is refused, or fails while it is read, is fine.
    pub(crate) fn check(&self) {
        panics::tolerate_libraries();
        let name = format!("whole.{}", self.format);
        scratch::write(&name, self.bytes);
        let Ok(source) = open(&format!("path = {name:?}\nformat = {:?}\n", self.format)) else { return };
        let Ok(Some(whole)) = read(&*source, ROWS_MAX, false) else { return };
        for resumes in [false, true] {
            let rows_max = 1 + usize::from(self.cuts).max(whole.num_rows() / POLLS_MAX);
            let cut = read(&*source, rows_max, resumes).expect("what can be read at once can be read in parts");
            if let Some(cut) = cut {
                assert_eq!(cut, whole, "rows differ, {rows_max} at a time");
            }
        }
        check_written("arrow", None, &whole);
    }
}

/// All rows; `None`: there are too many. `resumes`: a reader per poll, each of which resumes where the one before was.
fn read(source: &dyn Source, rows_max: usize, resumes: bool) -> Result<Option<RecordBatch>, ConnectorError> {
    let mut found = Found::new();
    let mut polls = 0;
    for split in splits(source) {
        let mut reading = reader(source, &split, None)?;
        loop {
            polls += 1;
            let polled = reading.poll(rows_max, Duration::ZERO)?;
            if matches!(&polled, Polled::Batch { malformed, .. } if !malformed.is_empty()) || polls > POLLS_MAX {
                return Ok(None);
            }
            if !found.take(polled) {
                break;
            }
            if resumes {
                reading =
                    reader(source, &split, Some(&reading.offset())).expect("a reader resumes from its own offset");
            }
        }
    }
    Ok(Some(found.table(source)))
}
