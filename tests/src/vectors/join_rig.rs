//! Runs the real join operators, as subtasks would: rows by key group, the least watermark to all, outputs from one join to the next,
//! and at last into a window.

use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, AsArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::Int64Type;
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::key_group::{group_of, groups_of_subtask, hash_keys, subtask_of};
use weir_core::time::WATERMARK_MIN;
use weir_engine::dataflow::operator::{Operator, OperatorError, Outputs, Snapshot, StateTable, Time};
use weir_engine::nodes::join::{JoinSpec, join_operator};
use weir_engine::nodes::window::WindowSpec;

use super::case::Stop;
use super::window_rig::{Rig, RigSnapshot};

/// The main output of a join; those after it are the late rows of its inputs.
const MAIN: usize = 0;

/// Joins one after the other, each in as many operators as there are subtasks.
pub(super) struct JoinRig {
    stages: Vec<Stage>,
    windows: Option<Rig>,
    window_spec: Option<WindowSpec>,
    parallelism: usize,
    watermark: i64,
}

struct Stage {
    spec: JoinSpec,
    subtasks: Vec<Box<dyn Operator>>,
}

/// What came out of the last stage, and late rows with the stage and the side that they came by.
#[derive(Default)]
pub(super) struct Emitted {
    pub(super) results: Vec<StreamBatch>,
    pub(super) late: Vec<(usize, usize, StreamBatch)>,
}

/// The state of everything.
#[derive(Clone)]
pub(super) struct JoinSnapshot {
    stages: Vec<Vec<StateTable>>,
    windows: Option<RigSnapshot>,
    watermark: i64,
}

impl JoinRig {
    /// New operators for joins, the first of which may have a window behind it.
    pub(super) fn new(specs: &[JoinSpec], window: Option<&WindowSpec>, parallelism: usize) -> Result<Self, Stop> {
        let stage = |spec: &JoinSpec| {
            let subtasks = (0..parallelism).map(|_| join_operator(spec.clone())).collect::<Result<_, _>>()?;
            Ok(Stage { spec: spec.clone(), subtasks })
        };
        let windows = window.map(|spec| Rig::new(std::slice::from_ref(spec), parallelism, false)).transpose()?;
        Ok(Self {
            stages: specs.iter().map(stage).collect::<Result<_, _>>().map_err(failed)?,
            windows,
            window_spec: window.cloned(),
            parallelism,
            watermark: WATERMARK_MIN,
        })
    }

    /// Rows come in by an input of the whole: 0 is the left one of the first join, the others are the right ones of each.
    pub(super) fn process(&mut self, input: usize, batch: StreamBatch) -> Result<Emitted, Stop> {
        let mut emitted = Emitted::default();
        let (stage, side) = input.checked_sub(1).map_or((0, 0), |stage| (stage, 1));
        self.feed(stage, side, vec![batch], &mut emitted)?;
        Ok(emitted)
    }

    /// Event time advances for the joins, and `of_windows` for the window behind them.
    pub(super) fn on_watermark(&mut self, watermark: i64, of_windows: i64) -> Result<Emitted, Stop> {
        let mut emitted = Emitted::default();
        if watermark <= self.watermark {
            return Ok(emitted);
        }
        self.watermark = watermark;
        let mut forwarded = watermark;
        for index in 0..self.stages.len() {
            let mut out = Outputs::default();
            let stage = &mut self.stages[index];
            for subtask in &mut stage.subtasks {
                let progress = subtask.on_time(Time::Watermark(forwarded), &mut out).map_err(failed)?;
                progress.finish(subtask.as_mut(), &mut out).map_err(failed)?;
            }
            forwarded = stage.subtasks.iter().map(|subtask| subtask.forwards(forwarded)).min().unwrap_or(forwarded);
            self.hand_on(index, out, &mut emitted)?;
        }
        if let Some(windows) = &mut self.windows {
            emitted.results.extend(windows.on_watermark(forwarded.min(of_windows))?.results);
        }
        Ok(emitted)
    }

    pub(super) fn snapshot(&mut self) -> Result<JoinSnapshot, Stop> {
        let windows = self.windows.as_mut().map(Rig::snapshot).transpose()?.map(|(snapshot, _)| snapshot);
        Ok(JoinSnapshot { stages: self.tables().map_err(failed)?, windows, watermark: self.watermark })
    }

    /// New operators, at another parallelism if need be, that resume from a snapshot.
    pub(super) fn restore(&mut self, snapshot: JoinSnapshot, parallelism: usize) -> Result<(), Stop> {
        let specs: Vec<JoinSpec> = self.stages.iter().map(|stage| stage.spec.clone()).collect();
        *self = Self::new(&specs, self.window_spec.clone().as_ref(), parallelism)?;
        self.watermark = snapshot.watermark;
        for (stage, tables) in self.stages.iter_mut().zip(snapshot.stages) {
            for (index, subtask) in stage.subtasks.iter_mut().enumerate() {
                let owned = groups_of_subtask(index, parallelism, stage.spec.key_groups);
                let mine = |table: &&StateTable| table.key_group.is_none_or(|group| owned.contains(&group));
                let tables = tables.iter().filter(mine).cloned().collect();
                subtask.restore(Snapshot { tables, ..Snapshot::default() }).map_err(failed)?;
            }
        }
        match (&mut self.windows, snapshot.windows) {
            (Some(windows), Some(snapshot)) => windows.restore(snapshot, parallelism),
            _ => Ok(()),
        }
    }

    /// The times of the rows that the first join keeps of a side, ascending.
    pub(super) fn kept_times(&mut self, side: usize) -> Result<Vec<i64>, Stop> {
        let tables = self.tables().map_err(failed)?;
        let name = if side == 0 { "left" } else { "right" };
        let of_side = tables.first().into_iter().flatten().filter(|table| table.name == name);
        let times = of_side.filter_map(|table| table.rows.column_by_name("weir.time"));
        let mut times: Vec<i64> = times.flat_map(|times| times.as_primitive::<Int64Type>().values().to_vec()).collect();
        times.sort_unstable();
        Ok(times)
    }

    /// Rows that were late so far, by the operators' own count.
    pub(super) fn rows_late(&self) -> u64 {
        self.stages.iter().map(|stage| stage.spec.metrics.rows_late.load(Ordering::Relaxed)).sum()
    }

    fn tables(&mut self) -> Result<Vec<Vec<StateTable>>, OperatorError> {
        let cut = Cut { attempt: 1, last: false };
        let of_stage = |stage: &mut Stage| {
            let parts = stage.subtasks.iter_mut().map(|subtask| Ok(subtask.freeze(cut)?.make()?.tables));
            Ok(parts.collect::<Result<Vec<_>, OperatorError>>()?.concat())
        };
        self.stages.iter_mut().map(of_stage).collect()
    }

    fn feed(
        &mut self,
        index: usize,
        side: usize,
        batches: Vec<StreamBatch>,
        emitted: &mut Emitted,
    ) -> Result<(), Stop> {
        let parallelism = self.parallelism;
        let Some(stage) = self.stages.get_mut(index) else {
            match &mut self.windows {
                Some(windows) => {
                    for batch in batches {
                        emitted.results.extend(windows.process(batch)?.results);
                    }
                }
                None => emitted.results.extend(batches),
            }
            return Ok(());
        };
        let mut out = Outputs::default();
        for batch in batches {
            for (subtask, rows) in stage.split(side, &batch, parallelism).map_err(failed)? {
                let mut rest = Some(rows);
                while let (Some(rows), Some(subtask)) = (rest.take(), stage.subtasks.get_mut(subtask)) {
                    let progress = subtask.process(side, rows, &mut out).map_err(failed)?;
                    progress.finish(subtask.as_mut(), &mut out).map_err(failed)?;
                    rest = out.take_rest();
                }
            }
        }
        self.hand_on(index, out, emitted)
    }

    fn hand_on(&mut self, index: usize, mut out: Outputs, emitted: &mut Emitted) -> Result<(), Stop> {
        let mut results = Vec::new();
        for (output, batch) in out.take() {
            match output.checked_sub(MAIN + 1) {
                None => results.push(batch),
                Some(side) => emitted.late.push((index, side, batch)),
            }
        }
        self.feed(index + 1, 0, results, emitted)
    }
}

impl Stage {
    /// The rows of each subtask.
    fn split(
        &self,
        side: usize,
        batch: &StreamBatch,
        parallelism: usize,
    ) -> Result<Vec<(usize, StreamBatch)>, OperatorError> {
        let keys: Vec<ArrayRef> =
            self.spec.sides[side].keys.iter().map(|key| batch.rows.column(*key).clone()).collect();
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
