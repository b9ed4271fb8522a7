//! Deploying a pipeline: a job that is new, or another revision of one that there is, which goes on from a last checkpoint of the old one. A
//! revision that cannot be started leaves the job as it was.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use weir_engine::Job;
use weir_state::checkpoint::CheckpointStore;

use super::{Service, start};
use crate::catalog::{JobRow, NewRevision, Wanted};
use crate::jobs::{Command, Ending, Origin, Slot};
use crate::model::{Deploy, Deployed};
use crate::pipelines::Pipeline;
use crate::problem::{Kind, Problem};

/// How long a last checkpoint may take before a change of a job is refused.
pub(super) const SUSPEND_TIME_MAX: Duration = Duration::from_secs(120);

impl Service {
    /// Lets a pipeline run, in the place of its older revision if there is one.
    pub(crate) fn deploy(&self, request: &Deploy) -> Result<Deployed, Problem> {
        let pipeline = self.pipelines.read(&request.pipeline, &[])?;
        let name = pipeline.graph.name.clone();
        let slot = self.slot(&name);
        let _turn = slot.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let row = self.catalog.job(&name)?;
        let before = row.as_ref().map(|row| self.revision(row)).transpose()?.map(|revision| revision.pipeline);
        let is_same = before.as_deref() == Some(request.pipeline.as_str());
        let runs = row.as_ref().is_some_and(|row| row.wanted == Wanted::Running);
        let checked = self.pipelines.check(&pipeline)?;
        let mut notes = pipeline.notes.clone();
        notes.extend(checked.describe().notes);
        let mut deployed = Deployed {
            job: name.clone(),
            revision: row.as_ref().map(|row| row.revision),
            changed: !(is_same && runs),
            before,
            notes,
        };
        if request.dry_run || !deployed.changed {
            return Ok(deployed);
        }
        let _admission = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        self.admit(&name, &checked)?;
        self.suspend(&slot)?;
        let started =
            self.start_revision(&slot, checked, &pipeline, row.as_ref(), &request.allow_dropped_state, || {
                self.catalog.deploy(&name, &self.new_revision("deploy", &pipeline), &request.allow_dropped_state)
            });
        match (started, row) {
            (Ok(revision), _) => {
                deployed.revision = Some(revision);
                Ok(deployed)
            }
            (Err(problem), None) => {
                self.jobs.remove(&name);
                Err(problem)
            }
            (Err(problem), Some(row)) => Err(self.go_on_as_before(&slot, &row, problem)),
        }
    }

    /// A revision as the catalog takes it.
    pub(super) fn new_revision<'a>(&self, cause: &'a str, pipeline: &'a Pipeline) -> NewRevision<'a> {
        let operators = pipeline.versions.iter().map(|(_, version)| version).collect();
        NewRevision { cause, pipeline: &pipeline.graph.text, operators, now_us: self.clock.now_us() }
    }

    /// Takes a last checkpoint of a job that runs, and waits for it.
    pub(super) fn suspend(&self, slot: &Slot) -> Result<(), Problem> {
        slot.tell(Command::End(Ending::Suspend));
        if slot.wait(SUSPEND_TIME_MAX) {
            return Ok(());
        }
        let (name, time) = (&slot.name, SUSPEND_TIME_MAX.as_secs());
        Err(Problem::conflict(format!(
            "the job {name:?} takes longer than {time} s to a last checkpoint; see `weir show {name}`"
        )))
    }

    /// Starts a pipeline, writes it down, and gives it a thread. If it cannot be started nothing is written.
    fn start_revision(
        &self,
        slot: &Arc<Slot>,
        job: Job,
        pipeline: &Pipeline,
        row: Option<&JobRow>,
        allow_dropped: &[String],
        write: impl FnOnce() -> Result<u64, crate::catalog::CatalogError>,
    ) -> Result<u64, Problem> {
        let row = JobRow {
            name: slot.name.clone(),
            revision: 0,
            wanted: Wanted::Running,
            reason: None,
            from_checkpoint: row.and_then(|row| row.from_checkpoint),
            allow_dropped: allow_dropped.to_vec(),
            created_us: 0,
        };
        let store = CheckpointStore::open(&pipeline.location())?;
        let supervisor = start(job, pipeline, &row, &slot.lines, &self.clock)?;
        let number = write()?;
        self.spawn(slot, &row, store, Origin::Running(Box::new(supervisor)))?;
        Ok(number)
    }

    /// The revision of the catalog runs again, if it is to.
    fn go_on_as_before(&self, slot: &Arc<Slot>, row: &JobRow, problem: Problem) -> Problem {
        if row.wanted != Wanted::Running {
            return problem;
        }
        let again = || {
            let pipeline = self.pipelines.read(&self.revision(row)?.pipeline, &[])?;
            let job = self.pipelines.check(&pipeline)?;
            self.start_revision(slot, job, &pipeline, Some(row), &row.allow_dropped, || Ok(row.revision))
        };
        match again() {
            Ok(revision) => {
                Problem { detail: format!("{}; revision {revision} runs again", problem.detail), ..problem }
            }
            Err(second) => Problem::new(
                Kind::Internal,
                format!(
                    "{}; and revision {} could not be started again: {}",
                    problem.detail, row.revision, second.detail
                ),
            ),
        }
    }
}
