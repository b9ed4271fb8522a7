//! How long the stream stands still for a checkpoint, by kind and size of state: operators without a job around them.
//!
//! Each is filled with keys in an order that no cache likes, frozen, written to while the frozen copy is alive, and restored from
//! the tables that were made of it.

use std::sync::Arc;

use anyhow::{Context, ensure};
use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::graph::{AggregateFunction, OnError};
use weir_core::key_group::KEY_GROUPS_DEFAULT;
use weir_core::window::WindowAssigner;
use weir_engine::dataflow::operator::{
    Frozen, Metrics, Operator, OperatorError, Outputs, Progress, Snapshot, StateTable,
};
use weir_engine::nodes::window::{AggregateKind, BoundAggregate, RESULT_ROWS_MAX, WindowSpec, window_operator};
use weir_state::{KeyedState, States, Timer, Timers};

use crate::args::Args;
use crate::measure::{Process, Stopwatch};
use crate::row::PauseRow;

/// Keys if the command line does not say.
const KEYS_DEFAULT: [u64; 2] = [1_000_000, 10_000_000];
/// Rows of a batch: the greatest that the engine makes.
const BATCH_ROWS: u64 = 8_192;
/// Batches that are written beside a frozen copy.
const BATCHES_BESIDE: u64 = 16;
/// A prime, so that its multiples go through all keys before one comes again, far apart from each other.
const STRIDE: u64 = 618_034_003;
const HOUR_US: i64 = 3_600_000_000;

/// What keeps the state.
#[derive(Clone, Copy)]
enum Kind {
    /// A pane of a tumbling window.
    Panes,
    /// A session a key.
    Sessions,
    /// A row of two columns and one timer per key, as the operator of a component keeps them.
    Keyed,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Panes, Self::Sessions, Self::Keyed];

    fn name(self) -> &'static str {
        match self {
            Self::Panes => "panes",
            Self::Sessions => "sessions",
            Self::Keyed => "keyed",
        }
    }

    fn operator(self) -> anyhow::Result<Box<dyn Operator>> {
        Ok(match self {
            Self::Panes => window_operator(spec(WindowAssigner::Tumbling { size: HOUR_US, offset: 0 }))?,
            Self::Sessions => window_operator(spec(WindowAssigner::Session { gap: HOUR_US }))?,
            Self::Keyed => Box::new(Counts::new()?),
        })
    }
}

/// Measures every kind at every size; `each` gets every row as soon as there is one.
///
/// # Errors
/// If an operator fails, or has lost a key after it was restored.
pub(crate) fn measure(args: &Args, mut each: impl FnMut(PauseRow)) -> anyhow::Result<()> {
    let sizes = args.keys.map_or(KEYS_DEFAULT.to_vec(), |keys| vec![keys]);
    for kind in Kind::ALL {
        for keys in &sizes {
            each(measure_one(kind, *keys, args.runs).with_context(|| format!("{} with {keys} keys", kind.name()))?);
        }
    }
    Ok(())
}

fn measure_one(kind: Kind, keys: u64, runs: usize) -> anyhow::Result<PauseRow> {
    let mut row = PauseRow::slowest(kind.name(), keys);
    let mut operator = kind.operator()?;
    for _ in 0..runs {
        // All of it is written to, so that nothing is shared with what was frozen before.
        row.batch_ms = row.batch_ms.min(write(operator.as_mut(), keys, 0..keys.div_ceil(BATCH_ROWS))?);
        let stopwatch = Stopwatch::start();
        let frozen = operator.freeze(Cut { attempt: 1, last: false })?;
        row.pause_ms = row.pause_ms.min(stopwatch.seconds() * 1e3);
        row.batch_beside_ms = row.batch_beside_ms.min(write(operator.as_mut(), keys, 0..BATCHES_BESIDE)?);
        // Neither is waited for by a stream: what counts is the work.
        let cpu = Process::this().cpu_seconds()?;
        let snapshot = frozen.make()?;
        row.tables_ns_a_key = row.tables_ns_a_key.min((Process::this().cpu_seconds()? - cpu) * 1e9 / keys as f64);
        row.bytes = snapshot.tables.iter().map(|table| table.rows.get_array_memory_size() as u64).sum();
        let mut restored = kind.operator()?;
        let cpu = Process::this().cpu_seconds()?;
        restored.restore(snapshot)?;
        row.restore_ns_a_key = row.restore_ns_a_key.min((Process::this().cpu_seconds()? - cpu) * 1e9 / keys as f64);
        let again = restored.freeze(Cut { attempt: 1, last: false })?.make()?;
        let rows = |of: &Snapshot| of.tables.iter().map(|table| table.rows.num_rows() as u64).sum::<u64>();
        ensure!(rows(&again) >= keys, "{} rows were restored", rows(&again));
    }
    Ok(row)
}

/// Writes batches of rows to keys that are far apart; returns the milliseconds of a batch.
fn write(operator: &mut dyn Operator, keys: u64, batches: std::ops::Range<u64>) -> anyhow::Result<f64> {
    let count = batches.end.saturating_sub(batches.start).max(1);
    let mut seconds = 0.0;
    for batch in batches {
        let first = batch * BATCH_ROWS;
        let key = |row: u64| (row * STRIDE % keys) as i64;
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values((first..first + BATCH_ROWS).map(key)));
        let rows = RecordBatch::try_new(Arc::new(schema()), vec![column.clone(), column])?;
        let event_times = (first..first + BATCH_ROWS).map(|row| (row / 64) as i64).collect();
        let batch = StreamBatch::new(rows, event_times, 0);
        let stopwatch = Stopwatch::start();
        operator.process(0, batch, &mut Outputs::default())?.finish(operator, &mut Outputs::default())?;
        seconds += stopwatch.seconds();
    }
    Ok(seconds * 1e3 / count as f64)
}

fn schema() -> Schema {
    Schema::new(vec![Field::new("key", DataType::Int64, false), Field::new("value", DataType::Int64, false)])
}

fn spec(window: WindowAssigner) -> WindowSpec {
    use AggregateFunction::{Avg, Count, Max, Min, Sum};
    let aggregate = |(name, function, column): (&str, AggregateFunction, Option<usize>)| BoundAggregate {
        name: name.to_owned(),
        kind: AggregateKind::Builtin { function, columns: column.into_iter().collect() },
    };
    let value = Some(1);
    let aggregates =
        [("n", Count, None), ("sum", Sum, value), ("avg", Avg, value), ("min", Min, value), ("max", Max, value)];
    WindowSpec {
        input: Arc::new(schema()),
        key_columns: vec![0],
        window,
        rules: None,
        aggregates: aggregates.map(aggregate).to_vec(),
        allowed_lateness_us: 0,
        late_output: None,
        on_error: OnError::Fail,
        dead_letter_output: 1,
        key_groups: KEY_GROUPS_DEFAULT,
        projection: None,
        partials: false,
        result_rows_max: RESULT_ROWS_MAX,
        metrics: Metrics::default(),
    }
}

/// What the engine does for a component that counts the rows of a key and keeps a timer for it.
struct Counts {
    state: KeyedState,
    timers: Timers,
    slots: Vec<u32>,
}

impl Counts {
    fn new() -> anyhow::Result<Self> {
        let field = |name: &str| FieldRef::from(Field::new(name, DataType::Int64, false));
        let state = KeyedState::new(&[field("key")], &[field("count"), field("sum")])?;
        Ok(Self { state, timers: Timers::default(), slots: Vec::new() })
    }
}

impl Operator for Counts {
    fn process(&mut self, _input: usize, batch: StreamBatch, _out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.state.slots(&batch.rows.columns()[..1], batch.len(), &mut self.slots)?;
        let States { columns, .. } = self.state.gather(&self.slots)?;
        let plus = |states: &ArrayRef, values: &Int64Array| -> ArrayRef {
            let states = states.as_primitive::<Int64Type>();
            let sums = states.iter().zip(values.values()).map(|(state, value)| state.unwrap_or_default() + value);
            Arc::new(Int64Array::from_iter_values(sums))
        };
        let ones = Int64Array::from(vec![1; batch.len()]);
        let counts = plus(&columns[0], &ones);
        let sums = plus(&columns[1], batch.rows.column(1).as_primitive());
        // Its timer goes from where the count before has set it to where the count now does.
        let timer = |slot: &u32, count: i64| Timer { time: count * HOUR_US + i64::from(*slot / 8), slot: *slot };
        for (slot, count) in self.slots.iter().zip(counts.as_primitive::<Int64Type>().values()) {
            self.timers.delete(timer(slot, count - 1));
            self.timers.register(timer(slot, *count));
        }
        self.state.put(&self.slots, States::all(batch.len(), vec![counts, sums]))?;
        Ok(Progress::Done)
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let (state, timers) = (self.state.freeze(), self.timers.freeze());
        Ok(Frozen::new(move || {
            let table = |name: &str, (group, rows): (u32, RecordBatch)| StateTable {
                name: name.to_owned(),
                key_group: Some(group),
                rows,
            };
            let timers = timers.tables(&state, KEY_GROUPS_DEFAULT)?.into_iter().map(|part| table("timers", part));
            let states = state.tables(KEY_GROUPS_DEFAULT)?.into_iter().map(|part| table("states", part));
            Ok(Snapshot { tables: states.chain(timers).collect(), ..Snapshot::default() })
        }))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (states, timers): (Vec<_>, Vec<_>) = snapshot.tables.iter().partition(|table| table.name == "states");
        let slots = self.state.slots_of_all(states.iter().map(|table| &table.rows))?;
        let mut slots = slots.as_slice();
        for table in states {
            let (own, others) = slots.split_at(table.rows.num_rows());
            self.state.restore(&table.rows, own)?;
            slots = others;
        }
        Ok(self.timers.restore(&mut self.state, timers.iter().map(|table| &table.rows))?)
    }
}
