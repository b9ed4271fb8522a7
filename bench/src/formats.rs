//! Files in CSV, JSON lines and Parquet, read by a job with a window behind them, by a job with nothing behind them, and by Arrow's own readers
//! alone. All decode all five columns of the same file in the same run; a job has one subtask, so one thread, and so has the reader.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::sync::Arc;

use anyhow::ensure;
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;

use crate::args::Args;
use crate::durable::{job, run_to_end};
use crate::measure::Stopwatch;

const ROWS: u64 = 2_000_000;
/// Rows that are written, and that Arrow's readers read, at once.
const BATCH: u64 = 8_192;
const FORMATS: [&str; 3] = ["csv", "json", "parquet"];

/// What reading a format costs; of the runs the fastest.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FormatRow {
    /// `formats/csv`.
    pub(crate) name: String,
    pub(crate) rows: u64,
    /// Of the job with a window.
    pub(crate) rows_per_s: f64,
    /// The speed of the job without one, divided by that of Arrow's reader.
    pub(crate) reader_ratio: f64,
}

impl FormatRow {
    /// The header of [`FormatRow::line`].
    pub(crate) const HEADER: &str = "format        rows  M rows/s  source of reader";

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        let format = self.name.strip_prefix("formats/").unwrap_or(&self.name);
        format!("{format:<8}{:>10}  {:>8.2}  {:>16.2}", self.rows, self.rows_per_s / 1e6, self.reader_ratio)
    }
}

/// Reads each format, job and reader in turn; `each` gets every row as soon as there is one.
///
/// # Errors
/// If a file cannot be written, or one of the two does not read all of it.
pub(crate) fn measure(args: &Args, mut each: impl FnMut(FormatRow)) -> anyhow::Result<()> {
    let rows = args.events.unwrap_or(ROWS);
    let folder = tempfile::tempdir()?;
    for format in FORMATS {
        let path = folder.path().join(format!("in.{format}"));
        write(&path, format, rows)?;
        let [mut window_s, mut source_s, mut reader_s] = [f64::INFINITY; 3];
        for _ in 0..args.runs {
            for (behind, fastest) in [(WINDOW, &mut window_s), (NOTHING, &mut source_s)] {
                let (job, _) = job(&text(format, behind), folder.path())?;
                let (seconds, summary) = run_to_end(&job, None)?;
                let read = summary.progress.rows_in;
                ensure!(read == rows, "the job has read {read} rows of {format}, of {rows}");
                *fastest = fastest.min(seconds);
            }
            let watch = Stopwatch::start();
            let read = read_alone(&path, format)?;
            reader_s = reader_s.min(watch.seconds());
            ensure!(read == rows, "Arrow has read {read} rows of {format}, of {rows}");
        }
        let name = format!("formats/{format}");
        each(FormatRow { name, rows, rows_per_s: rows as f64 / window_s, reader_ratio: reader_s / source_s });
        std::fs::remove_file(&path)?;
    }
    Ok(())
}

/// What stands behind the source.
const WINDOW: &str = "[windows.w]\ninput = \"in\"\nkey-by = [\"path\"]\nwindow = { tumbling = \"1m\" }\naggregates.rows = \"count\"\n\
    aggregates.worst = { max = \"status\" }\naggregates.bytes = { sum = \"bytes\" }\naggregates.mean = { avg = \"seconds\" }\n\
    [sinks.out]\ninput = \"w\"\n";
const NOTHING: &str = "[sinks.out]\ninput = \"in\"\n";

fn text(format: &str, behind: &str) -> String {
    let schema = match format {
        "parquet" => "",
        _ => {
            "schema = { time = \"timestamp\", path = \"utf8\", status = \"int64\", bytes = \"int64\", seconds = \"float64\" }\n"
        }
    };
    format!(
        "name = \"formats\"\n[sources.in]\nconnector = \"file\"\npath = \"in.{format}\"\nformat = {format:?}\n{schema}\
         event-time = \"time\"\nwatermark = \"monotonic\"\n\
         {behind}connector = \"blackhole\"\n"
    )
}

/// Lines of an access log: ten a second, on a hundred paths.
fn batch(rows: std::ops::Range<u64>) -> anyhow::Result<RecordBatch> {
    let rows = rows.start as i64..rows.end as i64;
    let times =
        TimestampMicrosecondArray::from_iter_values(rows.clone().map(|row| 1_700_000_000_000_000 + row * 100_000));
    let integers = |of: fn(i64) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(rows.clone().map(of))) };
    let paths = rows.clone().map(|row| Some(format!("/api/v1/items/{}", row * 7_919 % 100)));
    Ok(RecordBatch::try_from_iter([
        ("time", Arc::new(times.with_timezone("UTC")) as ArrayRef),
        ("path", Arc::new(paths.collect::<StringArray>())),
        ("status", integers(|row| 200 + row * 31 % 400)),
        ("bytes", integers(|row| row * 7_919 % 1_000_003)),
        ("seconds", Arc::new(Float64Array::from_iter_values(rows.clone().map(|row| (row % 10_007) as f64 / 64.0)))),
    ])?)
}

fn write(path: &Path, format: &str, rows: u64) -> anyhow::Result<()> {
    let file = BufWriter::new(File::create(path)?);
    let mut batches = (0..rows).step_by(BATCH as usize).map(|start| batch(start..rows.min(start + BATCH)));
    match format {
        "csv" => {
            let mut writer = arrow::csv::Writer::new(file);
            batches.try_for_each(|batch| Ok(writer.write(&batch?)?))
        }
        "json" => {
            let mut writer = arrow::json::LineDelimitedWriter::new(file);
            batches.try_for_each(|batch| anyhow::Ok(writer.write(&batch?)?))?;
            Ok(writer.finish()?)
        }
        _ => {
            let mut writer = ArrowWriter::try_new(file, batch(0..0)?.schema(), None)?;
            batches.try_for_each(|batch| anyhow::Ok(writer.write(&batch?)?))?;
            writer.close()?;
            Ok(())
        }
    }
}

/// Returns how many rows there are.
fn read_alone(path: &Path, format: &str) -> anyhow::Result<u64> {
    let file = File::open(path)?;
    let schema: SchemaRef = batch(0..0)?.schema();
    let batches: Box<dyn Iterator<Item = Result<RecordBatch, arrow::error::ArrowError>>> = match format {
        "csv" => Box::new(
            arrow::csv::ReaderBuilder::new(schema)
                .with_header(true)
                .with_batch_size(BATCH as usize)
                .build(BufReader::new(file))?,
        ),
        "json" => Box::new(
            arrow::json::ReaderBuilder::new(schema).with_batch_size(BATCH as usize).build(BufReader::new(file))?,
        ),
        _ => Box::new(ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(BATCH as usize).build()?),
    };
    let mut rows = 0;
    for batch in batches {
        rows += batch?.num_rows() as u64;
    }
    Ok(rows)
}
