//! `weir show`: all that a server knows of a job.

use std::io::IsTerminal as _;

use weir_server::model::{JobDetail, JobNode, JobSubtask, Revision, SwapPhase};

use super::jobs::state;
use super::swap::{changes, versions as swap_versions};
use crate::client::{ServerArgs, part};
use crate::{figures, json, terminal};

/// Options of `weir show`.
#[derive(clap::Args)]
#[command(
    after_help = "`rows out` are the rows of all outputs of a step, also late rows and dead letters; `late` and `failed` are rows that came in.
`busy` and `held up` are shares of the time since the start of the job.

Examples:
  weir show orders
  weir show orders --pipeline > orders.toml
  weir show orders --json"
)]
pub(crate) struct Args {
    /// The job
    job: String,
    /// Print only the pipeline that runs
    #[arg(long, conflicts_with = "json")]
    pipeline: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Shows it.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let job: JobDetail = args.server.client()?.get(&format!("/v1/jobs/{}", part(&args.job)))?;
    if args.pipeline {
        // What goes into a file is to be deployed again.
        return match std::io::stdout().is_terminal() {
            true => terminal::print_result(&job.pipeline),
            false => terminal::print_bytes(job.pipeline.as_bytes()),
        };
    }
    if args.json {
        return json::print(&job);
    }
    terminal::print_result(&told(&job))?;
    terminal::print_notes(&job.troubles);
    Ok(())
}

fn told(job: &JobDetail) -> String {
    let summary = &job.summary;
    let mut text = format!("{} is {}", terminal::bold(&summary.name), state(summary.state));
    if let Some(reason) = &summary.reason {
        text += &format!(": {reason}");
    }
    text += &format!("\nrevision {}, {} rows/s", summary.revision, figures::short(summary.rows_per_s));
    if let Some(since_us) = summary.since_us {
        text += &format!(", since {}", figures::event_time(since_us));
    }
    if let (Some(watermark_us), Some(lag_us)) = (summary.watermark_us, summary.lag_us) {
        text += &format!(", watermark {}, lag {}", figures::event_time(watermark_us), figures::duration(lag_us));
    }
    if let Some(number) = summary.checkpoint {
        text += &format!(", checkpoint {number}");
    }
    if let Some(swap) = &summary.swap {
        let phase = match swap.phase {
            SwapPhase::CuttingOver => "cutting over",
            SwapPhase::Canary => "on trial for some of the keys",
            SwapPhase::Probation => "on trial",
            SwapPhase::RolledBack => "rolled back",
            SwapPhase::Done | SwapPhase::Fits => "done",
        };
        text += &format!("\nlast swap: {} ({phase})", swap_versions(swap));
    }
    // Of the busiest subtask, and of the one that is held up most; one that has ended, such as that of a replay, does nothing from then on.
    let time = |s: &JobSubtask| s.busy_us + s.backpressured_us + s.idle_us;
    let since_start = job.subtasks.iter().map(time).max().unwrap_or_default().max(1);
    let share = |node: &JobNode, of: fn(&JobSubtask) -> u64| {
        let subtasks = job.subtasks.iter().filter(|subtask| subtask.nodes.contains(&node.name));
        let shares = subtasks.map(|s| of(s) * 100 / since_start);
        shares.max().map_or_else(String::new, |percent| format!("{percent}%"))
    };
    let node = |node: &JobNode| {
        vec![
            node.name.clone(),
            node.kind.clone(),
            node.component.clone().unwrap_or_default(),
            node.inputs.join(" + "),
            node.parallelism.to_string(),
            figures::count(node.rows_in),
            figures::count(node.rows_out),
            figures::count(node.rows_late),
            figures::count(node.rows_failed),
            share(node, |subtask| subtask.busy_us),
            share(node, |subtask| subtask.backpressured_us),
            figures::bytes(node.state_bytes),
        ]
    };
    let header = [
        "step", "kind", "version", "reads", "subtasks", "rows in", "rows out", "late", "failed", "busy", "held up",
        "state",
    ];
    text += &format!("\n\n{}", figures::table(&header, job.nodes.iter().map(node).collect(), 4));
    let revision = |revision: &Revision| {
        let changed = changes(&revision.operators);
        vec![
            revision.number.to_string(),
            format!("{} {changed}", revision.cause).trim_end().to_owned(),
            revision.state.clone(),
            figures::event_time(revision.created_us),
            revision.reason.clone().unwrap_or_default(),
        ]
    };
    let header = ["revision", "by", "is", "made", ""];
    text += &format!("\n{}", figures::table(&header, job.revisions.iter().map(revision).collect(), 5));
    if !job.savepoints.is_empty() {
        let rows = job.savepoints.iter().map(|s| vec![s.checkpoint.to_string(), figures::event_time(s.created_us)]);
        text += &format!("\n{}", figures::table(&["savepoint", "made"], rows.collect(), 2));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtask_that_has_ended_is_busy_for_a_share_of_the_jobs_time() {
        let node = |name: &str| {
            serde_json::json!({
                "name": name, "kind": "source", "inputs": [], "parallelism": 1, "rows-in": 1, "rows-out": 1, "rows-late": 0,
                "rows-failed": 0, "state-bytes": 0, "bytes-in": 0, "bytes-out": 0, "guest-memory-bytes": 0,
                "guest-memory-limit-bytes": 0,
            })
        };
        let subtask = |name: &str, busy_us: u64, idle_us: u64| {
            serde_json::json!({
                "name": name, "nodes": [name], "busy-us": busy_us, "backpressured-us": 0, "idle-us": idle_us,
            })
        };
        let job = serde_json::json!({
            "name": "orders", "state": "running", "revision": 1, "created-us": 0, "rows-in": 1, "rows-out": 0, "rows-per-s": 1.0,
            "rows-failed": 0, "pipeline": "", "troubles": [], "revisions": [], "savepoints": [], "at-us": 0,
            "nodes": [node("lines"), node("replay")],
            "subtasks": [subtask("lines", 400, 600), subtask("replay", 20, 0)],
        });
        let told = told(&serde_json::from_value(job).unwrap());
        let share = |step: &str| told.lines().find(|line| line.starts_with(step)).map(|line| line.contains("100%"));
        assert_eq!([share("lines"), share("replay")], [Some(false), Some(false)], "{told}");
        assert!(told.contains("40%") && told.contains("2%"), "{told}");
    }
}
