//! Runs a case of windows in many ways that must not matter, and compares each: rows one by one or together, at other
//! parallelisms, aggregated ahead of the exchange, with a snapshot and restore at every single position and at all of them.

use super::case::Stop;
use super::compare::{At, compare};
use super::window_ops::{Engine, Expectations, Op, Step};
use super::window_pipeline::Pipeline;
use super::window_rig::{Emitted, Rig, RigSnapshot};
use super::window_rows::{Outcome, Record, batch_of};

/// Runs a case in every way.
pub(super) fn replay(pipeline: &Pipeline, ops: &[Op], expected: &Expectations) -> Result<(), Stop> {
    for way in ways(ops.len(), pipeline) {
        run(pipeline, ops, expected, way).map_err(|stop| match stop {
            Stop::Fail(why) => Stop::Fail(format!("{why} ({way:?})")),
            skip => skip,
        })?;
    }
    Ok(())
}

/// One way to run a case.
#[derive(Clone, Copy, Debug)]
struct Way {
    rows: RowsTogether,
    parallelism: usize,
    combine: bool,
    restore: RestoreAt,
}

#[derive(Clone, Copy, Debug)]
enum RowsTogether {
    /// Every row alone.
    No,
    /// As the case has them.
    AsGiven,
    /// Operations that are rows only, one after the other.
    AcrossOps,
}

#[derive(Clone, Copy, Debug)]
enum RestoreAt {
    WhereGiven,
    Before(usize),
    BeforeEach,
}

fn ways(ops: usize, pipeline: &Pipeline) -> Vec<Way> {
    let as_given = Way { rows: RowsTogether::AsGiven, parallelism: 1, combine: false, restore: RestoreAt::WhereGiven };
    let restores = (0..ops).map(RestoreAt::Before).chain([RestoreAt::BeforeEach]);
    let mut ways = vec![as_given];
    ways.extend(restores.map(|restore| Way { restore, parallelism: 2, ..as_given }));
    // Where windows are looked at after each batch, batches are those of the case.
    let all_rows = [RowsTogether::AsGiven, RowsTogether::No, RowsTogether::AcrossOps];
    for rows in all_rows.into_iter().take(if pipeline.batches_matter() { 1 } else { all_rows.len() }) {
        for combine in [false, true] {
            ways.push(Way { rows, parallelism: 3, combine, restore: RestoreAt::WhereGiven });
            ways.push(Way { rows, parallelism: 1, combine, restore: RestoreAt::BeforeEach });
        }
    }
    ways.iter_mut().for_each(|way| way.parallelism = way.parallelism.min(pipeline.parallelism_max()));
    ways
}

/// What came out, by operation.
#[derive(Default)]
struct Outputs {
    results: Vec<At<Outcome>>,
    late: Vec<At<Outcome>>,
    end_shift: i64,
}

impl Outputs {
    fn take(&mut self, op: usize, emitted: Emitted) -> Result<(), Stop> {
        for (batches, into) in [(emitted.results, &mut self.results), (emitted.late, &mut self.late)] {
            for batch in batches {
                into.extend(Outcome::of_batch(&batch, self.end_shift)?.into_iter().map(|what| At { op, what }));
            }
        }
        Ok(())
    }
}

fn run(pipeline: &Pipeline, ops: &[Op], expected: &Expectations, way: Way) -> Result<(), Stop> {
    let mut specs = pipeline.specs.clone();
    if way.combine {
        // Late rows are only counted where rows are aggregated ahead: nobody sees them any more.
        specs.iter_mut().for_each(|spec| spec.late_output = None);
    }
    let mut rig = Rig::new(&specs, way.parallelism, way.combine)?;
    if way.combine && (!rig.combines() || expected.late.is_some()) {
        return Ok(());
    }
    let rows_late_before = rig.rows_late();
    let mut outputs = Outputs { end_shift: pipeline.end_shift, ..Outputs::default() };
    let mut snapshots: Vec<(String, RigSnapshot)> = Vec::new();
    let mut held: Vec<Record> = Vec::new();
    let mut rows_late = Vec::new();
    for (op, steps) in ops.iter().enumerate() {
        let restore = match way.restore {
            RestoreAt::WhereGiven => false,
            RestoreAt::Before(position) => position == op,
            RestoreAt::BeforeEach => true,
        };
        // Rows wait for those of the next operation, so what they give comes out later than it could.
        let more_rows_follow =
            matches!(way.rows, RowsTogether::AcrossOps) && only_rows(steps) && ops.get(op + 1).is_some_and(only_rows);
        if restore && held.is_empty() {
            let (snapshot, emitted) = rig.snapshot()?;
            outputs.take(op, emitted)?;
            // To another number of subtasks each time: 1, 2, 3, 1, ...
            rig.restore(snapshot, (op % 3 + 1).min(pipeline.parallelism_max()))?;
        }
        for step in steps {
            match step {
                Step::Rows(rows) if matches!(way.rows, RowsTogether::No) => {
                    for row in rows {
                        outputs.take(op, rig.process(batch_of(std::slice::from_ref(row))?)?)?;
                    }
                }
                Step::Rows(rows) => {
                    held.extend_from_slice(rows);
                    if !more_rows_follow && !held.is_empty() {
                        outputs.take(op, rig.process(batch_of(&std::mem::take(&mut held))?)?)?;
                    }
                }
                Step::Watermark(watermark) => outputs.take(op, rig.on_watermark(*watermark)?)?,
                Step::ProcessingTime(now) => outputs.take(op, rig.on_processing_time(*now)?)?,
                Step::CheckpointRestore => {
                    let (snapshot, emitted) = rig.snapshot()?;
                    outputs.take(op, emitted)?;
                    rig.restore(snapshot, way.parallelism)?;
                }
                Step::Checkpoint(id) => {
                    let (snapshot, emitted) = rig.snapshot()?;
                    outputs.take(op, emitted)?;
                    snapshots.retain(|(other, _)| other != id);
                    snapshots.push((id.clone(), snapshot));
                }
                Step::Restore(id) => {
                    let Some((_, snapshot)) = snapshots.iter().find(|(other, _)| other == id) else {
                        return Err(Stop::skip(format!("op {op} restores the checkpoint {id}, which was not made")));
                    };
                    rig.restore(snapshot.clone(), way.parallelism)?;
                }
            }
        }
        rows_late.push(rig.rows_late() - rows_late_before);
    }
    check(pipeline, ops, expected, way, &outputs, &rows_late)
}

fn only_rows(steps: &Op) -> bool {
    steps.iter().all(|step| matches!(step, Step::Rows(_)))
}

fn check(
    pipeline: &Pipeline,
    ops: &[Op],
    expected: &Expectations,
    way: Way,
    outputs: &Outputs,
    rows_late: &[u64],
) -> Result<(), Stop> {
    // Rows that waited for others could not give anything before those came.
    let deadline = |at: &At<Outcome>| {
        let mut op = at.op;
        if matches!(way.rows, RowsTogether::AcrossOps) {
            while ops.get(op).is_some_and(only_rows) && ops.get(op + 1).is_some_and(only_rows) {
                op += 1;
            }
        }
        At { op, what: at.what.clone() }
    };
    let agree = |e: &Outcome, o: &Outcome| e.agrees_with(o);
    let results: Vec<_> = expected.results.iter().map(deadline).collect();
    // Some cases expect nothing of results: they say what was dropped, or what is left.
    let shown: Vec<_> = outputs.results.iter().filter(|at| at.op >= expected.results_from).cloned().collect();
    compare(&results, &shown, expected.ordered && way.parallelism == 1, agree)?;
    if let Some(late) = &expected.late {
        let late: Vec<_> = late.iter().map(deadline).collect();
        compare(&late, &outputs.late, false, agree).map_err(|stop| match stop {
            Stop::Fail(why) => Stop::Fail(format!("late rows: {why}")),
            skip => skip,
        })?;
    }
    // Rows that are combined ahead, or that wait for others, are not seen one by one, or not in their own operation.
    if way.combine || matches!(way.rows, RowsTogether::AcrossOps) {
        return Ok(());
    }
    for (op, count) in &expected.dropped {
        let until = rows_late.get(*op).copied().unwrap_or_default();
        let before = op.checked_sub(1).and_then(|before| rows_late.get(before)).copied().unwrap_or_default();
        let late: Vec<&Outcome> = outputs.late.iter().filter(|at| at.op == *op).map(|at| &at.what).collect();
        if late.len() as u64 != until - before {
            return Err(Stop::fail(format!(
                "op {op}: {} rows were late, but {} were counted",
                late.len(),
                until - before
            )));
        }
        let got = if expected.engine == Engine::Spark { pipeline.dropped_in_spark(&late) } else { until - before };
        if got != *count {
            return Err(Stop::fail(format!("op {op}: expected {count} rows to be dropped, got {got}")));
        }
    }
    Ok(())
}
