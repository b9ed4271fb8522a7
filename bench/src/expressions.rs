//! Filters and computed columns: expressions over batches of the usual size, without a job around them. A filter's time is that of its
//! condition and of taking the rows that are kept out of two columns, an integer and the event times.

use std::sync::Arc;

use anyhow::Context;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::FilterBuilder;
use arrow::datatypes::DataType;
use serde::Serialize;
use weir_core::limits::BATCH_ROWS_MAX_DEFAULT;
use weir_expressions::Expression;

use crate::args::Args;
use crate::measure::Stopwatch;

/// What is measured; a condition is a filter.
const EXPRESSIONS: [&str; 12] = [
    "status >= 500",
    "bytes >= 500",
    "seconds > 200.5",
    "path like '/api/%'",
    "status >= 500 and path like '/api/%'",
    "status in (200, 301, 404)",
    "regexp_like(path, '^/api/.*9$')",
    "bytes * 8 + 1",
    "case when status >= 500 then 'error' when status >= 400 then 'client' else 'ok' end",
    "upper(path)",
    "split_part(path, '/', 2)",
    "date_trunc('minute', to_timestamp(bytes, 's'))",
];
/// Batches of one run.
const BATCHES: usize = 500;

/// What one expression costs; of the runs the fastest.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ExpressionRow {
    /// `expressions/status >= 500`.
    pub(crate) name: String,
    /// Whether rows are taken out.
    pub(crate) filters: bool,
    /// Wall-clock time.
    pub(crate) ns_per_row: f64,
}

impl ExpressionRow {
    /// The header of [`ExpressionRow::line`].
    pub(crate) const HEADER: &str = "ns/row  kind    expression";

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        let kind = if self.filters { "filter" } else { "column" };
        format!("{:>6.2}  {kind}  {}", self.ns_per_row, self.name.strip_prefix("expressions/").unwrap_or(&self.name))
    }
}

/// Measures every expression; `each` gets every row as soon as there is one.
///
/// # Errors
/// If an expression is refused, or fails at a row.
pub(crate) fn measure(args: &Args, mut each: impl FnMut(ExpressionRow)) -> anyhow::Result<()> {
    let batch = batch()?;
    for text in EXPRESSIONS {
        let expression = Expression::parse(text, &batch.schema())?;
        let filters = *expression.field("x", &batch.schema()).data_type() == DataType::Boolean;
        let mut ns_per_row = f64::INFINITY;
        for _ in 0..args.runs {
            let watch = Stopwatch::start();
            for _ in 0..BATCHES {
                run(&expression, &batch, filters).with_context(|| text.to_owned())?;
            }
            ns_per_row = ns_per_row.min(watch.seconds() * 1e9 / (BATCHES * batch.num_rows()) as f64);
        }
        each(ExpressionRow { name: format!("expressions/{text}"), filters, ns_per_row });
    }
    Ok(())
}

fn run(expression: &Expression, batch: &RecordBatch, filters: bool) -> anyhow::Result<()> {
    let evaluated = expression.evaluate(batch.num_rows(), &|column| batch.columns().get(column).cloned())?;
    anyhow::ensure!(evaluated.failed.is_empty(), "{:?}", evaluated.failed.first());
    if filters {
        let condition = evaluated.column.as_boolean();
        let holds = match condition.nulls() {
            None => condition.values().clone(),
            Some(nulls) => condition.values() & nulls.inner(),
        };
        let filter = FilterBuilder::new(&BooleanArray::new(holds, None)).optimize().build();
        for column in ["bytes", "time"] {
            std::hint::black_box(filter.filter(batch.column_by_name(column).context("no such column")?)?);
        }
    }
    std::hint::black_box(evaluated);
    Ok(())
}

/// Rows of an access log.
fn batch() -> anyhow::Result<RecordBatch> {
    let rows = 0..BATCH_ROWS_MAX_DEFAULT as i64;
    let integers = |of: fn(i64) -> Option<i64>| -> ArrayRef { Arc::new(rows.clone().map(of).collect::<Int64Array>()) };
    let seconds: Float64Array = rows.clone().map(|row| Some(row as f64 / 7.0)).collect();
    let folder = |row: i64| if row % 3 == 0 { "api" } else { "static" };
    let paths = rows.clone().map(|row| Some(format!("/{}/v1/items/{row}", folder(row))));
    Ok(RecordBatch::try_from_iter([
        ("status", integers(|row| Some(200 + row * 7_919 % 400))),
        ("bytes", integers(|row| (row % 10 != 0).then_some(row * 31))),
        ("seconds", Arc::new(seconds) as ArrayRef),
        ("path", Arc::new(paths.collect::<StringArray>())),
        ("time", integers(Some)),
    ])?)
}
