//! What must hold for text that becomes rows, whatever its format: how much is read at once, where reading resumes, and in which pieces
//! the file grows change nothing; and rows that were read can be written, and are the same when they are read again.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use weir_connectors::StandardConnectors;
use weir_core::batch::StreamBatch;
use weir_core::connector::{
    ConnectorError, Connectors, Cut, Malformed, Polled, Source, SourceReader, Split, WriterContext,
};
use weir_core::graph::Options;
use weir_core::time::ManualClock;

use crate::scratch;

/// Rows of one poll, if nothing is to be cut.
const ROWS_MAX: usize = 4096;
/// How often reading resumes, and in how many pieces a file grows, at most: each takes as long as a small input.
const PIECES_MAX: usize = 8;
/// Between two looks at a file that grows.
const LOOK_US: i64 = 1_000_000;

/// The text of a format, and how it is read.
pub(crate) struct Text<'a> {
    /// A format of text.
    pub(crate) format: &'static str,
    /// Further options in TOML, on lines of their own.
    pub(crate) options: &'a str,
    /// The value of `schema`.
    pub(crate) schema: &'a str,
    /// What cuts depend on.
    pub(crate) cuts: u8,
    pub(crate) bytes: &'a [u8],
}

/// What was read.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    rows: Vec<RecordBatch>,
    malformed: Vec<Malformed>,
}

impl Text<'_> {
    /// Checks all of it. Text that no source can be opened over is fine.
    pub(crate) fn check(&self) {
        let name = format!("whole.{}", self.format);
        scratch::write(&name, self.bytes);
        let Ok(source) = open(&self.toml(&name)) else { return };
        let Ok(found) = read(&*source, ROWS_MAX) else { return };
        let rows = found.table(&*source);
        self.check_resumed(&*source, &found, &rows);
        if self.is_read_by_line() {
            self.check_followed(&found, &rows);
        }
        // Of bytes that are written as they are, the first may be those of another format.
        if self.format != "raw" {
            check_written(self.format, Some(self.schema), &rows);
        }
    }

    /// Whether a file that grows is read as one that is whole: JSON in another shape than lines is only read where it is whole, and so is text in
    /// other encodings.
    fn is_read_by_line(&self) -> bool {
        if self.options.contains("encoding") {
            return false;
        }
        let mut lines = self.bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let first = lines.find(|line| !line.is_empty()).unwrap_or_default();
        self.format != "json" || (first.starts_with(b"{") && serde_json::from_slice::<serde_json::Value>(first).is_ok())
    }

    fn toml(&self, file: &str) -> String {
        let Self { format, options, schema, .. } = self;
        format!("path = {file:?}\nformat = {format:?}\nschema = {schema}\n{options}\n")
    }

    /// A reader per few rows, each of which resumes where the one before was.
    fn check_resumed(&self, source: &dyn Source, whole: &Found, rows: &RecordBatch) {
        let of_all = rows.num_rows() + whole.malformed.len();
        let rows_max = (1 + usize::from(self.cuts % 16)).max(of_all.div_ceil(PIECES_MAX));
        let (mut found, mut offset) = (Found::new(), None);
        for split in splits(source) {
            loop {
                let mut reader = reader(source, &split, offset.as_ref()).expect("a reader resumes from its own offset");
                let polled =
                    reader.poll(rows_max, Duration::ZERO).expect("what can be read at once can be read in parts");
                offset = Some(reader.offset());
                if !found.take(polled) {
                    break;
                }
            }
        }
        assert_eq!(found.table(source), *rows, "rows differ when reading resumes, {rows_max} rows at a time");
        assert_eq!(found.malformed, whole.malformed, "malformed records differ when reading resumes");
    }

    /// A file that grows piece by piece gives the same, but for what may be continued at its end.
    fn check_followed(&self, whole: &Found, rows: &RecordBatch) {
        let name = format!("growing.{}", self.format);
        let path = scratch::write(&name, b"");
        let source = open(&format!("{}follow = true\n", self.toml(&name))).expect("an empty file can be followed");
        let clock = Arc::new(ManualClock::default());
        let projection: Vec<usize> = (0..source.schema().fields().len()).collect();
        let Some(split) = splits(&*source).pop() else { return };
        let mut reader = source.reader(&split, &projection, None, clock.clone()).expect("an empty file can be read");
        let mut file = OpenOptions::new().append(true).open(path).expect("a scratch file can be appended to");
        let mut found = Found::new();
        let piece = (1 + usize::from(self.cuts)).max(self.bytes.len().div_ceil(PIECES_MAX));
        for (index, piece) in self.bytes.chunks(piece).enumerate() {
            file.write_all(piece).expect("a scratch file can be appended to");
            clock.set_us(LOOK_US * (1 + index as i64));
            loop {
                match reader.poll(ROWS_MAX, Duration::ZERO).expect("a file that can be read can be followed") {
                    Polled::Pending => break,
                    polled => assert!(found.take(polled), "a file that is followed has no end"),
                }
            }
        }
        let table = found.table(&*source);
        assert!(table.num_rows() <= rows.num_rows(), "more rows when the file grows: {table:?} and not {rows:?}");
        assert_eq!(table, rows.slice(0, table.num_rows()), "rows differ when the file grows");
        assert!(found.malformed.len() <= whole.malformed.len(), "{:?} and {:?}", found.malformed, whole.malformed);
    }
}

impl Found {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { rows: Vec::new(), malformed: Vec::new() }
    }

    /// `false`: the end.
    pub(crate) fn take(&mut self, polled: Polled) -> bool {
        if let Polled::Batch { rows, malformed } = polled {
            self.rows.push(rows);
            self.malformed.extend(malformed);
            return true;
        }
        false
    }

    /// All rows.
    pub(crate) fn table(&self, source: &dyn Source) -> RecordBatch {
        concat_batches(&source.schema(), &self.rows).expect("the batches of a source have its schema")
    }
}

/// A file source with these options.
///
/// # Errors
/// As the source's.
pub(crate) fn open(toml: &str) -> Result<Box<dyn Source>, ConnectorError> {
    StandardConnectors::new().source("file", &options(toml))
}

/// Reads all of a source.
///
/// # Errors
/// As the source's.
pub(crate) fn read(source: &dyn Source, rows_max: usize) -> Result<Found, ConnectorError> {
    let mut found = Found::new();
    for split in splits(source) {
        let mut reader = reader(source, &split, None)?;
        while found.take(reader.poll(rows_max, Duration::ZERO)?) {}
    }
    for malformed in &found.malformed {
        assert!(!malformed.at.is_empty() && !malformed.reason.is_empty(), "{malformed:?} does not say where or why");
    }
    Ok(found)
}

/// Rows that are written and read again are the same. `schema` is as the option has it, if the format needs one.
pub(crate) fn check_written(format: &str, schema: Option<&str>, rows: &RecordBatch) {
    let toml = format!("path = \"written.{format}\"\nformat = {format:?}\n");
    write(&format!("{toml}mode = \"overwrite\"\n"), rows).expect("rows that were read can be written");
    let schema = schema.map_or_else(String::new, |schema| format!("schema = {schema}\n"));
    let source = open(&format!("{toml}{schema}")).expect("what was written can be read");
    let found = read(&*source, ROWS_MAX).expect("what was written can be read");
    assert_eq!(found.malformed, [], "what was written is malformed");
    assert_eq!(found.table(&*source), *rows, "what was written is read as something else");
}

fn write(toml: &str, rows: &RecordBatch) -> Result<(), ConnectorError> {
    let sink = StandardConnectors::new().sink("file", &options(toml))?;
    sink.check(&rows.schema())?;
    let mut committer = sink.committer("fuzz", 0)?;
    let mut writer = sink.writer(rows.schema(), &WriterContext::ALONE)?;
    writer.write(&StreamBatch::new(rows.clone(), vec![0; rows.num_rows()].into(), 0))?;
    let prepared = writer.prepare(Cut { attempt: 1, last: true })?()?;
    committer.as_mut().map_or(Ok(()), |committer| committer.commit(1, prepared.commit))
}

fn options(toml: &str) -> Options {
    Options::from_toml(toml, scratch::folder().to_path_buf())
}

/// The splits of a source that is read by one.
pub(crate) fn splits(source: &dyn Source) -> Vec<Split> {
    source.splits(1).expect("a file is a split")
}

/// A reader of all columns.
///
/// # Errors
/// As the source's.
pub(crate) fn reader(
    source: &dyn Source,
    split: &Split,
    offset: Option<&serde_json::Value>,
) -> Result<Box<dyn SourceReader>, ConnectorError> {
    let projection: Vec<usize> = (0..source.schema().fields().len()).collect();
    source.reader(split, &projection, offset, Arc::new(ManualClock::default()))
}
