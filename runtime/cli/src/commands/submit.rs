//! `weir submit`: a pipeline onto a cluster of another engine, unchanged.
//!
//! | module | holds |
//! |---|---|
//! | `jar` | the jar of a job: Weir's, with the pipeline in it |
//! | `local` | Flink in a JVM of its own, for as long as the job runs |
//! | `session` | a cluster of Flink that runs already |
//! | `spark` | Spark, by its command `spark-submit` |
//! | `settings` | what may be set of Spark |
//! | `child` | a process that ends with this command |
//! | `working_folder` | its files while it runs |

mod child;
pub(crate) mod jar;
mod local;
mod session;
mod settings;
mod spark;
mod totals;
pub(crate) mod working_folder;

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{bail, ensure};
use weir_embed::{Opened, Plan, refusals};

use crate::flink::{session_url, setting};
use crate::pipeline_file::PipelineFile;
use crate::shared_args::{PipelineArgs, SecretsArgs};
use crate::{component, terminal};

/// Another engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    Flink,
    Spark,
}

impl From<Engine> for refusals::Engine {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Flink => Self::Flink,
            Engine::Spark => Self::Spark,
        }
    }
}

/// Options of `weir submit`.
#[derive(clap::Args)]
#[command(
    after_help = "The pipeline file and its components run unchanged as a job of Apache Flink (docs/guide/flink.md) or Apache Spark
(docs/guide/spark.md). Paths in the file are those of the machines that run it; secrets are read there.

Examples:
  weir submit pipeline.toml --target local
  weir submit pipeline.toml --target session:http://flink:8081 --parallelism 4
  weir submit pipeline.toml --target session:http://flink:8081 --savepoint s3://bucket/savepoint-1
  weir submit pipeline.toml --engine spark --target local
  weir submit pipeline.toml --engine spark --target yarn --checkpoint-dir hdfs:///weir/orders -D spark.executor.instances=4"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    secrets: SecretsArgs,
    /// The engine
    #[arg(long, value_enum, default_value_t = Engine::Flink)]
    engine: Engine,
    /// Where the job runs
    #[arg(
        long,
        value_name = "TARGET",
        default_value = "local",
        help = "local: a JVM on this machine, until the job ends; session:URL: the cluster of Flink with this address of its REST API; \
                local[N], spark://HOST:PORT, yarn or k8s://URL: a master of Spark"
    )]
    target: Target,
    /// Resume from this savepoint or checkpoint of Flink
    #[arg(long, value_name = "PATH")]
    savepoint: Option<String>,
    /// Discard the state of steps that the pipeline no longer has
    #[arg(long)]
    allow_dropped_state: bool,
    /// Set a key of the engine's configuration, for this job
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Weir's jar for the engine [default: weir-flink.jar or weir-spark.jar beside this command or in ../lib]
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
    /// A master of Spark.
    Master(String),
}

/// How masters of Spark begin.
const MASTERS: [&str; 4] = ["local[", "local-cluster[", "spark://", "k8s://"];
const FLINK_TARGETS: &str = "local, or session:http://HOST:PORT";
const SPARK_TARGETS: &str = "local, local[N], spark://HOST:PORT, yarn or k8s://URL";

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "local" => Ok(Self::Local),
            _ if text == "yarn" || MASTERS.iter().any(|beginning| text.starts_with(beginning)) => {
                Ok(Self::Master(text.to_owned()))
            }
            _ => session_url(text)
                .map(Self::Session)
                .map_err(|_| format!("write {FLINK_TARGETS} (Flink), or {SPARK_TARGETS} (Spark)")),
        }
    }
}

/// Submits it; an error if it cannot run there.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    args.check()?;
    let submission = Submission::read(args.engine, &args.pipeline, &args.secrets)?;
    if !args.json {
        terminal::print_notes(&submission.plan.notes);
    }
    match (args.engine, &args.target) {
        (Engine::Spark, target) => spark::run(args, target.master(), &submission),
        (Engine::Flink, target) => {
            let jar = jar::find(args.engine, args.jar.as_deref())?;
            match target {
                Target::Session(url) => session::run(args, url, &jar, &submission),
                _ => local::run(args, &jar, &submission),
            }
        }
    }
}

impl Target {
    /// Spark's name for it.
    fn master(&self) -> Option<&str> {
        match self {
            Self::Master(master) => Some(master),
            Self::Local | Self::Session(_) => None,
        }
    }
}

impl Args {
    /// Refuses options of the other engine.
    fn check(&self) -> anyhow::Result<()> {
        match (self.engine, &self.target) {
            (Engine::Flink, Target::Master(master)) => {
                bail!("--target {master} is of Spark: add --engine spark, or write {FLINK_TARGETS}")
            }
            (Engine::Spark, Target::Session(url)) => {
                bail!("--target session:{url} is of Flink: with --engine spark write {SPARK_TARGETS}")
            }
            (Engine::Flink, _) => {
                ensure!(
                    self.savepoint.is_some() || !self.allow_dropped_state,
                    "--allow-dropped-state needs --savepoint"
                );
            }
            (Engine::Spark, _) => {
                ensure!(self.flink_libs.is_none(), "--flink-libs is of Flink: $SPARK_HOME says where Spark is");
                ensure!(
                    self.savepoint.is_none(),
                    "--savepoint is of Flink: on Spark a stream resumes from the folder of its checkpoints, --checkpoint-dir"
                );
                settings::check(&self.settings)?;
            }
        }
        Ok(())
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
    pub(crate) fn read(engine: Engine, pipeline: &PipelineArgs, secrets: &SecretsArgs) -> anyhow::Result<Self> {
        let file = PipelineFile::read_to_check(pipeline, secrets)?;
        let refused = |refusals| anyhow::Error::from(file.problems(refusals));
        // Before the standard input is waited for.
        let refusals = refusals::refusals_of_graph(&file.graph);
        if !refusals.is_empty() {
            return Err(refused(refusals));
        }
        // It says where in the file something is wrong.
        file.check_for_other_engine(&component::host()?, secrets)?;
        let bundle = file.bundle(pipeline, secrets)?.encode()?;
        let opened = Opened::open(&bundle)?;
        let mut refusals = refusals::refusals(&opened);
        refusals.extend(refusals::refusals_of_engine(engine.into(), &opened));
        if !refusals.is_empty() {
            return Err(refused(refusals));
        }
        let mut plan = Plan::new(&opened);
        plan.notes.extend(refusals::notes_of_engine(engine.into(), &opened));
        Ok(Self { file, bundle, plan })
    }
}
