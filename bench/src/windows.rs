//! What windows cost where rows do not come in order, and what they hold while many results come at once: one window operator, called
//! without a job around it.

use std::sync::Arc;

use anyhow::ensure;
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::graph::{AggregateFunction, OnError};
use weir_core::window::WindowAssigner;
use weir_engine::dataflow::operator::{Metrics, Operator, Outputs, Progress, Time};
use weir_engine::nodes::window::{AggregateKind, BoundAggregate, RESULT_ROWS_MAX, WindowSpec, window_operator};

use crate::args::Args;
use crate::measure::Process;
use crate::row::WindowRow;

const BATCH_ROWS: usize = 4096;
/// Rows of the cases that compare orders: 1,000 a second of event time, of 1,000 keys.
const ROWS: i64 = 4_000_000;
const SECOND_US: i64 = 1_000_000;
const MINUTE_US: i64 = 60 * SECOND_US;
/// How far out of order rows come: the difference to the newest row before, at most.
const JITTER_US: i64 = 30 * SECOND_US;
/// Keys that fire at once.
const KEYS: i64 = 10_000_000;
/// Slides of a day, a minute each.
const SLIDES: i64 = 1440;
/// Rows that come late to a window of so many slides.
const LATE_ROWS: i64 = 1_000;

/// Measures all of it; `each` gets every row as soon as there is one.
///
/// # Errors
/// If an operator refuses what it is given, or the order of rows changes the results.
pub(crate) fn measure(args: &Args, mut each: impl FnMut(WindowRow)) -> anyhow::Result<()> {
    let tumbling = WindowAssigner::Tumbling { size: 10 * SECOND_US, offset: 0 };
    let sliding = WindowAssigner::Sliding { size: 60 * SECOND_US, slide: 10 * SECOND_US, offset: 0 };
    let session = WindowAssigner::Session { gap: 2 * SECOND_US };
    let rows = args.events.map_or(ROWS, |events| events as i64);
    for (name, window) in [("tumbling", &tumbling), ("sliding", &sliding), ("session", &session)] {
        let (mut sorted_s, mut jitter_s) = (f64::INFINITY, f64::INFINITY);
        let mut results = Vec::new();
        for _ in 0..args.runs {
            for (jitter, least_s) in [(0, &mut sorted_s), (JITTER_US, &mut jitter_s)] {
                let (cpu_s, made) = ordered(window, &stream(rows, jitter))?;
                *least_s = least_s.min(cpu_s);
                results.push((jitter, made));
            }
        }
        ensure!(
            results.chunks(2).all(|pair| pair == &results[..2]),
            "{name}: the same rows gave other results: {results:?}"
        );
        each(WindowRow::ratio(format!("{name}, sorted"), sorted_s, 1.0));
        each(WindowRow::ratio(format!("{name}, jitter of 30 s"), jitter_s, jitter_s / sorted_s));
    }
    each(late_rows()?);
    for (name, window) in [("tumbling", tumbling), ("session", session)] {
        each(firing(name, &window, args.keys.map_or(KEYS, |keys| keys as i64))?);
    }
    Ok(())
}

/// Rows of a thousand keys, in order or each up to so many microseconds before its place.
fn stream(rows: i64, jitter_us: i64) -> Vec<StreamBatch> {
    // xorshift: the same rows in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: i64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.unsigned_abs()) as i64
    };
    let rows: Vec<(i64, i64)> =
        (0..rows).map(|row| (random(1_000), row * 1_000 - if jitter_us > 0 { random(jitter_us) } else { 0 })).collect();
    rows.chunks(BATCH_ROWS).map(batch).collect()
}

/// Processor time for all batches, each followed by a watermark 30 seconds behind, and how many results there were.
fn ordered(window: &WindowAssigner, batches: &[StreamBatch]) -> anyhow::Result<(f64, usize)> {
    let (mut operator, mut out) = (operator(window, 0)?, Outputs::default());
    let (mut results, mut newest) = (0, i64::MIN);
    let before_s = Process::this().cpu_seconds()?;
    for batch in batches {
        newest = batch.event_times.iter().fold(newest, |newest, time| newest.max(*time));
        let progress = operator.process(0, batch.clone(), &mut out)?;
        results += drain(operator.as_mut(), progress, &mut out, |_| Ok(()))?;
        let progress = operator.on_time(Time::Watermark(newest - JITTER_US), &mut out)?;
        results += drain(operator.as_mut(), progress, &mut out, |_| Ok(()))?;
    }
    let progress = operator.on_time(Time::Watermark(i64::MAX), &mut out)?;
    results += drain(operator.as_mut(), progress, &mut out, |_| Ok(()))?;
    Ok((Process::this().cpu_seconds()? - before_s, results))
}

/// Rows that are late, each in a day of windows that have fired.
fn late_rows() -> anyhow::Result<WindowRow> {
    let day = WindowAssigner::Sliding { size: SLIDES * MINUTE_US, slide: MINUTE_US, offset: 0 };
    let (mut operator, mut out) = (operator(&day, 2 * SLIDES * MINUTE_US)?, Outputs::default());
    let rows: Vec<_> = (0..SLIDES).map(|minute| (0, minute * MINUTE_US)).collect();
    let progress = operator.process(0, batch(&rows), &mut out)?;
    drain(operator.as_mut(), progress, &mut out, |_| Ok(()))?;
    let progress = operator.on_time(Time::Watermark(2 * SLIDES * MINUTE_US), &mut out)?;
    drain(operator.as_mut(), progress, &mut out, |_| Ok(()))?;
    let rows: Vec<_> = (0..LATE_ROWS).map(|row| (0, row * 7 % SLIDES * MINUTE_US)).collect();
    let before_s = Process::this().cpu_seconds()?;
    for row in &rows {
        let progress = operator.process(0, batch(&[*row]), &mut out)?;
        let results = drain(operator.as_mut(), progress, &mut out, |_| Ok(()))?;
        ensure!(results as i64 == SLIDES, "a late row made {results} windows fire again, not {SLIDES}");
    }
    let cpu_s = Process::this().cpu_seconds()? - before_s;
    Ok(WindowRow::each("a late row in 1,440 slides", cpu_s, LATE_ROWS as u64))
}

/// Many keys whose windows end at the same time. The memory of the results is that of the state and of what comes beside it.
fn firing(name: &str, window: &WindowAssigner, keys: i64) -> anyhow::Result<WindowRow> {
    let (mut operator, mut out) = (operator(window, 0)?, Outputs::default());
    let empty_bytes = Process::this().rss_bytes()?;
    for start in (0..keys).step_by(BATCH_ROWS) {
        let rows: Vec<_> = (start..keys.min(start + BATCH_ROWS as i64)).map(|key| (key, 1)).collect();
        let progress = operator.process(0, batch(&rows), &mut out)?;
        drain(operator.as_mut(), progress, &mut out, |_| Ok(()))?;
    }
    let state_bytes = Process::this().rss_bytes()?;
    let mut peak_bytes = state_bytes;
    let before_s = Process::this().cpu_seconds()?;
    let progress = operator.on_time(Time::Watermark(MINUTE_US), &mut out)?;
    let results = drain(operator.as_mut(), progress, &mut out, |part| {
        ensure!(part <= RESULT_ROWS_MAX, "{part} results came at once");
        peak_bytes = peak_bytes.max(Process::this().rss_bytes()?);
        Ok(())
    })?;
    let cpu_s = Process::this().cpu_seconds()? - before_s;
    ensure!(results as i64 == keys, "{results} results of {keys} keys");
    let of = |bytes: u64| bytes.saturating_sub(empty_bytes) as f64;
    Ok(WindowRow::ratio(format!("{name}, {keys} keys fire: memory"), cpu_s, of(peak_bytes) / of(state_bytes)))
}

/// Takes what comes out, part by part, until there is no more; returns how many rows there were.
fn drain(
    operator: &mut dyn Operator,
    mut progress: Progress,
    out: &mut Outputs,
    mut each: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<usize> {
    let mut rows = 0;
    loop {
        for (_, batch) in out.take() {
            each(batch.len())?;
            rows += batch.len();
        }
        match progress {
            Progress::Done => return Ok(rows),
            Progress::More => progress = operator.more(out)?,
        }
    }
}

fn operator(window: &WindowAssigner, allowed_lateness_us: i64) -> anyhow::Result<Box<dyn Operator>> {
    let kind = AggregateKind::Builtin { function: AggregateFunction::Count, columns: Vec::new() };
    Ok(window_operator(WindowSpec {
        input: schema(),
        key_columns: vec![0],
        window: *window,
        rules: None,
        aggregates: vec![BoundAggregate { name: "count".to_owned(), kind }],
        allowed_lateness_us,
        late_output: None,
        on_error: OnError::Fail,
        dead_letter_output: 2,
        key_groups: 128,
        projection: None,
        partials: false,
        result_rows_max: RESULT_ROWS_MAX,
        metrics: Metrics::default(),
    })?)
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("key", DataType::Int64, false)]))
}

/// Rows of a key and a time, microseconds.
fn batch(rows: &[(i64, i64)]) -> StreamBatch {
    let keys: ArrayRef = Arc::new(rows.iter().map(|(key, _)| *key).collect::<Int64Array>());
    let rows_of = RecordBatch::try_new(schema(), vec![keys]);
    StreamBatch::new(
        rows_of.unwrap_or_else(|_| RecordBatch::new_empty(schema())),
        rows.iter().map(|(_, time)| *time).collect(),
        0,
    )
}
