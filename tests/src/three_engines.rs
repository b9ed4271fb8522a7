//! Runs the example `three-engines`: one topic, one component, and the same windows in Weir, Flink and Spark, one after another. Their results must
//! be equal; what each took is measured.

mod cost;
mod departures;
mod results;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::flink_files::{FlinkFiles, VERSIONS};
use crate::kafka_broker::Broker;
use crate::kafka_topic::{load, send};
use crate::running::root;
use crate::spark_files;
use results::Results;

const PARTITIONS: usize = 4;
const TOPIC: &str = "departures";
/// So many messages fit into the queue of a producer.
const MESSAGES_AT_ONCE: usize = 100_000;
/// In how many batches Spark reads the topic, at least: its watermark moves between them.
const SPARK_BATCHES: usize = 3;
/// What both JVMs may use.
const HEAP: &str = "1g";

/// A broker, and the three engines.
pub struct ThreeEngines {
    broker: Broker,
    weir: PathBuf,
    flink: FlinkFiles,
    spark: Spark,
    /// Departures in the topic.
    departures: usize,
}

struct Spark {
    packages: PathBuf,
    connector: Vec<PathBuf>,
}

impl ThreeEngines {
    /// Fetches what is not there, starts the broker and fills the topic.
    ///
    /// # Errors
    /// If something cannot be had.
    pub fn prepare(departures: usize) -> anyhow::Result<Self> {
        announce("getting Flink and Spark (the first time Maven and pip fetch them, 600 MB)");
        let flink = FlinkFiles::make(VERSIONS[0]).context("no Flink")?;
        let spark = Spark { packages: spark_files::packages()?, connector: spark_files::kafka_connector()? };
        announce("starting a Kafka broker (the first time Maven fetches it, 43 MB)");
        let broker = Broker::try_new().context("no Kafka broker")?;
        let weir = std::env::current_exe()?.with_file_name("weir");
        announce(&format!("writing {departures} departures to {PARTITIONS} partitions of a topic"));
        load(&broker, TOPIC, PARTITIONS as i32, [])?;
        // Whole rounds over the partitions, so that they are equally long.
        let departures = departures.next_multiple_of(PARTITIONS);
        for messages in departures::messages(departures).chunks(MESSAGES_AT_ONCE) {
            send(&broker, TOPIC, PARTITIONS as i32, messages.iter().map(String::as_str))?;
        }
        send(&broker, TOPIC, PARTITIONS as i32, [departures::end().as_str(); PARTITIONS])?;
        Ok(Self { broker, weir, flink, spark, departures })
    }

    /// Runs all three, compares them, and prints both tables.
    ///
    /// # Errors
    /// If one fails, or their results differ.
    pub fn run(&self) -> anyhow::Result<()> {
        let checkpoints = tempfile::tempdir()?;
        let all = [
            self.results("weir", |topic| self.weir(topic))?,
            self.results("flink", |topic| self.flink(topic))?,
            self.results("spark", |topic| self.spark(topic, checkpoints.path()))?,
        ];
        println!();
        results::compare(&all, self.departures)?;
        println!();
        results::print_costs(&all, self.departures);
        Ok(())
    }

    /// Runs an engine with a topic of its own for its results.
    fn results(
        &self,
        engine: &'static str,
        command: impl Fn(&str) -> anyhow::Result<Command>,
    ) -> anyhow::Result<Results> {
        let topic = format!("departures-per-minute-{engine}");
        // The broker's clock says when a result was there.
        self.broker.create_topic(&topic, 1, &[("message.timestamp.type", "LogAppendTime")]);
        let mut command = command(&topic)?;
        announce(&format!("running {engine}; some of its results:"));
        let said = tempfile::NamedTempFile::new()?;
        command.current_dir(root()).stdin(Stdio::null()).stderr(said.reopen()?);
        let (status, cost) = cost::measure(&mut command)?;
        let mut text = String::new();
        if !status.success() {
            said.reopen()?.read_to_string(&mut text)?;
        }
        ensure!(status.success(), "{engine} failed ({status}): {text}");
        Results::read(&self.broker, &topic, engine, cost)
    }

    fn weir(&self, topic: &str) -> anyhow::Result<Command> {
        Ok(self.pipeline(&["run"], topic))
    }

    fn flink(&self, topic: &str) -> anyhow::Result<Command> {
        let mut command = self.pipeline(&["submit", "--target", "local"], topic);
        command.arg("--jar").arg(&self.flink.jar).arg("--flink-libs").arg(&self.flink.libs);
        let options = format!("-Xmx{HEAP} -Dweir.library={}", self.flink.library.display());
        command.env("JAVA_TOOL_OPTIONS", options);
        Ok(command)
    }

    /// The pipeline file, unchanged.
    fn pipeline(&self, weir: &[&str], topic: &str) -> Command {
        let mut command = Command::new(&self.weir);
        command.args(weir).arg("examples/three-engines/pipeline.toml");
        let address = self.broker.address();
        for set in [
            format!("sources.departures.brokers={address}"),
            "sources.departures.stop=latest".to_owned(),
            format!("sinks.counts.brokers={address}"),
            format!("sinks.counts.topic={topic}"),
        ] {
            command.args(["--set", &set]);
        }
        command
    }

    fn spark(&self, topic: &str, checkpoints: &Path) -> anyhow::Result<Command> {
        let home = self.spark.packages.join("pyspark");
        let jars: Vec<_> = self.spark.connector.iter().map(|jar| jar.display().to_string()).collect();
        let mut command = Command::new(home.join("bin/spark-submit"));
        command.args(["--master", "local[2]", "--driver-memory", HEAP, "--jars", &jars.join(",")]);
        command.args(["--conf", "spark.sql.shuffle.partitions=2", "--conf", "spark.ui.enabled=false"]);
        command.args(["examples/three-engines/spark.py", &self.broker.address(), TOPIC, topic]);
        command.arg(checkpoints).arg(self.departures.div_ceil(SPARK_BATCHES).to_string());
        let modules = std::env::join_paths([&root().join("bridge/python/src"), &self.spark.packages])?;
        command.env("SPARK_HOME", home).env("PYTHONPATH", modules).env("WEIR_LIBRARY", &self.flink.library);
        command.env("PYSPARK_PYTHON", "python3").env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(command)
    }
}

fn announce(what: &str) {
    eprintln!("==> {what}");
}
