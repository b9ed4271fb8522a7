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
use crate::model::{JobState, ProbationSettings, ReturnsTo, RollbackWay, SwapPhase, SwapStatus, VersionSettings};
use crate::pipelines::Pipeline;
use crate::problem::Problem;

/// What an operator goes back to.
pub(super) struct Before {
    pipeline: Pipeline,
    pub(super) returns_to: ReturnsTo,
}

impl Service {
    /// What a rollback would return to now; nothing changes.
    pub(crate) fn rollback_plan(&self, job: &str, operator: &str) -> Result<ReturnsTo, Problem> {
        let (row, slot) = self.find(job)?;
        match self.on_trial(&row, &slot, operator)? {
            Some(returns_to) => Ok(returns_to),
            None => Ok(self.before(&row, &slot, operator)?.returns_to),
        }
    }

    /// What may still be on trial is not decided before the job has started.
    fn refuse_undecided(&self, row: &JobRow, slot: &Slot) -> Result<(), Problem> {
        let is_undecided = !slot.has_started() && !self.catalog.trials(&row.name)?.is_empty();
        if is_undecided { Err(not_running(slot)) } else { Ok(()) }
    }

    /// Puts an operator back to what it was: during a swap at once, after one by another swap. A job that does not run is started with it.
    /// `expected`: the revision that it is to return to, if that matters.
    pub(crate) fn roll_back(&self, job: &str, operator: &str, expected: Option<u64>) -> Result<SwapStatus, Problem> {
        let (_, slot) = self.find(job)?;
        let _change = slot.lock_for_change()?;
        let as_expected = |returns_to: &ReturnsTo| match expected.filter(|expected| *expected != returns_to.revision) {
            None => Ok(()),
            Some(expected) => Err(Problem::conflict(format!(
                "{operator:?} would return to revision {} by now, and not to {expected}: look again",
                returns_to.revision
            ))),
        };
        let is_on_trial =
            slot.live().swap.is_some_and(|swap| swap.phase.is_open() && swap.operators.contains_key(operator));
        // The trial ends whatever can be told of it.
        let on_trial = self.on_trial(&self.find(job)?.0, &slot, operator).ok().flatten();
        on_trial.as_ref().map_or(Ok(()), as_expected)?;
        if is_on_trial
            && let Some(status) = slot.ask(Command::RollBack).ok_or_else(|| not_running(&slot))?
            && status.phase != SwapPhase::Done
        {
            return Ok(SwapStatus { returns_to: on_trial, ..status });
        }
        // What was on trial may have been kept meanwhile.
        let (row, _) = self.find(job)?;
        let Before { pipeline, returns_to } = self.before(&row, &slot, operator)?;
        as_expected(&returns_to)?;
        if returns_to.by == RollbackWay::Start {
            return self.start_as_before(&row, &slot, &pipeline, returns_to);
        }
        let (probation, returns_to) = (ProbationSettings::default(), Some(returns_to));
        let swap = NewSwap { cause: ROLLBACK, pipeline, operators: vec![operator], probation, returns_to };
        self.begin(&row, &slot, swap, false)
    }

    /// What ends the trial of an operator, if a swap of it is on trial.
    fn on_trial(&self, row: &JobRow, slot: &Slot, operator: &str) -> Result<Option<ReturnsTo>, Problem> {
        let open = slot.live().swap.filter(|swap| swap.phase.is_open() && swap.operators.contains_key(operator));
        let Some(revision) = open.and_then(|open| open.revision) else { return Ok(None) };
        if revision == row.revision {
            // A swap without a trial is kept before it is through: what ran before is not what the job is to run.
            let returns_to = self.before(row, slot, operator)?.returns_to;
            return Ok(Some(ReturnsTo { by: RollbackWay::EndOfTrial, ..returns_to }));
        }
        let version = |number: u64| -> Result<Option<VersionSettings>, Problem> {
            let Some(revision) = self.catalog.revision(&row.name, number)? else { return Ok(None) };
            let pipeline = self.pipelines.read(&revision.pipeline, &[])?;
            Ok(pipeline.version_of(operator).map(|(component, settings)| settings.told(component)))
        };
        let both = version(revision)?.zip(version(row.revision)?);
        Ok(both.map(|(from, to)| {
            let (operator, by) = (operator.to_owned(), RollbackWay::EndOfTrial);
            ReturnsTo { operator, revision: row.revision, from, to, by }
        }))
    }

    /// The pipeline that runs, with an operator as it was before.
    pub(super) fn before(&self, row: &JobRow, slot: &Slot, operator: &str) -> Result<Before, Problem> {
        self.refuse_undecided(row, slot)?;
        let job = &row.name;
        let current = self.pipelines.read(&self.revision(row)?.pipeline, &[])?;
        let now = current.version_of(operator).ok_or_else(|| current.no_operator(operator))?;
        let history = self.history(&self.catalog.revisions(job)?);
        let (revision, before) = history.before(operator, &now, &[]).ok_or_else(|| {
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
        let does_not_run = !slot.has_started() || slot.live().state == Some(JobState::Restarting);
        let returns_to = ReturnsTo {
            operator: operator.to_owned(),
            revision,
            from: now.1.told(now.0),
            to: settings.told(reference.clone()),
            by: if does_not_run { RollbackWay::Start } else { RollbackWay::Swap },
        };
        let pipeline =
            self.pipelines.read(&current.graph.text, &settings.overrides(&current.graph, operator, reference))?;
        Ok(Before { pipeline, returns_to })
    }

    /// A job that has failed, was stopped, or cannot continue as it is, resumes from its last checkpoint with what an operator was before.
    fn start_as_before(
        &self,
        row: &JobRow,
        slot: &Arc<Slot>,
        pipeline: &Pipeline,
        returns_to: ReturnsTo,
    ) -> Result<SwapStatus, Problem> {
        if row.wanted == Wanted::Finished {
            return Err(Problem::conflict(format!("the job {:?} has ended, and reads no more rows", row.name)));
        }
        let job = self.pipelines.check(pipeline)?;
        // What was said of the start that this one undoes holds for it too, if the job has kept nothing since.
        let allow_dropped = &row.clone().resuming_from(newest(pipeline)?).allow_dropped;
        let goes_back = vec![returns_to.operator.clone()];
        let start = NewStart { cause: ROLLBACK, pipeline, job, allow_dropped, goes_back };
        let revision = self.replace(slot, Some(row), start)?;
        let operators = [(returns_to.operator.clone(), returns_to.to.component.clone())].into();
        let (revision, returns_to) = (Some(revision), Some(returns_to));
        Ok(SwapStatus { revision, operators, phase: SwapPhase::Done, reason: None, returns_to })
    }
}
