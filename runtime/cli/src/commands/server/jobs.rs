//! `weir start`, `stop`, `rm` and `savepoint`: the jobs of a server.

use weir_server::model::{JobState, JobSummary, Savepoint, Start, Stop};

use crate::client::{ServerArgs, part};
use crate::json::Told;
use crate::{json, terminal};

/// Options of `weir start`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  weir start orders
  weir start orders --from 12     from a savepoint, or any checkpoint that is still there")]
pub(crate) struct StartArgs {
    /// The job
    job: String,
    /// Resume from this savepoint or checkpoint instead of the last one
    #[arg(long, value_name = "CHECKPOINT")]
    from: Option<u64>,
    /// Discard the state of an operator, a source or a sink that the pipeline no longer has, or a column of it: OPERATOR.COLUMN
    #[arg(long = "allow-dropped-state", value_name = "NAME")]
    allow_dropped: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Options of `weir stop`.
#[derive(clap::Args)]
#[command(after_help = "The job takes a last checkpoint, and `weir start` resumes from there.

Examples:
  weir stop orders
  weir stop orders --drain        end its input instead: windows fire, sinks finish, and it is done")]
pub(crate) struct StopArgs {
    /// The job
    job: String,
    /// End its input, process what was read, and finish it
    #[arg(long)]
    drain: bool,
    /// Take no last checkpoint: it resumes from the newest one that exists
    #[arg(long, conflicts_with = "drain")]
    now: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Options of `weir rm`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  weir rm orders")]
pub(crate) struct RmArgs {
    /// The job, which must not run
    job: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Options of `weir savepoint`.
#[derive(clap::Args)]
#[command(after_help = "A savepoint is a checkpoint that stays until it is removed.

Examples:
  weir savepoint orders
  weir start orders --from 12
  weir savepoint orders --rm 12")]
pub(crate) struct SavepointArgs {
    /// The job
    job: String,
    /// Remove this savepoint
    #[arg(long, value_name = "CHECKPOINT")]
    rm: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Starts a job.
pub(crate) fn start(args: &StartArgs) -> anyhow::Result<()> {
    let request = Start { from: args.from, allow_dropped_state: args.allow_dropped.clone() };
    let job: JobSummary = args.server.client()?.post(&format!("/v1/jobs/{}/start", part(&args.job)), &request)?;
    if args.json {
        return json::print(&job);
    }
    terminal::print(&format!("{} is {}\n", terminal::bold(&job.name), state(job.state)));
    Ok(())
}

/// Stops a job.
pub(crate) fn stop(args: &StopArgs) -> anyhow::Result<()> {
    let path = format!("/v1/jobs/{}/stop", part(&args.job));
    let job: JobSummary = args.server.client()?.post(&path, &Stop { drain: args.drain, now: args.now })?;
    if args.json {
        json::print(&job)?;
    }
    let from = job.checkpoint.map_or_else(String::new, |number| format!(" at checkpoint {number}"));
    let why = job.reason.map_or_else(String::new, |why| format!(": {why}"));
    let told = |name: &str| format!("{name} is {}{from}{why}", state(job.state));
    match job.state {
        JobState::Failed => Err(Told::new(told(&job.name)).into()),
        _ if args.json => Ok(()),
        _ => {
            terminal::print(&format!("{}\n", told(&terminal::bold(&job.name))));
            Ok(())
        }
    }
}

/// Forgets a job.
pub(crate) fn rm(args: &RmArgs) -> anyhow::Result<()> {
    args.server.client()?.delete(&format!("/v1/jobs/{}", part(&args.job)))?;
    if args.json {
        return json::print_done();
    }
    terminal::print(&format!("{} is removed\n", terminal::bold(&args.job)));
    Ok(())
}

/// Takes a savepoint, or removes one.
pub(crate) fn savepoint(args: &SavepointArgs) -> anyhow::Result<()> {
    let (client, path) = (args.server.client()?, format!("/v1/jobs/{}/savepoints", part(&args.job)));
    if let Some(number) = args.rm {
        client.delete(&format!("{path}/{number}"))?;
        if args.json {
            return json::print_done();
        }
        terminal::print(&format!("savepoint {number} of {} is removed\n", terminal::bold(&args.job)));
        return Ok(());
    }
    let savepoint: Savepoint = client.post(&path, &())?;
    if args.json {
        return json::print(&savepoint);
    }
    let (job, number) = (&args.job, savepoint.checkpoint);
    terminal::print(&format!("savepoint {number}: `weir start {job} --from {number}` resumes from it\n"));
    Ok(())
}

/// What a job is doing, in a word.
pub(crate) fn state(state: JobState) -> &'static str {
    match state {
        JobState::Starting => "starting",
        JobState::Running => "running",
        JobState::Restarting => "restarting",
        JobState::Stopping => "stopping",
        JobState::Stopped => "stopped",
        JobState::Finished => "finished",
        JobState::Failed => "failed",
        JobState::Quarantined => "quarantined",
    }
}
