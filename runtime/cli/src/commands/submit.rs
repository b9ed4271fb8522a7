//! `weir submit`: a pipeline onto a cluster of another engine, unchanged.
//!
//! | module | holds |
//! |---|---|
//! | `jar` | the jar of a job: Weir's, with the pipeline in it |
//! | `local` | a cluster in a JVM of its own, for as long as the job runs |
//! | `session` | a cluster that runs already, by its HTTP API |

mod jar;
mod local;
mod session;

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, anyhow};
use weir_embed::{Bundle, Opened, Plan};

use crate::pipeline_file::PipelineFile;
use crate::shared_args::{PipelineArgs, SecretsArgs};
use crate::terminal;

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
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = crate::shared_args::key_value)]
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
        let is_address = |url: &&str| url.starts_with("http://") || url.starts_with("https://");
        match (text, text.strip_prefix("session:").filter(is_address)) {
            ("local", _) => Ok(Self::Local),
            (_, Some(url)) => Ok(Self::Session(url.trim_end_matches('/').to_owned())),
            _ => Err("write local, or session:http://HOST:PORT".to_owned()),
        }
    }
}

/// Submits it; an error if it cannot run there.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let Engine::Flink = args.engine;
    let (bundle, plan) = bundle(&args.pipeline, &args.secrets)?;
    if !args.json {
        terminal::print_notes(&plan.notes);
    }
    let jar = jar::find(args.jar.as_deref())?;
    match &args.target {
        Target::Local => local::run(args, &jar, &bundle),
        Target::Session(url) => session::run(args, url, &jar, &bundle, &plan),
    }
}

/// What is submitted of a pipeline; an error if another engine cannot run it.
pub(crate) fn bundle(pipeline: &PipelineArgs, secrets: &SecretsArgs) -> anyhow::Result<(Vec<u8>, Plan)> {
    // Problems of the file are shown with its lines.
    let file = PipelineFile::read(pipeline)?;
    let overrides: Vec<_> = pipeline.all_overrides()?.into_iter().map(|of| (of.path, of.value)).collect();
    // It is read by other processes, with other folders.
    let secrets_dir = secrets.dir().map(std::path::absolute).transpose()?;
    let bundle = Bundle::read(&pipeline.pipeline, &overrides, secrets_dir)?.encode()?;
    let plan = Plan::new(&*Opened::open(&bundle)?);
    if plan.refusals.is_empty() {
        return Ok((bundle, plan));
    }
    let reasons = plan.refusals.join("\n");
    Err(anyhow!("{reasons}")).with_context(|| format!("{} cannot run on Flink", file.shown))
}
