//! Swaps: another version, or another configuration, for operators of a job that runs. A swap is a revision on trial; which one is to run
//! after a restart changes when it is decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_core::graph::LogicalGraph;
use weir_core::swap::{Canary, Probation};
use weir_engine::{Change, Difference, Job, KindOfDifference, NewVersion, SharedShadow};
use weir_host::printable;

use super::Service;
use super::history::ROLLBACK;
use crate::catalog::JobRow;
use crate::jobs::{Command, Slot, SwapCommand, not_running};
use crate::model::{
    OperatorChange, ProbationSettings, ReturnsTo, ShadowChange, ShadowDifference, ShadowKind, ShadowRequest,
    ShadowStatus, SwapPhase, SwapRequest, SwapStatus,
};
use crate::names;
use crate::pipelines::Pipeline;
use crate::problem::{Kind, Problem};

impl Service {
    /// Begins a swap, or says whether one would fit.
    pub(crate) fn swap(&self, job: &str, request: &SwapRequest) -> Result<SwapStatus, Problem> {
        let (_, slot) = self.find(job)?;
        let _change = slot.lock_for_change()?;
        refuse_open(&slot)?;
        // Read now that nothing changes any more: what was on trial is decided.
        let (row, _) = self.find(job)?;
        let pipeline = self.changed(&row, &request.operators).map_err(Problem::of_swap)?;
        let operators: Vec<&str> = request.operators.keys().map(String::as_str).collect();
        let swap = NewSwap { cause: "swap", pipeline, operators, probation: request.probation, returns_to: None };
        self.begin(&row, &slot, swap, request.dry_run).map_err(Problem::of_swap)
    }

    /// Runs other versions beside those that run, for some time; what they make is compared and dropped.
    pub(crate) fn shadow(&self, job: &str, request: &ShadowRequest) -> Result<ShadowStatus, Problem> {
        if request.duration_ms == 0 {
            return Err(Problem::new(Kind::Invalid, "the shadow duration must be greater than zero, such as 10s"));
        }
        let (_, slot) = self.find(job)?;
        let _change = slot.lock_for_change()?;
        let (row, _) = self.find(job)?;
        let pipeline = self.changed(&row, &request.operators).map_err(Problem::of_swap)?;
        let versions = request.operators.keys().map(|operator| self.pipelines.version(&pipeline, operator, false));
        let versions = versions.collect::<Result<Vec<_>, _>>()?;
        let until_us = self.clock.now_us().saturating_add(micros(request.duration_ms));
        let begun = slot.ask(|reply| Command::Shadow(versions, until_us, reply)).ok_or_else(|| not_running(&slot))?;
        Ok(shadow_status(&begun?))
    }

    /// What the last shadow run of a job has found.
    pub(crate) fn shadow_status(&self, job: &str) -> Result<ShadowStatus, Problem> {
        let (_, slot) = self.find(job)?;
        let shadow = slot.live().shadow;
        let none = || {
            Problem::not_found(format!("there is no shadow run of {job:?}, and there was none since it was started"))
        };
        Ok(shadow_status(&shadow.ok_or_else(none)?))
    }

    /// The pipeline that is to run, with other versions and settings.
    fn changed(&self, row: &JobRow, operators: &BTreeMap<String, OperatorChange>) -> Result<Pipeline, Problem> {
        let mut text = self.revision(row)?.pipeline;
        let current = self.pipelines.read(&text, &[])?;
        let overrides = overrides(&current.graph, operators)?;
        if let Some(unknown) = operators.keys().find(|operator| current.reference(operator).is_none()) {
            return Err(current.no_operator(unknown));
        }
        for (operator, key) in operators.iter().flat_map(|(of, change)| change.unset.iter().map(move |key| (of, key))) {
            let unset = weir_core::pipeline::unset(&text, &current.graph.path_of(operator, key));
            text = unset.map_err(|why| Problem::not_found(format!("{key:?} cannot be unset: {why}")))?;
        }
        self.pipelines.read(&text, &overrides)
    }

    pub(super) fn begin(
        &self,
        row: &JobRow,
        slot: &Arc<Slot>,
        swap: NewSwap<'_>,
        dry_run: bool,
    ) -> Result<SwapStatus, Problem> {
        let NewSwap { cause, pipeline, operators, probation, returns_to } = swap;
        let goes_back = cause == ROLLBACK;
        let versions = operators.iter().map(|operator| self.pipelines.version(&pipeline, operator, goes_back));
        let versions = versions.collect::<Result<Vec<_>, _>>()?;
        let probation = trial(&probation)?;
        let named =
            operators.iter().map(|operator| ((*operator).to_owned(), pipeline.reference(operator).unwrap_or_default()));
        let mut status =
            SwapStatus { revision: None, operators: named.collect(), phase: SwapPhase::Fits, reason: None, returns_to };
        let current = match slot.ask(Command::Job) {
            // It is not checked anew: what its sources read, and its sinks write, may be away without harm to it.
            Some(running) => running,
            None if dry_run => {
                let pipeline = self.pipelines.read(&self.revision(row)?.pipeline, &[])?;
                Arc::new(self.pipelines.check(&pipeline)?)
            }
            // What may still be on trial of a job that waits is not decided before that has started.
            None => return Err(not_running(slot)),
        };
        // Before it is written down: what does not fit is no revision.
        current.swapped(&versions, probation).map_err(|error| {
            let way = if goes_back { None } else { self.way_back(row, slot, &current, &versions, &pipeline) };
            let problem = Problem::from(error);
            Problem { detail: problem.detail.clone() + &way.unwrap_or_default(), ..problem }
        })?;
        if dry_run {
            return Ok(status);
        }
        // The old versions stay beside the new ones until it is decided.
        let room = current.guest_resources().plus(current.second_guest_resources(&versions));
        let _reserved = self.admit(slot, room)?;
        let number = self.catalog.try_revision(&row.name, &self.new_revision(cause, &pipeline, Some(row))?)?;
        let has_trial = probation.batches > 0;
        if !has_trial {
            // The state may be such that only the new version reads it: it is to run from now on, whatever happens.
            self.catalog.keep(&row.name, number, None)?;
        }
        (status.revision, status.phase) = (Some(number), SwapPhase::CuttingOver);
        let (sent, back) = (status.clone(), row.revision);
        let command = |reply| Command::Swap(Box::new(SwapCommand { versions, probation, status: sent, back, reply }));
        let problem = match slot.ask(command) {
            Some(Ok(())) => return Ok(status),
            Some(Err(refused)) => refused.into(),
            // A thread that comes to it later finds nobody waiting, and rolls it back.
            None => not_running(slot),
        };
        self.catalog.withdraw(&row.name, number, row.revision)?;
        Err(problem)
    }
}

impl Service {
    /// How else the version that does not fit comes back, if it is the one before: a rollback gives up what its state does not have.
    fn way_back(
        &self,
        row: &JobRow,
        slot: &Slot,
        current: &Job,
        versions: &[NewVersion],
        pipeline: &Pipeline,
    ) -> Option<String> {
        let [version] = versions else { return None };
        let operator = &version.operator;
        let ReturnsTo { revision, to, .. } = self.before(row, slot, operator).ok()?.returns_to;
        let back = NewVersion { goes_back: true, ..version.clone() };
        let fits = pipeline.reference(operator).as_ref() == Some(&to.component)
            && current.swapped(&[back], Probation::NONE).is_ok();
        fits.then(|| {
            format!(
                "; or go back: `weir rollback {}/{operator}` returns to {} of revision {revision}, and gives up what its state does not have",
                row.name, to.component
            )
        })
    }
}

/// A swap that is to begin.
pub(super) struct NewSwap<'a> {
    pub(super) cause: &'static str,
    /// The pipeline as it is to be.
    pub(super) pipeline: Pipeline,
    pub(super) operators: Vec<&'a str>,
    pub(super) probation: ProbationSettings,
    /// Of a rollback.
    pub(super) returns_to: Option<ReturnsTo>,
}

/// What changes in the text of the pipeline.
fn overrides(
    pipeline: &LogicalGraph,
    operators: &BTreeMap<String, OperatorChange>,
) -> Result<Vec<(String, String)>, Problem> {
    let invalid = |detail: String| Problem::new(Kind::Invalid, detail);
    if operators.is_empty() {
        return Err(invalid("a swap names the operators that it changes".to_owned()));
    }
    let mut overrides = Vec::new();
    for (operator, change) in operators {
        let OperatorChange { component, set, unset } = change;
        if component.is_none() && set.is_empty() && unset.is_empty() {
            return Err(invalid(format!(
                "no change given for {operator:?}: name a version, or set or unset config.KEY or limits.KEY"
            )));
        }
        let is_other = |key: &&String| !key.starts_with("config.") && !key.starts_with("limits.");
        if let Some(key) = set.keys().chain(unset).find(is_other) {
            return Err(invalid(format!(
                "{key:?} cannot be swapped: a swap changes config.KEY and limits.KEY; deploy the pipeline for the rest"
            )));
        }
        if let Some(component) = component {
            names::reference(component)?;
            overrides.push((pipeline.path_of(operator, "component"), serde_json::json!(component).to_string()));
        }
        overrides.extend(set.iter().map(|(key, value)| (pipeline.path_of(operator, key), value.clone())));
    }
    Ok(overrides)
}

fn trial(settings: &ProbationSettings) -> Result<Probation, Problem> {
    let ProbationSettings { batches, time_max_ms, canary_percent } = *settings;
    let canary = canary_percent.map(|percent| {
        Canary::new(percent).ok_or_else(|| {
            let detail = format!("a canary of {percent} % is not possible: it is 1 to 99 % of the key groups");
            Problem::new(Kind::Invalid, detail)
        })
    });
    if canary.is_some() && batches == 0 {
        return Err(Problem::new(Kind::Invalid, "a canary without probation proves nothing: leave out one of them"));
    }
    Ok(Probation {
        batches,
        time_max_us: if batches == 0 { 0 } else { micros(time_max_ms) },
        regressions_max: 0,
        canary: canary.transpose()?,
    })
}

/// While a swap is not decided, nobody knows what the next one would change.
fn refuse_open(slot: &Slot) -> Result<(), Problem> {
    match slot.live().swap {
        Some(swap) if swap.phase.is_open() => Err(weir_engine::SwapError::UnderWay.into()),
        _ => Ok(()),
    }
}

fn shadow_status(shadow: &SharedShadow) -> ShadowStatus {
    let report = shadow.report();
    let difference = |difference: Difference| {
        let Difference { operator, part, key, column, old, new } = difference;
        let [key, old, new] = [key, old, new].map(|text| text.map(|text| printable(&text)));
        ShadowDifference { operator, part, key, column, old, new }
    };
    ShadowStatus {
        is_open: shadow.is_open(),
        subtasks: report.subtasks,
        landed: report.landed,
        rows: report.rows,
        rows_differing: report.rows_differing,
        states: report.states,
        states_differing: report.states_differing,
        layouts_differ: report.layouts_differ,
        failures: report.failures,
        failure: report.failure.map(|reason| printable(&reason)),
        given_up: report.given_up,
        stopped: report.stopped || (!shadow.is_open() && report.landed < report.subtasks),
        kinds: report.kinds.into_iter().map(kind).collect(),
        differences: report.differences.into_iter().map(difference).collect(),
    }
}

fn kind((kind, rows): (KindOfDifference, u64)) -> ShadowKind {
    let KindOfDifference { operator, part, change } = kind;
    let column = change.column().map(str::to_owned);
    let (change, old, new) = match change {
        Change::Value { old, new, .. } => (ShadowChange::Value, Some(printable(&old)), Some(printable(&new))),
        Change::Values { .. } => (ShadowChange::Values, None, None),
        Change::OnlyOld => (ShadowChange::OnlyOld, None, None),
        Change::OnlyNew => (ShadowChange::OnlyNew, None, None),
    };
    ShadowKind { operator, part, change, column, old, new, rows }
}

fn micros(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000)
}
