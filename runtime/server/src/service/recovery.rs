//! A job that resumes: with the revision that is to run, or, if only that reads what the job has kept, with one that was on trial when
//! the server ended, or the one before a revision of which nobody was told. Never decides by anything but the newest checkpoint, and never
//! before one of them has started.

use std::sync::Arc;

use weir_core::time::Clock;
use weir_engine::{Job, Supervisor};
use weir_host::{LogLevel, printable};

use super::Service;
use crate::catalog::{Catalog, JobRow, RevisionRow, RevisionState};
use crate::crash_watch::CrashWatch;
use crate::jobs::{Admission, Reserved, Slot};
use crate::launch::{Launch, newest};
use crate::pipelines::{Pipeline, Pipelines};
use crate::problem::{Kind, Problem};

/// What a job may continue with.
pub(super) struct Recovery {
    catalog: Arc<Catalog>,
    pipelines: Arc<Pipelines>,
    admission: Arc<Admission>,
    crash_watch: Arc<CrashWatch>,
    clock: Arc<dyn Clock>,
    slot: Arc<Slot>,
    row: JobRow,
    /// The revision that is to run.
    revision: RevisionRow,
}

impl Service {
    /// A job as the catalog has it, about to continue.
    pub(super) fn recovery(&self, slot: &Arc<Slot>, row: &JobRow) -> Result<Recovery, Problem> {
        Ok(Recovery {
            catalog: Arc::clone(&self.catalog),
            pipelines: Arc::clone(&self.pipelines),
            admission: Arc::clone(&self.admission),
            crash_watch: Arc::clone(&self.crash_watch),
            clock: Arc::clone(&self.clock),
            slot: Arc::clone(slot),
            revision: self.revision(row)?,
            row: row.clone(),
        })
    }
}

impl Recovery {
    /// As [`Recovery::start`], as soon as all other jobs have held: if the server aborts then, it is this one's doing.
    pub(super) fn start_alone(&self) -> Result<(Supervisor, Reserved), Problem> {
        if !self.crash_watch.begins_alone(&self.row.name)? {
            let why = "the server aborted while this job ran: it continues when the jobs that started before it have run without an abort";
            return Err(Problem::new(Kind::Busy, why));
        }
        self.start(None)
    }

    /// Starts the job, in the room that is kept for it. `checked`: the revision that is to run, if it was checked already.
    pub(super) fn start(&self, checked: Option<(Job, &Pipeline)>) -> Result<(Supervisor, Reserved), Problem> {
        self.crash_watch.begins(&self.row.name)?;
        let started = self.start_some(checked);
        if started.is_err() {
            self.crash_watch.ended(&self.row.name);
        }
        started
    }

    fn start_some(&self, checked: Option<(Job, &Pipeline)>) -> Result<(Supervisor, Reserved), Problem> {
        let (job, trials) = (&self.row.name, self.catalog.trials(&self.row.name)?);
        let started = match checked {
            Some((job, pipeline)) => self.start_checked(job, pipeline),
            None => self.start_revision(&self.revision),
        };
        let problem = match started {
            Err(problem) if problem.kind == Kind::Unreadable => problem,
            Ok(started) if !trials.is_empty() => {
                self.catalog.keep(job, self.revision.number, None)?;
                return Ok(started);
            }
            started => return started,
        };
        // The engine may have kept one already, and the catalog not heard of that. Or nobody was told that this one runs.
        let is_told = self.revision.state != RevisionState::Trying;
        let kept = |revision: &RevisionRow| revision.state == RevisionState::Kept;
        let before = if is_told { None } else { self.catalog.revisions(job)?.into_iter().rev().find(kept) };
        let others = trials.into_iter().filter(|tried| tried.number != self.revision.number);
        for tried in others.chain(before) {
            let started = match self.start_revision(&tried) {
                Err(other) if other.kind == Kind::Unreadable => continue,
                started => started?,
            };
            let reason = printable(&format!("only this revision reads the newest checkpoint: {}", problem.detail));
            self.catalog.keep(job, tried.number, Some(&reason))?;
            let told = format!("revision {} continues: {reason}", tried.number);
            tracing::warn!(job, "{told}");
            self.slot.lines.tell(LogLevel::Warn, &told);
            return Ok(started);
        }
        Err(problem)
    }

    fn start_revision(&self, revision: &RevisionRow) -> Result<(Supervisor, Reserved), Problem> {
        let pipeline = self.pipelines.read(&revision.pipeline, &[])?;
        self.start_checked(self.pipelines.check(&pipeline)?, &pipeline)
    }

    fn start_checked(&self, job: Job, pipeline: &Pipeline) -> Result<(Supervisor, Reserved), Problem> {
        let room = self.admission.admit(&self.slot, job.guest_resources())?;
        let row = self.row.clone().resuming_from(newest(pipeline)?);
        let launch = Launch::new(&self.pipelines, job, pipeline, &row)?;
        Ok((launch.start(&self.pipelines, &self.slot.lines, &self.clock)?, room))
    }
}
