//! What is shown of a server and of its jobs. Nothing is changed here.

use std::sync::Arc;

use weir_engine::{NodeFigures, SubtaskFigures};

use super::Service;
use crate::catalog::{JobRow, Wanted};
use crate::jobs::Live;
use crate::metrics::{self, Figures};
use crate::model::{Health, JobDetail, JobNode, JobState, JobSubtask, JobSummary, LogLine, Savepoint};
use crate::open_files;
use crate::pipelines::Pipeline;
use crate::problem::Problem;
use crate::revisions;

impl Service {
    /// Whether it works at all.
    pub(crate) fn health(&self) -> Health {
        let running = self.jobs.all().iter().filter(|slot| slot.is_running()).count();
        Health { version: env!("CARGO_PKG_VERSION").to_owned(), jobs_running: running }
    }

    /// All jobs, by name.
    pub(crate) fn list(&self) -> Result<Vec<JobSummary>, Problem> {
        Ok(self.catalog.jobs()?.iter().map(|row| self.summary(row, &self.slot(&row.name).live())).collect())
    }

    /// Everything that the server knows about a job.
    pub(crate) fn show(&self, job: &str) -> Result<JobDetail, Problem> {
        let (row, slot) = self.find(job)?;
        let live = slot.live();
        let revisions = self.catalog.revisions(job)?;
        let current = revisions.iter().find(|revision| revision.number == row.revision);
        let text = current.map(|revision| revision.pipeline.clone()).unwrap_or_default();
        let pipeline = self.pipelines.read(&text, &[]).ok();
        let nodes = nodes(&live, pipeline.as_ref());
        let progress = &live.progress;
        // Its store may be away: that is no reason to show nothing.
        let (savepoints, damaged) = self.savepoints(job).unwrap_or_default();
        let of_checkpoints = progress.checkpoints.trouble.iter().map(|trouble| format!("checkpoints: {trouble}"));
        let of_others = progress.troubles.iter().map(|(name, trouble)| format!("{name}: {trouble}"));
        let late = progress.late.iter().map(ToString::to_string);
        let untried = progress.untried.iter().map(ToString::to_string);
        Ok(JobDetail {
            summary: self.summary(&row, &live),
            troubles: of_checkpoints.chain(damaged).chain(of_others).chain(late).chain(untried).collect(),
            savepoints,
            revisions: revisions::told(revisions),
            pipeline: text,
            nodes,
            subtasks: live.figures.subtasks.iter().map(subtask).collect(),
            at_us: self.clock.now_us(),
        })
    }

    /// The lines of a job after a number.
    pub(crate) fn lines(&self, job: &str, after: u64, operator: Option<&str>) -> Result<Vec<Arc<LogLine>>, Problem> {
        let (row, slot) = self.find(job)?;
        let lines = slot.lines.after(after, operator);
        if let (Some(operator), true) = (operator, lines.is_empty()) {
            let Pipeline { graph, versions, .. } = self.pipelines.read(&self.revision(&row)?.pipeline, &[])?;
            let steps = graph.nodes.iter().map(|node| &node.name);
            // Aggregates too.
            let names: Vec<_> = steps.chain(versions.iter().map(|(of, _)| of)).map(String::as_str).collect();
            if !names.contains(&operator) {
                let hint = weir_core::names::did_you_mean(operator, &names);
                return Err(Problem::not_found(format!("the job {job:?} has no step {operator:?}{hint}")));
            }
        }
        Ok(lines)
    }

    /// The savepoints of a job, oldest first; and what is wrong with those that are damaged.
    fn savepoints(&self, job: &str) -> Result<(Vec<Savepoint>, Vec<String>), Problem> {
        let store = self.store(job)?;
        let (mut savepoints, mut damaged) = (Vec::new(), Vec::new());
        for number in store.pins()? {
            match store.manifest(number) {
                Ok(manifest) => savepoints.push(Savepoint { checkpoint: number, created_us: manifest.created_us }),
                Err(error) if error.is_damage() => damaged
                    .push(format!("savepoint {number}: {error}; `weir savepoint {job} --rm {number}` removes it")),
                // Somebody has removed it meanwhile, or the store is away.
                Err(_) => {}
            }
        }
        Ok((savepoints, damaged))
    }

    /// A job in a line.
    pub(super) fn summary(&self, row: &JobRow, live: &Live) -> JobSummary {
        let of_row = match row.wanted {
            Wanted::Running => JobState::Starting,
            Wanted::Stopped => JobState::Stopped,
            Wanted::Finished => JobState::Finished,
            Wanted::Failed => JobState::Failed,
            Wanted::Quarantined => JobState::Quarantined,
        };
        let progress = &live.progress;
        let done = live.before.and(progress, None);
        JobSummary {
            name: row.name.clone(),
            state: live.state.unwrap_or(of_row),
            reason: live.reason.clone().or_else(|| row.reason.clone()),
            revision: row.revision,
            created_us: row.created_us,
            since_us: live.since_us,
            rows_in: done.rows_in,
            rows_out: done.rows_out,
            rows_per_s: live.rows_per_s,
            rows_failed: done.rows_failed,
            watermark_us: progress.watermark_us,
            lag_us: progress.watermark_us.map(|watermark_us| self.clock.now_us().saturating_sub(watermark_us)),
            checkpoint: done.checkpoint,
            swap: live.swap.clone(),
        }
    }

    /// What monitoring reads, in the text format of OpenMetrics.
    pub(crate) fn metrics(&self) -> Result<String, Problem> {
        let job = |summary: JobSummary| (self.slot(&summary.name).live(), summary);
        let jobs = self.list()?.into_iter().map(job).collect();
        Ok(metrics::text(Figures {
            jobs,
            bounds: self.admission.bounds,
            memory: Arc::clone(&self.pipelines.memory),
            taken: self.admission.taken(),
            connections: self.connections.counts(),
            files: (open_files::open(), self.files_limit),
            permits: self.permits.figures(),
        }))
    }
}

/// The steps of a job, with what they have done.
fn nodes(live: &Live, pipeline: Option<&Pipeline>) -> Vec<JobNode> {
    let steps = match &live.description {
        Some(description) => live.before.nodes(&live.progress, description),
        None => live.before.nodes.clone(),
    };
    let node = |node: JobNode| {
        let figures = live.figures.nodes.iter().find(|figures| figures.counts.name == node.name).cloned();
        let NodeFigures { bytes_in, bytes_out, guests, state_bytes, .. } = figures.unwrap_or_default();
        let guests = guests.unwrap_or_default();
        JobNode {
            component: pipeline.and_then(|pipeline| pipeline.references(&node.name)),
            state_bytes: state_bytes.unwrap_or_default(),
            bytes_in,
            bytes_out,
            guest_memory_bytes: guests.memory_bytes,
            guest_memory_limit_bytes: guests.memory_limit_bytes,
            ..node
        }
    };
    steps.into_iter().map(node).collect()
}

fn subtask(figures: &SubtaskFigures) -> JobSubtask {
    let SubtaskFigures { name, nodes, busy_us, backpressured_us, idle_us, watermark_us } = figures.clone();
    JobSubtask { name, nodes, busy_us, backpressured_us, idle_us, watermark_us }
}
