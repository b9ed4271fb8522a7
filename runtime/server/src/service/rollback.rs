//! Rollbacks: an operator back to what it ran before. One that is on trial is put back by its job's thread; later it is a swap, or, if the
//! job does not run, another start of it.

use std::sync::Arc;

use super::Service;
use super::deploy::NewStart;
use super::history::ROLLBACK;
use super::swaps::NewSwap;
use crate::catalog::{JobRow, Wanted};
use crate::jobs::{Command, Slot, not_running};
use crate::launch::newest;
use crate::model::{JobState, ProbationSettings, SwapPhase, SwapStatus};
use crate::pipelines::Pipeline;
use crate::problem::Problem;

impl Service {
    /// Puts an operator back to what it was: during a swap at once, after one by another swap. A job that does not run is started with it.
    pub(crate) fn roll_back(&self, job: &str, operator: &str) -> Result<SwapStatus, Problem> {
        let (_, slot) = self.find(job)?;
        let _change = slot.lock_for_change()?;
        let open = slot.live().swap.filter(|swap| swap.phase.is_open() && swap.operators.contains_key(operator));
        if open.is_some()
            && let Some(status) = slot.ask(Command::RollBack).ok_or_else(|| not_running(&slot))?
            && status.phase != SwapPhase::Done
        {
            return Ok(status);
        }
        // What was on trial may have been kept meanwhile.
        let (row, _) = self.find(job)?;
        // What may still be on trial is not decided before the job has started.
        if !slot.has_started() && !self.catalog.trials(job)?.is_empty() {
            return Err(not_running(&slot));
        }
        let pipeline = self.before(&row, operator)?;
        if !slot.has_started() || slot.live().state == Some(JobState::Restarting) {
            return self.start_as_before(&row, &slot, operator, &pipeline);
        }
        let probation = ProbationSettings::default();
        self.begin(&row, &slot, NewSwap { cause: ROLLBACK, pipeline, operators: vec![operator], probation }, false)
    }

    /// The pipeline that runs, with an operator as it was before.
    fn before(&self, row: &JobRow, operator: &str) -> Result<Pipeline, Problem> {
        let job = &row.name;
        let current = self.pipelines.read(&self.revision(row)?.pipeline, &[])?;
        let now = current.reference(operator).zip(current.settings(operator));
        let now = now.ok_or_else(|| current.no_operator(operator))?;
        let history = self.history(&self.catalog.revisions(job)?);
        let before = history.before(operator, &now, &[]).ok_or_else(|| {
            Problem::conflict(format!(
                "{operator:?} runs {}, and no revision of {job:?} has run another version of it that was not undone",
                now.0
            ))
        })?;
        let (reference, settings) = before.ok_or_else(|| {
            Problem::conflict(format!(
                "the version of {operator:?} before this one was removed: push its component again, or swap to another one"
            ))
        })?;
        self.pipelines.read(&current.graph.text, &settings.overrides(operator, reference))
    }

    /// A job that has failed, was stopped, or cannot continue as it is, resumes from its last checkpoint with what an operator was before.
    fn start_as_before(
        &self,
        row: &JobRow,
        slot: &Arc<Slot>,
        operator: &str,
        pipeline: &Pipeline,
    ) -> Result<SwapStatus, Problem> {
        if row.wanted == Wanted::Finished {
            return Err(Problem::conflict(format!("the job {:?} has ended, and reads no more rows", row.name)));
        }
        let job = self.pipelines.check(pipeline)?;
        // What was said of the start that this one undoes holds for it too, if the job has kept nothing since.
        let allow_dropped = &row.clone().resuming_from(newest(pipeline)?).allow_dropped;
        let goes_back = vec![operator.to_owned()];
        let start = NewStart { cause: ROLLBACK, pipeline, job, allow_dropped, goes_back };
        let revision = self.replace(slot, Some(row), start)?;
        let operators = [(operator.to_owned(), pipeline.reference(operator).unwrap_or_default())].into();
        Ok(SwapStatus { revision: Some(revision), operators, phase: SwapPhase::Done, reason: None })
    }
}
