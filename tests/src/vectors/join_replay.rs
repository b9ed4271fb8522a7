//! Runs a case of joins in many ways that must not matter, and compares each: rows one by one or together, at other parallelisms, output
//! in the smallest parts, with a snapshot and restore at every single position and at all of them.

use weir_engine::nodes::join::JoinSpec;
use weir_engine::nodes::window::WindowSpec;

use super::case::Stop;
use super::compare::{At, compare};
use super::join_rig::{Emitted, JoinRig, JoinSnapshot};
use super::join_rows::{JoinRecord, Joined, batch_of};

/// A case as it is run.
pub(super) struct JoinCase {
    /// The names of the inputs.
    pub(super) inputs: Vec<String>,
    pub(super) specs: Vec<JoinSpec>,
    pub(super) window: Option<WindowSpec>,
    /// The steps of each operation.
    pub(super) ops: Vec<Vec<JoinOp>>,
    pub(super) ordered: bool,
    pub(super) results: Vec<At<Joined>>,
    /// `None`: late rows are dropped, and the case does not say which.
    pub(super) late: Option<Vec<At<Joined>>>,
    pub(super) dropped: Vec<(usize, u64)>,
    /// The times of the rows that are kept of both sides at the end of an operation.
    pub(super) kept: Vec<(usize, [Vec<i64>; 2])>,
}

/// What happens to the operators.
pub(super) enum JoinOp {
    Rows {
        input: usize,
        records: Vec<JoinRecord>,
    },
    /// For the joins, and for the window behind them.
    Watermark(i64, i64),
    CheckpointRestore,
    Checkpoint(String),
    Restore(String),
}

/// One way to run a case.
#[derive(Clone, Copy, Debug)]
struct Way {
    one_by_one: bool,
    parallelism: usize,
    rows_max: Option<usize>,
    /// Before which operation everything is restored; `None`: only where the case says.
    restore_before: Option<usize>,
    restore_before_each: bool,
}

/// Runs a case in every way.
pub(super) fn replay(case: &JoinCase) -> Result<(), Stop> {
    let as_given =
        Way { one_by_one: false, parallelism: 1, rows_max: None, restore_before: None, restore_before_each: false };
    let mut ways = vec![as_given];
    for parallelism in [2, 3] {
        ways.push(Way { parallelism, ..as_given });
    }
    for rows_max in [1, 2] {
        ways.push(Way { rows_max: Some(rows_max), restore_before_each: true, ..as_given });
    }
    ways.push(Way { one_by_one: true, parallelism: 2, restore_before_each: true, ..as_given });
    ways.extend((0..case.ops.len()).map(|op| Way { restore_before: Some(op), parallelism: 2, ..as_given }));
    for way in ways {
        run(case, way).map_err(|stop| match stop {
            Stop::Fail(why) => Stop::Fail(format!("{why} ({way:?})")),
            skip => skip,
        })?;
    }
    Ok(())
}

#[derive(Default)]
struct Outputs {
    results: Vec<At<Joined>>,
    late: Vec<At<Joined>>,
}

impl Outputs {
    fn take(&mut self, op: usize, inputs: &[String], emitted: Emitted) -> Result<(), Stop> {
        for batch in emitted.results {
            self.results.extend(Joined::of_batch(&batch, inputs)?.into_iter().map(|what| At { op, what }));
        }
        for (stage, side, batch) in emitted.late {
            let input = if side == 0 { 0 } else { stage + 1 };
            let (name, schema) = (&inputs[input], batch.rows.schema());
            for mut what in Joined::of_batch(&batch, inputs)? {
                let value = schema.index_of(&format!("{name}.value")).ok().and_then(|_| what.0.get(name)?.get("value"));
                let value = value.cloned().unwrap_or_default();
                what.0.insert("value".to_owned(), value);
                what.0.insert("side".to_owned(), name.as_str().into());
                self.late.push(At { op, what });
            }
        }
        Ok(())
    }
}

fn run(case: &JoinCase, way: Way) -> Result<(), Stop> {
    let mut specs = case.specs.clone();
    for spec in &mut specs {
        spec.metrics = std::sync::Arc::default();
        spec.result_rows_max = way.rows_max.unwrap_or(spec.result_rows_max);
    }
    let mut rig = JoinRig::new(&specs, case.window.as_ref(), way.parallelism)?;
    let mut outputs = Outputs::default();
    let mut snapshots: Vec<(String, JoinSnapshot)> = Vec::new();
    let mut rows_late = Vec::new();
    for (op, steps) in case.ops.iter().enumerate() {
        if way.restore_before_each || way.restore_before == Some(op) {
            // To another number of subtasks each time: 1, 2, 3, 1, ...
            let snapshot = rig.snapshot()?;
            rig.restore(snapshot, op % 3 + 1)?;
        }
        for step in steps {
            match step {
                JoinOp::Rows { input, records } => {
                    for records in records.chunks(if way.one_by_one { 1 } else { records.len().max(1) }) {
                        let batch = batch_of(&case.inputs[*input], records)?;
                        outputs.take(op, &case.inputs, rig.process(*input, batch)?)?;
                    }
                }
                JoinOp::Watermark(watermark, of_windows) => {
                    outputs.take(op, &case.inputs, rig.on_watermark(*watermark, *of_windows)?)?;
                }
                JoinOp::CheckpointRestore => {
                    let snapshot = rig.snapshot()?;
                    rig.restore(snapshot, way.parallelism)?;
                }
                JoinOp::Checkpoint(id) => {
                    snapshots.retain(|(other, _)| other != id);
                    snapshots.push((id.clone(), rig.snapshot()?));
                }
                JoinOp::Restore(id) => {
                    let Some((_, snapshot)) = snapshots.iter().find(|(other, _)| other == id) else {
                        return Err(Stop::skip(format!("op {op} restores the checkpoint {id}, which was not made")));
                    };
                    rig.restore(snapshot.clone(), way.parallelism)?;
                }
            }
        }
        rows_late.push(rig.rows_late());
        for (_, expected) in case.kept.iter().filter(|(at, _)| *at == op) {
            for (side, times) in expected.iter().enumerate() {
                let got = rig.kept_times(side)?;
                if got != *times {
                    let name = &case.inputs[side];
                    return Err(Stop::fail(format!(
                        "op {op}: expected {name} rows at {times:?} to be kept, got {got:?}"
                    )));
                }
            }
        }
    }
    check(case, way, &outputs, &rows_late)
}

fn check(case: &JoinCase, way: Way, outputs: &Outputs, rows_late: &[u64]) -> Result<(), Stop> {
    let agree = |e: &Joined, o: &Joined| e.agrees_with(o);
    compare(&case.results, &outputs.results, case.ordered && way.parallelism == 1, agree)?;
    if let Some(late) = &case.late {
        compare(late, &outputs.late, false, agree).map_err(|stop| match stop {
            Stop::Fail(why) => Stop::Fail(format!("late rows: {why}")),
            skip => skip,
        })?;
    }
    for (op, count) in &case.dropped {
        let until = rows_late.get(*op).copied().unwrap_or_default();
        let before = op.checked_sub(1).and_then(|before| rows_late.get(before)).copied().unwrap_or_default();
        if until - before != *count {
            let got = until - before;
            return Err(Stop::fail(format!("op {op}: expected {count} rows to be dropped, got {got}")));
        }
    }
    Ok(())
}
