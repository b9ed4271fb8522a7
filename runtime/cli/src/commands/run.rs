//! `weir run`: a pipeline in the foreground, until its input ends or somebody stops it, or once over what is there, or again and again on
//! a schedule.

mod schedule;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use weir_core::connector::ReaderGone;
use weir_core::graph::NodeKind;
use weir_core::time::Clock;
use weir_engine::{Job, JobError, LateRows, ResumeFrom, RunError, Supervisor};
use weir_host::Host;

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
With --once a job reads what is there when it starts: topics up to the ends that they have then, and files that are followed. Then it takes a
last checkpoint and ends, with windows still open, and the next run resumes from there. Without checkpoints it ends its input instead.
With --every it does that again and again: a run that takes longer than the period leaves out those that would have begun meanwhile. A run that
fails is reported, and the next one begins when it is time; ctrl-C ends the schedule, and the exit code is that of the last run.
In the summary, `rows out` are the rows of all outputs, also late rows and dead letters; `late` and `failed` are rows that came in.

Examples:
  weir run pipeline.toml
  weir run pipeline.toml --checkpoint-dir state
  weir run pipeline.toml --checkpoint-dir state --from 12
  weir run pipeline.toml --checkpoint-dir state --again
  weir run pipeline.toml --checkpoint-dir state --once
  weir run pipeline.toml --checkpoint-dir state --every 10m
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
    /// Read what is there now, take a last checkpoint, and end; the next run resumes from there
    #[arg(long, conflicts_with_all = ["watch", "every"])]
    once: bool,
    /// Do that again and again, for example every 10m, until interrupted; it needs checkpoints
    #[arg(long, value_name = "DURATION", value_parser = period, conflicts_with_all = ["watch", "from", "again"])]
    every: Option<Duration>,
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

fn period(text: &str) -> Result<Duration, String> {
    match weir_core::pipeline::duration(text)? {
        period if period.is_zero() => Err("it must be longer than zero".to_owned()),
        period => Ok(period),
    }
}

/// Runs it; an error if it cannot run, fails, or is stopped at once.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let file = PipelineFile::read_to_check(&args.pipeline, &args.secrets)?;
    file.print_notes();
    let host = component::host()?;
    let mut session =
        Session { args, file, host, clock: Arc::new(SystemClock::new()), current: Arc::default(), signals: None };
    match args.every {
        None => session.run().map(drop),
        Some(period) => schedule::run(&mut session, period),
    }
}

/// What the runs of one command share.
struct Session<'a> {
    args: &'a Args,
    file: PipelineFile,
    host: Host,
    clock: Arc<dyn Clock>,
    /// The job that runs, for who stops it.
    current: Arc<Mutex<Option<Arc<Job>>>>,
    /// `None`: the first job is not checked so far, and an interrupt just ends the process.
    signals: Option<Signals>,
}

impl Session<'_> {
    fn signals(&mut self) -> anyhow::Result<&Signals> {
        let signals = match self.signals.take() {
            Some(signals) => signals,
            None => {
                let current = Arc::clone(&self.current);
                // A start may wait for a broker, and signals are not polled during it: the handler itself ends the wait.
                Signals::listen(move || lock(&current).iter().for_each(|job| job.give_up()))?
            }
        };
        Ok(self.signals.insert(signals))
    }

    /// One run. Whether there may be another: it was suspended.
    fn run(&mut self) -> anyhow::Result<bool> {
        let args = self.args;
        // Before the components are loaded, so that no change after that is missed.
        let watch = args.watch.then(|| Watch::of(&self.file.graph, self.host.clone()));
        let (log, lines) = GuestLines::new(args.log_level.into());
        let job = self.file.check(&self.host, &args.secrets)?.with_guest_log(log);
        let job = job.with_memory(args.memory.budget(), u64::MAX);
        let from = match args.from {
            Some(number) => ResumeFrom::Checkpoint(number),
            None if args.again => ResumeFrom::Beginning,
            None => ResumeFrom::Last,
        };
        let durable = self.file.durable(from, &args.allow_dropped)?;
        let is_durable = durable.is_some();
        if args.watch && !is_durable {
            anyhow::bail!("--watch needs checkpoints, in which a swap is recorded: use --checkpoint-dir DIR too");
        }
        let is_once = args.once || args.every.is_some();
        if is_once && let Some(endless) = job.stop_at_present().first() {
            anyhow::bail!(
                "{endless:?} never ends, and does not know what is there now: a run over what is there reads topics of Kafka, files that \
                 are followed, and what ends by itself"
            );
        }
        if is_once && let Some((join, source)) = job.looks_up_endless() {
            anyhow::bail!(
                "{join:?} waits until {source:?} has been idle before it looks rows up, which a run over what is there does not last for: look \
                 them up in a file, or run without --once and --every"
            );
        }
        let described = job.describe();
        terminal::print_notes(&described.notes);
        if is_durable {
            terminal::print_notes(&described.guarantees);
        }
        let job = Arc::new(job);
        let ended = Arc::clone(&job);
        *lock(&self.current) = Some(Arc::clone(&job));
        let clock = Arc::clone(&self.clock);
        self.signals()?;
        let (file, Some(signals)) = (&self.file, &self.signals) else { return Ok(false) };
        let bar = progress::Bar::new(file, Arc::clone(&clock));
        let supervisor = Supervisor::start(job, clock, durable, file.graph.restart)
            .with_context(|| format!("{} could not be started", file.shown))?;
        let outcome = follow(supervisor, is_durable, signals, &lines, &bar, watch, is_once);
        bar.clear();
        match outcome {
            Ok(done) => {
                terminal::print_notes(&ended.notes_after());
                match args.json {
                    true => summary::print_json(&file.graph.name, &done)?,
                    false => summary::print(&file.graph.name, &done),
                }
                args.check_late(&done.progress.late)?;
                Ok(done.suspended)
            }
            Err(error) if matches!(*error, RunError::Job(JobError::Stopped)) => {
                Err(anyhow::anyhow!("stopped before its input ended; sinks did not finish"))
            }
            Err(error) => {
                let error = anyhow::Error::new(error);
                if has_other_sinks(file) && error.chain().any(|cause| cause.is::<ReaderGone>()) {
                    terminal::print(
                        "the reader of standard output is gone: the job ends, and its other sinks do not finish\n",
                    );
                }
                Err(error.context(format!("{} failed", file.shown)))
            }
        }
    }
}

fn lock(job: &Mutex<Option<Arc<Job>>>) -> MutexGuard<'_, Option<Arc<Job>>> {
    job.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether it has a sink beside the one that has failed.
fn has_other_sinks(file: &PipelineFile) -> bool {
    file.graph.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Sink(_))).count() > 1
}
