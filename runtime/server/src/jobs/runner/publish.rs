//! What a job's thread tells of the job while it runs: how far it is, what it has done so far, and what it has begun with.

use std::sync::Arc;

use weir_engine::{ColumnDescription, JobDescription, Supervisor};
use weir_host::{LogLevel, printable};

use super::Thread;
use crate::jobs::Ending;
use crate::model::JobState;
use crate::problem::chain;

/// How often figures are taken, microseconds.
const FIGURES_EVERY_US: i64 = 250_000;
/// Rates are of so long, microseconds.
const RATE_PERIOD_US: i64 = 1_000_000;
/// Columns of a source or a sink that are told when the job starts.
const COLUMNS_TOLD_MAX: usize = 30;

impl Thread {
    /// Shows how far the job is.
    pub(super) fn publish(&mut self, job: &Supervisor, ending: Option<Ending>) {
        let progress = job.progress();
        if self.start.has_conditions && progress.checkpoints.completed > 0 {
            self.start.has_conditions = false;
            // If it cannot be written, the next start finds a newer checkpoint, and so does without.
            if let Err(error) = self.start.catalog.end_conditions(&self.slot.name) {
                self.tell(LogLevel::Error, &chain(&error));
            }
        }
        if !self.is_stable {
            // That it starts again by itself meanwhile does not count: others wait until it is stable.
            let began_us = *self.began_us.get_or_insert(job.started_us());
            let has_run_us = self.start.clock.now_us().saturating_sub(began_us);
            let (name, has_checkpoint) = (&self.slot.name, progress.checkpoints.completed > 0);
            self.is_stable = self.start.crash_watch.is_stable(name, has_checkpoint, has_run_us);
            if self.is_stable {
                self.start.crash_watch.mark_stable(name);
            }
        }
        let reason = job.why_waiting().map(printable);
        let state = match (ending, &reason) {
            (Some(_), _) => JobState::Stopping,
            (None, Some(_)) => JobState::Restarting,
            (None, None) => JobState::Running,
        };
        let now_us = self.start.clock.now_us();
        let (seen_us, rows) = self.seen;
        let passed_us = now_us.saturating_sub(seen_us);
        let rate = (passed_us >= RATE_PERIOD_US).then(|| {
            self.seen = (now_us, progress.rows_in);
            let rows = progress.rows_in.saturating_sub(rows);
            if seen_us == 0 { 0.0 } else { rows as f64 / (passed_us as f64 / 1e6) }
        });
        let figures = (now_us.saturating_sub(self.figures_us) >= FIGURES_EVERY_US).then(|| Arc::new(job.figures()));
        if figures.is_some() {
            self.figures_us = now_us;
        }
        let guest_resources = Some(self.guest_resources(job));
        // What it had done after its last checkpoint it does again.
        let has_restarted = self.started_us.replace(job.started_us()).is_some_and(|last| last != job.started_us());
        let before = has_restarted.then(|| self.at_checkpoint.clone());
        let has_checkpoint = progress.checkpoints.completed > 0
            && progress.checkpoints.last.is_some_and(|last| Some(last) != self.at_checkpoint.checkpoint);
        self.update(|live| {
            (live.state, live.progress, live.reason) = (Some(state), progress, reason);
            (live.since_us, live.guest_resources) = (Some(job.started_us()), guest_resources);
            if let Some(before) = before {
                live.before = before;
            }
            live.before.checkpoint = job.resumed_from().or(live.before.checkpoint);
            live.figures = figures.unwrap_or_else(|| Arc::clone(&live.figures));
            live.rows_per_s = rate.unwrap_or(live.rows_per_s);
        });
        if has_checkpoint {
            self.keep_figures();
        }
    }

    /// Writes down what the job has done so far.
    pub(super) fn keep_figures(&mut self) {
        let live = self.slot.live();
        self.at_checkpoint = live.before.and(&live.progress, live.description.as_deref());
        // One that is left behind, or was removed, has no folder of its own any more.
        if !self.is_left()
            && let Err(error) = self.at_checkpoint.write(&self.start.folder)
        {
            tracing::warn!(job = self.slot.name, "what the job has done is not known after a restart: {error}");
        }
    }

    /// Says what the job begins with, one line each.
    pub(super) fn tell_start(&self, job: &Supervisor, description: &JobDescription) {
        let name = &self.slot.name;
        // Without it the rest is still worth to be told.
        let revision = self.start.catalog.job(name).ok().flatten().map_or(0, |row| row.revision);
        let parallelism = description.nodes.iter().map(|node| node.parallelism).max().unwrap_or(1);
        self.tell(LogLevel::Info, &format!("{name} starts: revision {revision}, parallelism {parallelism}"));
        if job.resumed_from().is_none() {
            self.tell(LogLevel::Info, "there is no checkpoint to resume from: it begins at the start of its input");
        }
        for node in &description.nodes {
            let (what, written) = (node.kind, node.outputs.is_empty());
            let columns = match node.outputs.iter().find(|output| output.name == "main") {
                Some(output) if what == "source" => &output.columns,
                _ if written => &node.takes,
                _ => continue,
            };
            self.tell(LogLevel::Info, &format!("{what} {}: {}", node.name, told(columns)));
        }
    }
}

/// `price int64, name utf8`
fn told(columns: &[ColumnDescription]) -> String {
    let shown = columns.iter().take(COLUMNS_TOLD_MAX).map(|column| format!("{} {}", column.name, column.data_type));
    let more = columns.len().checked_sub(COLUMNS_TOLD_MAX).filter(|more| *more > 0);
    let parts: Vec<_> = shown.chain(more.map(|more| format!("and {more} more"))).collect();
    if parts.is_empty() { "no columns".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_columns_are_no_wall() {
        let column =
            |number| ColumnDescription { name: format!("c{number}"), data_type: "int64".to_owned(), read: true };
        assert_eq!(told(&[column(1), column(2)]), "c1 int64, c2 int64");
        assert!(told(&(0..99).map(column).collect::<Vec<_>>()).ends_with("c29 int64, and 69 more"));
        assert_eq!(told(&[]), "no columns");
    }
}
