//! `console`: rows as one aligned table on the standard output, for a person to read; written by one subtask.
//!
//! | option | default | |
//! |---|---|---|
//! | `rows-max` | 100 | rows that are shown; the others are counted, and `... N more rows` says so at the end |
//!
//! The table grows while the stream runs: rows are shown when the stream rests for a moment. The header is shown once, and a
//! column only ever becomes wider. There are no colours, and nothing depends on a terminal being there.

use std::io::Write;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, ColumnConstraint, Table, Width};
use serde::Deserialize;
use weir_core::batch::StreamBatch;
use weir_core::changelog::ChangelogEncoding;
use weir_core::connector::{ConnectorError, Cut, Guarantee, Prepare, Sink, SinkReport, SinkWriter, WriterContext};
use weir_core::graph::Options;

use crate::formats::write::{for_printing, printed_schema};
use crate::stdout::{MakeOut, cannot_print};
use crate::{options, tally};

/// Rows that are shown, if the options do not say how many: a few screens.
const ROWS_MAX_DEFAULT: u64 = 100;
/// Rows that wait to be shown: then they are, even if the stream does not rest.
const WAITING_ROWS_MAX: usize = 1000;
/// Blanks around a cell.
const PADDING: u16 = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ConsoleOptions {
    rows_max: Option<u64>,
}

/// The sink.
pub(crate) struct Console {
    rows_max: u64,
    out: MakeOut,
}

impl Console {
    /// Checks the options.
    pub(crate) fn open(options: &Options, out: MakeOut) -> Result<Self, ConnectorError> {
        let ConsoleOptions { rows_max } = options::parse(options)?;
        Ok(Self { rows_max: rows_max.unwrap_or(ROWS_MAX_DEFAULT), out })
    }
}

impl Sink for Console {
    fn parallelism_max(&self) -> Option<usize> {
        Some(1)
    }

    fn encoding(&self) -> Option<ChangelogEncoding> {
        Some(ChangelogEncoding::Kinds)
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce("printed rows cannot be taken back".to_owned())
    }

    fn writer(&self, schema: SchemaRef, context: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(ConsoleWriter {
            out: (self.out)(),
            widths: vec![0; schema.fields().len()],
            printed_schema: printed_schema(&schema),
            waiting: Vec::new(),
            has_header: false,
            rows_left: self.rows_max,
            report: tally::restored(context),
            rows_hidden: 0,
        }))
    }
}

struct ConsoleWriter {
    out: Box<dyn Write + Send>,
    /// The columns under the types that they are printed as.
    printed_schema: SchemaRef,
    /// How wide each column is by now.
    widths: Vec<u16>,
    /// Rows to be shown, cell by cell.
    waiting: Vec<Vec<String>>,
    has_header: bool,
    /// How many may still be shown.
    rows_left: u64,
    report: SinkReport,
    rows_hidden: u64,
}

impl ConsoleWriter {
    /// Shows the rows that wait; the first time under a header.
    fn show(&mut self) -> Result<(), ConnectorError> {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN);
        if !self.has_header {
            table.set_header(self.printed_schema.fields().iter().map(|field| visible(field.name())));
        }
        table.add_rows(self.waiting.drain(..));
        let columns = self.printed_schema.fields().iter().zip(&mut self.widths).zip(table.column_max_content_widths());
        for (index, ((field, width), content)) in columns.enumerate() {
            *width = content.max(*width);
            if let Some(column) = table.column_mut(index) {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(*width + PADDING)));
                if field.data_type().is_numeric() {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        self.has_header = true;
        self.line(&table.to_string())
    }

    /// Nothing follows: the table is there even if it is empty, and says what it does not show.
    fn close(&mut self) -> Result<(), ConnectorError> {
        if !self.has_header || !self.waiting.is_empty() {
            self.show()?;
        }
        match self.rows_hidden {
            0 => Ok(()),
            1 => self.line("... 1 more row"),
            hidden => self.line(&format!("... {hidden} more rows")),
        }
    }

    fn line(&mut self, text: &str) -> Result<(), ConnectorError> {
        let written = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        written.map_err(cannot_print)
    }
}

impl SinkWriter for ConsoleWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        let rows = batch.rows.num_rows() as u64;
        let shown = rows.min(self.rows_left);
        self.report.rows += rows;
        self.rows_left -= shown;
        self.rows_hidden += rows - shown;
        if shown > 0 {
            let shown = batch.rows.slice(0, shown as usize);
            let cells = cells(&shown, &self.printed_schema);
            self.waiting.extend(cells.map_err(|error| ConnectorError::Data(format!("cannot show rows: {error}")))?);
        }
        if self.waiting.len() >= WAITING_ROWS_MAX { self.show() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ConnectorError> {
        if self.waiting.is_empty() { Ok(()) } else { self.show() }
    }

    fn prepare(&mut self, cut: Cut) -> Result<Prepare, ConnectorError> {
        if cut.last {
            self.close()?;
        } else {
            self.flush()?;
        }
        let report = self.report.clone();
        Ok(Box::new(move || Ok(tally::prepared(report))))
    }
}

/// Every value as text.
fn cells(rows: &RecordBatch, printed_schema: &SchemaRef) -> Result<Vec<Vec<String>>, ArrowError> {
    let rows = for_printing(rows, printed_schema)?;
    let options = FormatOptions::new().with_null("null");
    let columns = rows.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref() as &dyn Array, &options));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let cell = |column: &ArrayFormatter<'_>, row| Ok(visible(&column.value(row).try_to_string()?));
    (0..rows.num_rows()).map(|row| columns.iter().map(|column| cell(column, row)).collect()).collect()
}

/// Line ends and other control characters would break the table, or steer the terminal: they are shown as `\n` and the like.
fn visible(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    if text.contains(char::is_control) { text.chars().map(escape).collect() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
    use expect_test::{Expect, expect};

    use super::*;
    use crate::stdout::tests::{Written, stream_batch};

    fn rows() -> RecordBatch {
        let columns: [(&str, ArrayRef); 3] = [
            ("name", Arc::new(StringArray::from(vec![Some("é"), None, Some("a\nlonger\u{1b}[1m"), Some("x")]))),
            ("n", Arc::new(Int64Array::from(vec![1, 22, 333, 4]))),
            ("at", Arc::new(TimestampMicrosecondArray::from(vec![0, 1_500_000, 0, 0]).with_timezone("UTC"))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn check(toml: &str, batches: &[RecordBatch], expected: &Expect) {
        let written = Written::default();
        let sink = Console::open(&Options::from_toml(toml, PathBuf::new()), written.out()).unwrap();
        let mut writer = sink.writer(rows().schema(), &WriterContext::ALONE).unwrap();
        for batch in batches {
            writer.write(&stream_batch(batch.clone())).unwrap();
            writer.flush().unwrap();
        }
        tally::finish(&sink, writer.as_mut());
        expected.assert_eq(&written.take());
    }

    #[test]
    fn the_table_grows_with_the_stream() {
        check(
            "",
            &[rows().slice(0, 2), rows().slice(3, 1), rows().slice(2, 1)],
            &expect![[r#"
            | name |  n | at                       |
            |------|----|--------------------------|
            | é    |  1 | 1970-01-01T00:00:00Z     |
            | null | 22 | 1970-01-01T00:00:01.500Z |
            | x    |  4 | 1970-01-01T00:00:00Z     |
            | a\nlonger\u{1b}[1m | 333 | 1970-01-01T00:00:00Z     |
        "#]],
        );
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        check(
            "rows-max = 1",
            &[rows().slice(0, 2), rows()],
            &expect![[r#"
            | name | n | at                   |
            |------|---|----------------------|
            | é    | 1 | 1970-01-01T00:00:00Z |
            ... 5 more rows
        "#]],
        );
        check(
            "",
            &[],
            &expect![[r#"
            | name | n | at |
            |------|---|----|
        "#]],
        );
    }
}
