//! Reading a range of the groups of rows of one file. An offset is a group, a row within it, and what tells the file from another one.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use weir_core::connector::{ConnectorError, Offset, Polled, SourceReader};

use super::paths::{InputFile, cannot};
use crate::formats::FormatName;
use crate::formats::arrow_file::Dictionaries;
use crate::formats::foreign_types::as_weir;
use crate::formats::records::shorten;
use crate::formats::row_groups::{GroupedFile, Guarded, Identity, guarded};
use crate::formats::shared_values::rows_within;
use crate::formats::write::TextWriter;

/// Bytes of text of one batch at most, but for that of one row.
const BATCH_BYTES_MAX: u64 = 16 << 20;

/// Which columns of a file are read, and as which they are delivered.
pub(super) struct Columns {
    schema: SchemaRef,
    /// Their places in the file, in the order of the file, each once.
    read: Vec<usize>,
    /// By column: its place among those that are read.
    order: Vec<usize>,
}

impl Columns {
    /// The columns of `schema`, which are `projection` of those that the file has at `places`.
    pub(super) fn new(schema: SchemaRef, projection: &[usize], places: &[usize]) -> Self {
        let wanted: Vec<usize> = projection.iter().filter_map(|column| places.get(*column)).copied().collect();
        let mut read = wanted.clone();
        read.sort_unstable();
        read.dedup();
        let order = wanted.iter().filter_map(|place| read.binary_search(place).ok()).collect();
        Self { schema, read, order }
    }
}

/// An offset.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    group: usize,
    row: u64,
    pub(super) file: Identity,
}

impl Place {
    pub(super) fn of(offset: &Offset) -> Option<Self> {
        Self::deserialize(offset).ok()
    }
}

/// Reads the rows.
pub(super) struct GroupedReader {
    input: InputFile,
    file: Arc<GroupedFile>,
    range: Range<usize>,
    columns: Columns,
    /// The next row.
    group: usize,
    row: u64,
    /// The group that is being read.
    open: Option<Guarded>,
    /// Of the file, up to that group.
    dictionaries: Dictionaries,
    /// Rows that were read and not delivered yet, from this one on.
    ahead: Option<(RecordBatch, usize)>,
    /// What was delivered last, and which row of its group is the first.
    last: Option<(RecordBatch, usize, u64)>,
}

impl GroupedReader {
    /// From the beginning of a range of groups.
    pub(super) fn new(input: InputFile, file: Arc<GroupedFile>, range: Range<usize>, columns: Columns) -> Self {
        let group = range.start;
        let dictionaries = Dictionaries::default();
        Self { input, file, range, columns, group, row: 0, open: None, dictionaries, ahead: None, last: None }
    }

    /// From an offset.
    ///
    /// # Errors
    /// If the file is not the one that the offset is of.
    pub(super) fn resume(self, offset: &Offset) -> Result<Self, ConnectorError> {
        let name = &self.input.name;
        let place = Place::of(offset).filter(|place| (self.range.start..=self.range.end).contains(&place.group));
        let Some(Place { group, row, file }) = place else {
            return Err(ConnectorError::Data(format!("{name} has no offset {offset}; was it replaced?")));
        };
        if file != self.file.identity {
            return Err(ConnectorError::Data(format!(
                "{name} is not the file that the checkpoint has read to row {row} of its group {group}: put that back, or begin the job anew, \
                 without its checkpoints"
            )));
        }
        Ok(Self { group, row, ..self })
    }

    /// Opens the group that comes next.
    fn open(&mut self) -> Result<Guarded, ConnectorError> {
        let opened = self.input.open().map_err(|source| cannot("open", &self.input, source))?;
        if Identity::of(&opened).map_err(|source| cannot("read", &self.input, source))? != self.file.identity {
            return Err(ConnectorError::Data(format!("{} was changed while it was read", self.input.name)));
        }
        self.file.group(opened, self.group, self.row, &self.columns.read, &mut self.dictionaries)
    }

    /// Delivers rows that were read, if there are any.
    fn take(&mut self, rows_max: usize) -> Result<Option<RecordBatch>, ConnectorError> {
        let Some((rows, from)) = self.ahead.take() else { return Ok(None) };
        let Columns { schema, order, .. } = &self.columns;
        let (batch, count) = guarded(&self.input.name, || {
            let count = rows_within(&rows, from, rows_max.max(1), BATCH_BYTES_MAX)?;
            let batch = as_weir(&rows.slice(from, count), schema, order).map_err(|error| error.to_string())?;
            Ok((batch, count))
        })?;
        if from + count < rows.num_rows() {
            self.ahead = Some((rows, from + count));
        }
        self.last = Some((batch.clone(), self.group, self.row));
        self.row += count as u64;
        Ok(Some(batch))
    }
}

impl SourceReader for GroupedReader {
    fn poll(&mut self, rows_max: usize, _wait: Duration) -> Result<Polled, ConnectorError> {
        loop {
            if let Some(rows) = self.take(rows_max)? {
                return Ok(Polled::Batch { rows, malformed: Vec::new() });
            }
            if self.group >= self.range.end {
                self.dictionaries = Dictionaries::default();
                return Ok(Polled::End);
            }
            let mut open = match self.open.take() {
                Some(open) => open,
                None => self.open()?,
            };
            match open.next(rows_max)? {
                Some(rows) => {
                    self.open = Some(open);
                    self.ahead = Some((rows, 0)).filter(|(rows, _)| rows.num_rows() > 0);
                }
                None => (self.group, self.row) = (self.group + 1, 0),
            }
        }
    }

    fn locate(&self, row: usize) -> Option<(String, String)> {
        let (rows, group, first) = self.last.as_ref().filter(|(rows, ..)| row < rows.num_rows())?;
        let in_group = first + row as u64 + 1;
        let at = match self.file.rows_before(*group) {
            Some(before) => format!("{}, row {}", self.input.name, before + in_group),
            None => format!("{}, row {in_group} of batch {group}", self.input.name),
        };
        let mut text = TextWriter::resume(FormatName::Json, rows.schema_ref(), Vec::new());
        let written = text.write(&rows.slice(row, 1)).and_then(|()| text.flush());
        let record = written.map(|()| shorten(&text.into_inner()));
        Some((at, record.unwrap_or_default()))
    }

    fn offset(&self) -> Offset {
        serde_json::json!(Place { group: self.group, row: self.row, file: self.file.identity })
    }

    fn progress(&self) -> Option<f64> {
        let groups = self.range.len().max(1) as f64;
        Some((self.group.saturating_sub(self.range.start) as f64 / groups).min(1.0))
    }
}
