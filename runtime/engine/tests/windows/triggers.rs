//! Windows with triggers, evictors and other clocks against a model that takes rows one by one: the same results for any batches,
//! parallelism and results per part, and with snapshots restored before any step.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use proptest::prelude::*;
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::graph::{AggregateFunction, OnError};
use weir_core::key_group::{group_of, groups_of_subtask, hash_keys, subtask_of};
use weir_core::time::{WATERMARK_MAX, WATERMARK_MIN};
use weir_core::window::{
    Changes, Evict, Evictor, Firing, Look, PaneColumns, ResultTime, TimeOf, Trigger, WindowAssigner, WindowClock,
    WindowRules,
};
use weir_engine::dataflow::operator::{Metrics, Operator, Outputs, Snapshot, StateTable, Time};
use weir_engine::nodes::window::{
    AggregateKind, BoundAggregate, BoundRules, RESULT_ROWS_MAX, WindowSpec, window_operator,
};

use crate::driver::{opt, rows_of};
use crate::given::{DEAD, KEY_GROUPS, LATE, Row, batch, schema};
use crate::trigger_model::{Shown, TriggerModel};

#[derive(Clone, Debug)]
enum Step {
    Rows(Vec<Row>),
    Watermark(i64),
}

#[derive(Clone, Debug)]
struct Case {
    window: WindowAssigner,
    rules: WindowRules,
    lateness: i64,
    keyed: bool,
    steps: Vec<Step>,
}

/// How it is run, which must not matter.
#[derive(Clone, Debug)]
struct Way {
    rows_max: usize,
    batch_rows: usize,
    /// By step, the parallelism at which it is restored before; 0: it is not.
    restores: Vec<usize>,
}

fn window() -> impl Strategy<Value = WindowAssigner> {
    prop_oneof![
        (1..9i64).prop_map(|size| WindowAssigner::Tumbling { size, offset: 0 }),
        (1..9i64, 1..9i64).prop_map(|(size, slide)| WindowAssigner::Sliding { size, slide, offset: 0 }),
        (1..6i64).prop_map(|gap| WindowAssigner::Session { gap }),
        (1..6i64).prop_map(|gap| WindowAssigner::ApartSession { gap }),
        Just(WindowAssigner::RowSession),
        Just(WindowAssigner::Global),
        Just(WindowAssigner::Instant),
        (1..4i64, 1..4i64).prop_map(|(step, steps)| WindowAssigner::Cumulating { size: step * steps, step, offset: 0 }),
    ]
}

fn firing() -> impl Strategy<Value = Option<Firing>> {
    prop_oneof![
        1 => Just(None),
        2 => (1..4u64).prop_map(|rows| Some(Firing::Rows(rows))),
        1 => (1..6i64, any::<bool>()).prop_map(|(us, unchanged)| Some(Firing::Every { us, of: TimeOf::Event, unchanged })),
        1 => (0..6i64).prop_map(|us| Some(Firing::Delay { us, of: TimeOf::Event })),
    ]
}

fn trigger() -> impl Strategy<Value = Trigger> {
    let usual = (firing(), firing(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.1)).prop_map(
        |(early, late, at_end_if_empty, at_close, once)| Trigger {
            at_end: true,
            at_end_if_empty,
            early,
            late,
            at_close,
            once,
            look: Look::Row,
        },
    );
    let each = (firing(), any::<bool>())
        .prop_filter_map("it fires", |(firing, at_close)| Some(Trigger { at_close, ..Trigger::each(firing?) }));
    prop_oneof![3 => usual, 2 => each, 1 => Just(Trigger::on_close())]
}

fn rules() -> impl Strategy<Value = WindowRules> {
    let changes = prop_oneof![Just(Changes::None), Just(Changes::Upsert), Just(Changes::Retract)];
    let evict = prop_oneof![
        (1..4u64).prop_map(Evict::Rows),
        (0..9i64).prop_map(Evict::Time),
        (0..4i64).prop_map(Evict::Delta),
    ];
    let evictor =
        prop::option::weighted(0.3, (evict, any::<bool>()).prop_map(|(evict, after)| Evictor { evict, after }));
    let time = prop_oneof![Just(ResultTime::End), Just(ResultTime::Earliest)];
    let clock = prop_oneof![4 => Just(WindowClock::Event), 1 => Just(WindowClock::Stream)];
    (trigger(), changes, any::<bool>(), evictor, time, clock).prop_map(
        |(trigger, changes, discards, evictor, result_time, clock)| {
            let name = |name: &str| Some(name.to_owned());
            let discarding = discards && changes == Changes::None;
            let pane = PaneColumns {
                timing: name("timing"),
                index: name("index"),
                final_index: name("finals"),
                last: name("last"),
            };
            WindowRules { clock, trigger, discarding, changes, evictor, suppress: None, pane, result_time }
        },
    )
}

fn row() -> impl Strategy<Value = Row> {
    let value = prop_oneof![1 => Just(None), 8 => (-1..4i64).prop_map(Some)];
    (prop::option::weighted(0.9, 0..3i64), 0..40i64, value).prop_map(|(key, time, value)| Row { key, time, value })
}

fn case() -> impl Strategy<Value = Case> {
    let step = prop_oneof![
        5 => prop::collection::vec(row(), 0..10).prop_map(Step::Rows),
        3 => (0..45i64).prop_map(Step::Watermark),
    ];
    let steps = prop::collection::vec(step, 1..12);
    (window(), rules(), prop_oneof![Just(0i64), 0..15i64], any::<bool>(), steps).prop_map(
        |(window, mut rules, mut lateness, keyed, mut steps)| {
            steps.push(Step::Watermark(WATERMARK_MAX));
            // What the reader of pipelines refuses.
            if rules.trigger.at_end && rules.trigger.late.is_none() {
                lateness = 0;
            }
            // Of sessions that were merged rows are kept in no order that a model could know.
            if window.merges() {
                rules.evictor = rules.evictor.filter(|evictor| matches!(evictor.evict, Evict::Time(_)));
            }
            Case { window, rules, lateness, keyed, steps }
        },
    )
}

fn way() -> impl Strategy<Value = Way> {
    let rows_max = prop_oneof![1..4usize, Just(RESULT_ROWS_MAX)];
    let restores = prop::collection::vec(prop_oneof![2 => Just(0usize), 1 => 1..4usize], 14);
    (rows_max, 1..12usize, restores).prop_map(|(rows_max, batch_rows, restores)| Way { rows_max, batch_rows, restores })
}

fn spec(case: &Case, way: &Way) -> WindowSpec {
    let of = |name: &str, function, column: Option<usize>| BoundAggregate {
        name: name.to_owned(),
        kind: AggregateKind::Builtin { function, columns: column.into_iter().collect() },
    };
    WindowSpec {
        input: schema(),
        key_columns: if case.keyed { vec![0] } else { Vec::new() },
        window: case.window,
        rules: Some(Arc::new(BoundRules { rules: case.rules.clone(), gap: Some((1, 1)), delta: Some(1) })),
        aggregates: vec![of("rows", AggregateFunction::Count, None), of("sum", AggregateFunction::Sum, Some(1))],
        allowed_lateness_us: case.lateness,
        late_output: Some(LATE),
        on_error: OnError::DeadLetter,
        dead_letter_output: DEAD,
        key_groups: KEY_GROUPS,
        projection: None,
        partials: false,
        result_rows_max: way.rows_max,
        metrics: Metrics::default(),
    }
}

struct Subtasks {
    spec: WindowSpec,
    subtasks: Vec<Box<dyn Operator>>,
}

impl Subtasks {
    fn new(spec: WindowSpec, parallelism: usize) -> Self {
        let subtasks = (0..parallelism).map(|_| window_operator(spec.clone()).unwrap()).collect();
        Self { spec, subtasks }
    }

    fn rows(&mut self, rows: &[Row], out: &mut Outputs) {
        let batch = batch(rows);
        let keys: Vec<ArrayRef> = self.spec.key_columns.iter().map(|key| batch.rows.column(*key).clone()).collect();
        let mut hashes = Vec::new();
        hash_keys(&keys, batch.len(), &mut hashes).unwrap();
        let parallelism = self.subtasks.len();
        for (subtask, operator) in self.subtasks.iter_mut().enumerate() {
            let mine = |hash: &u64| subtask_of(group_of(*hash, KEY_GROUPS), parallelism, KEY_GROUPS) == subtask;
            let mine: Vec<u32> = (0..batch.len() as u32).filter(|row| mine(&hashes[*row as usize])).collect();
            let times = mine.iter().map(|row| batch.event_times[*row as usize]).collect();
            let part = take_record_batch(&batch.rows, &UInt32Array::from(mine)).unwrap();
            let mut rest = Some(StreamBatch::new(part, times, batch.ingested_at)).filter(|part| !part.is_empty());
            while let Some(part) = rest {
                operator.process(0, part, out).unwrap().finish(operator.as_mut(), out).unwrap();
                rest = out.take_rest();
            }
        }
    }

    fn watermark(&mut self, watermark: i64, out: &mut Outputs) {
        for operator in &mut self.subtasks {
            operator.on_time(Time::Watermark(watermark), out).unwrap().finish(operator.as_mut(), out).unwrap();
        }
    }

    /// The state, frozen and taken up by others; those that were frozen continue meanwhile.
    fn restore(&mut self, parallelism: usize) {
        let cut = Cut { attempt: 1, last: false };
        let frozen: Vec<_> = self.subtasks.iter_mut().map(|subtask| subtask.freeze(cut).unwrap()).collect();
        self.watermark(60, &mut Outputs::default());
        let tables: Vec<StateTable> = frozen.into_iter().flat_map(|frozen| frozen.make().unwrap().tables).collect();
        *self = Self::new(self.spec.clone(), parallelism);
        for (index, subtask) in self.subtasks.iter_mut().enumerate() {
            let owned = groups_of_subtask(index, parallelism, KEY_GROUPS);
            let mine = |table: &&StateTable| table.key_group.is_none_or(|group| owned.contains(&group));
            let tables = tables.iter().filter(mine).cloned().collect();
            subtask.restore(Snapshot { tables, ..Snapshot::default() }).unwrap();
        }
    }
}

fn shown(batch: &StreamBatch, keyed: bool) -> Vec<Shown> {
    let column = |name: &str| batch.rows.column_by_name(name).unwrap().clone();
    let int = |name: &str, row: usize| opt(column(name).as_primitive::<Int64Type>(), row);
    let bound = |name: &str, row: usize| {
        let column = column(name);
        column.is_valid(row).then(|| column.as_primitive::<TimestampMicrosecondType>().value(row))
    };
    let timing = |row: usize| match column("timing").as_string::<i32>().value(row) {
        "early" => "early",
        "on-time" => "on-time",
        _ => "late",
    };
    let row = |row: usize| Shown {
        kind: batch.row_kinds.as_ref().map_or(0, |kinds| kinds.bytes()[row]),
        key: if keyed { int("key", row) } else { None },
        bounds: bound("window_start", row).zip(bound("window_end", row)),
        rows: int("rows", row).unwrap(),
        sum: int("sum", row),
        timing: timing(row),
        index: int("index", row).unwrap(),
        final_index: int("finals", row),
        last: column("last").as_boolean().value(row),
        time: batch.event_times[row],
    };
    (0..batch.len()).map(row).collect()
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

fn check(case: &Case, way: &Way) {
    let mut model = TriggerModel {
        window: case.window,
        rules: case.rules.clone(),
        lateness: case.lateness,
        keyed: case.keyed,
        watermark: WATERMARK_MIN,
        open: Vec::new(),
        shown: Vec::new(),
        late: Vec::new(),
        bad: Vec::new(),
    };
    // Stream time is that of all rows, so one subtask sees them.
    let is_stream = case.rules.clock == WindowClock::Stream;
    let parallelism = |of: usize| if is_stream { 1 } else { of };
    let mut subtasks = Subtasks::new(spec(case, way), parallelism(2));
    for (index, step) in case.steps.iter().enumerate() {
        if let Some(restored) = way.restores.get(index).filter(|restored| **restored > 0) {
            subtasks.restore(parallelism(*restored));
        }
        let mut out = Outputs::default();
        match step {
            Step::Rows(rows) => {
                rows.iter().for_each(|row| model.row(row));
                rows.chunks(way.batch_rows).for_each(|rows| subtasks.rows(rows, &mut out));
            }
            Step::Watermark(watermark) if is_stream && *watermark < WATERMARK_MAX => {}
            Step::Watermark(watermark) => {
                model.watermark(*watermark);
                subtasks.watermark(*watermark, &mut out);
            }
        }
        let (mut results, mut late, mut bad) = (Vec::new(), Vec::new(), Vec::new());
        for (output, batch) in out.take() {
            match output {
                0 => results.extend(shown(&batch, case.keyed)),
                LATE => late.extend(rows_of(&batch)),
                _ => bad.extend(rows_of(&batch)),
            }
        }
        let expected = std::mem::take(&mut model.shown);
        // Of what is deleted only the key counts, where rows take each other's place.
        let by_key = |shown: Vec<Shown>| -> Vec<Shown> {
            let bare = |shown: Shown| match (case.rules.changes, shown.kind) {
                (Changes::Upsert, 3) => Shown { rows: 0, sum: None, ..shown },
                _ => shown,
            };
            sorted(shown.into_iter().map(bare).collect())
        };
        assert_eq!(by_key(results), by_key(expected), "step {index}: {step:?}");
        assert_eq!(sorted(late), sorted(std::mem::take(&mut model.late)), "late rows of step {index}: {step:?}");
        assert_eq!(sorted(bad), sorted(std::mem::take(&mut model.bad)), "bad rows of step {index}: {step:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn windows_fire_as_the_model_says(case in case(), way in way()) {
        check(&case, &way);
    }

    /// A window that ends with each row, and one that begins after it, hold all rows within.
    #[test]
    fn windows_of_rows_hold_what_is_within(rows in prop::collection::vec(row(), 0..20), length in 0..9i64, way in way()) {
        let rules = WindowRules { trigger: Trigger::on_close(), pane: PaneColumns {
            timing: Some("timing".to_owned()), index: Some("index".to_owned()),
            final_index: Some("finals".to_owned()), last: Some("last".to_owned()),
        }, ..WindowRules::default() };
        let steps = Vec::new();
        let case = Case { window: WindowAssigner::PerRow { length }, rules, lateness: 0, keyed: true, steps };
        let mut subtasks = Subtasks::new(spec(&case, &way), 2);
        let mut out = Outputs::default();
        for (index, rows) in rows.chunks(way.batch_rows).enumerate() {
            if let Some(restored) = way.restores.get(index).filter(|restored| **restored > 0) {
                subtasks.restore(*restored);
            }
            subtasks.rows(rows, &mut out);
        }
        subtasks.watermark(WATERMARK_MAX, &mut out);
        let results = out.take().into_iter().flat_map(|(_, batch)| shown(&batch, true));
        let results: Vec<_> = results.map(|shown| (shown.key, shown.bounds.unwrap(), shown.rows)).collect();
        let mut expected = Vec::new();
        for row in &rows {
            for start in [row.time - length, row.time + 1] {
                let within = |other: &&Row| other.key == row.key && other.time >= start && other.time <= start + length;
                let count = rows.iter().filter(within).count() as i64;
                if count > 0 {
                    expected.push((row.key, (start, start + length + 1), count));
                }
            }
        }
        let mut expected = sorted(expected);
        expected.dedup();
        prop_assert_eq!(sorted(results), expected);
    }
}
