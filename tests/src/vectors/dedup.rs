//! Cases of kind `dedup`: batches of rows with a watermark at the end of each, as in Spark, through the real step.
//!
//! Spark says W of a time column where rows at W are late, and so do we. `dropDuplicates` with the time among its keys forgets a key as
//! soon as its time is late; without, never. `dropDuplicatesWithinWatermark` remembers a key for as long as rows may be late.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::util::display::array_value_to_string;
use serde::Deserialize;
use serde_json::{Map, Value};
use weir_connectors::StandardConnectors;
use weir_core::batch::StreamBatch;
use weir_core::time::ManualClock;
use weir_engine::Job;
use weir_engine::single_step::SingleStep;
use weir_host::{Host, HostConfig};

use super::Unchecked;
use super::case::{Case, Stop, can_be_met, read};
use super::compare::{At, compare};

type Fields = Map<String, Value>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    dedup: Settings,
    watermark: Option<Delay>,
    ops: Vec<Op>,
    expected: Vec<Fields>,
    #[serde(default)]
    expected_dropped: Vec<Dropped>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    mode: Mode,
    keys: Vec<String>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Mode {
    DropDuplicates,
    WithinWatermark,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "type", rename_all = "snake_case")]
enum Delay {
    BatchMaxMinusDelay { delay: i64 },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    Batch(Vec<Fields>),
    CheckpointRestore(super::case::Flag),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dropped {
    by_op: usize,
    count: usize,
}

/// The column with the event time.
const TIME: &str = "ts";

/// A row that came out, or the fields that are expected of one.
struct Row(BTreeMap<String, String>);

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<String> = self.0.iter().map(|(name, value)| format!("{name} {value}")).collect();
        f.write_str(&fields.join(", "))
    }
}

pub(super) fn drive(mut case: Case) -> Result<Unchecked, Stop> {
    case.must_be_empty("expected_late")?;
    let unchecked = ["expected_state_rows", "expected_metrics"].into_iter().filter(|field| !case.take(field).is_null());
    let unchecked = unchecked.map(str::to_owned).collect();
    let ordered = case.ordered;
    let form: Form = case.into_form()?;
    can_be_met(form.expected_dropped.iter().map(|dropped| dropped.by_op), |op| op < form.ops.len())?;
    // As given, and with a restart before each operation.
    for restarts in [false, true] {
        run(&form, ordered, restarts)?;
    }
    Ok(unchecked)
}

fn run(form: &Form, ordered: bool, restarts: bool) -> Result<(), Stop> {
    let failed = |error: &dyn fmt::Display| Stop::fail(error.to_string());
    let columns = columns(form)?;
    let mut step = step(&form.dedup.keys, within(form)?.as_deref(), &columns)?;
    let delay = form.watermark.as_ref().map(|Delay::BatchMaxMinusDelay { delay }| *delay);
    let (mut latest, mut got) = (i64::MIN, Vec::new());
    for (op, what) in form.ops.iter().enumerate() {
        if restarts || matches!(what, Op::CheckpointRestore(_)) {
            step.restart().map_err(|error| failed(&error))?;
        }
        let Op::Batch(rows) = what else { continue };
        let emitted = step.process(batch(rows, &columns)?).map_err(|error| failed(&error))?;
        let late: usize = emitted.iter().filter(|(output, _)| *output == 1).map(|(_, rows)| rows.len()).sum();
        for dropped in form.expected_dropped.iter().filter(|dropped| dropped.by_op == op) {
            if dropped.count != late {
                return Err(Stop::fail(format!("op {op}: expected {} rows to be dropped, got {late}", dropped.count)));
            }
        }
        let kept = emitted.iter().filter(|(output, _)| *output == 0);
        got.extend(kept.flat_map(|(_, rows)| texts(rows)).map(|what| At { op, what }));
        if let Some(delay) = delay {
            latest = rows.iter().filter_map(|row| row.get(TIME)?.as_i64()).fold(latest, i64::max);
            step.advance_to(latest.saturating_sub(delay).saturating_mul(1_000)).map_err(|error| failed(&error))?;
        }
    }
    let mut expected = Vec::new();
    for fields in &form.expected {
        let mut fields = fields.clone();
        let op: usize = read(fields.remove("by_op").unwrap_or_default())?;
        let what = Row(fields.into_iter().map(|(name, value)| (name, text_of(&value))).collect());
        expected.push(At { op, what });
    }
    can_be_met(expected.iter().map(|at| at.op), |op| op < form.ops.len())?;
    compare(&expected, &got, ordered, |expected: &Row, got: &Row| {
        expected.0.iter().all(|(name, value)| got.0.get(name) == Some(value))
    })
}

/// The columns of the rows, and whether each has numbers.
fn columns(form: &Form) -> Result<BTreeMap<String, bool>, Stop> {
    let mut columns = BTreeMap::new();
    for op in &form.ops {
        let Op::Batch(rows) = op else { continue };
        for (name, value) in rows.iter().flatten() {
            let is_number = match value {
                Value::Number(number) if number.is_i64() => true,
                Value::String(_) => false,
                other => return Err(Stop::skip(format!("has a row with {name} = {other}"))),
            };
            if *columns.entry(name.clone()).or_insert(is_number) != is_number {
                return Err(Stop::skip(format!("has numbers and text in {name}")));
            }
        }
    }
    Ok(columns)
}

/// How long a key is remembered; `None`: for ever.
fn within(form: &Form) -> Result<Option<String>, Stop> {
    match (&form.watermark, &form.dedup.mode) {
        (Some(Delay::BatchMaxMinusDelay { delay }), Mode::WithinWatermark) => Ok(Some(format!("{delay}ms"))),
        (Some(_), Mode::DropDuplicates) => Ok(until_late(&form.dedup.keys).map(str::to_owned)),
        (None, Mode::DropDuplicates) => Ok(None),
        (None, Mode::WithinWatermark) => Err(Stop::skip("has no watermark to be within")),
    }
}

/// How long `dropDuplicates` remembers a key, where there is a watermark.
fn until_late(keys: &[String]) -> Option<&'static str> {
    keys.iter().any(|key| key == TIME).then_some("0ms")
}

/// The step ahead of the windows of a case: it drops rows of which the same came before.
pub(super) struct Once {
    keys: Vec<String>,
    columns: BTreeMap<String, bool>,
    step: SingleStep,
}

impl Once {
    /// The column that numbers the rows of a batch.
    const ROW: &str = "row";

    /// By columns of numbers.
    pub(super) fn new(keys: Vec<String>) -> Result<Self, Stop> {
        let named = keys.iter().map(String::as_str).chain([TIME, Self::ROW]);
        let columns = named.map(|name| (name.to_owned(), true)).collect();
        let step = step(&keys, until_late(&keys), &columns)?;
        Ok(Self { keys, columns, step })
    }

    /// Which of these rows, by number, are neither late nor duplicates.
    pub(super) fn kept(&mut self, mut rows: Vec<Fields>) -> Result<Vec<usize>, Stop> {
        for (row, fields) in rows.iter_mut().enumerate() {
            if let Some(key) = self.keys.iter().find(|key| !fields.get(*key).is_some_and(Value::is_i64)) {
                return Err(Stop::skip(format!("drops duplicates by {key}, which is no number")));
            }
            fields.insert(Self::ROW.to_owned(), row.into());
        }
        let emitted = self.step.process(batch(&rows, &self.columns)?).map_err(|e| Stop::fail(e.to_string()))?;
        let kept = emitted.iter().filter(|(output, _)| *output == 0);
        Ok(kept.flat_map(|(_, rows)| texts(rows)).filter_map(|row| row.0[Self::ROW].parse().ok()).collect())
    }

    /// Rows up to this time are late from now on.
    pub(super) fn advance_to(&mut self, watermark: i64) -> Result<(), Stop> {
        let watermark = watermark.saturating_mul(1_000);
        self.step.advance_to(watermark).map(drop).map_err(|e| Stop::fail(e.to_string()))
    }
}

fn step(keys: &[String], within: Option<&str>, columns: &BTreeMap<String, bool>) -> Result<SingleStep, Stop> {
    let types = columns.iter().map(|(name, is_number)| {
        let of = if *is_number { "int64" } else { "utf8" };
        format!("{name:?} = {of:?}")
    });
    let types = types.collect::<Vec<_>>().join(", ");
    let has_time = columns.contains_key(TIME);
    let within = within.map(|within| format!("within = {within:?}\n")).unwrap_or_default();
    let event_time = if has_time { format!("event-time = {TIME:?}\n") } else { String::new() };
    let pipeline = format!(
        "[sources.rows]\nconnector = \"collection\"\nrows = []\nschema = {{ {types} }}\n{event_time}\
         [dedup.once]\ninput = \"rows\"\nkey-by = {:?}\n{within}\
         [sinks.out]\ninput = \"once\"\nconnector = \"blackhole\"\n[sinks.late]\ninput = \"once.late\"\nconnector = \"blackhole\"\n",
        keys
    );
    let failed = |error: &dyn fmt::Display| Stop::fail(format!("{error}: {pipeline}"));
    let graph = weir_core::pipeline::parse(&pipeline, Path::new("."), &[]).map_err(|error| failed(&error))?;
    let host = Host::new(HostConfig::default()).map_err(|error| failed(&error))?;
    let job = Job::check(&graph, &StandardConnectors::new(), &host).map_err(|error| failed(&error))?;
    SingleStep::new(job, "once", Arc::new(ManualClock::default())).map_err(|error| failed(&error))
}

fn batch(rows: &[Fields], columns: &BTreeMap<String, bool>) -> Result<RecordBatch, Stop> {
    let column = |(name, is_number): (&String, &bool)| -> (String, ArrayRef) {
        let values = rows.iter().map(|row| row.get(name));
        let column: ArrayRef = match is_number {
            true => Arc::new(values.map(|value| value.and_then(Value::as_i64)).collect::<Int64Array>()),
            false => Arc::new(values.map(|value| value.and_then(Value::as_str)).collect::<StringArray>()),
        };
        (name.clone(), column)
    };
    RecordBatch::try_from_iter_with_nullable(columns.iter().map(column).map(|(name, column)| (name, column, true)))
        .map_err(|error| Stop::fail(error.to_string()))
}

fn texts(batch: &StreamBatch) -> Vec<Row> {
    let schema = batch.rows.schema();
    let row = |row: usize| {
        let fields = schema.fields().iter().zip(batch.rows.columns());
        let text = |column| array_value_to_string(column, row).unwrap_or_default();
        Row(fields.map(|(field, column)| (field.name().clone(), text(column))).collect())
    };
    (0..batch.len()).map(row).collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
