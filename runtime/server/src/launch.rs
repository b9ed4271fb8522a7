//! A job that is about to run: which checkpoint it resumes from, which replays it reads, and whether that fits. Nothing has begun before
//! it is started.

use std::sync::Arc;

use weir_core::graph::RestartSettings;
use weir_core::time::Clock;
use weir_engine::{Durable, Job, RecoveryError, ResumeFrom, Supervisor};
use weir_host::GuestLog;
use weir_state::checkpoint::CheckpointStore;

use crate::catalog::JobRow;
use crate::jobs::Lines;
use crate::pipelines::{Pipeline, Pipelines};
use crate::problem::Problem;
use crate::replays::{Left, Resumed};

/// A checked job, and what it resumes from.
pub(crate) struct Launch {
    name: String,
    job: Job,
    store: CheckpointStore,
    durable: Option<Durable>,
    restart: RestartSettings,
    left: Left,
}

impl Launch {
    /// A job that resumes as its row says.
    pub(crate) fn new(pipelines: &Pipelines, job: Job, pipeline: &Pipeline, row: &JobRow) -> Result<Self, Problem> {
        let job = job.going_back(&row.goes_back);
        let reserve = pipelines.disk.reserve_bytes / 2;
        let store = CheckpointStore::open_with_reserve(&pipeline.location(), reserve)?;
        let Resumed { job, allow_dropped, left } = pipelines.resume(job, pipeline, row, &store)?;
        let settings = pipeline.graph.checkpoint.clone();
        let from = row.from_checkpoint.map_or(ResumeFrom::Last, ResumeFrom::Checkpoint);
        let durable = settings.map(|settings| Durable { store: store.clone(), settings, from, allow_dropped });
        Ok(Self { name: row.name.clone(), job, store, durable, restart: pipeline.graph.restart, left })
    }

    /// Whether it can resume from its checkpoint; what a person should know about that.
    pub(crate) fn check(&self, clock: &Arc<dyn Clock>) -> Result<Vec<String>, RecoveryError> {
        self.durable.as_ref().map_or_else(|| Ok(Vec::new()), |durable| durable.check(&self.job, clock))
    }

    /// Starts it; its operators' lines go with the job's.
    pub(crate) fn start(
        self,
        pipelines: &Pipelines,
        lines: &Arc<Lines>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Supervisor, Problem> {
        let job = self.job.with_guest_log(Arc::clone(lines) as Arc<dyn GuestLog>);
        let job = job.with_memory(Arc::clone(&pipelines.memory), pipelines.job_memory_bytes_max);
        let supervisor = Supervisor::start(Arc::new(job), Arc::clone(clock), self.durable, self.restart)?;
        pipelines.settle(&self.name, &self.left, &self.store)?;
        Ok(supervisor)
    }
}

impl JobRow {
    /// What holds of it when this is its newest checkpoint: one that came since what was said of its next start is resumed from,
    /// whatever that was.
    pub(crate) fn resuming_from(self, newest: Option<u64>) -> Self {
        // An older catalog did not say which was the newest then.
        let is_known = self.newest.is_some() || self.from_checkpoint.is_none();
        match is_known && newest > self.newest {
            true => Self { from_checkpoint: None, allow_dropped: Vec::new(), goes_back: Vec::new(), ..self },
            false => self,
        }
    }
}

/// The newest checkpoint that there is.
pub(crate) fn newest(pipeline: &Pipeline) -> Result<Option<u64>, Problem> {
    Ok(CheckpointStore::open(&pipeline.location())?.list()?.first().map(|listed| listed.number))
}
