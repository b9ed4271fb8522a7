//! Deploying a pipeline: a job that is new, or another revision of one that there is, which resumes from a last checkpoint of the old one. A
//! revision that cannot be started leaves the job as it was.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use weir_engine::{Job, RecoveryError, StartError};

use super::Service;
use crate::catalog::{JobRow, NewRevision, Wanted};
use crate::jobs::{Command, Ending, Origin, Slot};
use crate::launch::{Launch, newest};
use crate::model::{Deploy, Deployed};
use crate::pipelines::Pipeline;
use crate::problem::{Kind, Problem, chain};

/// How long a last checkpoint may take before a change of a job is refused.
pub(super) const SUSPEND_TIME_MAX: Duration = Duration::from_secs(120);
/// How long a job may take to stop at once.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);

/// A revision that is to start.
pub(super) struct NewStart<'a> {
    pub(super) cause: &'static str,
    pub(super) pipeline: &'a Pipeline,
    pub(super) job: Job,
    pub(super) allow_dropped: &'a [String],
    /// Operators that take over states of newer versions.
    pub(super) goes_back: Vec<String>,
}

impl Service {
    /// Reads a pipeline that is to be deployed, and checks it.
    pub(crate) fn check(&self, request: &Deploy) -> Result<(Pipeline, Job), Problem> {
        self.pipelines.read_new(&request.pipeline)
    }

    /// Lets a pipeline run that was checked, in the place of its older revision if there is one.
    pub(crate) fn deploy(&self, request: &Deploy, checked: (Pipeline, Job)) -> Result<Deployed, Problem> {
        let (pipeline, checked) = checked;
        let name = pipeline.graph.name.clone();
        let slot = self.slot(&name);
        let _change = slot.lock_for_change()?;
        let row = self.catalog.job(&name)?;
        let before = row.as_ref().map(|row| self.revision(row)).transpose()?.map(|revision| revision.pipeline);
        let current = row.as_ref().map(|row| row.revision);
        if request.expected_revision.is_some() && request.expected_revision != current {
            let detail = format!("the job {name:?} was changed meanwhile: deploy again, to see what would change now");
            return Err(Problem::conflict(detail));
        }
        let is_same = before.as_deref().is_some_and(|before| weir_core::pipeline::is_same(before, &request.pipeline));
        let runs = row.as_ref().is_some_and(|row| row.wanted == Wanted::Running) && slot.is_running();
        let mut notes = pipeline.notes.clone();
        notes.extend(pipeline.graph.warnings.iter().map(|warning| warning.message.clone()));
        notes.extend(checked.describe().notes);
        let mut deployed =
            Deployed { job: name.clone(), revision: current, changed: !(is_same && runs), before, notes };
        if !deployed.changed {
            return Ok(deployed);
        }
        if row.as_ref().is_some_and(|row| row.wanted == Wanted::Finished) {
            deployed.notes.push("the job has ended: this revision reads no rows but replayed ones".to_owned());
        }
        self.check_outputs(&pipeline)?;
        deployed.notes.extend(self.left_by_another(row.as_ref(), &pipeline)?);
        // Before anything changes: a job that runs is not stopped for what cannot continue.
        if let Some(row) = &row {
            deployed.notes.extend(self.check_change(row, runs, &pipeline, &checked, request)?);
        }
        if row.is_none() {
            checked.check_fresh().map_err(|error| Problem::new(Kind::Unfit, chain(&error)))?;
        }
        if request.dry_run {
            drop(self.admit(&slot, checked.guest_resources())?);
            return Ok(deployed);
        }
        let start = NewStart {
            cause: "deploy",
            pipeline: &pipeline,
            job: checked,
            allow_dropped: &request.allow_dropped_state,
            goes_back: Vec::new(),
        };
        deployed.revision = Some(self.replace(&slot, row.as_ref(), start)?);
        Ok(deployed)
    }

    /// Lets another revision run, from a last checkpoint of the one before.
    pub(super) fn replace(&self, slot: &Arc<Slot>, row: Option<&JobRow>, start: NewStart<'_>) -> Result<u64, Problem> {
        let name = &slot.name;
        let new = self.new_revision(start.cause, start.pipeline, row)?;
        let _reserved = self.admit(slot, start.job.guest_resources())?;
        if row.is_none() {
            self.clear(name)?;
        }
        if let Err(problem) = self.suspend(slot) {
            return Err(self.resume_as_before(slot, row, Ok(()), problem));
        }
        // What was on trial is decided now.
        let row = self.catalog.job(name)?;
        let revision = match self.catalog.try_revision(name, &new) {
            Ok(revision) => revision,
            Err(error) => return Err(self.resume_as_before(slot, row.as_ref(), Ok(()), error.into())),
        };
        // Of two that come at once each sees the other now, if it has not before. What goes back writes what it did.
        let checked = if start.goes_back.is_empty() { self.check_outputs(start.pipeline) } else { Ok(()) };
        match checked.and_then(|()| self.start_trying(slot, revision, start)) {
            Ok(()) => Ok(revision),
            Err(problem) => Err(self.undo(slot, revision, row, problem)),
        }
    }

    /// Starts a revision. That it is to run is written down first: after a kill only it may read what it has kept.
    fn start_trying(&self, slot: &Arc<Slot>, revision: u64, start: NewStart<'_>) -> Result<(), Problem> {
        let NewStart { pipeline, job, allow_dropped, goes_back, .. } = start;
        let row = next_row(self.find(&slot.name)?.0, pipeline, allow_dropped)?;
        let row = JobRow { revision, wanted: Wanted::Running, reason: None, goes_back, ..row };
        let launch = Launch::new(&self.pipelines, job, pipeline, &row)?;
        self.catalog.put_job(&row)?;
        self.catalog.forget_unclean_ends(&slot.name)?;
        self.crash_watch.begins(&slot.name)?;
        let start = || {
            let supervisor = launch.start(&self.pipelines, &slot.lines, &self.clock)?;
            self.catalog.keep(&slot.name, revision, None)?;
            self.spawn(slot, &row, Origin::Running(Box::new(supervisor)))
        };
        let started = start();
        if started.is_err() {
            self.crash_watch.ended(&slot.name);
        }
        started
    }

    /// A revision as the catalog takes it.
    pub(super) fn new_revision<'a>(
        &self,
        cause: &'a str,
        pipeline: &'a Pipeline,
        row: Option<&JobRow>,
    ) -> Result<NewRevision<'a>, Problem> {
        let operators = pipeline.versions.iter().map(|(_, version)| version).collect();
        let needless = row.map_or_else(|| Ok(Vec::new()), |row| self.needless_revisions(row))?;
        Ok(NewRevision { cause, pipeline: &pipeline.graph.text, operators, needless, now_us: self.clock.now_us() })
    }

    /// Takes a last checkpoint of a job that runs, and waits for it.
    pub(super) fn suspend(&self, slot: &Slot) -> Result<(), Problem> {
        slot.tell(Command::End(Ending::Suspend));
        if slot.wait(SUSPEND_TIME_MAX) {
            return Ok(());
        }
        slot.tell(Command::End(Ending::Stop));
        slot.wait(STOP_TIME_MAX);
        let (name, time) = (&slot.name, SUSPEND_TIME_MAX.as_secs());
        Err(Problem::conflict(format!(
            "the job {name:?} takes longer than {time} s to complete its last checkpoint; `weir show {name}` says what is wrong"
        )))
    }

    /// Starts what the catalog says, or what was on trial if only that can continue, and gives it a thread.
    pub(super) fn start_revision(&self, slot: &Arc<Slot>, job: Job, pipeline: &Pipeline) -> Result<(), Problem> {
        let (row, _) = self.find(&slot.name)?;
        let (supervisor, _room) = self.recovery(slot, &row)?.start(Some((job, pipeline)))?;
        let spawned = self.spawn(slot, &row, Origin::Running(Box::new(supervisor)));
        if spawned.is_err() {
            self.crash_watch.ended(&slot.name);
        }
        spawned
    }

    /// The job is what it was before a revision that cannot be started.
    fn undo(&self, slot: &Arc<Slot>, revision: u64, before: Option<JobRow>, problem: Problem) -> Problem {
        let restore = || {
            let Some(row) = &before else { return self.catalog.remove_job(&slot.name) };
            self.catalog.put_job(row)?;
            self.catalog.withdraw(&row.name, revision, row.revision)
        };
        let restored = restore().map_err(Problem::from);
        self.resume_as_before(slot, before.as_ref(), restored, problem)
    }

    /// What ran before a problem runs again, as soon as the catalog is what it was.
    pub(super) fn resume_as_before(
        &self,
        slot: &Arc<Slot>,
        before: Option<&JobRow>,
        restored: Result<(), Problem>,
        problem: Problem,
    ) -> Problem {
        let Problem { detail, .. } = &problem;
        if let Err(second) = restored {
            let detail = format!("{detail}; and what ran before does not run again: {}", second.detail);
            return Problem::new(Kind::Internal, detail);
        }
        let Some(row) = before.filter(|row| row.wanted == Wanted::Running) else { return problem };
        // A swap that was decided as it ended is.
        let now = self.catalog.job(&row.name).ok().flatten();
        let row = &JobRow { revision: now.map_or(row.revision, |now| now.revision), ..row.clone() };
        // One that hangs is not to meet another of the same job.
        if slot.is_running() {
            let detail =
                format!("{detail}; the job has not stopped yet: when it has, `weir start {}` starts it", slot.name);
            return Problem { detail, ..problem };
        }
        let again = || {
            // Whatever was written down as it ended.
            self.catalog.put_job(row)?;
            let pipeline = self.pipelines.read(&self.revision(row)?.pipeline, &[])?;
            self.start_revision(slot, self.pipelines.check(&pipeline)?, &pipeline)
        };
        let detail = match again() {
            Ok(()) => format!("{detail}; revision {} runs again", row.revision),
            Err(second) => {
                // It may have waited before, and waits on.
                let detail = format!("{detail}; and revision {} does not run yet: {}", row.revision, second.detail);
                let waits = self.recovery(slot, row).and_then(|recovery| self.recover_later(slot, row, recovery));
                match waits {
                    Ok(()) => detail,
                    Err(third) => format!("{detail}; and it will not be tried again: {}", third.detail),
                }
            }
        };
        Problem { detail, ..problem }
    }

    /// Refuses a pipeline that a job could not continue with where its checkpoint is; says what a person should know.
    fn check_change(
        &self,
        row: &JobRow,
        runs: bool,
        pipeline: &Pipeline,
        job: &Job,
        request: &Deploy,
    ) -> Result<Vec<String>, Problem> {
        let before = self.pipelines.read(&self.revision(row)?.pipeline, &[])?;
        let (old, new) = (before.location(), pipeline.location());
        // Elsewhere it would begin anew, unsaid.
        if old != new {
            let job = &row.name;
            return Err(Problem::conflict(format!(
                "the job {job:?} keeps its checkpoints in {old}, and would not find them in another place: leave checkpoint.dir as \
                 it was, or remove the job"
            )));
        }
        // A start that comes at once says the same.
        if !runs && !request.dry_run {
            return Ok(Vec::new());
        }
        let row = next_row(row.clone(), pipeline, &request.allow_dropped_state)?;
        let launch = match Launch::new(&self.pipelines, job.clone(), pipeline, &row) {
            // Dead letters that are on their way may have gone through by then.
            Err(problem) if runs && problem.kind == Kind::Conflict => return Ok(Vec::new()),
            launch => launch?,
        };
        match launch.check(&self.clock) {
            Ok(notes) if !runs => Ok(notes),
            Err(error) if !runs || holds_for_later(&error, &row, &before) => Err(StartError::from(error).into()),
            // It resumes from a last checkpoint, which is still to come.
            _ => Ok(Vec::new()),
        }
    }

    /// What a job that is new resumes from all the same: what another one of its name has left in a store.
    fn left_by_another(&self, row: Option<&JobRow>, pipeline: &Pipeline) -> Result<Option<String>, Problem> {
        let location = pipeline.location();
        if row.is_some() || Path::new(&location).starts_with(self.pipelines.folder(&pipeline.graph.name)) {
            return Ok(None);
        }
        let number = newest(pipeline)?;
        Ok(number.map(|number| {
            format!("it resumes from checkpoint {number}, which a job of this name has left in {location}: to begin anew, name another place")
        }))
    }

    /// A job that is new finds nothing of an older one of its name in the server's folder.
    fn clear(&self, job: &str) -> Result<(), Problem> {
        match std::fs::remove_dir_all(self.pipelines.folder(job)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Problem::internal("the folder of an older job of the name cannot be removed", &error))
            }
            _ => Ok(()),
        }
    }
}

/// A job as another revision of it continues.
fn next_row(row: JobRow, pipeline: &Pipeline, allow_dropped: &[String]) -> Result<JobRow, Problem> {
    let newest = newest(pipeline)?;
    let row = row.resuming_from(newest);
    Ok(JobRow { allow_dropped: allow_dropped.to_vec(), goes_back: Vec::new(), newest, ..row })
}

/// Whether what is wrong with a checkpoint will be wrong with later ones of the pipeline too.
fn holds_for_later(error: &RecoveryError, row: &JobRow, pipeline: &Pipeline) -> bool {
    match error {
        RecoveryError::Dropped { .. } | RecoveryError::KeyGroups { .. } | RecoveryError::Layout { .. } => true,
        // A person's name, and not that of a replay which an older checkpoint has and the newest no longer; nor that of a column
        // which may come with the state of an operator.
        RecoveryError::NothingToDrop { name, .. } => {
            let owner = name.split_once('.').map_or(name.as_str(), |(owner, _)| owner);
            row.allow_dropped.contains(name) && pipeline.graph.nodes.iter().all(|node| node.name != owner)
        }
        _ => false,
    }
}
