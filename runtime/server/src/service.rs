//! What can be asked of a server, and what is refused: operators, jobs, and what is done with them. It knows nothing of HTTP. What waits for
//! disks, compilers or jobs is not for an asynchronous runtime's threads.

mod changes;
mod dead_letters;
mod deploy;
mod operators;
mod swaps;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::datatypes::DataType;
use weir_core::connector::Connectors;
use weir_core::time::Clock;
use weir_engine::{Durable, Job, NodeFigures, SubtaskFigures, Supervisor};
use weir_host::{Host, LogLevel};
use weir_state::checkpoint::CheckpointStore;

use crate::catalog::{Catalog, JobRow, RevisionRow, RevisionState, Wanted};
use crate::compiler::Compiler;
use crate::components::Components;
use crate::jobs::{Command, Ending, Jobs, Lines, Live, Origin, Reserved, Slot, Start};
use crate::metrics::{self, Figures};
use crate::model::{Health, JobDetail, JobNode, JobState, JobSubtask, JobSummary, LogLine, Revision, Savepoint};
use crate::pipelines::{Pipeline, Pipelines};
use crate::problem::{Kind, Problem};
use crate::replays::Resumed;

/// What a server may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Jobs that run at a time.
    pub(crate) jobs_max: usize,
    /// Memory that the guests of all jobs may use together, by their limits.
    pub(crate) guest_bytes_max: u64,
}

/// A server, without its ports.
pub(crate) struct Service {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) components: Arc<Components>,
    pub(crate) compiler: Compiler,
    pipelines: Arc<Pipelines>,
    jobs: Jobs,
    clock: Arc<dyn Clock>,
    bounds: Bounds,
    /// Held by whoever brings a component or removes one.
    shelf: Mutex<()>,
    /// Held by whoever starts a job, so that the bounds hold for all together.
    admission: Mutex<()>,
    is_ending: AtomicBool,
    /// Whether nobody else can reach it.
    pub(crate) is_local: bool,
    /// Uploads and compilers at a time: each may take what a component may.
    pub(crate) pushes: Arc<tokio::sync::Semaphore>,
}

/// Uploads that are taken and compiled at a time; others wait.
const PUSHES_MAX: usize = 4;

/// What a server is made of.
pub(crate) struct Parts<'a> {
    pub(crate) data_dir: &'a Path,
    pub(crate) files: &'a Path,
    pub(crate) catalog: Catalog,
    pub(crate) components: Components,
    pub(crate) compiler: Compiler,
    pub(crate) connectors: Box<dyn Connectors + Send + Sync>,
    pub(crate) column_type: fn(&DataType) -> String,
    pub(crate) host: Host,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) bounds: Bounds,
    pub(crate) is_local: bool,
}

impl Service {
    /// A server whose jobs do not run yet.
    pub(crate) fn new(parts: Parts<'_>) -> Self {
        let Parts {
            data_dir,
            files,
            catalog,
            components,
            compiler,
            connectors,
            column_type,
            host,
            clock,
            bounds,
            is_local,
        } = parts;
        let (catalog, components) = (Arc::new(catalog), Arc::new(components));
        let pipelines = Pipelines {
            catalog: Arc::clone(&catalog),
            components: Arc::clone(&components),
            connectors,
            column_type,
            host,
            files: files.to_path_buf(),
            jobs: data_dir.join("jobs"),
        };
        Self {
            catalog,
            components,
            compiler,
            pipelines: Arc::new(pipelines),
            jobs: Jobs::default(),
            clock,
            bounds,
            shelf: Mutex::default(),
            admission: Mutex::default(),
            is_ending: AtomicBool::new(false),
            is_local,
            pushes: Arc::new(tokio::sync::Semaphore::new(PUSHES_MAX)),
        }
    }

    /// Lets every job go on that ran when the server ended, however it did.
    pub(crate) fn recover(&self) -> Result<(), Problem> {
        self.catalog.end_trials("the server ended before the swap was decided")?;
        for row in self.catalog.jobs()? {
            let slot = self.slot(&row.name);
            if row.wanted != Wanted::Running {
                continue;
            }
            let revision = self.revision(&row)?;
            let (pipelines, clock) = (Arc::clone(&self.pipelines), Arc::clone(&self.clock));
            let (lines, of) = (Arc::clone(&slot.lines), row.clone());
            let recover = move || {
                let pipeline = pipelines.read(&revision.pipeline, &[])?;
                start(&pipelines, pipelines.check(&pipeline)?, &pipeline, &of, &lines, &clock)
            };
            self.spawn(&slot, &row, Origin::Recover(Box::new(recover)))?;
        }
        Ok(())
    }

    /// Starts no job any more, and ends what is followed.
    pub(crate) fn begin_to_end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Suspends every job, and waits until all have ended or so long. They go on when the server is started again.
    pub(crate) fn end(&self, timeout: Duration) {
        self.begin_to_end();
        let slots = self.jobs.all();
        slots.iter().for_each(|slot| slot.tell(Command::End(Ending::Suspend)));
        let until_us = self.clock.now_us().saturating_add(i64::try_from(timeout.as_micros()).unwrap_or(i64::MAX));
        for slot in &slots {
            let left = until_us.saturating_sub(self.clock.now_us()).max(0).unsigned_abs();
            if !slot.wait(Duration::from_micros(left)) {
                slot.lines
                    .tell(LogLevel::Warn, "it takes too long to a last checkpoint, and goes on from the one before");
                slot.tell(Command::End(Ending::Stop));
            }
        }
    }

    /// Whether the server is about to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }

    pub(crate) fn health(&self) -> Health {
        let running = self.jobs.all().iter().filter(|slot| slot.is_running()).count();
        Health { version: env!("CARGO_PKG_VERSION").to_owned(), jobs_running: running }
    }

    /// All jobs, by name.
    pub(crate) fn list(&self) -> Result<Vec<JobSummary>, Problem> {
        Ok(self.catalog.jobs()?.iter().map(|row| self.summary(row, &self.slot(&row.name).live())).collect())
    }

    /// All that is known of a job.
    pub(crate) fn show(&self, job: &str) -> Result<JobDetail, Problem> {
        let (row, slot) = self.find(job)?;
        let live = slot.live();
        let revisions = self.catalog.revisions(job)?;
        let current = revisions.iter().find(|revision| revision.number == row.revision);
        let text = current.map(|revision| revision.pipeline.clone()).unwrap_or_default();
        let pipeline = self.pipelines.read(&text, &[]).ok();
        let nodes = nodes(&live, pipeline.as_ref());
        let progress = &live.progress;
        let of_checkpoints = progress.checkpoints.trouble.iter().map(|trouble| format!("checkpoints: {trouble}"));
        let of_others = progress.troubles.iter().map(|(name, trouble)| format!("{name}: {trouble}"));
        Ok(JobDetail {
            summary: self.summary(&row, &live),
            troubles: of_checkpoints.chain(of_others).collect(),
            // Its store may be away: that is no reason to show nothing.
            savepoints: self.savepoints(job).unwrap_or_default(),
            revisions: revisions.into_iter().map(revision).collect(),
            pipeline: text,
            nodes,
            subtasks: live.figures.subtasks.iter().map(subtask).collect(),
            at_us: self.clock.now_us(),
        })
    }

    /// The lines of a job after a number.
    pub(crate) fn lines(&self, job: &str, after: u64, operator: Option<&str>) -> Result<Vec<LogLine>, Problem> {
        let (row, slot) = self.find(job)?;
        let lines = slot.lines.after(after, operator);
        if let (Some(operator), true) = (operator, lines.is_empty()) {
            let graph = self.pipelines.read(&self.revision(&row)?.pipeline, &[])?.graph;
            let names: Vec<_> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
            if !names.contains(&operator) {
                let hint = weir_core::pipeline::did_you_mean(operator, &names);
                return Err(Problem::not_found(format!("the job {job:?} has no step {operator:?}{hint}")));
            }
        }
        Ok(lines)
    }

    /// The savepoints of a job, oldest first.
    pub(crate) fn savepoints(&self, job: &str) -> Result<Vec<Savepoint>, Problem> {
        let store = self.store(job)?;
        let pins = store.pins()?.into_iter();
        let savepoint = |number: u64| {
            let manifest = store.manifest(number).ok()?;
            Some(Savepoint { checkpoint: number, created_us: manifest.created_us })
        };
        Ok(pins.filter_map(savepoint).collect())
    }

    fn summary(&self, row: &JobRow, live: &Live) -> JobSummary {
        let of_row = match row.wanted {
            Wanted::Running => JobState::Starting,
            Wanted::Stopped => JobState::Stopped,
            Wanted::Finished => JobState::Finished,
            Wanted::Failed => JobState::Failed,
        };
        let progress = &live.progress;
        JobSummary {
            name: row.name.clone(),
            state: live.state.unwrap_or(of_row),
            reason: live.reason.clone().or_else(|| row.reason.clone()),
            revision: row.revision,
            created_us: row.created_us,
            rows_in: progress.rows_in,
            rows_out: progress.rows_out,
            rows_per_s: live.rows_per_s,
            rows_failed: progress.rows_failed,
            watermark_us: progress.watermark_us,
            lag_us: progress.watermark_us.map(|watermark_us| self.clock.now_us().saturating_sub(watermark_us)),
            checkpoint: progress.checkpoints.last,
            swap: live.swap.clone(),
        }
    }

    fn find(&self, job: &str) -> Result<(JobRow, Arc<Slot>), Problem> {
        match self.catalog.job(job)? {
            Some(row) => Ok((row, self.slot(job))),
            None => {
                let jobs = self.catalog.jobs()?;
                let names: Vec<_> = jobs.iter().map(|row| row.name.as_str()).collect();
                let hint = weir_core::pipeline::did_you_mean(job, &names);
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

    /// What monitoring reads, in the text format of OpenMetrics.
    pub(crate) fn metrics(&self) -> Result<String, Problem> {
        let job = |summary: JobSummary| (self.slot(&summary.name).live(), summary);
        let jobs = self.list()?.into_iter().map(job).collect();
        Ok(metrics::text(Figures { jobs, bounds: self.bounds }))
    }

    /// Keeps room for a job that is about to start, or to change; refuses it if there is none.
    fn admit(&self, slot: &Arc<Slot>, job: &Job) -> Result<Reserved, Problem> {
        if self.is_ending() {
            return Err(Problem::new(Kind::Unavailable, "the server is about to end, and starts no job any more"));
        }
        let limit = |detail: String| Problem::new(Kind::Limit, detail);
        let _admission = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        let others = self.jobs.all().into_iter().filter(|other| other.name != slot.name);
        let others: Vec<u64> = others.filter_map(|other| other.guest_bytes()).collect();
        let (jobs, bytes) = (others.len(), others.iter().sum::<u64>().saturating_add(job.guest_memory_bytes()));
        let Bounds { jobs_max, guest_bytes_max } = self.bounds;
        if jobs >= jobs_max {
            return Err(limit(format!(
                "{jobs} jobs run, and this server runs {jobs_max} at most (--max-jobs): stop one"
            )));
        }
        if bytes > guest_bytes_max {
            let (needed, most) = (bytes.div_ceil(1 << 20), guest_bytes_max >> 20);
            return Err(limit(format!(
                "with this job the operators of all jobs could use {needed} MiB, and this server gives them {most} MiB \
                 (--max-guest-memory): lower limits.memory or the parallelism, or stop a job"
            )));
        }
        Ok(slot.reserve(job.guest_memory_bytes()))
    }

    /// The thread of a job.
    fn spawn(&self, slot: &Arc<Slot>, row: &JobRow, origin: Origin) -> Result<(), Problem> {
        let start = Start {
            catalog: Arc::clone(&self.catalog),
            clock: Arc::clone(&self.clock),
            has_conditions: row.from_checkpoint.is_some() || !row.allow_dropped.is_empty(),
        };
        slot.start(origin, start).map_err(|error| Problem::internal("the job gets no thread", &error))
    }
}

/// Starts a job where its catalog says.
fn start(
    pipelines: &Pipelines,
    job: Job,
    pipeline: &Pipeline,
    row: &JobRow,
    lines: &Arc<Lines>,
    clock: &Arc<dyn Clock>,
) -> Result<Supervisor, Problem> {
    let store = CheckpointStore::open(&pipeline.location())?;
    let newest = store.list()?.first().map(|listed| listed.number);
    // A job that has completed a checkpoint since goes on from that, whatever was said before.
    let row = match newest > row.newest {
        true => JobRow { from_checkpoint: None, allow_dropped: Vec::new(), ..row.clone() },
        false => row.clone(),
    };
    let Resumed { job, allow_dropped, left } = pipelines.resume(job, pipeline, &row, &store)?;
    let job = job.with_guest_log(Arc::clone(lines) as Arc<dyn weir_host::GuestLog>);
    let durable = pipeline.graph.checkpoint.clone().map(|settings| {
        let store = store.clone();
        Durable { store, settings, from: row.from_checkpoint, allow_dropped }
    });
    let supervisor = Supervisor::start(Arc::new(job), Arc::clone(clock), durable, pipeline.graph.restart)?;
    pipelines.settle(&row.name, &left, &store)?;
    Ok(supervisor)
}

fn revision(row: RevisionRow) -> Revision {
    let RevisionRow { number, cause, state, reason, created_us, .. } = row;
    let state = match state {
        RevisionState::Trying => "trying",
        RevisionState::Kept => "kept",
        RevisionState::RolledBack => "rolled-back",
    };
    Revision { number, cause, state: state.to_owned(), reason, created_us }
}

/// The steps of a job, with what they have done if it runs.
fn nodes(live: &Live, pipeline: Option<&Pipeline>) -> Vec<JobNode> {
    let Some(description) = &live.description else { return Vec::new() };
    let node = |node: &weir_engine::NodeDescription| {
        let counts = live.progress.nodes.iter().find(|counts| counts.name == node.name).cloned().unwrap_or_default();
        let figures = live.figures.nodes.iter().find(|figures| figures.counts.name == node.name).cloned();
        let NodeFigures { bytes_in, bytes_out, guests, state_bytes, .. } = figures.unwrap_or_default();
        let guests = guests.unwrap_or_default();
        JobNode {
            name: node.name.clone(),
            kind: node.kind.to_owned(),
            inputs: node.inputs.clone(),
            parallelism: node.parallelism,
            component: pipeline.and_then(|pipeline| pipeline.references(&node.name)),
            rows_in: counts.rows_in,
            rows_out: counts.rows_out,
            rows_late: counts.rows_late,
            rows_failed: counts.rows_failed,
            state_bytes: state_bytes.unwrap_or_default(),
            bytes_in,
            bytes_out,
            guest_memory_bytes: guests.memory_bytes,
            guest_memory_limit_bytes: guests.memory_limit_bytes,
        }
    };
    description.nodes.iter().map(node).collect()
}

fn subtask(figures: &SubtaskFigures) -> JobSubtask {
    let SubtaskFigures { name, nodes, busy_us, backpressured_us, idle_us, watermark_us } = figures.clone();
    JobSubtask { name, nodes, busy_us, backpressured_us, idle_us, watermark_us }
}
