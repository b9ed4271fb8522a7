//! A job that goes on after the server has ended: with the revision that is to run, or with the one that was on trial, if only that
//! one reads what the job has kept. Never decides by anything but the newest checkpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_core::time::Clock;
use weir_engine::Supervisor;
use weir_host::{LogLevel, printable};

use crate::catalog::{Catalog, CatalogError, JobRow, RevisionRow, RevisionState};
use crate::jobs::{Admission, Reserved, Slot};
use crate::launch::{Launch, newest};
use crate::pipelines::Pipelines;
use crate::problem::{Kind, Problem};

/// What a job may go on with.
pub(super) struct Recovery {
    pub(super) catalog: Arc<Catalog>,
    pub(super) pipelines: Arc<Pipelines>,
    pub(super) admission: Arc<Admission>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) slot: Arc<Slot>,
    pub(super) row: JobRow,
    /// The revision that is to run.
    pub(super) revision: RevisionRow,
    /// One that was on trial beside it. The engine may have kept it already, and the catalog not heard of that.
    pub(super) tried: Option<RevisionRow>,
}

/// By job: the revision that is on trial.
pub(super) fn trials(catalog: &Catalog) -> Result<BTreeMap<String, RevisionRow>, CatalogError> {
    let mut trials = BTreeMap::new();
    for JobRow { name, .. } in catalog.jobs()? {
        let tried = catalog.revisions(&name)?.into_iter().rfind(|revision| revision.state == RevisionState::Trying);
        trials.extend(tried.map(|tried| (name, tried)));
    }
    Ok(trials)
}

impl Recovery {
    /// Starts the job, in the room that is kept for it.
    pub(super) fn start(&self) -> Result<(Supervisor, Reserved), Problem> {
        let (problem, tried) = match (self.start_revision(&self.revision), &self.tried) {
            (Err(problem), Some(tried)) if problem.kind == Kind::Unreadable => (problem, tried),
            (started, _) => return started,
        };
        let started = self.start_revision(tried);
        if started.as_ref().is_err_and(|other| other.kind == Kind::Unreadable) {
            return Err(problem);
        }
        // Also if it cannot start yet: the one before never could.
        let reason = printable(&format!("only this revision reads the newest checkpoint: {}", problem.detail));
        self.catalog.keep(&self.row.name, tried.number, Some(&reason))?;
        let told = format!("revision {} was on trial when the server ended, and is kept: {reason}", tried.number);
        tracing::warn!(job = self.row.name, "{told}");
        self.slot.lines.tell(LogLevel::Warn, &told);
        started
    }

    fn start_revision(&self, revision: &RevisionRow) -> Result<(Supervisor, Reserved), Problem> {
        let pipeline = self.pipelines.read(&revision.pipeline, &[])?;
        let job = self.pipelines.check(&pipeline)?;
        let room = self.admission.admit(&self.slot, job.guest_memory_bytes())?;
        let row = self.row.clone().as_of(newest(&pipeline)?);
        let launch = Launch::new(&self.pipelines, job, &pipeline, &row)?;
        Ok((launch.start(&self.pipelines, &self.slot.lines, &self.clock)?, room))
    }
}
