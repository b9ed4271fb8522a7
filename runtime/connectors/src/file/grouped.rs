//! Reading files of Parquet and Arrow IPC: each file is a split, or, if there are fewer files than subtasks, ranges of its groups of rows are.
//! The columns are those of the files.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use weir_core::connector::{ConnectorError, Guarantee, Offset, Polled, Source, SourceReader, Split, Written};
use weir_core::graph::Options;
use weir_core::time::{Clock, WatermarkStrategy};

use super::asked_path::AskedPath;
use super::grouped_reader::{Columns, GroupedReader, Place};
use super::notices::Notices;
use super::paths::{InputFile, cannot, find};
use crate::formats::foreign_types::{columns_of, find_columns};
use crate::formats::read_options::{SchemaOption, given_schema};
use crate::formats::row_groups::{GroupFormat, GroupedFile, ranges};
use crate::options;

/// Rows that are looked at before a job runs.
const SAMPLE_ROWS: usize = 100;
/// Between the name of a file and the groups of a split of it.
const RANGE: char = '#';

/// The source.
pub(super) struct GroupedFiles {
    files: Vec<OpenFile>,
    asked: AskedPath,
    schema: SchemaRef,
    notes: Vec<String>,
    notices: Notices,
}

/// A file, and where it has the columns of the source.
struct OpenFile {
    input: InputFile,
    groups: Arc<GroupedFile>,
    places: Vec<usize>,
}

impl GroupedFiles {
    /// Finds the files, and reads what they say about their columns.
    pub(super) fn open(
        options: &Options,
        path: PathBuf,
        format: GroupFormat,
        schema: Option<&SchemaOption>,
    ) -> Result<Self, ConnectorError> {
        let given = schema.map(|schema| given_schema(options, schema, true)).transpose()?;
        let (mut files, mut notes, mut columns) = (Vec::new(), Vec::new(), given.clone());
        for input in find(options, &path)? {
            let file = input.open().map_err(|source| cannot("open", &input, source))?;
            let refused = |error: ConnectorError| match error {
                ConnectorError::Data(message) => options.error("path", message),
                other => other,
            };
            let groups = GroupedFile::open(&input.name, format, &file).map_err(refused)?;
            let mismatch = |error: ConnectorError| match (error, schema) {
                (ConnectorError::Data(message), Some(_)) => options.error("schema", message),
                (error, _) => refused(error),
            };
            let schema = match &columns {
                Some(schema) => Arc::clone(schema),
                None => columns_of(&input.name, groups.schema(), given.as_deref()).map_err(mismatch)?,
            };
            let places = find_columns(&input.name, groups.schema(), &schema).map_err(mismatch)?;
            notes.extend(groups.notes.iter().cloned());
            columns = Some(schema);
            files.push(OpenFile { input, groups: Arc::new(groups), places });
        }
        let asked = AskedPath::new(options, &path);
        notes.extend(asked.note());
        let schema = columns.ok_or_else(|| options.error("path", format!("{} has no file", path.display())))?;
        Ok(Self { files, asked, schema, notes, notices: Notices::default() })
    }

    /// The file of a split, and its groups.
    fn find(&self, split: &Split) -> Option<(&OpenFile, Range<usize>)> {
        let of_file = |name: &str| self.files.iter().find(|file| file.input.name == name);
        if let Some(file) = of_file(&split.id) {
            return Some((file, 0..file.groups.group_bytes().len()));
        }
        let (name, range) = split.id.rsplit_once(RANGE)?;
        let (begin, end) = range.split_once('-')?;
        let (begin, end) = (begin.parse().ok()?, end.parse().ok()?);
        Some((of_file(name)?, begin..end))
    }

    fn reader_of(
        &self,
        (file, range): (&OpenFile, Range<usize>),
        projection: &[usize],
    ) -> Result<GroupedReader, ConnectorError> {
        let columns = Columns::new(options::project(&self.schema, projection)?, projection, &file.places);
        Ok(GroupedReader::new(file.input.clone(), Arc::clone(&file.groups), range, columns))
    }
}

impl Source for GroupedFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn sample(&self, column: usize) -> Option<RecordBatch> {
        let file = self.files.first()?;
        let all = 0..file.groups.group_bytes().len();
        match self.reader_of((file, all), &[column]).ok()?.poll(SAMPLE_ROWS, Duration::ZERO).ok()? {
            Polled::Batch { rows, .. } => Some(rows),
            Polled::Pending | Polled::End => None,
        }
    }

    fn take_notices(&self) -> Vec<String> {
        self.notices.take()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.asked.files(self.files.iter().map(|file| &file.input))
    }

    fn reads(&self, written: &Written) -> bool {
        self.asked.reads(written)
    }

    /// Files end, and few are sorted by the time of their rows.
    fn default_watermark(&self) -> WatermarkStrategy {
        WatermarkStrategy::AtEnd
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn splits(&self, parallelism: usize) -> Result<Vec<Split>, ConnectorError> {
        let per_file = parallelism.div_ceil(self.files.len().max(1));
        let splits = self.files.iter().flat_map(|file| {
            let name = &file.input.name;
            let ranges = ranges(&file.groups.group_bytes(), per_file);
            let is_whole = ranges.len() == 1;
            let id = move |range: Range<usize>| match is_whole {
                true => name.clone(),
                false => format!("{name}{RANGE}{}-{}", range.start, range.end),
            };
            ranges.into_iter().map(move |range| Split { id: id(range) })
        });
        Ok(splits.collect())
    }

    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        offset: Option<&Offset>,
        _clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        let Some(found) = self.find(split) else {
            return Err(ConnectorError::Data(format!("there is no file {} among those of `path`", split.id)));
        };
        let reader = self.reader_of(found, projection)?;
        Ok(Box::new(match offset {
            Some(offset) => reader.resume(offset)?,
            None => reader,
        }))
    }

    fn ended(&self, split: &Split, offset: &Offset) {
        if let Some((file, _)) = self.find(split)
            && Place::of(offset).is_none_or(|place| place.file != file.groups.identity)
        {
            let name = &file.input.name;
            self.notices.push(format!("{name} was replaced after it was read to its end, and is not read again"));
        }
    }
}
