//! `stdout`: rows as text, for the next program in a pipe; written by one subtask.
//!
//! | option | default | |
//! |---|---|---|
//! | `format` | `"json"` | `"json"` (one object per line), `"csv"`, `"text"` or `"raw"` (one column, a line per row) |
//!
//! What is written is passed on when the stream rests for a moment, and at its end.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use serde::Deserialize;
use weir_core::batch::StreamBatch;
use weir_core::connector::{
    ConnectorError, Cut, Guarantee, Prepare, ReaderGone, Sink, SinkReport, SinkWriter, WriterContext,
};
use weir_core::graph::Options;

use crate::formats::FormatName;
use crate::formats::write::{TextWriter, check_writable, write_error};
use crate::{options, tally};

/// Bytes that are gathered before they are passed on.
const BUFFER_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct StdoutOptions {
    format: Option<FormatName>,
}

/// Where text goes: the standard output, or what a test looks into.
pub(crate) type MakeOut = Arc<dyn Fn() -> Box<dyn Write + Send> + Send + Sync>;

/// The process's standard output.
pub(crate) fn standard_output() -> MakeOut {
    Arc::new(|| Box::new(std::io::stdout()))
}

/// The sink.
pub(crate) struct Stdout {
    format: FormatName,
    out: MakeOut,
}

impl Stdout {
    /// Checks the options.
    pub(crate) fn open(options: &Options, out: MakeOut) -> Result<Self, ConnectorError> {
        let StdoutOptions { format } = options::parse(options)?;
        Ok(Self { format: format.unwrap_or(FormatName::Json), out })
    }
}

impl Sink for Stdout {
    fn parallelism_max(&self) -> Option<usize> {
        Some(1)
    }

    fn check(&self, schema: &Schema) -> Result<(), ConnectorError> {
        check_writable(self.format, schema)
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce("printed rows cannot be taken back".to_owned())
    }

    fn writer(&self, schema: SchemaRef, context: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        check_writable(self.format, &schema)?;
        let out = BufWriter::with_capacity(BUFFER_BYTES, (self.out)());
        let text = TextWriter::new(self.format, &schema, out).map_err(cannot_write)?;
        Ok(Box::new(StdoutWriter { text, report: tally::restored(context) }))
    }
}

struct StdoutWriter {
    text: TextWriter<BufWriter<Box<dyn Write + Send>>>,
    report: SinkReport,
}

impl SinkWriter for StdoutWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        self.text.write(&batch.rows).map_err(cannot_write)?;
        self.report.rows += batch.rows.num_rows() as u64;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ConnectorError> {
        self.text.flush().map_err(cannot_write)
    }

    fn prepare(&mut self, _cut: Cut) -> Result<Prepare, ConnectorError> {
        self.flush()?;
        let report = self.report.clone();
        Ok(Box::new(move || Ok(tally::prepared(report))))
    }
}

fn cannot_write(error: ArrowError) -> ConnectorError {
    match error {
        ArrowError::IoError(_, source) => cannot_print(source),
        other => write_error("cannot write to stdout".to_owned(), other),
    }
}

/// The error of a write to the standard output that failed.
pub(crate) fn cannot_print(source: std::io::Error) -> ConnectorError {
    match source.kind() {
        std::io::ErrorKind::BrokenPipe => ConnectorError::OutputClosed(ReaderGone),
        _ => ConnectorError::Io { what: "cannot write to stdout".to_owned(), source },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::PathBuf;
    use std::sync::Mutex;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch};

    use super::*;

    /// What was written, as text.
    #[derive(Clone, Default)]
    pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub(crate) fn out(&self) -> MakeOut {
            let written = self.clone();
            Arc::new(move || Box::new(written.clone()))
        }

        /// Since the last call.
        pub(crate) fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    pub(crate) fn stream_batch(rows: RecordBatch) -> StreamBatch {
        {
            let times = vec![0; rows.num_rows()].into();
            StreamBatch::new(rows, times, 0)
        }
    }

    #[test]
    fn text_is_passed_on_when_it_is_flushed() {
        let written = Written::default();
        let rows =
            RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef)]).unwrap();
        for (toml, expected) in [("", "{\"a\":1}\n{\"a\":null}\n"), ("format = \"csv\"", "a\n1\n\"\"\n")] {
            let sink = Stdout::open(&Options::from_toml(toml, PathBuf::new()), written.out()).unwrap();
            let mut writer = sink.writer(rows.schema(), &WriterContext::ALONE).unwrap();
            writer.write(&stream_batch(rows.clone())).unwrap();
            writer.flush().unwrap();
            assert_eq!(written.take(), expected);
            assert_eq!(tally::finish(&sink, writer.as_mut()).rows, 2);
            assert_eq!(written.take(), "");
        }
    }
}
