//! `stdin`: what is piped in; one split, read once.
//!
//! | option | default | |
//! |---|---|---|
//! | `format` | `"json"` | `"csv"`, `"json"` (also `"jsonl"`, `"json-lines"`), `"text"` or `"raw"` |
//! | `header`, `delimiter`, `quote`, `comment`, `null-values`, `record-start`, `schema`, `infer-rows`, `encoding` | | see [`crate::formats::read_options`] |
//!
//! What is compressed with gzip or zstd is decompressed.
//!
//! Without a `schema` it begins when `infer-rows` rows have come, or the end: the same bytes give the same columns, however slowly
//! they come. A stream that is to be processed as it comes has its `schema` written down.
//!
//! A thread reads ahead, a few blocks and no more, so that a reader can wait with a time-out. There is no way back: a job that
//! resumes from a checkpoint reads what is piped in now, unless its input had ended. Malformed lines are reported as `stdin:LINE`.

use std::io::{IsTerminal, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::Deserialize;
use weir_core::connector::{ConnectorError, Guarantee, Offset, Polled, Source, SourceReader, Split};
use weir_core::graph::Options;
use weir_core::time::Clock;

use crate::formats::FormatName;
use crate::formats::compression::{Damage, decompressed_stream};
use crate::formats::format_options::FormatOptions;
use crate::formats::read_options::{SchemaOption, TextFormat, infer_rows};
use crate::formats::reader::TextReader;
use crate::formats::records::{Input, InputRead, PIPED, Position, Records};
use crate::formats::transcoding::TextEncoding;
use crate::formats::unlisted::Unlisted;
use crate::options;

/// The name of the only split.
const SPLIT: &str = PIPED;
/// Bytes that are asked for at once.
const READ_BYTES: usize = 64 << 10;
/// Blocks that are read ahead: enough that reading and decoding overlap.
const BLOCKS_MAX: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct StdinOptions {
    format: Option<FormatName>,
    header: Option<bool>,
    delimiter: Option<String>,
    quote: Option<String>,
    comment: Option<String>,
    null_values: Option<Vec<String>>,
    record_start: Option<String>,
    schema: Option<SchemaOption>,
    infer_rows: Option<usize>,
    encoding: Option<TextEncoding>,
}

/// The source.
pub(crate) struct Stdin {
    format: TextFormat,
    schema: SchemaRef,
    notes: Vec<String>,
    /// Of a schema that was inferred.
    unlisted: Option<Arc<Unlisted>>,
    /// Until its reader takes it.
    records: Mutex<Option<Records>>,
}

impl Stdin {
    /// Checks the options; if no schema is given, waits for the first rows.
    pub(crate) fn open(options: &Options) -> Result<Self, ConnectorError> {
        let stdin = std::io::stdin();
        let is_terminal = stdin.is_terminal();
        Self::over(options, Box::new(stdin), is_terminal)
    }

    fn over(options: &Options, bytes: Box<dyn Read + Send>, is_terminal: bool) -> Result<Self, ConnectorError> {
        let given: StdinOptions = options::parse(options)?;
        let format = given.format.unwrap_or(FormatName::Json);
        let format_options = FormatOptions {
            header: given.header,
            delimiter: given.delimiter.clone(),
            quote: given.quote.clone(),
            comment: given.comment.clone(),
            null_values: given.null_values.clone(),
            record_start: given.record_start.clone(),
            infer_rows: given.infer_rows,
        };
        let format = format_options.format(options, format)?;
        let rows_max = infer_rows(options, given.infer_rows)?;
        let encoding = given.encoding.unwrap_or(TextEncoding::Utf8);
        let input = Box::new(ThreadInput::NotStarted(Some((bytes, encoding))));
        let mut records = Records::new(SPLIT.to_owned(), input, format.framing(), Position::BEGIN);
        let (schema, notes) = match format.known_schema(options, given.schema.as_ref())? {
            Some(schema) => (schema, Vec::new()),
            None if is_terminal => {
                let message = "nothing is piped into stdin; give its columns with `schema = { column = \"type\" }`";
                return Err(options.error("schema", message));
            }
            None => {
                let (schema, note) = format.sample(&mut records, rows_max)?.finish(SPLIT, "")?;
                (schema, vec![note])
            }
        };
        let unlisted = (!notes.is_empty()).then(|| Arc::new(Unlisted::new(SPLIT, &schema)));
        Ok(Self { format, schema, notes, unlisted, records: Mutex::new(Some(records)) })
    }
}

impl Source for Stdin {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn has_inferred_schema(&self) -> bool {
        self.unlisted.is_some()
    }

    fn sample(&self, column: usize) -> Option<RecordBatch> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        self.format.column_ahead(records.as_ref()?, &self.schema, column)
    }

    fn notes_after(&self) -> Vec<String> {
        self.unlisted.iter().flat_map(|unlisted| unlisted.notes()).collect()
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtMostOnce("rows that were read from standard input cannot be read again".to_owned())
    }

    fn splits(&self, _parallelism: usize) -> Result<Vec<Split>, ConnectorError> {
        Ok(vec![Split { id: SPLIT.to_owned() }])
    }

    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        _offset: Option<&Offset>,
        _clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        if split.id != SPLIT {
            return Err(ConnectorError::Data(format!("stdin has no split {:?}", split.id)));
        }
        let projected = options::project(&self.schema, projection)?;
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(records) = records else {
            return Err(ConnectorError::Data(
                "stdin is read already; it can be the source of one node only".to_owned(),
            ));
        };
        let decoder = self.format.decoder(
            SPLIT.to_owned(),
            Arc::clone(&self.schema),
            projected,
            projection,
            self.unlisted.clone(),
        );
        Ok(Box::new(StdinReader(TextReader::new(records, self.format.has_header(), decoder)?)))
    }
}

struct StdinReader(TextReader);

impl SourceReader for StdinReader {
    fn explain_malformed(&mut self, explain: bool) {
        self.0.explain_malformed(explain);
    }

    fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError> {
        self.0.poll(rows_max, wait)
    }

    fn locate(&self, row: usize) -> Option<(String, String)> {
        self.0.locate(row)
    }

    fn offset(&self) -> Offset {
        let Position { byte, line } = self.0.position();
        serde_json::json!({ "byte": byte, "line": line })
    }
}

type Block = std::io::Result<Vec<u8>>;

/// Bytes that a thread reads ahead, started by the first read.
enum ThreadInput {
    NotStarted(Option<(Box<dyn Read + Send>, TextEncoding)>),
    Started(Receiver<Block>),
}

impl Input for ThreadInput {
    fn read(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> Result<InputRead, ConnectorError> {
        let cannot = |source| match Damage::of(&source) {
            Some(damage) => ConnectorError::Data(format!("{PIPED}: {damage}")),
            None => ConnectorError::Io { what: "cannot read stdin".to_owned(), source },
        };
        if let Self::NotStarted(bytes) = self {
            let Some((bytes, encoding)) = bytes.take() else { return Ok(InputRead::End) };
            let (sender, receiver) = sync_channel(BLOCKS_MAX);
            let thread = std::thread::Builder::new().name("weir-stdin".to_owned());
            // It ends with the input, with its reader, or with the process.
            thread.spawn(move || read_ahead(bytes, encoding, &sender)).map_err(cannot)?;
            *self = Self::Started(receiver);
        }
        let Self::Started(receiver) = self else { return Ok(InputRead::End) };
        let block = match receiver.try_recv() {
            Err(TryRecvError::Empty) if wait.is_zero() => return Ok(InputRead::Pending),
            Err(TryRecvError::Empty) => receiver.recv_timeout(wait),
            Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
            Ok(block) => Ok(block),
        };
        match block {
            Ok(block) => {
                buffer.extend(block.map_err(cannot)?);
                Ok(InputRead::Bytes)
            }
            Err(RecvTimeoutError::Timeout) => Ok(InputRead::Pending),
            Err(RecvTimeoutError::Disconnected) => Ok(InputRead::End),
        }
    }
}

/// Until the end, an error, or nobody listens.
fn read_ahead(bytes: Box<dyn Read + Send>, encoding: TextEncoding, blocks: &SyncSender<Block>) {
    let mut bytes = match decompressed_stream(bytes) {
        Ok(bytes) => encoding.read(bytes),
        Err(error) => return drop(blocks.send(Err(error))),
    };
    loop {
        let mut block = vec![0; READ_BYTES];
        let read = match bytes.read(&mut block) {
            Ok(0) => return,
            Ok(len) => {
                block.truncate(len);
                Ok(block)
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_error = read.is_err();
        if blocks.send(read).is_err() || is_error {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
