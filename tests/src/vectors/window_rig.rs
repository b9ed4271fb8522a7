//! Runs the real window operators, as a subtask would: rows by key group, watermarks to all, outputs from one stage to the next.

use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take_record_batch;
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::key_group::{group_of, groups_of_subtask, hash_keys, subtask_of};
use weir_core::time::WATERMARK_MIN;
use weir_engine::dataflow::operator::{Operator, OperatorError, Outputs, Snapshot, StateTable, Time};
use weir_engine::nodes::window::{WindowSpec, combine_operator, window_operator};

use super::case::Stop;

/// The output of results.
const RESULTS: usize = 0;
/// The output of rows that came too late.
pub(super) const LATE: usize = 1;

/// Windows one after the other, each in as many operators as there are subtasks.
pub(super) struct Rig {
    stages: Vec<Stage>,
    parallelism: usize,
    watermark: i64,
    now: i64,
}

struct Stage {
    spec: WindowSpec,
    subtasks: Vec<Box<dyn Operator>>,
    /// Aggregates ahead of the exchange, one a rig: it stands for the subtask upstream.
    combine: Option<Box<dyn Operator>>,
}

/// What came out of the last stage, and the late rows of the first.
#[derive(Default)]
pub(super) struct Emitted {
    pub(super) results: Vec<StreamBatch>,
    pub(super) late: Vec<StreamBatch>,
}

/// The state of all subtasks of all stages, and the watermark that the next one follows.
#[derive(Clone)]
pub(super) struct RigSnapshot {
    stages: Vec<Vec<StateTable>>,
    watermark: i64,
}

impl Rig {
    /// New operators for windows, the first of which may aggregate ahead of its exchange.
    pub(super) fn new(specs: &[WindowSpec], parallelism: usize, combine: bool) -> Result<Self, Stop> {
        let stages = specs.iter().map(|spec| Stage::new(spec, parallelism, combine)).collect::<Result<_, _>>();
        Ok(Self { stages: stages.map_err(failed)?, parallelism, watermark: WATERMARK_MIN, now: i64::MIN })
    }

    /// Whether some stage aggregates ahead.
    pub(super) fn combines(&self) -> bool {
        self.stages.iter().any(|stage| stage.combine.is_some())
    }

    /// Rows come in.
    pub(super) fn process(&mut self, mut batch: StreamBatch) -> Result<Emitted, Stop> {
        batch.ingested_at = self.now;
        let mut emitted = Emitted::default();
        self.feed(0, vec![batch], &mut emitted).map_err(failed)?;
        Ok(emitted)
    }

    /// Event time advances. One that does not rise never gets here: the gate in front of an operator keeps it.
    pub(super) fn on_watermark(&mut self, watermark: i64) -> Result<Emitted, Stop> {
        let mut emitted = Emitted::default();
        if watermark > self.watermark {
            self.watermark = watermark;
            self.advance(Time::Watermark(watermark), &mut emitted).map_err(failed)?;
        }
        Ok(emitted)
    }

    /// Processing time advances; so rows that come later come at that time.
    pub(super) fn on_processing_time(&mut self, now: i64) -> Result<Emitted, Stop> {
        let mut emitted = Emitted::default();
        if now > self.now {
            self.now = now;
            self.advance(Time::Processing(now), &mut emitted).map_err(failed)?;
        }
        Ok(emitted)
    }

    /// All state. What is aggregated ahead continues first, as at a barrier.
    pub(super) fn snapshot(&mut self) -> Result<(RigSnapshot, Emitted), Stop> {
        let mut emitted = Emitted::default();
        let stages = self.snapshot_stages(&mut emitted).map_err(failed)?;
        Ok((RigSnapshot { stages, watermark: self.watermark }, emitted))
    }

    /// New operators, at another parallelism if need be, that resume from a snapshot.
    pub(super) fn restore(&mut self, snapshot: RigSnapshot, parallelism: usize) -> Result<(), Stop> {
        let specs: Vec<WindowSpec> = self.stages.iter().map(|stage| stage.spec.clone()).collect();
        let (combine, now) = (self.combines(), self.now);
        *self = Self::new(&specs, parallelism, combine)?;
        self.now = now;
        self.watermark = snapshot.watermark;
        for (stage, tables) in self.stages.iter_mut().zip(snapshot.stages) {
            let key_groups = stage.spec.key_groups;
            if let Some(combine) = &mut stage.combine {
                combine.restore(Snapshot { tables: tables.clone(), ..Snapshot::default() }).map_err(failed)?;
            }
            for (index, subtask) in stage.subtasks.iter_mut().enumerate() {
                let owned = groups_of_subtask(index, parallelism, key_groups);
                let mine = |table: &&StateTable| table.key_group.is_none_or(|group| owned.contains(&group));
                let tables = tables.iter().filter(mine).cloned().collect();
                subtask.restore(Snapshot { tables, ..Snapshot::default() }).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Rows that were late so far, by the operators' own count.
    pub(super) fn rows_late(&self) -> u64 {
        self.stages.first().map_or(0, |stage| stage.spec.metrics.rows_late.load(Ordering::Relaxed))
    }

    /// Rows come into a stage, and what it emits into the next ones.
    fn feed(&mut self, index: usize, batches: Vec<StreamBatch>, emitted: &mut Emitted) -> Result<(), OperatorError> {
        let parallelism = self.parallelism;
        let Some(stage) = self.stages.get_mut(index) else {
            emitted.results.extend(batches);
            return Ok(());
        };
        let mut out = Outputs::default();
        for batch in batches {
            match &mut stage.combine {
                Some(combine) => combine.process(0, batch, &mut out)?.finish(combine.as_mut(), &mut out)?,
                None => out.emit(RESULTS, batch),
            }
        }
        self.deliver(index, parallelism, out.take(), emitted)
    }

    /// Rows, combined or not, reach the subtasks of a stage.
    fn deliver(
        &mut self,
        index: usize,
        parallelism: usize,
        batches: Vec<(usize, StreamBatch)>,
        emitted: &mut Emitted,
    ) -> Result<(), OperatorError> {
        let Some(stage) = self.stages.get_mut(index) else { return Ok(()) };
        let mut out = Outputs::default();
        for (_, batch) in batches {
            for (subtask, rows) in stage.split(&batch, parallelism)? {
                if let Some(subtask) = stage.subtasks.get_mut(subtask) {
                    let mut rest = Some(rows);
                    while let Some(rows) = rest {
                        subtask.process(0, rows, &mut out)?.finish(subtask.as_mut(), &mut out)?;
                        rest = out.take_rest();
                    }
                }
            }
        }
        self.hand_on(index, out, emitted)
    }

    fn hand_on(&mut self, index: usize, mut out: Outputs, emitted: &mut Emitted) -> Result<(), OperatorError> {
        let (results, others): (Vec<_>, Vec<_>) = out.take().into_iter().partition(|(output, _)| *output == RESULTS);
        if index == 0 {
            emitted.late.extend(others.into_iter().filter(|(output, _)| *output == LATE).map(|(_, batch)| batch));
        }
        let results = results.into_iter().map(|(_, batch)| batch).collect();
        self.feed(index + 1, results, emitted)
    }

    fn advance(&mut self, time: Time, emitted: &mut Emitted) -> Result<(), OperatorError> {
        for index in 0..self.stages.len() {
            let parallelism = self.parallelism;
            let mut out = Outputs::default();
            if let Some(combine) = self.stages.get_mut(index).and_then(|stage| stage.combine.as_mut()) {
                combine.on_time(time, &mut out)?.finish(combine.as_mut(), &mut out)?;
                self.deliver(index, parallelism, out.take(), emitted)?;
            }
            for subtask in self.stages.get_mut(index).into_iter().flat_map(|stage| &mut stage.subtasks) {
                subtask.on_time(time, &mut out)?.finish(subtask.as_mut(), &mut out)?;
            }
            self.hand_on(index, out, emitted)?;
        }
        Ok(())
    }

    fn snapshot_stages(&mut self, emitted: &mut Emitted) -> Result<Vec<Vec<StateTable>>, OperatorError> {
        let mut stages = Vec::new();
        for index in 0..self.stages.len() {
            let parallelism = self.parallelism;
            let mut out = Outputs::default();
            if let Some(combine) = self.stages.get_mut(index).and_then(|stage| stage.combine.as_mut()) {
                combine.flush(&mut out)?;
                self.deliver(index, parallelism, out.take(), emitted)?;
            }
            let mut tables = Vec::new();
            for subtask in self.stages.get_mut(index).into_iter().flat_map(|stage| &mut stage.subtasks) {
                tables.extend(subtask.freeze(Cut { attempt: 1, last: false })?.make()?.tables);
            }
            stages.push(tables);
        }
        Ok(stages)
    }
}

impl Stage {
    fn new(spec: &WindowSpec, parallelism: usize, combine: bool) -> Result<Self, OperatorError> {
        let combine = if combine { combine_operator(spec)? } else { None };
        let at_the_other_end = WindowSpec { partials: combine.is_some(), ..spec.clone() };
        let subtasks = (0..parallelism).map(|_| window_operator(at_the_other_end.clone())).collect::<Result<_, _>>()?;
        Ok(Self { spec: spec.clone(), subtasks, combine: combine.map(|(operator, _)| operator) })
    }

    /// The rows of each subtask. What was combined has its key columns first.
    fn split(&self, batch: &StreamBatch, parallelism: usize) -> Result<Vec<(usize, StreamBatch)>, OperatorError> {
        let column = |(position, key): (usize, &usize)| if self.combine.is_some() { position } else { *key };
        let keys: Vec<ArrayRef> =
            self.spec.key_columns.iter().enumerate().map(column).map(|c| batch.rows.column(c).clone()).collect();
        let mut hashes = Vec::new();
        hash_keys(&keys, batch.len(), &mut hashes)?;
        let groups = self.spec.key_groups;
        let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); parallelism];
        for (row, hash) in hashes.iter().enumerate() {
            if let Some(rows) = rows_of.get_mut(subtask_of(group_of(*hash, groups), parallelism, groups)) {
                rows.push(row as u32);
            }
        }
        let mut parts = Vec::new();
        for (subtask, rows) in rows_of.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let event_times: Vec<i64> = rows.iter().map(|row| batch.event_times[*row as usize]).collect();
            let rows = take_record_batch(&batch.rows, &UInt32Array::from(rows))?;
            parts.push((subtask, StreamBatch::new(rows, event_times.into(), batch.ingested_at)));
        }
        Ok(parts)
    }
}

fn failed(error: OperatorError) -> Stop {
    Stop::fail(format!("the operator failed: {error}"))
}
