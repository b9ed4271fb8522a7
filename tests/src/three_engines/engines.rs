//! The three engines: what is needed of each, and the command that runs the example on it. It knows no results.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::flink_files::{FlinkFiles, VERSIONS};
use crate::running::root;
use crate::spark_files;

/// What both JVMs may use.
const HEAP: &str = "1g";

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Weir,
    Flink,
    Spark,
}

impl Engine {
    pub(super) const ALL: [Self; 3] = [Self::Weir, Self::Flink, Self::Spark];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Weir => "weir",
            Self::Flink => "flink",
            Self::Spark => "spark",
        }
    }
}

/// What a run reads and writes.
pub(super) struct Run<'a> {
    /// The address of the broker.
    pub(super) brokers: &'a str,
    pub(super) input: &'a str,
    pub(super) results: &'a str,
    /// Whether it ends where the topic ends when it is started.
    pub(super) ends: bool,
    /// How much of the topic Spark reads in a batch at most.
    pub(super) spark_batch: usize,
}

/// Their programs and libraries.
pub(super) struct Engines {
    weir: PathBuf,
    flink: FlinkFiles,
    packages: PathBuf,
    connector: Vec<PathBuf>,
    /// For checkpoints of Spark, and what engines leave behind.
    temporary: tempfile::TempDir,
}

impl Engines {
    /// Fetches what is not there.
    pub(super) fn prepare() -> anyhow::Result<Self> {
        Ok(Self {
            weir: std::env::current_exe()?.with_file_name("weir"),
            flink: FlinkFiles::make(VERSIONS[0]).context("no Flink")?,
            packages: spark_files::packages().context("no Spark")?,
            connector: spark_files::kafka_connector().context("no connector of Spark to Kafka")?,
            temporary: tempfile::tempdir()?,
        })
    }

    /// The command, in the project's folder.
    pub(super) fn command(&self, engine: Engine, run: &Run<'_>) -> anyhow::Result<Command> {
        let mut command = match engine {
            Engine::Weir => self.pipeline(&["run"], run),
            Engine::Flink => self.flink(run),
            Engine::Spark => self.spark(run)?,
        };
        command.current_dir(root()).stdin(Stdio::null());
        Ok(command)
    }

    /// The pipeline file, unchanged.
    fn pipeline(&self, weir: &[&str], run: &Run<'_>) -> Command {
        let mut command = Command::new(&self.weir);
        command.args(weir).arg("examples/three-engines/pipeline.toml");
        let mut set = vec![
            format!("sources.departures.brokers={}", run.brokers),
            format!("sources.departures.topic={}", run.input),
            format!("sinks.counts.brokers={}", run.brokers),
            format!("sinks.counts.topic={}", run.results),
        ];
        if run.ends {
            set.push("sources.departures.stop=latest".to_owned());
        }
        set.iter().for_each(|set| _ = command.args(["--set", set]));
        command
    }

    fn flink(&self, run: &Run<'_>) -> Command {
        let mut command = self.pipeline(&["submit", "--target", "local"], run);
        command.arg("--jar").arg(&self.flink.jar).arg("--flink-libs").arg(&self.flink.libs);
        let (library, temporary) = (self.flink.library.display(), self.temporary.path().display());
        // Flink leaves files there when it is interrupted.
        let options = format!("-Xmx{HEAP} -Dweir.library={library} -Djava.io.tmpdir={temporary}");
        command.env("JAVA_TOOL_OPTIONS", options);
        command
    }

    fn spark(&self, run: &Run<'_>) -> anyhow::Result<Command> {
        let home = self.packages.join("pyspark");
        let jars: Vec<_> = self.connector.iter().map(|jar| jar.display().to_string()).collect();
        let mut command = Command::new(home.join("bin/spark-submit"));
        command.args(["--master", "local[2]", "--driver-memory", HEAP, "--jars", &jars.join(",")]);
        command.args(["--conf", "spark.sql.shuffle.partitions=2", "--conf", "spark.ui.enabled=false"]);
        command.args(["examples/three-engines/spark.py", run.brokers, run.input, run.results]);
        command.arg(self.temporary.path().join(run.results)).arg(run.spark_batch.to_string());
        command.args((!run.ends).then_some("live"));
        let modules = std::env::join_paths([&root().join("bridge/python/src"), &self.packages])?;
        command.env("SPARK_HOME", home).env("PYTHONPATH", modules).env("WEIR_LIBRARY", &self.flink.library);
        command.env("PYSPARK_PYTHON", "python3").env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(command)
    }
}
