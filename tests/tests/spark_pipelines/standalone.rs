//! A standalone cluster: a master and a worker in processes of their own. A batch job and a stream run there, `weir ps` shows them, and a
//! worker that is killed is replaced by another.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use weir_tests::pipelines::Pipeline;
use weir_tests::rows::compare;
use weir_tests::running::{Running, weir};

use crate::kills::{checkpoints, newest};
use crate::spark::{Files, files};

/// A master; dropped, it and its workers are killed. Executors end with their worker.
struct Cluster<'a> {
    spark: &'a Files,
    folder: tempfile::TempDir,
    /// `spark://HOST:PORT`
    master: String,
    /// The address of its page.
    page: String,
    _master: Running,
}

impl<'a> Cluster<'a> {
    fn start(spark: &'a Files) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = daemon(spark, "master.Master", folder.path());
        command.env("SPARK_MASTER_OPTS", "-Dspark.master.rest.enabled=false");
        let mut master = Running::start(&mut command);
        master.until_it_says("I have been elected leader");
        let said = master.said();
        let page = format!("http://127.0.0.1:{}", behind(&said, "MasterUI' on port ").trim_end_matches('.'));
        Self { spark, folder, master: behind(&said, "Starting Spark master at "), page, _master: master }
    }

    fn worker(&self) -> Running {
        let mut command = daemon(self.spark, "worker.Worker", self.folder.path());
        command.args(["--cores", "1", "--memory", "1g", "--work-dir"]).arg(self.folder.path()).arg(&self.master);
        let mut worker = Running::start(&mut command);
        worker.until_it_says("Successfully registered with master");
        worker
    }

    fn submit(&self, pipeline: &Pipeline) -> Command {
        let mut command = self.spark.submit(pipeline);
        command.args(["--target", &self.master, "--parallelism", "2", "--set", "batch-rows=500"]);
        command.args(["-D", "spark.executor.memory=512m", "-D", "spark.ui.port=0"]);
        command.env("SPARK_LOCAL_IP", "127.0.0.1");
        command
    }
}

/// A process of the cluster.
fn daemon(spark: &Files, class: &str, folder: &Path) -> Command {
    let mut command = Command::new(spark.home.join("bin/spark-class"));
    command.arg(format!("org.apache.spark.deploy.{class}"));
    command.args(["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]);
    command.env("SPARK_HOME", &spark.home).env("SPARK_LOCAL_IP", "127.0.0.1").current_dir(folder);
    command.env("SPARK_DAEMON_MEMORY", "256m").env("JAVA_TOOL_OPTIONS", spark.java_options());
    command
}

/// The word behind a text.
fn behind(said: &str, text: &str) -> String {
    let (_, rest) = said.split_once(text).unwrap_or_else(|| panic!("it did not say {text:?}: {said}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

/// The states of the jobs that a page shows, the newest first.
fn states(page: &str) -> Vec<String> {
    let output = weir().args(["ps", "--engine", "spark", "--target", page, "--json"]).output().unwrap();
    let jobs: Vec<Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let states = jobs.iter().map(|job| {
        assert_eq!(job["engine"], "spark");
        assert!(job["started_us"].as_i64().unwrap() > 0, "{job}");
        format!("{} {}", job["name"].as_str().unwrap(), job["state"].as_str().unwrap())
    });
    states.collect()
}

#[test]
fn batch_jobs_and_streams_run_on_a_standalone_cluster() {
    let Some(spark) = files() else { return };
    let cluster = Cluster::start(spark);
    let worker = cluster.worker();

    let batch = Pipeline::short_nexmark("q1", false);
    let expected = batch.expected();
    Running::start(&mut cluster.submit(&batch)).end().well().saying(&["nexmark-q1 is done"]);
    compare(&expected, &batch.rows("out")).unwrap();

    let pipeline = Pipeline::short_nexmark("q5", false);
    let expected = pipeline.expected();
    let start = |interval: &str| {
        let mut command = cluster.submit(&pipeline);
        command.arg("--checkpoint-dir").arg(checkpoints(&pipeline));
        command.args(["--checkpoint-interval", interval, "--set", "restart.delay=10ms"]);
        Running::start(command.args(["-D", "spark.weir.maxReadsPerTrigger=100"]))
    };
    let mut running = start("1ms");
    running.until("there are some micro-batches", |_| newest(&pipeline) >= 2);
    assert_eq!(states(&cluster.page), ["nexmark-q5 running", "nexmark-q1 finished"]);
    let driver = format!("http://127.0.0.1:{}", behind(&running.said(), "'SparkUI' on port ").trim_end_matches('.'));
    assert_eq!(states(&driver), ["nexmark-q5 running"]);
    worker.kill();
    running.until_it_says("beginning again in");
    let _worker = cluster.worker();
    let before = newest(&pipeline);
    running.until("it has begun again", |_| newest(&pipeline) > before);
    running.signal("INT");
    running.end().failed(&["interrupted: the same command resumes from"]);
    start("10m").end().well().saying(&["nexmark-q5 is done"]);
    compare(&expected, &pipeline.rows("out")).unwrap();
}
