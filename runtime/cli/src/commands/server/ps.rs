//! `weir ps`: the jobs of a server, or Weir's jobs in another engine.

use anyhow::anyhow;
use weir_server::model::JobSummary;

use super::jobs::state;
use crate::client::ServerArgs;
use crate::commands::submit::Engine;
use crate::engine_job::EngineJob;
use crate::flink::{Cluster, session_url};
use crate::{figures, json, spark, terminal};

/// Options of `weir ps`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  weir ps
  weir ps --json
  weir ps --engine flink --target session:http://flink:8081     Weir's jobs of a Flink cluster
  weir ps --engine spark --target http://spark:8080             those of a standalone master of Spark; also of a driver
                                                                (port 4040) and a history server (18080)")]
pub(crate) struct Args {
    /// List the jobs of another engine
    #[arg(long, value_enum, requires = "target")]
    engine: Option<Engine>,
    /// The address of its REST API: of Flink as session:URL, of Spark as URL
    #[arg(long, value_name = "TARGET", requires = "engine")]
    target: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Lists all jobs.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    if let Some((engine, target)) = args.engine.zip(args.target.as_deref()) {
        return of_engine(args, engine, target);
    }
    let jobs: Vec<JobSummary> = args.server.client()?.get("/v1/jobs")?;
    if args.json {
        return json::print(&jobs);
    }
    let row = |job: &JobSummary| {
        vec![
            job.name.clone(),
            state(job.state).to_owned(),
            job.revision.to_string(),
            figures::count(job.rows_in),
            figures::short(job.rows_per_s),
            job.lag_us.map_or_else(String::new, figures::duration),
            figures::count(job.rows_failed),
            job.checkpoint.map_or_else(String::new, |number| number.to_string()),
        ]
    };
    let header = ["job", "state", "revision", "rows in", "rows/s", "lag", "failed", "checkpoint"];
    terminal::print_result(&figures::table(&header, jobs.iter().map(row).collect(), 2))?;
    let reasons = jobs.iter().filter_map(|job| Some(format!("{}: {}", job.name, job.reason.as_ref()?)));
    terminal::print_notes(&reasons.collect::<Vec<_>>());
    Ok(())
}

/// Lists those in another engine that are Weir's.
fn of_engine(args: &Args, engine: Engine, target: &str) -> anyhow::Result<()> {
    let refused = |how: String| anyhow!("--target {target}: {how}");
    let jobs = match engine {
        Engine::Flink => Cluster::new(&session_url(target).map_err(refused)?)?.jobs()?,
        Engine::Spark => spark::jobs(&spark::page_url(target).map_err(refused)?)?,
    };
    if args.json {
        return json::print(&jobs);
    }
    let row = |job: &EngineJob| {
        let started = figures::event_time(job.started_us);
        let parallelism = job.parallelism.map_or_else(String::new, |parallelism| parallelism.to_string());
        [&job.name, job.engine, &job.id, &job.state, &started, &parallelism].map(str::to_owned).to_vec()
    };
    let header = ["job", "engine", "id", "state", "started", "parallelism"];
    terminal::print_result(&figures::table(&header, jobs.iter().map(row).collect(), 5))
}
