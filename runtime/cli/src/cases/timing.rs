//! How long an operator takes for a row: the rows of a case, again and again, through the engine's own step.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use weir_core::time::ManualClock;
use weir_engine::single_step::SingleStep;
use weir_host::{Component, Host};

use super::file::Step;
use super::{Case, job};

/// Rows of a batch: what the engine makes where rows are not scarce.
const BATCH_ROWS: usize = 1_024;
/// Batches before the first that counts: interpreters specialise, and memory grows to what is needed.
const WARM_UP: usize = 20;
/// Batches that count: a million rows.
const BATCHES: usize = 977;
/// When no further batch is begun.
const TIME_MAX: Duration = Duration::from_secs(60);

/// The median time per row, of up to a million rows in batches of 1,024, for up to a minute: those of the first step of the case that has some, repeated.
/// `None`: the case has none, the operator refuses it, or the first batches take too long.
///
/// # Errors
/// If the case is wrong, or the operator cannot continue.
pub(crate) fn per_row(
    host: &Host,
    component: &Component,
    path: &Path,
    case: &Case,
) -> anyhow::Result<Option<Duration>> {
    let is_not_empty = |step: &&Step| matches!(step, Step::Rows(rows) if !rows.is_empty());
    let Some(Step::Rows(rows)) = case.steps.iter().find(is_not_empty) else { return Ok(None) };
    let job = match job::of(host, component, path, case) {
        Err(job::Refused::Case(error)) => return Err(error),
        Err(job::Refused::Operator(_)) => return Ok(None),
        Ok((job, _)) => job,
    };
    let rows = weir_connectors::json_rows::from_json(&case.schema()?, &rows[..rows.len().min(BATCH_ROWS)])?;
    let batch = repeated(&rows)?;
    let mut step = SingleStep::new(job, job::STEP, Arc::new(ManualClock::default()))?;
    let (mut took, mut all) = (Vec::with_capacity(BATCHES), Duration::ZERO);
    for number in 0..WARM_UP + BATCHES {
        #[expect(clippy::disallowed_methods, reason = "what is asked for is how long it takes")]
        let started = Instant::now();
        step.process(batch.clone()).map_err(|error| anyhow!(error))?;
        if number >= WARM_UP {
            took.push(started.elapsed());
        }
        all += started.elapsed();
        if all > TIME_MAX {
            break;
        }
    }
    took.sort_unstable();
    Ok(took.get(took.len() / 2).map(|time| *time / BATCH_ROWS as u32))
}

fn repeated(rows: &RecordBatch) -> anyhow::Result<RecordBatch> {
    let count = u32::try_from(rows.num_rows())?;
    let indices = UInt32Array::from_iter_values((0..BATCH_ROWS as u32).map(|row| row % count));
    Ok(take_record_batch(rows, &indices)?)
}
