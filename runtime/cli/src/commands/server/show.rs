//! `weir show`: all that a server knows of a job.

use std::io::IsTerminal as _;

use weir_server::model::{JobDetail, JobNode, JobSubtask, Revision, SwapPhase};

use super::jobs::state;
use super::swap::{changes, versions as swap_versions};
use crate::client::{ServerArgs, part};
use crate::{figures, json, terminal};

/// Options of `weir show`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  weir show orders
  weir show orders --pipeline > orders.toml
  weir show orders --json")]
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
    // Of the busiest subtask, and of the one that is held up most.
    let share = |node: &JobNode, of: fn(&JobSubtask) -> u64| {
        let subtasks = job.subtasks.iter().filter(|subtask| subtask.nodes.contains(&node.name));
        let shares = subtasks.map(|s| of(s) * 100 / (s.busy_us + s.backpressured_us + s.idle_us).max(1));
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
