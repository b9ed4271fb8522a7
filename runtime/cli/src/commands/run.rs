//! `weir run`: a pipeline in the foreground, until its input ends or somebody stops it.

use std::sync::Arc;

use anyhow::Context;
use weir_core::connector::ReaderGone;
use weir_core::graph::NodeKind;
use weir_core::time::Clock;
use weir_engine::{JobError, LateRows, ResumeFrom, RunError, Supervisor};

use crate::clock::SystemClock;
use crate::follow::follow;
use crate::guest_log::GuestLines;
use crate::json::Told;
use crate::pipeline_file::PipelineFile;
use crate::shared_args::{Level, MemoryArgs, PipelineArgs, SecretsArgs};
use crate::signals::Signals;
use crate::watch::Watch;
use crate::{component, progress, summary, terminal};

/// Options of `weir run`.
#[derive(clap::Args)]
#[command(
    after_help = "The first ctrl-C ends the input: what was read is processed, and sinks finish. The second stops at once.
With checkpoints the first ctrl-C takes a last one instead, and the same command resumes from there.
In the summary, `rows out` are the rows of all outputs, also late rows and dead letters; `late` and `failed` are rows that came in.

Examples:
  weir run pipeline.toml
  weir run pipeline.toml --checkpoint-dir state
  weir run pipeline.toml --checkpoint-dir state --from 12
  weir run pipeline.toml --checkpoint-dir state --again
  weir run pipeline.toml --parallelism 4
  weir run pipeline.toml --set sources.flights.path=data/february.csv
  weir run pipeline.toml --fail-on-late 1
  weir run pipeline.toml --log-level warn
  weir run pipeline.toml --checkpoint-dir state --watch
  generate-pipeline | weir run -
  weir run pipeline.toml --json > summary.json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    secrets: SecretsArgs,
    /// Resume from this checkpoint instead of the last one
    #[arg(long, value_name = "CHECKPOINT")]
    from: Option<u64>,
    /// Read the input from its beginning again, even if there are checkpoints; what the sinks have written stays
    #[arg(long, conflicts_with = "from")]
    again: bool,
    /// Discard the state of an operator, a source or a sink that the pipeline no longer has, or a column of it: OPERATOR.COLUMN
    #[arg(long = "allow-dropped-state", value_name = "NAME")]
    allow_dropped: Vec<String>,
    /// Exit with 3 if more than this percentage of a window's rows came late and were dropped
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    fail_on_late: Option<f64>,
    #[command(flatten)]
    memory: MemoryArgs,
    /// Replace a component as soon as its file changes, as in a swap, which needs checkpoints: `weir dev` in its project's folder writes it
    #[arg(long)]
    watch: bool,
    /// Show log lines of operators of this level and above
    #[arg(long, value_name = "LEVEL", default_value = "trace")]
    log_level: Level,
    /// Print the summary as one line of JSON to standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the command exits with if more rows came late than the caller tolerates. The job has done its work.
const TOO_LATE: u8 = 3;

impl Args {
    fn check_late(&self, late: &[LateRows]) -> anyhow::Result<()> {
        let Some(tolerated) = self.fail_on_late else { return Ok(()) };
        match late.iter().find(|late| late.percent() > tolerated) {
            None => Ok(()),
            Some(late) => {
                let (step, percent) = (&late.step, late.percent());
                let message =
                    format!("{percent:.1}% of the rows of {step} came late, and --fail-on-late tolerates {tolerated}%");
                Err(Told::exiting(message, TOO_LATE).into())
            }
        }
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').unwrap_or(text).parse().ok();
    percent.filter(|percent| (0.0..=100.0).contains(percent)).ok_or_else(|| "it is a number from 0 to 100".to_owned())
}

/// Runs it; an error if it cannot run, fails, or is stopped at once.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let file = PipelineFile::read(&args.pipeline)?;
    file.print_notes();
    let host = component::host()?;
    // Before the components are loaded, so that no change after that is missed.
    let watch = args.watch.then(|| Watch::of(&file.graph, host.clone()));
    let (log, lines) = GuestLines::new(args.log_level.into());
    let job = file.check(&host, &args.secrets)?.with_guest_log(log);
    let job = job.with_memory(args.memory.budget(), u64::MAX);
    let from = match args.from {
        Some(number) => ResumeFrom::Checkpoint(number),
        None if args.again => ResumeFrom::Beginning,
        None => ResumeFrom::Last,
    };
    let durable = file.durable(from, &args.allow_dropped)?;
    let is_durable = durable.is_some();
    if args.watch && !is_durable {
        anyhow::bail!("--watch needs checkpoints, in which a swap is recorded: use --checkpoint-dir DIR too");
    }
    let described = job.describe();
    terminal::print_notes(&described.notes);
    if is_durable {
        terminal::print_notes(&described.guarantees);
    }
    let job = Arc::new(job);
    let (starting, ended) = (Arc::clone(&job), Arc::clone(&job));
    // A start may wait for a broker, and nobody looks at the signals meanwhile.
    let signals = Signals::listen(move || starting.give_up())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let bar = progress::Bar::new(&file, Arc::clone(&clock));
    let supervisor = Supervisor::start(job, clock, durable, file.graph.restart)
        .with_context(|| format!("{} could not be started", file.shown))?;
    let outcome = follow(supervisor, is_durable, &signals, &lines, &bar, watch);
    bar.clear();
    match outcome {
        Ok(done) => {
            terminal::print_notes(&ended.notes_after());
            match args.json {
                true => summary::print_json(&file.graph.name, &done)?,
                false => summary::print(&file.graph.name, &done),
            }
            args.check_late(&done.progress.late)
        }
        Err(error) if matches!(*error, RunError::Job(JobError::Stopped)) => {
            Err(anyhow::anyhow!("stopped before its input ended; sinks did not finish"))
        }
        Err(error) => {
            let error = anyhow::Error::new(error);
            if has_other_sinks(&file) && error.chain().any(|cause| cause.is::<ReaderGone>()) {
                terminal::print(
                    "the reader of standard output is gone: the job ends, and its other sinks do not finish\n",
                );
            }
            Err(error.context(format!("{} failed", file.shown)))
        }
    }
}

/// Whether it has a sink beside the one that has failed.
fn has_other_sinks(file: &PipelineFile) -> bool {
    file.graph.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Sink(_))).count() > 1
}
