//! `weir submit`: a pipeline onto a cluster of another engine, unchanged.
//!
//! | module | holds |
//! |---|---|
//! | `jar` | the jar of a job: Weir's, with the pipeline in it |
//! | `local` | a cluster in a JVM of its own, for as long as the job runs |
//! | `session` | a cluster that runs already |

pub(crate) mod jar;
mod local;
mod session;

use std::path::PathBuf;
use std::str::FromStr;

use weir_embed::{Opened, Plan, refusals};

use crate::commands::plan::bundle;
use crate::flink::{session_url, setting};
use crate::pipeline_file::PipelineFile;
use crate::shared_args::{PipelineArgs, SecretsArgs};
use crate::{component, terminal};

/// Another engine.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Engine {
    Flink,
}

/// Options of `weir submit`.
#[derive(clap::Args)]
#[command(
    after_help = "The pipeline file and its components run unchanged as a job of Apache Flink: docs/guide/flink.md. Paths in the file are those of
the machines that run it; secrets are read there.

Examples:
  weir submit pipeline.toml --target local
  weir submit pipeline.toml --target session:http://flink:8081 --parallelism 4
  weir submit pipeline.toml --target session:http://flink:8081 --savepoint s3://bucket/savepoint-1"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    secrets: SecretsArgs,
    /// The engine
    #[arg(long, value_enum, default_value_t = Engine::Flink)]
    engine: Engine,
    /// local: a JVM on this machine, until the job ends; session:URL: the cluster with this address of its REST API
    #[arg(long, value_name = "TARGET", default_value = "local")]
    target: Target,
    /// Resume from this savepoint or checkpoint of Flink
    #[arg(long, value_name = "PATH")]
    savepoint: Option<String>,
    /// Discard the state of steps that the pipeline no longer has
    #[arg(long, requires = "savepoint")]
    allow_dropped_state: bool,
    /// Set a key of Flink's configuration, for this job
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Weir's jar for Flink [default: weir-flink.jar beside this command or in ../lib]
    #[arg(long, value_name = "FILE")]
    jar: Option<PathBuf>,
    /// The folder of Flink's jars, for a local run [default: $FLINK_HOME/lib]
    #[arg(long, value_name = "DIR")]
    flink_libs: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where it runs.
#[derive(Clone, Debug)]
enum Target {
    Local,
    Session(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "local" => Ok(Self::Local),
            _ => {
                session_url(text).map(Self::Session).map_err(|_| "write local, or session:http://HOST:PORT".to_owned())
            }
        }
    }
}

/// Submits it; an error if it cannot run there.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let Engine::Flink = args.engine;
    let submission = Submission::read(&args.pipeline, &args.secrets)?;
    if !args.json {
        terminal::print_notes(&submission.plan.notes);
    }
    let jar = jar::find(args.jar.as_deref())?;
    match &args.target {
        Target::Local => local::run(args, &jar, &submission),
        Target::Session(url) => session::run(args, url, &jar, &submission),
    }
}

/// A pipeline that another engine can run.
pub(crate) struct Submission {
    /// Its file.
    pub(crate) file: PipelineFile,
    /// The file and its components, as that engine's tasks open them.
    pub(crate) bundle: Vec<u8>,
    /// What runs there.
    pub(crate) plan: Plan,
}

impl Submission {
    /// Reads and checks a pipeline; an error, with lines of its file, if another engine cannot run it.
    pub(crate) fn read(pipeline: &PipelineArgs, secrets: &SecretsArgs) -> anyhow::Result<Self> {
        let file = PipelineFile::read(pipeline)?;
        let refused = |refusals| anyhow::Error::from(file.problems(refusals));
        // Before the standard input is waited for.
        let refusals = refusals::refusals_of_graph(&file.graph);
        if !refusals.is_empty() {
            return Err(refused(refusals));
        }
        // It says where in the file something is wrong.
        file.check_for_other_engine(&component::host()?, secrets)?;
        let bundle = bundle(&file, pipeline, secrets)?.encode()?;
        let opened = Opened::open(&bundle)?;
        let refusals = refusals::refusals(&opened);
        if !refusals.is_empty() {
            return Err(refused(refusals));
        }
        let plan = Plan::new(&opened);
        Ok(Self { file, bundle, plan })
    }
}
