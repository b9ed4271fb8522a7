//! `weir swap`: other versions for a job that runs.

mod flink;
mod replacement;
mod shadow;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use indicatif::ProgressBar;
use weir_server::model::{
    JobSummary, OperatorChange, ProbationSettings, ShadowRequest, SwapPhase, SwapRequest, SwapStatus,
};

use crate::client::{Client, ServerArgs, part};
use crate::json::Told;
use crate::shared_args::key_value;
use crate::{json, signals, terminal};

/// How often it is asked how far a swap is.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Options of `weir swap`.
#[derive(clap::Args)]
#[command(
    after_help = "Rows before a barrier go through the old version, rows after it through the new one, on every subtask. State is kept, or is
converted. During a trial the old version stays beside the new one: if the new one fails where the old one does not, the swap is
rolled back automatically. No row is lost or doubled.

Examples:
  weir swap orders/count count@2
  weir swap orders/count count@2 --dry-run
  weir swap orders/count --set config.threshold=5      another configuration; --unset config.threshold
  weir swap orders/parse parse@3 --and count=count@2   two operators at one barrier
  weir swap orders/count count@2 --no-probation

On Flink the job is stopped with a savepoint, and started from there with the new version; if that does not run to its first checkpoint, the
old one is started again:
  weir swap --engine flink --target session:http://flink:8081 --pipeline pipeline.toml orders/count count_v2.wasm"
)]
pub(crate) struct Args {
    /// The operator of a job
    #[arg(value_name = "JOB/OPERATOR", value_parser = target)]
    target: (String, String),
    /// NAME@VERSION, on Flink the file of a component; may be left out if only the configuration or the limits change
    version: Option<String>,
    /// Change a value of the operator: config.KEY or limits.KEY; text that looks like a number needs quotes, as '"5"'
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// Remove a value of the operator: config.KEY or limits.KEY
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// Replace another operator of the job at the same barrier
    #[arg(long = "and", value_name = "OPERATOR=NAME@VERSION", value_parser = other)]
    and: Vec<(String, String)>,
    /// Only check whether it would fit
    #[arg(long)]
    dry_run: bool,
    /// Do not swap, but run the new version beside the old one for this long, and report what would differ
    #[arg(long, value_name = "DURATION", value_parser = weir_core::pipeline::duration,
          conflicts_with_all = ["dry_run", "canary", "no_probation", "probation_batches", "probation_time", "detach"])]
    shadow: Option<Duration>,
    /// How many batches of every subtask the new version is on trial for [default: 1000]
    #[arg(long, value_name = "N")]
    probation_batches: Option<u64>,
    /// End the trial after this time, even after fewer batches [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = weir_core::pipeline::duration)]
    probation_time: Option<Duration>,
    /// Replace it for this percentage of the key groups first, and for the rest after their trial
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..100), conflicts_with = "no_probation")]
    canary: Option<u32>,
    /// Keep the new version at once, without a trial
    #[arg(long, conflicts_with_all = ["probation_batches", "probation_time"])]
    no_probation: bool,
    /// Return at once, before it is known whether the new version is kept
    #[arg(long)]
    detach: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    flink: flink::FlinkArgs,
}

impl Args {
    /// ` (config.threshold=5)`: what changes beside the version.
    fn settings(&self) -> String {
        let set = self.set.iter().map(|(key, value)| format!("{key}={value}"));
        let settings: Vec<_> = set.chain(self.unset.iter().map(|key| format!("{key} unset"))).collect();
        if settings.is_empty() { String::new() } else { format!(" ({})", settings.join(", ")) }
    }
}

/// Swaps, and waits until that is decided; an error if it is refused or rolled back.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    if let Some(url) = args.flink.cluster()? {
        return flink::execute(args, url);
    }
    let (job, operator) = &args.target;
    let first = OperatorChange {
        component: args.version.clone(),
        set: args.set.iter().cloned().collect(),
        unset: args.unset.iter().cloned().collect(),
    };
    let other = |version| OperatorChange { component: Some(version), ..OperatorChange::default() };
    let others = args.and.iter().cloned().map(|(operator, version)| (operator, other(version)));
    let operators = std::iter::once((operator.clone(), first)).chain(others).collect();
    let client = args.server.client()?;
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if let Some(duration) = args.shadow {
        return shadow::run(&client, job, &ShadowRequest { operators, duration_ms: milliseconds(duration) }, args.json);
    }
    let default = ProbationSettings::default();
    let time_max_ms = args.probation_time.map(milliseconds);
    let request = SwapRequest {
        operators,
        probation: ProbationSettings {
            batches: if args.no_probation { 0 } else { args.probation_batches.unwrap_or(default.batches) },
            time_max_ms: time_max_ms.unwrap_or(default.time_max_ms),
            canary_percent: args.canary,
        },
        dry_run: args.dry_run,
    };
    let status: SwapStatus = client.post(&format!("/v1/jobs/{}/swap", part(job)), &request)?;
    let status = if args.detach { status } else { wait(&client, job, status)? };
    if args.json {
        json::print(&status)?;
    }
    match status.phase {
        SwapPhase::RolledBack => {
            let why = format!("the swap of {job} was rolled back: {}", status.reason.unwrap_or_default());
            return Err(Told::new(why).into());
        }
        _ if args.json => {}
        _ => terminal::print(&told(job, &(versions(&status) + &args.settings()), &status)),
    }
    Ok(())
}

/// How far a change is that was not rolled back; and why it was kept before its time, if it was.
pub(super) fn told(job: &str, change: &str, status: &SwapStatus) -> String {
    match status.phase {
        SwapPhase::Fits => format!("{change} would fit; nothing has changed\n"),
        SwapPhase::Done => {
            let why = status.reason.as_ref().map_or_else(String::new, |why| format!(", and cannot go back: {why}"));
            format!("{change} is done{why}\n")
        }
        _ => format!("{change} is under way: `weir show {job}` shows how far it is\n"),
    }
}

/// Looks until a swap is decided.
#[expect(clippy::disallowed_methods, reason = "a person waits for another process, which tells nobody when it is done")]
pub(super) fn wait(client: &Client, job: &str, mut status: SwapStatus) -> anyhow::Result<SwapStatus> {
    let revision = status.revision;
    if !status.phase.is_open() {
        return Ok(status);
    }
    let bar = ProgressBar::new_spinner();
    let (seen, name) = (bar.clone(), job.to_owned());
    signals::end_with(move || {
        seen.finish_and_clear();
        terminal::print(&format!(
            "the swap continues: `weir show {name}` shows how far it is, and `weir rollback` undoes it\n"
        ));
    })?;
    while status.phase.is_open() {
        bar.set_message(match status.phase {
            SwapPhase::CuttingOver => "its barrier is under way",
            SwapPhase::Canary => "on trial for some of the keys",
            _ => "on trial; it continues if you stop waiting",
        });
        std::thread::sleep(LOOK_EVERY);
        bar.tick();
        let jobs: Vec<JobSummary> = client.get("/v1/jobs")?;
        let swap = jobs.into_iter().find(|summary| summary.name == job).and_then(|summary| summary.swap);
        status = swap.filter(|swap| swap.revision == revision).with_context(|| {
            format!("the job {job} was changed meanwhile: `weir show {job}` shows what happened to the swap")
        })?;
    }
    bar.finish_and_clear();
    Ok(status)
}

/// `count -> count@2`
pub(super) fn versions(status: &SwapStatus) -> String {
    terminal::bold(&changes(&status.operators))
}

/// `count -> count@2`, of every operator.
pub(super) fn changes(operators: &BTreeMap<String, String>) -> String {
    let changes = operators.iter().map(|(operator, to)| format!("{operator} -> {to}"));
    changes.collect::<Vec<_>>().join(", ")
}

fn setting(text: &str) -> Result<(String, String), String> {
    key_value(text).map_err(|_| "write config.KEY=VALUE or limits.KEY=VALUE, for example config.threshold=5".to_owned())
}

fn other(text: &str) -> Result<(String, String), String> {
    key_value(text).map_err(|_| "write OPERATOR=NAME@VERSION, for example count=count@2".to_owned())
}

pub(super) fn target(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((job, operator)) if !job.is_empty() && !operator.is_empty() => Ok((job.to_owned(), operator.to_owned())),
        _ => Err("write JOB/OPERATOR, for example orders/count".to_owned()),
    }
}
