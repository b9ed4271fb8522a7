//! What a record costs that goes through a component, beside the same work on native columns: no engine, one column in.
//!
//! Guest and native code take turns, sample by sample, and the fastest sample of each counts: what the machine does besides
//! makes a sample slower, never faster.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context, ensure};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use weir_core::limits::OperatorLimits;
use weir_host::{Delta, Host, HostConfig, InputSchema, Instance, InstanceSpec, NoLog, Rows, Selection};

use crate::args::Args;
use crate::loops::{Checksum, for_each_bid};
use crate::measure::Stopwatch;
use crate::query::{cache, examples};
use crate::row::Row;

/// Rows of a batch: a slow stream's, the least and the greatest that the engine makes.
const BATCH_ROWS: [usize; 3] = [64, 1_024, 8_192];
/// Batches that take turns, so that no branch is learnt by heart.
const BATCHES: usize = 8;
/// Records of one sample: about a millisecond.
const SAMPLE_RECORDS: usize = 1 << 18;
/// Samples of each side, a run.
const SAMPLES_PER_RUN: usize = 20;
/// Prices are multiplied by it.
const RATE: i64 = 908;
/// Auctions that are kept: multiples of it.
const EVERY: i64 = 123;

/// One column in; a selection or one column out.
#[derive(Clone, Copy)]
enum Case {
    Filter,
    Map,
}

impl Case {
    fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Map => "map",
        }
    }

    fn component(self) -> &'static str {
        match self {
            Self::Filter => "predicate.wasm",
            Self::Map => "convert.wasm",
        }
    }

    /// The only column of a bid that the component reads.
    fn column(self) -> usize {
        match self {
            Self::Filter => 0,
            Self::Map => 2,
        }
    }
}

/// Measures every case at every batch size; `each` gets every row as soon as there is one.
///
/// # Errors
/// If a component is missing, or does not give what the native code gives.
pub(crate) fn measure(args: &Args, mut each: impl FnMut(Row)) -> anyhow::Result<()> {
    let host = Host::new(HostConfig { cache_dir: Some(cache()), ..HostConfig::default() })?;
    for case in [Case::Filter, Case::Map] {
        for rows in BATCH_ROWS {
            let mut instance = instance(&host, case)?;
            let name = format!("boundary/{}/{rows}", case.name());
            each(measure_case(&mut instance, case, rows, args.runs).context(name)?);
        }
    }
    Ok(())
}

fn instance(host: &Host, case: Case) -> anyhow::Result<Instance> {
    let component = host.load(examples().join(case.component()))?;
    let inputs = vec![InputSchema::only(bid_schema(), Vec::new())];
    let operator = case.name().to_owned();
    let config = serde_json::json!({});
    let limits = OperatorLimits::default();
    let instance = component.instantiate(InstanceSpec { operator, config, inputs, limits, log: Arc::new(NoLog) })?;
    ensure!(
        instance.plan().reads == [[case.column()]],
        "{} must read column {} of a bid and no other",
        case.component(),
        case.column()
    );
    Ok(instance)
}

/// The columns of the generator's bids.
fn bid_schema() -> SchemaRef {
    let ms = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let types = [DataType::Int64, DataType::Int64, DataType::Int64, ms, DataType::Utf8];
    let names = ["auction", "bidder", "price", "ts", "extra"];
    Arc::new(Schema::new(names.into_iter().zip(types).map(|(n, t)| Field::new(n, t, false)).collect::<Vec<_>>()))
}

fn measure_case(instance: &mut Instance, case: Case, rows: usize, runs: usize) -> anyhow::Result<Row> {
    let batches = batches(case, rows);
    let checksum = verify(instance, case, &batches)?;
    let rounds = SAMPLE_RECORDS / (rows * batches.len());
    let records = (rounds * rows * batches.len()) as f64;
    let (mut guest_s, mut native_s) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..SAMPLES_PER_RUN * runs {
        let stopwatch = Stopwatch::start();
        for batch in (0..rounds).flat_map(|_| &batches) {
            black_box(call(instance, black_box(batch))?);
        }
        guest_s = guest_s.min(stopwatch.seconds());
        let stopwatch = Stopwatch::start();
        for batch in (0..rounds).flat_map(|_| &batches) {
            native(case, black_box(batch.as_primitive::<Int64Type>().values()));
        }
        native_s = native_s.min(stopwatch.seconds());
    }
    Ok(Row {
        name: format!("boundary/{}/{rows}", case.name()),
        parallelism: 1,
        events_per_s: records / guest_s,
        cpu_s: None,
        peak_rss_bytes: None,
        loop_ratio: native_s / guest_s,
        rows: checksum.rows,
        checksum: format!("{:016x}", checksum.sum),
    })
}

/// The column that the case reads, of the generator's first bids.
fn batches(case: Case, rows: usize) -> Vec<ArrayRef> {
    let mut values = Vec::new();
    // 46 events in 50 are bids: these are enough.
    for_each_bid((rows * BATCHES) as u64 * 2, |bid| {
        values.push(match case {
            Case::Filter => bid.auction as i64,
            Case::Map => bid.price as i64,
        });
    });
    values.chunks_exact(rows).take(BATCHES).map(|v| Arc::new(Int64Array::from(v.to_vec())) as ArrayRef).collect()
}

fn call(instance: &mut Instance, batch: &ArrayRef) -> anyhow::Result<Vec<Delta>> {
    let rows = Rows { rows: batch.len(), columns: std::slice::from_ref(batch), event_times: None };
    Ok(instance.transform(0, &rows)?.outputs)
}

/// The same work on plain columns: a selection vector, or a new column.
fn native(case: Case, values: &[i64]) {
    match case {
        Case::Filter => drop(black_box(selected(values))),
        Case::Map => drop(black_box(converted(values))),
    }
}

fn selected(values: &[i64]) -> Vec<u32> {
    let mut rows = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        if value % EVERY == 0 {
            rows.push(row as u32);
        }
    }
    rows
}

fn converted(values: &[i64]) -> Vec<i64> {
    values.iter().map(|value| value * RATE).collect()
}

/// Compares the component with the native code over every batch. The checksum is that of the values that come out.
fn verify(instance: &mut Instance, case: Case, batches: &[ArrayRef]) -> anyhow::Result<Checksum> {
    let mut checksum = Checksum::default();
    for batch in batches {
        let values = batch.as_primitive::<Int64Type>().values();
        let deltas = call(instance, batch)?;
        let [delta] = deltas.as_slice() else { anyhow::bail!("the component must have one output") };
        match (case, &delta.selection, delta.computed.as_slice()) {
            (Case::Filter, Selection::Rows(rows), []) => {
                ensure!(rows[..] == selected(values), "the component selects other rows than the native code");
                rows.iter().for_each(|row| checksum.add([values[*row as usize] as u64]));
            }
            (Case::Filter, Selection::None, []) => {
                ensure!(selected(values).is_empty(), "the component selects no row, the native code does");
            }
            (Case::Map, Selection::All, [column]) => {
                let made = column.as_primitive_opt::<Int64Type>().context("the component must compute an int64")?;
                ensure!(
                    made.values()[..] == converted(values),
                    "the component computes other values than the native code"
                );
                made.values().iter().for_each(|value| checksum.add([*value as u64]));
            }
            _ => anyhow::bail!("the component answers with another shape than a {}", case.name()),
        }
    }
    Ok(checksum)
}
