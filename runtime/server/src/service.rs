//! What can be asked of a server, and what is refused: operators, jobs, and what is done with them. It knows nothing of HTTP. What waits for
//! disks, compilers or jobs is not for an asynchronous runtime's threads.

mod changes;
mod dead_letters;
mod deploy;
mod history;
mod kept_letters;
mod operators;
mod outputs;
mod recovery;
mod rollback;
mod shown;
mod swaps;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use weir_core::time::Clock;
use weir_engine::GuestResources;
use weir_host::LogLevel;
use weir_state::checkpoint::CheckpointStore;

use crate::catalog::{Catalog, JobRow, RevisionRow, Wanted};
use crate::compiler::Compiler;
use crate::components::Components;
use crate::connections::Connections;
use crate::crash_watch::{CrashWatch, Verdict};
use crate::jobs::{Admission, Bounds, Command, Ending, Jobs, KeptFigures, Lines, Origin, Reserved, Slot, Start};
use crate::pipelines::Pipelines;
use crate::problem::{Kind, Problem};
use recovery::Recovery;

/// A server, without its ports.
pub(crate) struct Service {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) components: Arc<Components>,
    pub(crate) compiler: Compiler,
    pipelines: Arc<Pipelines>,
    jobs: Arc<Jobs>,
    admission: Arc<Admission>,
    crash_watch: Arc<CrashWatch>,
    clock: Arc<dyn Clock>,
    /// Held while a component is added or removed.
    component_store_lock: Mutex<()>,
    is_ending: AtomicBool,
    /// Whether nobody else can reach it.
    pub(crate) is_local: bool,
    pub(crate) permits: Permits,
    connections: Arc<Connections>,
    /// Descriptors that the process may have.
    files_limit: u64,
}

/// Permits for what takes much memory, processor time or threads; others wait for one.
pub(crate) struct Permits {
    /// Checks of pipelines, each of which may have connections and threads of all its sources and sinks.
    pub(crate) checks: Arc<Semaphore>,
    /// Uploads, until they are compiled and kept: their bytes are in memory.
    pub(crate) uploads: Arc<Semaphore>,
    /// Compilers: each may take a core and the memory that a component may.
    pub(crate) compilers: Arc<Semaphore>,
}

/// Pipelines that are checked at a time: six hundred at once have ended the process in librdkafka, and a few are done in a moment.
const CHECKS_MAX: usize = 8;
/// Uploads at a time: of 64 MiB each they take 512 MiB.
const UPLOADS_MAX: usize = 8;
/// Components that are compiled at a time: one that takes as long as it may holds up no other.
const COMPILERS_MAX: usize = 4;

impl Permits {
    /// Of each its name, how many are under way, and how many may be.
    fn figures(&self) -> [(&'static str, usize, usize); 3] {
        [
            ("checks", &self.checks, CHECKS_MAX),
            ("uploads", &self.uploads, UPLOADS_MAX),
            ("compilers", &self.compilers, COMPILERS_MAX),
        ]
        .map(|(name, permits, most)| (name, most.saturating_sub(permits.available_permits()), most))
    }
}

impl Default for Permits {
    fn default() -> Self {
        let [checks, uploads, compilers] =
            [CHECKS_MAX, UPLOADS_MAX, COMPILERS_MAX].map(|most| Arc::new(Semaphore::new(most)));
        Self { checks, uploads, compilers }
    }
}

impl Service {
    /// A server whose jobs do not run yet.
    pub(crate) fn new(
        pipelines: Pipelines,
        compiler: Compiler,
        clock: Arc<dyn Clock>,
        bounds: Bounds,
        is_local: bool,
        (connections, files_limit): (Arc<Connections>, u64),
    ) -> Self {
        let jobs = Arc::new(Jobs::default());
        Self {
            crash_watch: Arc::new(CrashWatch::new(Arc::clone(&pipelines.catalog))),
            catalog: Arc::clone(&pipelines.catalog),
            components: Arc::clone(&pipelines.components),
            compiler,
            pipelines: Arc::new(pipelines),
            admission: Arc::new(Admission::new(bounds, Arc::clone(&jobs))),
            jobs,
            clock,
            component_store_lock: Mutex::default(),
            is_ending: AtomicBool::new(false),
            is_local,
            permits: Permits::default(),
            connections,
            files_limit,
        }
    }

    /// Writes down how the server before this one ended.
    pub(crate) fn note_end_before(&self, aborted: bool) -> Result<(), Problem> {
        Ok(self.crash_watch.note_end_before(aborted, self.clock.now_us())?)
    }

    /// Lets every job continue that ran when the server ended, however it did; one for which there is no room any more waits for it, and
    /// one under which the server has aborted for the others, or for somebody to start it.
    pub(crate) fn recover(&self) -> Result<(), Problem> {
        self.catalog.remove_unacknowledged_jobs()?;
        let rows = self.catalog.jobs()?;
        self.pipelines.remove_folders_but(&rows.iter().map(|row| row.name.as_str()).collect());
        let mut alone = Vec::new();
        for row in rows {
            let slot = self.slot(&row.name);
            if row.wanted == Wanted::Quarantined {
                slot.quarantine(row.reason.clone());
            }
            if row.wanted != Wanted::Running {
                slot.had_done(KeptFigures::read(&self.pipelines.folder(&row.name)));
                continue;
            }
            // Its first line: there are none of before.
            slot.lines.tell(LogLevel::Info, "the server has started");
            match self.crash_watch.verdict(&row.name)? {
                Verdict::Continues => {
                    self.crash_watch.begins(&row.name)?;
                    let recovery = self.recovery(&slot, &row)?;
                    self.recover_later(&slot, &row, recovery)?;
                }
                Verdict::Alone => alone.push((slot, row)),
                Verdict::Quarantined(why) => {
                    self.catalog.want(&row.name, Wanted::Quarantined, Some(&why))?;
                    tracing::error!(job = row.name, "the job is in quarantine: {why}");
                    slot.lines.tell(LogLevel::Error, &format!("the job is in quarantine: {why}"));
                    slot.quarantine(Some(why));
                }
            }
        }
        for (slot, row) in alone {
            let recovery = self.recovery(&slot, &row)?;
            self.spawn(&slot, &row, Origin::Recover(Box::new(move || recovery.start_alone())))?;
        }
        Ok(())
    }

    /// Starts no job any more, and ends what is followed.
    pub(crate) fn begin_to_end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Suspends every job, and waits until all have ended or so long. They continue when the server is started again.
    pub(crate) fn end(&self, timeout: Duration) {
        self.begin_to_end();
        let slots = self.jobs.all();
        slots.iter().for_each(|slot| slot.tell(Command::End(Ending::Suspend)));
        let until_us = self.clock.now_us().saturating_add(i64::try_from(timeout.as_micros()).unwrap_or(i64::MAX));
        for slot in &slots {
            let left = until_us.saturating_sub(self.clock.now_us()).max(0).unsigned_abs();
            if !slot.wait(Duration::from_micros(left)) {
                slot.lines.tell(LogLevel::Warn, "the final checkpoint timed out; it resumes from the one before");
                slot.tell(Command::End(Ending::Stop));
            }
        }
        // Those that have not ended do with the process, and that is no fault of theirs.
        if let Err(error) = self.catalog.end_all_running() {
            tracing::warn!("cannot record that the server has stopped its jobs: {error}");
        }
    }

    /// Whether the server is about to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }

    fn find(&self, job: &str) -> Result<(JobRow, Arc<Slot>), Problem> {
        match self.catalog.job(job)? {
            Some(row) => Ok((row, self.slot(job))),
            None => {
                let jobs = self.catalog.jobs()?;
                let names: Vec<_> = jobs.iter().map(|row| row.name.as_str()).collect();
                let hint = weir_core::names::did_you_mean(job, &names);
                Err(Problem::not_found(format!("there is no job {job:?} on this server{hint}")))
            }
        }
    }

    fn slot(&self, job: &str) -> Arc<Slot> {
        self.jobs.slot(job, || Slot::new(job, Arc::new(Lines::new(Arc::clone(&self.clock)))))
    }

    /// The revision that is to run.
    fn revision(&self, row: &JobRow) -> Result<RevisionRow, Problem> {
        self.catalog.revision(&row.name, row.revision)?.ok_or_else(|| {
            Problem::new(Kind::Internal, format!("the catalog has no revision {} of {}", row.revision, row.name))
        })
    }

    /// Where a job keeps its checkpoints.
    fn store(&self, job: &str) -> Result<CheckpointStore, Problem> {
        let (row, _) = self.find(job)?;
        let pipeline = self.pipelines.read(&self.revision(&row)?.pipeline, &[])?;
        Ok(CheckpointStore::open(&pipeline.location())?)
    }

    /// Refuses an upload where the disk has little left.
    pub(crate) fn check_space(&self) -> Result<(), Problem> {
        let (folder, reserve) = (&self.pipelines.jobs, self.pipelines.disk.reserve_bytes);
        let Ok(free) = weir_core::disk::free_bytes(folder) else { return Ok(()) };
        if free >= reserve {
            return Ok(());
        }
        let detail = format!(
            "the disk has {free} bytes free, and the server keeps {reserve} for what must always work (--disk-reserve)"
        );
        Err(Problem::new(Kind::Limit, detail))
    }

    /// Keeps room for the guests of a job that is about to start, or to change; refuses it if there is none.
    fn admit(&self, slot: &Arc<Slot>, room: GuestResources) -> Result<Reserved, Problem> {
        if self.is_ending() {
            return Err(Problem::new(Kind::Unavailable, "the server is shutting down, and starts no more jobs"));
        }
        self.admission.admit(slot, room)
    }

    /// The thread of a job that resumes as soon as it can.
    fn recover_later(&self, slot: &Arc<Slot>, row: &JobRow, recovery: Recovery) -> Result<(), Problem> {
        self.spawn(slot, row, Origin::Recover(Box::new(move || recovery.start(None))))
    }

    /// The thread of a job.
    fn spawn(&self, slot: &Arc<Slot>, row: &JobRow, origin: Origin) -> Result<(), Problem> {
        let start = Start {
            catalog: Arc::clone(&self.catalog),
            clock: Arc::clone(&self.clock),
            admission: Arc::clone(&self.admission),
            folder: self.pipelines.folder(&row.name),
            crash_watch: Arc::clone(&self.crash_watch),
            has_conditions: row.from_checkpoint.is_some() || !row.allow_dropped.is_empty() || !row.goes_back.is_empty(),
        };
        slot.start(origin, start).map_err(|error| Problem::internal("failed to spawn a thread for the job", &error))
    }
}
