//! Gives steps of a case to the operators of some subtasks, restores them in between, and tells what came out.

use std::sync::atomic::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::key_group::{group_of, groups_of_subtask, hash_keys, subtask_of};
use weir_core::time::WATERMARK_MAX;
use weir_core::window::WindowAssigner;
use weir_engine::dataflow::operator::{Frozen, Operator, Outputs, Progress, Snapshot, Time};
use weir_engine::nodes::window::{WindowSpec, combine_operator, output_schema, window_operator};

use crate::given::{Case, KEY_GROUPS, LATE, Output, RESTORED_TURNS_MAX, Row, Step, batch, spec};

/// The subtasks of one window, and what routes rows to them.
pub(crate) struct Driver<'a> {
    pub(crate) case: &'a Case,
    pub(crate) spec: WindowSpec,
    pub(crate) subtasks: Vec<Box<dyn Operator>>,
    pub(crate) combine: Option<Box<dyn Operator>>,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(case: &'a Case, late_output: bool, combined: bool) -> Self {
        let mut spec = spec(case, late_output);
        let combine = combined.then(|| combine_operator(&spec).unwrap().expect("it can be combined").0);
        spec.partials = combined;
        Self { case, subtasks: vec![window_operator(spec.clone()).unwrap()], spec, combine }
    }

    pub(crate) fn rows(&mut self, rows: &[Row], out: &mut Outputs) {
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

    pub(crate) fn watermark(&mut self, watermark: i64, out: &mut Outputs) {
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
    pub(crate) fn finish(&mut self, mut progress: Vec<Progress>, out: &mut Outputs) {
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
    pub(crate) fn restore(&mut self, parallelism: usize) {
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
    pub(crate) fn resume(&mut self) {
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

    pub(crate) fn step(&self, mut out: Outputs) -> Step {
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

    pub(crate) fn outputs(&self, batch: &StreamBatch) -> Vec<Output> {
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
pub(crate) fn bounded(case: &Case, out: &mut Outputs, call: impl FnOnce(&mut Outputs) -> Progress) -> Progress {
    let mut part = Outputs::default();
    let progress = call(&mut part);
    let emitted = part.take();
    let results: usize = emitted.iter().filter(|(output, _)| *output == 0).map(|(_, batch)| batch.len()).sum();
    let is_session = matches!(case.window, WindowAssigner::Session { .. });
    assert!(results <= case.rows_max || is_session, "{results} results in a part");
    emitted.into_iter().for_each(|(output, batch)| out.emit(output, batch));
    progress
}

pub(crate) fn opt(column: &Int64Array, row: usize) -> Option<i64> {
    column.is_valid(row).then(|| column.value(row))
}

pub(crate) fn rows_of(batch: &StreamBatch) -> Vec<Row> {
    let int = |column: usize| batch.rows.column(column).as_primitive::<Int64Type>();
    let row = |row: usize| Row { key: opt(int(0), row), time: batch.event_times[row], value: opt(int(1), row) };
    (0..batch.len()).map(row).collect()
}

pub(crate) fn sorted(mut step: Step) -> Step {
    step.results.sort();
    step.late.sort();
    step.dead.sort();
    step
}
