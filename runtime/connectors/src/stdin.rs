//! `stdin`: what is piped in; one split, read once.
//!
//! | option | default | |
//! |---|---|---|
//! | `format` | `"json"` | `"csv"`, `"json"` (also `"jsonl"`, `"json-lines"`), `"text"` or `"raw"` |
//! | `header`, `delimiter`, `quote`, `comment`, `null-values`, `record-start`, `schema`, `infer-rows` | | see [`crate::formats::read_options`] |
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
use crate::formats::format_options::FormatOptions;
use crate::formats::read_options::{SchemaOption, TextFormat, infer_rows};
use crate::formats::reader::TextReader;
use crate::formats::records::{Input, InputRead, PIPED, Position, Records};
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
        let input = Box::new(ThreadInput::NotStarted(Some(bytes)));
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
    NotStarted(Option<Box<dyn Read + Send>>),
    Started(Receiver<Block>),
}

impl Input for ThreadInput {
    fn read(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> Result<InputRead, ConnectorError> {
        let cannot = |source| ConnectorError::Io { what: "cannot read stdin".to_owned(), source };
        if let Self::NotStarted(bytes) = self {
            let Some(bytes) = bytes.take() else { return Ok(InputRead::End) };
            let (sender, receiver) = sync_channel(BLOCKS_MAX);
            let thread = std::thread::Builder::new().name("weir-stdin".to_owned());
            // It ends with the input, with its reader, or with the process.
            thread.spawn(move || read_ahead(bytes, &sender)).map_err(cannot)?;
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
fn read_ahead(mut bytes: Box<dyn Read + Send>, blocks: &SyncSender<Block>) {
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
mod tests {
    use std::path::PathBuf;

    use weir_core::time::ManualClock;

    use super::*;

    /// Gives what the test sends, and ends when the test does.
    struct Piped(Receiver<&'static str>);

    impl Read for Piped {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let piece = self.0.recv().unwrap_or_default();
            buffer[..piece.len()].copy_from_slice(piece.as_bytes());
            Ok(piece.len())
        }
    }

    /// Has nothing for now before each piece, and before the end.
    struct Slow {
        pieces: std::collections::VecDeque<&'static str>,
        is_late: bool,
    }

    impl Input for Slow {
        fn read(&mut self, buffer: &mut Vec<u8>, _: Duration) -> Result<InputRead, ConnectorError> {
            self.is_late = !self.is_late;
            if self.is_late {
                return Ok(InputRead::Pending);
            }
            Ok(match self.pieces.pop_front() {
                Some(piece) => {
                    buffer.extend_from_slice(piece.as_bytes());
                    InputRead::Bytes
                }
                None => InputRead::End,
            })
        }
    }

    fn piped(toml: &str, pieces: &[&'static str]) -> (SyncSender<&'static str>, Result<Stdin, ConnectorError>) {
        let (sender, receiver) = sync_channel(10);
        pieces.iter().for_each(|&piece| sender.send(piece).unwrap());
        let options = Options::from_toml(toml, PathBuf::new());
        (sender, Stdin::over(&options, Box::new(Piped(receiver)), false))
    }

    fn reader(stdin: &Stdin, offset: Option<&Offset>) -> Result<Box<dyn SourceReader>, ConnectorError> {
        stdin.reader(&Split { id: SPLIT.to_owned() }, &[0], offset, Arc::new(ManualClock::default()))
    }

    #[test]
    fn a_slow_stream_is_pending_and_not_at_its_end() {
        let (sender, stdin) = piped("schema = { a = \"int64\" }", &[]);
        let mut reader = reader(&stdin.unwrap(), None).unwrap();
        // An hour stands for as long as it takes: the wait ends with what is sent.
        let long = Duration::from_secs(3600);
        assert!(matches!(reader.poll(10, Duration::ZERO).unwrap(), Polled::Pending));
        sender.send("{\"a\":1}\nx\n{\"a\"").unwrap();
        let Polled::Batch { rows, malformed } = reader.poll(10, long).unwrap() else { panic!("no rows") };
        assert_eq!((rows.num_rows(), malformed[0].at.as_str()), (1, "stdin:2"));
        assert!(matches!(reader.poll(10, Duration::ZERO).unwrap(), Polled::Pending));
        sender.send(":2}").unwrap();
        drop(sender);
        let mut rows_left = 0;
        loop {
            match reader.poll(10, long).unwrap() {
                Polled::Batch { rows, .. } => rows_left += rows.num_rows(),
                Polled::Pending => {}
                Polled::End => break,
            }
        }
        assert_eq!(rows_left, 1);
    }

    #[test]
    fn the_rows_that_a_schema_is_inferred_from_are_read_too() {
        let (sender, stdin) = piped("format = \"csv\"\ninfer-rows = 2", &["a,b\n1", ",2\n3,x\n", "5,6\n"]);
        drop(sender);
        let stdin = stdin.unwrap();
        assert_eq!(
            stdin.notes(),
            ["stdin: inferred schema from the first 2 rows: a int64, b utf8 (it has numbers and text)"]
        );
        let mut rows_read = 0;
        let mut from = reader(&stdin, None).unwrap();
        while let Polled::Batch { rows, .. } = from.poll(1, Duration::from_secs(3600)).unwrap() {
            rows_read += rows.num_rows();
        }
        assert_eq!(rows_read, 3);
        assert!(reader(&stdin, None).is_err());
    }

    #[test]
    fn the_same_bytes_give_the_same_schema_however_slowly_they_come() {
        let text = "{\"a\":1}\n{\"a\":1.5,\"b\":2}\n{\"a\":null}";
        let schema_of = |pieces: Vec<&'static str>| {
            let input = Box::new(Slow { pieces: pieces.into(), is_late: false });
            let mut records = Records::new(SPLIT.to_owned(), input, TextFormat::Json.framing(), Position::BEGIN);
            let (_, note) = TextFormat::Json.sample(&mut records, 1000).unwrap().finish(SPLIT, "").unwrap();
            [note]
        };
        let expected = ["stdin: inferred schema from all 3 rows: a float64, b int64"];
        assert_eq!(schema_of(vec![text]), expected);
        for cut in 1..text.len() {
            let (one, other) = text.split_at(cut);
            assert_eq!(schema_of(vec![one, other]), expected, "{one:?}, {other:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let (sender, stdin) = piped("schema = { a = \"int64\" }\nformat = \"csv\"", &["P", "K\u{3}", "\u{4}abc\n"]);
        drop(sender);
        let mut reader = reader(&stdin.unwrap(), None).unwrap();
        let error = loop {
            match reader.poll(10, Duration::from_secs(3600)) {
                Ok(Polled::Pending) => {}
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error.to_string(),
            }
        };
        assert!(
            error.starts_with("what is piped in is a zip archive: make text of it first, `unzip -p FILE"),
            "{error}"
        );
    }

    #[test]
    fn lines_have_a_known_column_and_begin_at_once() {
        for (format, text, rows_read) in [
            ("format = \"text\"", "a\n\nb", 3),
            ("format = \"raw\"", "\n\n", 2),
            ("format = \"text\"\nrecord-start = '^\\S'", "a\n b\nc\n", 2),
        ] {
            let (sender, stdin) = piped(format, &[text]);
            let stdin = stdin.unwrap();
            drop(sender);
            assert!(stdin.notes().is_empty());
            let (mut reader, mut rows_found) = (reader(&stdin, None).unwrap(), 0);
            loop {
                match reader.poll(10, Duration::from_secs(3600)).unwrap() {
                    Polled::Batch { rows, .. } => rows_found += rows.num_rows(),
                    Polled::Pending => {}
                    Polled::End => break,
                }
            }
            assert_eq!(rows_found, rows_read, "{format}");
        }
    }

    #[test]
    fn it_cannot_guess_from_nothing() {
        let (sender, receiver) = sync_channel(1);
        drop(sender);
        let error =
            Stdin::over(&Options::from_toml("", PathBuf::new()), Box::new(Piped(receiver)), true).err().unwrap();
        assert!(error.to_string().starts_with("nothing is piped into stdin"), "{error}");
    }
}
