//! The window operators against a model that takes rows one by one, as Flink describes them: the same results at every step,
//! for any rows, batches, watermarks, lateness, and snapshots restored at any parallelism.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{
    DataType, Field, FieldRef, Float64Type, Int64Type, Schema, SchemaRef, TimestampMicrosecondType,
};
use proptest::prelude::*;
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::graph::{AggregateFunction, OnError};
use weir_core::key_group::{group_of, groups_of_subtask, hash_keys, subtask_of};
use weir_core::time::{WATERMARK_MAX, WATERMARK_MIN};
use weir_core::window::{Window, WindowAssigner};
use weir_engine::dataflow::operator::{Frozen, Metrics, Operator, Outputs, Progress, Snapshot, Time};
use weir_engine::nodes::window::{
    AggregateKind, BoundAggregate, ComponentAggregate, RESULT_ROWS_MAX, WindowSpec, combine_operator, output_schema,
    window_operator,
};
use weir_host::{Accumulated, CallError, RejectedRow};
use weir_state::States;

const KEY_GROUPS: u32 = 5;
/// Parts of one call between which the state is restored at most: enough to see every kind, few enough to end soon.
const RESTORED_TURNS_MAX: usize = 8;
const LATE: usize = 1;
const DEAD: usize = 2;
/// The value that the component refuses.
const REFUSED: i64 = 13;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    key: Option<i64>,
    time: i64,
    value: Option<i64>,
}

/// A result in the order of [`aggregates`]; floats by their bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Output {
    key: Option<i64>,
    start: i64,
    end: i64,
    numbers: Vec<Option<i64>>,
    floats: Vec<Option<u64>>,
    texts: Vec<Option<String>>,
}

/// What came out of one step, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Step {
    results: Vec<Output>,
    late: Vec<Row>,
    dead: Vec<Row>,
}

#[derive(Clone, Debug)]
enum Op {
    Rows(Vec<Row>),
    Watermark(i64),
    Restore(usize),
}

#[derive(Clone, Debug)]
struct Case {
    window: WindowAssigner,
    lateness: i64,
    keyed: bool,
    component: bool,
    /// Results of one part at most.
    rows_max: usize,
    /// Between two parts the state is frozen and restored at this parallelism.
    between_parts: Option<usize>,
    ops: Vec<Op>,
}

// ---- what the operators are given ----

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Int64, true),
        Field::new("value", DataType::Int64, true),
        Field::new("float", DataType::Float64, true),
        Field::new("text", DataType::Utf8, true),
    ]))
}

fn text_of(value: i64) -> String {
    format!("{value:+}")
}

fn batch(rows: &[Row]) -> StreamBatch {
    let keys: ArrayRef = Arc::new(rows.iter().map(|r| r.key).collect::<Int64Array>());
    let values: ArrayRef = Arc::new(rows.iter().map(|r| r.value).collect::<Int64Array>());
    let floats: ArrayRef = Arc::new(rows.iter().map(|r| r.value.map(|v| v as f64 / 4.0)).collect::<Float64Array>());
    let texts: ArrayRef = Arc::new(rows.iter().map(|r| r.value.map(text_of)).collect::<StringArray>());
    let columns = RecordBatch::try_new(schema(), vec![keys, values, floats, texts]).unwrap();
    StreamBatch::new(columns, rows.iter().map(|r| r.time).collect(), 7)
}

fn aggregates(component: bool) -> Vec<BoundAggregate> {
    use AggregateFunction::{Avg, Count, First, Last, Max, Min, Sum};
    let of = |name: &str, function, column| BoundAggregate {
        name: name.to_owned(),
        kind: AggregateKind::Builtin { function, column },
    };
    let mut all = vec![
        of("rows", Count, None),
        of("values", Count, Some(1)),
        of("sum", Sum, Some(1)),
        of("min", Min, Some(1)),
        of("max", Max, Some(1)),
        of("first", First, Some(1)),
        of("last", Last, Some(1)),
        of("float_sum", Sum, Some(2)),
        of("avg", Avg, Some(1)),
        of("float_min", Min, Some(2)),
        of("text_max", Max, Some(3)),
        of("text_first", First, Some(3)),
    ];
    if component {
        let kind = AggregateKind::Component { aggregate: Arc::new(Mutex::new(Squares)), columns: vec![1] };
        all.insert(7, BoundAggregate { name: "squares".to_owned(), kind });
    }
    all
}

fn spec(case: &Case, late_output: bool) -> WindowSpec {
    WindowSpec {
        input: schema(),
        key_columns: if case.keyed { vec![0] } else { Vec::new() },
        window: case.window,
        aggregates: aggregates(case.component),
        allowed_lateness_us: case.lateness,
        late_output: late_output.then_some(LATE),
        on_error: OnError::DeadLetter,
        dead_letter_output: DEAD,
        key_groups: KEY_GROUPS,
        projection: None,
        partials: false,
        result_rows_max: case.rows_max,
        metrics: Metrics::default(),
    }
}

/// The sum of squares, as a component would compute it; it refuses one value, and says so now by the row, now by the call.
struct Squares;

impl ComponentAggregate for Squares {
    fn state_fields(&self) -> Vec<FieldRef> {
        vec![Arc::new(Field::new("squares", DataType::Int64, false))]
    }

    fn output_field(&self) -> FieldRef {
        Arc::new(Field::new("squares", DataType::Int64, true))
    }

    fn accumulate(
        &mut self,
        columns: &[ArrayRef],
        _event_times: &[i64],
        group_of_row: &[u32],
        states: States,
    ) -> Result<Accumulated, CallError> {
        let of_states = states.columns[0].as_primitive::<Int64Type>();
        let mut sums: Vec<i64> =
            (0..states.len()).map(|i| if states.present.value(i) { of_states.value(i) } else { 0 }).collect();
        let values = columns[0].as_primitive::<Int64Type>();
        let mut rejected = Vec::new();
        for (row, (value, group)) in values.iter().zip(group_of_row).enumerate() {
            match value {
                Some(REFUSED) if row % 2 == 0 => rejected.push(RejectedRow { row, reason: "thirteen".to_owned() }),
                Some(REFUSED) => return Err(CallError::Call("something is thirteen".to_owned())),
                value => sums[*group as usize] += value.map_or(0, |v| v * v),
            }
        }
        Ok(Accumulated { accumulators: vec![Arc::new(Int64Array::from(sums))], rejected })
    }

    fn merge(&mut self, left: States, right: States) -> Result<Vec<ArrayRef>, CallError> {
        let pairs =
            left.columns[0].as_primitive::<Int64Type>().iter().zip(right.columns[0].as_primitive::<Int64Type>());
        Ok(vec![Arc::new(pairs.map(|(a, b)| Some(a? + b?)).collect::<Int64Array>())])
    }

    fn finish(&mut self, states: States) -> Result<ArrayRef, CallError> {
        assert_eq!(states.present.count_set_bits(), states.len(), "every group that fires has had a row");
        Ok(states.columns[0].clone())
    }
}

// ---- the model ----

struct Model<'a> {
    case: &'a Case,
    watermark: i64,
    windows: BTreeMap<(Option<i64>, Window), Vec<Row>>,
}

impl Model<'_> {
    fn is_closed(&self, window: Window) -> bool {
        window.max_time().saturating_add(self.case.lateness) <= self.watermark
    }

    fn row(&mut self, row: &Row, step: &mut Step) {
        let key = if self.case.keyed { row.key } else { None };
        let windows = match self.case.window {
            WindowAssigner::Session { gap } => {
                let mut window = Window { start: row.time, end: row.time + gap };
                let touches = |k: &Option<i64>, w: &Window| *k == key && w.start <= row.time + gap && row.time <= w.end;
                for (_, other) in self.windows.keys().filter(|(k, w)| touches(k, w)) {
                    window = Window { start: window.start.min(other.start), end: window.end.max(other.end) };
                }
                vec![window]
            }
            _ => self.case.window.assign(row.time),
        };
        let open: Vec<Window> = windows.into_iter().filter(|w| !self.is_closed(*w)).collect();
        if open.is_empty() {
            if row.time.saturating_add(self.case.lateness) <= self.watermark {
                step.late.push(row.clone());
            }
            return;
        }
        if self.case.component && row.value == Some(REFUSED) {
            step.dead.push(row.clone());
            return;
        }
        for window in open {
            let mut rows = Vec::new();
            if matches!(self.case.window, WindowAssigner::Session { .. }) {
                self.windows.retain(|(k, w), of_window| {
                    let merged = *k == key && window.start <= w.start && w.end <= window.end;
                    if merged {
                        rows.append(of_window);
                    }
                    !merged
                });
            }
            let of_window = self.windows.entry((key, window)).or_default();
            of_window.append(&mut rows);
            of_window.push(row.clone());
            if window.max_time() <= self.watermark {
                step.results.push(result(self.case, key, window, of_window));
            }
        }
    }

    fn watermark(&mut self, watermark: i64, step: &mut Step) {
        for ((key, window), rows) in &self.windows {
            if window.max_time() > self.watermark && window.max_time() <= watermark {
                step.results.push(result(self.case, *key, *window, rows));
            }
        }
        self.watermark = watermark;
        let closed: Vec<_> = self.windows.keys().filter(|(_, w)| self.is_closed(*w)).copied().collect();
        for key in closed {
            self.windows.remove(&key);
        }
    }
}

fn result(case: &Case, key: Option<i64>, window: Window, rows: &[Row]) -> Output {
    let values: Vec<i64> = rows.iter().filter_map(|r| r.value).collect();
    let timed = || rows.iter().filter_map(|r| Some((r.time, r.value?)));
    let texts = || rows.iter().filter_map(|r| Some((r.time, text_of(r.value?))));
    let sum: i64 = values.iter().sum();
    let some = |v: i64| (!values.is_empty()).then_some(v);
    let float = |v: f64| (!values.is_empty()).then_some(v.to_bits());
    let mut numbers = vec![
        Some(rows.len() as i64),
        Some(values.len() as i64),
        some(sum),
        values.iter().min().copied(),
        values.iter().max().copied(),
        timed().min().map(|(_, v)| v),
        timed().max().map(|(_, v)| v),
    ];
    if case.component {
        numbers.push(Some(values.iter().map(|v| v * v).sum()));
    }
    let least = values.iter().min().map(|v| (*v as f64 / 4.0).to_bits());
    Output {
        key,
        start: window.start,
        end: window.end,
        numbers,
        floats: vec![float(sum as f64 / 4.0), float(sum as f64 / values.len() as f64), least],
        texts: vec![texts().map(|(_, t)| t).max(), texts().min().map(|(_, t)| t)],
    }
}

// ---- driving the operators ----

/// The subtasks of one window, and what routes rows to them.
struct Driver<'a> {
    case: &'a Case,
    spec: WindowSpec,
    subtasks: Vec<Box<dyn Operator>>,
    combine: Option<Box<dyn Operator>>,
}

impl<'a> Driver<'a> {
    fn new(case: &'a Case, late_output: bool, combined: bool) -> Self {
        let mut spec = spec(case, late_output);
        let combine = combined.then(|| combine_operator(&spec).unwrap().expect("it can be combined").0);
        spec.partials = combined;
        Self { case, subtasks: vec![window_operator(spec.clone()).unwrap()], spec, combine }
    }

    fn rows(&mut self, rows: &[Row], out: &mut Outputs) {
        let mut batches = vec![batch(rows)];
        if let Some(combine) = &mut self.combine {
            let mut partials = Outputs::default();
            let progress = combine.process(0, batches.remove(0), &mut partials).unwrap();
            progress.finish(combine.as_mut(), &mut partials).unwrap();
            batches = partials.take().into_iter().map(|(_, rows)| rows).collect();
        }
        for batch in batches {
            let keys: Vec<ArrayRef> = batch.rows.columns().iter().take(self.spec.key_columns.len()).cloned().collect();
            let mut hashes = Vec::new();
            hash_keys(&keys, batch.len(), &mut hashes).unwrap();
            let parallelism = self.subtasks.len();
            let target = |hash: &u64| subtask_of(group_of(*hash, KEY_GROUPS), parallelism, KEY_GROUPS);
            let targets: Vec<usize> = hashes.iter().map(target).collect();
            let mut progress = vec![Progress::Done; parallelism];
            for (subtask, operator) in self.subtasks.iter_mut().enumerate() {
                let mine = targets.iter().map(|t| Some(*t == subtask)).collect();
                let times = Int64Array::from(batch.event_times.to_vec());
                let times = arrow::compute::filter(&times, &mine).unwrap();
                let rows = arrow::compute::filter_record_batch(&batch.rows, &mine).unwrap();
                let times = times.as_primitive::<Int64Type>().values().clone();
                let part = StreamBatch::new(rows, times, batch.ingested_at);
                if !part.is_empty() {
                    progress[subtask] = bounded(self.case, out, |out| operator.process(0, part, out).unwrap());
                }
            }
            self.finish(progress, out);
        }
    }

    fn watermark(&mut self, watermark: i64, out: &mut Outputs) {
        if let Some(combine) = &mut self.combine {
            let progress = combine.on_time(Time::Watermark(watermark), out).unwrap();
            assert_eq!((progress, out.take().len()), (Progress::Done, 0));
        }
        let on_time = |operator: &mut Box<dyn Operator>| {
            bounded(self.case, out, |out| operator.on_time(Time::Watermark(watermark), out).unwrap())
        };
        let progress = self.subtasks.iter_mut().map(on_time).collect();
        self.finish(progress, out);
    }

    /// Has the subtasks emit the rest, now this one and now that one, and restores them between two parts if the case says so.
    fn finish(&mut self, mut progress: Vec<Progress>, out: &mut Outputs) {
        for turn in 0.. {
            if !progress.contains(&Progress::More) {
                break;
            }
            if let Some(parallelism) = self.case.between_parts.filter(|_| turn % 2 == 0 && turn < RESTORED_TURNS_MAX) {
                self.restore(1 + (parallelism + turn) % 3);
                progress = vec![Progress::More; self.subtasks.len()];
            }
            for (subtask, operator) in self.subtasks.iter_mut().enumerate() {
                if progress[subtask] == Progress::More && (turn / 2 + subtask) % 3 != 0 {
                    progress[subtask] = bounded(self.case, out, |out| operator.more(out).unwrap());
                }
            }
        }
    }

    /// Freezes the state, lets the operators continue, and begins again with what was frozen.
    fn restore(&mut self, parallelism: usize) {
        let cut = Cut { attempt: 1, last: false };
        let frozen: Vec<Frozen> = self.subtasks.iter_mut().map(|s| s.freeze(cut).unwrap()).collect();
        self.resume();
        let tables: Vec<_> = frozen.into_iter().flat_map(|f| f.make().unwrap().tables).collect();
        if self.combine.is_some() {
            let mut combine = combine_operator(&self.spec).unwrap().unwrap().0;
            combine.restore(Snapshot { tables: tables.clone(), ..Snapshot::default() }).unwrap();
            self.combine = Some(combine);
        }
        let parallelism = if self.case.keyed { parallelism } else { 1 };
        self.subtasks = (0..parallelism)
            .map(|subtask| {
                let groups = groups_of_subtask(subtask, parallelism, KEY_GROUPS);
                let mine = tables.iter().filter(|t| t.key_group.is_none_or(|group| groups.contains(&group)));
                let mut operator = window_operator(self.spec.clone()).unwrap();
                operator.restore(Snapshot { tables: mine.cloned().collect(), ..Snapshot::default() }).unwrap();
                operator
            })
            .collect();
    }

    /// The rest of what is to be emitted, rows of all keys and times, and a watermark: what no frozen state may see.
    fn resume(&mut self) {
        let late = self.spec.metrics.rows_late.load(Ordering::Relaxed);
        for subtask in &mut self.subtasks {
            Progress::More.finish(subtask.as_mut(), &mut Outputs::default()).unwrap();
        }
        let case = Case { between_parts: None, ..self.case.clone() };
        let (subtasks, combine) = (std::mem::take(&mut self.subtasks), self.combine.take());
        let mut old = Driver { case: &case, spec: self.spec.clone(), subtasks, combine };
        let key = |i: i64| (i % 4 < 3).then_some(i % 4);
        let rows: Vec<Row> = (0..80).map(|i| Row { key: key(i), time: i * 7 % 40, value: Some(i % 5 - 2) }).collect();
        old.rows(&rows, &mut Outputs::default());
        for subtask in &mut old.subtasks {
            let progress = subtask.on_time(Time::Watermark(WATERMARK_MAX - 1), &mut Outputs::default()).unwrap();
            progress.finish(subtask.as_mut(), &mut Outputs::default()).unwrap();
        }
        old.rows(&rows, &mut Outputs::default());
        self.combine = old.combine;
        self.spec.metrics.rows_late.store(late, Ordering::Relaxed);
    }

    fn step(&self, mut out: Outputs) -> Step {
        let mut step = Step::default();
        let schema = output_schema(&self.spec).unwrap();
        for (output, batch) in out.take() {
            match output {
                0 => {
                    assert_eq!(batch.rows.schema(), schema);
                    assert_eq!(batch.ingested_at, 7);
                    step.results.extend(self.outputs(&batch));
                }
                LATE => step.late.extend(rows_of(&batch)),
                _ => {
                    assert!(batch.rows.column_by_name("error").is_some_and(|c| c.null_count() == 0));
                    step.dead.extend(rows_of(&batch));
                }
            }
        }
        step
    }

    fn outputs(&self, batch: &StreamBatch) -> Vec<Output> {
        let column = |name: &str| batch.rows.column_by_name(name).unwrap().clone();
        let int = |name: &str, row: usize| opt(column(name).as_primitive::<Int64Type>(), row);
        let bound = |name: &str, row: usize| column(name).as_primitive::<TimestampMicrosecondType>().value(row);
        let float = |name: &str, row: usize| {
            let column = column(name);
            column.is_valid(row).then(|| column.as_primitive::<Float64Type>().value(row).to_bits())
        };
        let text = |name: &str, row: usize| {
            let column = column(name);
            column.is_valid(row).then(|| column.as_string::<i32>().value(row).to_owned())
        };
        let mut names = vec!["rows", "values", "sum", "min", "max", "first", "last"];
        names.extend(self.case.component.then_some("squares"));
        let row = |row: usize| {
            assert_eq!(batch.event_times[row], bound("window_end", row) - 1);
            Output {
                key: if self.case.keyed { int("key", row) } else { None },
                start: bound("window_start", row),
                end: bound("window_end", row),
                numbers: names.iter().map(|name| int(name, row)).collect(),
                floats: ["float_sum", "avg", "float_min"].map(|name| float(name, row)).to_vec(),
                texts: ["text_max", "text_first"].map(|name| text(name, row)).to_vec(),
            }
        };
        (0..batch.len()).map(row).collect()
    }
}

/// Calls an operator; it emits no more results than a part may have, sessions that fire again aside: they are as many as rows.
fn bounded(case: &Case, out: &mut Outputs, call: impl FnOnce(&mut Outputs) -> Progress) -> Progress {
    let mut part = Outputs::default();
    let progress = call(&mut part);
    let emitted = part.take();
    let results: usize = emitted.iter().filter(|(output, _)| *output == 0).map(|(_, batch)| batch.len()).sum();
    let is_session = matches!(case.window, WindowAssigner::Session { .. });
    assert!(results <= case.rows_max || is_session, "{results} results in a part");
    emitted.into_iter().for_each(|(output, batch)| out.emit(output, batch));
    progress
}

fn opt(column: &Int64Array, row: usize) -> Option<i64> {
    column.is_valid(row).then(|| column.value(row))
}

fn rows_of(batch: &StreamBatch) -> Vec<Row> {
    let int = |column: usize| batch.rows.column(column).as_primitive::<Int64Type>();
    let row = |row: usize| Row { key: opt(int(0), row), time: batch.event_times[row], value: opt(int(1), row) };
    (0..batch.len()).map(row).collect()
}

fn sorted(mut step: Step) -> Step {
    step.results.sort();
    step.late.sort();
    step.dead.sort();
    step
}

// ---- cases ----

fn row() -> impl Strategy<Value = Row> {
    let value = prop_oneof![1 => Just(None), 8 => (-3..4i64).prop_map(Some), 1 => Just(Some(REFUSED))];
    (prop::option::weighted(0.9, 0..3i64), 0..40i64, value).prop_map(|(key, time, value)| Row { key, time, value })
}

fn window() -> impl Strategy<Value = WindowAssigner> {
    prop_oneof![
        (1..12i64, -12..12i64).prop_map(|(size, offset)| WindowAssigner::Tumbling { size, offset: offset % size }),
        (1..12i64, 1..12i64, -12..12i64).prop_map(|(size, slide, offset)| WindowAssigner::Sliding {
            size,
            slide,
            offset: offset % slide
        }),
        (1..6i64).prop_map(|gap| WindowAssigner::Session { gap }),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let op = prop_oneof![
        5 => prop::collection::vec(row(), 0..12).prop_map(Op::Rows),
        3 => (0..45i64).prop_map(Op::Watermark),
        1 => (1..4usize).prop_map(Op::Restore),
    ];
    let lateness = prop_oneof![Just(0i64), 0..15i64];
    let ops = prop::collection::vec(op, 1..14);
    let parts = (prop_oneof![1..4usize, Just(RESULT_ROWS_MAX)], prop::option::of(0..3usize));
    (window(), lateness, any::<bool>(), any::<bool>(), parts, ops).prop_map(
        |(window, lateness, keyed, component, (rows_max, between_parts), mut ops)| {
            ops.push(Op::Watermark(WATERMARK_MAX));
            Case { window, lateness, keyed, component, rows_max, between_parts, ops }
        },
    )
}

/// Runs a case step by step in both; returns the rows that the model calls late.
fn check(case: &Case, driver: &mut Driver<'_>, late_output: bool) -> usize {
    let mut model = Model { case, watermark: WATERMARK_MIN, windows: BTreeMap::new() };
    let mut late = 0;
    for (index, op) in case.ops.iter().enumerate() {
        let (mut expected, mut out) = (Step::default(), Outputs::default());
        match op {
            Op::Rows(rows) => {
                rows.iter().for_each(|row| model.row(row, &mut expected));
                driver.rows(rows, &mut out);
            }
            Op::Watermark(watermark) if *watermark > model.watermark => {
                model.watermark(*watermark, &mut expected);
                driver.watermark(*watermark, &mut out);
            }
            Op::Watermark(_) => {}
            Op::Restore(parallelism) => driver.restore(*parallelism),
        }
        late += expected.late.len();
        if !late_output {
            expected.late.clear();
        }
        assert_eq!(sorted(driver.step(out)), sorted(expected), "step {index}: {op:?}");
    }
    late
}

fn late_rows(driver: &Driver<'_>) -> usize {
    driver.spec.metrics.rows_late.load(Ordering::Relaxed) as usize
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn windows_are_those_of_the_model(case in case(), late_output in any::<bool>()) {
        let mut driver = Driver::new(&case, late_output, false);
        let late = check(&case, &mut driver, late_output);
        prop_assert_eq!(late_rows(&driver), late);
    }

    #[test]
    fn combining_ahead_changes_nothing(mut case in case()) {
        case.lateness = 0;
        case.component = false;
        match &mut case.window {
            // Rows in gaps between windows are dropped upstream, where nobody knows whether they are late.
            WindowAssigner::Sliding { size, slide, .. } => *size = (*size).max(*slide),
            WindowAssigner::Tumbling { .. } | WindowAssigner::Session { .. } => {}
        }
        let mut driver = Driver::new(&case, false, true);
        let late = check(&case, &mut driver, false);
        prop_assert_eq!(late_rows(&driver), late);
    }
}

/// Rows without keys or values at these times.
fn rows_at(times: impl IntoIterator<Item = i64>) -> Vec<Row> {
    times.into_iter().map(|time| Row { key: Some(0), time, value: Some(1) }).collect()
}

fn plain_case(window: WindowAssigner, lateness: i64, rows_max: usize) -> Case {
    Case { window, lateness, keyed: true, component: false, rows_max, between_parts: None, ops: Vec::new() }
}

/// Calls `more` until all is emitted; returns the rows of each part.
fn parts(operator: &mut dyn Operator, first: Progress, mut out: Outputs) -> Vec<usize> {
    let mut parts = Vec::new();
    let mut progress = first;
    loop {
        parts.push(out.take().iter().map(|(_, batch)| batch.len()).sum());
        if progress == Progress::Done {
            return parts;
        }
        progress = operator.more(&mut out).unwrap();
    }
}

#[test]
fn many_windows_over_few_rows_are_emitted_in_parts() {
    let window = WindowAssigner::Sliding { size: 1_000_000, slide: 1, offset: 0 };
    let case = plain_case(window, 0, RESULT_ROWS_MAX);
    let mut operator = window_operator(spec(&case, false)).unwrap();
    let mut out = Outputs::default();
    assert_eq!(operator.process(0, batch(&rows_at([0, 3, 4])), &mut out).unwrap(), Progress::Done);
    let first = operator.on_time(Time::Watermark(WATERMARK_MAX), &mut out).unwrap();
    let parts = parts(operator.as_mut(), first, out);
    assert!(parts.iter().all(|rows| (1..=RESULT_ROWS_MAX).contains(rows)));
    assert_eq!(parts.iter().sum::<usize>(), 1_000_004);
}

#[test]
fn many_keys_that_fire_at_once_are_emitted_in_parts() {
    let keys = 3 * RESULT_ROWS_MAX + 1;
    let rows: Vec<Row> = (0..keys as i64).map(|key| Row { key: Some(key), time: 1, value: None }).collect();
    for window in [WindowAssigner::Tumbling { size: 10, offset: 0 }, WindowAssigner::Session { gap: 10 }] {
        let case = plain_case(window, 0, RESULT_ROWS_MAX);
        let mut operator = window_operator(spec(&case, false)).unwrap();
        let mut out = Outputs::default();
        assert_eq!(operator.process(0, batch(&rows), &mut out).unwrap(), Progress::Done);
        let first = operator.on_time(Time::Watermark(100), &mut out).unwrap();
        assert_eq!(parts(operator.as_mut(), first, out), [RESULT_ROWS_MAX, RESULT_ROWS_MAX, RESULT_ROWS_MAX, 1]);
    }
}

#[test]
fn windows_of_a_late_row_fire_again_in_parts() {
    let window = WindowAssigner::Sliding { size: 1_440, slide: 1, offset: 0 };
    let case = plain_case(window, 5_000, 100);
    let mut operator = window_operator(spec(&case, false)).unwrap();
    let mut out = Outputs::default();
    assert_eq!(operator.process(0, batch(&rows_at(0..3_000)), &mut out).unwrap(), Progress::Done);
    let progress = operator.on_time(Time::Watermark(3_999), &mut out).unwrap();
    progress.finish(operator.as_mut(), &mut out).unwrap();
    out.take();
    let first = operator.process(0, batch(&rows_at([1_500, 1_501])), &mut out).unwrap();
    let mut counts = Vec::new();
    let mut progress = first;
    loop {
        let part = out.take();
        assert!(part.iter().map(|(_, batch)| batch.len()).sum::<usize>() <= 100);
        for (_, batch) in part {
            let rows = batch.rows.column_by_name("rows").unwrap().clone();
            counts.extend(rows.as_primitive::<Int64Type>().values().iter().copied());
        }
        if progress == Progress::Done {
            break;
        }
        progress = operator.more(&mut out).unwrap();
    }
    // The windows of the second row hold the first as well, but for the one that begins between them.
    assert_eq!(counts.len(), 2 * 1_440);
    assert!(counts[..1_440].iter().all(|rows| *rows == 1_441));
    assert_eq!(counts[1_440..].iter().filter(|rows| **rows == 1_442).count(), 1_439);
}
