//! `weir ps` and `weir swap` with jobs of a Flink cluster: a swap keeps the state and every row, and one that fails brings back what ran.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use weir_tests::pipelines::Pipeline;
use weir_tests::rows::compare;
use weir_tests::running::{look_for, root, weir};

use crate::cluster::{Cluster, cluster};
use crate::submit::{ask, get, jars, said};

/// How often it is looked whether rows have come, and how many times at most.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOKS_MAX: usize = 2_400;
/// How many rows are written between two swaps. Each bidder bids more than ten times, from which on the second version says platinum.
const ROWS: usize = 300;
const BIDDERS: usize = 20;
/// A key of Flink's configuration that the job is submitted with.
const SETTING: &str = "execution.checkpointing.min-pause=1 ms";

/// A job whose input grows.
struct Levels<'a> {
    cluster: &'a Cluster,
    name: &'static str,
    pipeline: Pipeline,
    written: usize,
}

fn component(name: &str) -> PathBuf {
    root().join("examples/hot-swap").join(name).canonicalize().unwrap()
}

impl<'a> Levels<'a> {
    /// With its first version.
    fn new(cluster: &'a Cluster) -> Self {
        let component = component("level_v1.wasm");
        let text = format!(
            "[operators.level]\ninput = \"bids\"\nkey-by = [\"bidder\"]\ncomponent = \"{}\"\nconfig = {{ gold-from = 50 }}\n",
            component.display()
        );
        Self::with_step(cluster, "levels", &text)
    }

    /// Another job, with this step in the place of the operator.
    fn with_step(cluster: &'a Cluster, name: &'static str, step: &str) -> Self {
        let text = format!(
            "name = \"{name}\"\nparallelism = 2\n\n\
             [sources.bids]\nconnector = \"file\"\npath = \"bids.csv\"\nfollow = true\nschema = {{ bidder = \"int64\", price = \"int64\" }}\n\n\
             {step}\n\
             [sinks.out]\ninput = \"level\"\nconnector = \"file\"\npath = \"out/\"\nformat = \"csv\"\n\n\
             [checkpoint]\ninterval = \"100ms\"\n"
        );
        let pipeline = Pipeline::new(&text, false);
        std::fs::write(pipeline.folder().join("bids.csv"), "bidder,price\n").unwrap();
        Self { cluster, name, pipeline, written: 0 }
    }

    /// More input.
    fn write(&mut self) {
        let mut file = std::fs::File::options().append(true).open(self.pipeline.folder().join("bids.csv")).unwrap();
        let rows = (self.written..self.written + ROWS).map(|n| format!("{},{}\n", n * n % BIDDERS, n % 7));
        file.write_all(rows.collect::<String>().as_bytes()).unwrap();
        self.written += ROWS;
    }

    /// What Weir's own engine makes of what was written since it ran last, with a version.
    fn run_here(&self, version: &str) {
        self.run_here_with(&format!("operators.level.component={}", component(version).display()));
    }

    fn run_here_with(&self, set: &str) {
        let mut command = weir();
        let folder = self.pipeline.folder();
        command.arg("run").arg(self.pipeline.file()).arg("--once").arg("--checkpoint-dir").arg(folder.join("state"));
        command.args(["--set", set]).arg("--set").arg(format!("sinks.out.path={}/", folder.join("expected").display()));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }

    /// A command about the job.
    fn weir(&self, command: &str) -> Command {
        let mut weir = weir();
        weir.args([command, "--engine", "flink", "--target", &format!("session:{}", self.cluster.url)]);
        weir
    }

    fn submit(&self) -> Value {
        let mut submit = weir();
        submit.arg("submit").arg(self.pipeline.file()).arg("--jar").arg(&self.cluster.files.jar);
        submit.arg("--target").arg(format!("session:{}", self.cluster.url)).args(["-D", SETTING, "--json"]);
        answer(&submit.output().unwrap())
    }

    /// `weir swap` of the version that runs for another, with savepoints where the cluster has them: nowhere.
    fn swap_without_folder(&self, runs: &str, version: &Path) -> Command {
        let mut weir = self.weir("swap");
        weir.arg("levels/level").arg(version).arg("--pipeline").arg(self.pipeline.file());
        weir.arg("--pipeline-set").arg(format!("operators.level.component={}", component(runs).display()));
        weir.arg("--jar").arg(&self.cluster.files.jar).args(["-D", SETTING]);
        weir
    }

    fn swap(&self, runs: &str, version: &Path) -> Command {
        let mut weir = self.swap_without_folder(runs, version);
        weir.arg("--savepoint-dir").arg(format!("file://{}", self.pipeline.folder().join("savepoints").display()));
        weir
    }

    /// The jobs of this name that are not over.
    fn jobs(&self) -> Vec<Value> {
        let output = self.weir("ps").arg("--json").output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let jobs: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let is_over = |job: &Value| ["finished", "failed", "canceled"].contains(&job["state"].as_str().unwrap());
        jobs.into_iter().filter(|job| job["name"] == self.name && !is_over(job)).collect()
    }

    /// The one that runs. Flink's list is some seconds old.
    fn only_job(&self) -> String {
        let jobs = look_for(|| Some(self.jobs()).filter(|jobs| jobs.len() == 1)).expect("one job runs");
        jobs[0]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until all that was written has come out.
    fn await_rows(&self) -> Vec<String> {
        self.await_some_rows(self.written)
    }

    fn await_some_rows(&self, count: usize) -> Vec<String> {
        for _ in 0..LOOKS_MAX {
            let rows = if self.pipeline.folder().join("out").exists() { self.pipeline.rows("out") } else { Vec::new() };
            if rows.len() >= count {
                return rows;
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
        let jobs = self.jobs();
        let id = jobs.first().map_or("", |job| job["id"].as_str().unwrap());
        panic!("{jobs:?}: {}", get(&format!("{}/v1/jobs/{id}/exceptions", self.cluster.url)));
    }
}

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", String::from_utf8_lossy(&output.stdout), said(output)))
}

#[test]
fn only_jobs_of_weir_are_listed() {
    let Some(cluster) = cluster() else { return };
    let answer = cluster.try_run(Path::new(""), &[], json!({ "other": "of-another-program" }));
    assert_eq!(answer["ok"], true, "{answer}");
    let pipeline = Pipeline::nexmark("q1", false);
    cluster.run(&pipeline.file(), &[format!("sinks.out.path={}/", pipeline.folder().join("out").display())], json!({}));
    let all = get(&format!("{}/v1/jobs/overview", cluster.url)).to_string();
    assert!(all.contains("of-another-program") && all.contains("nexmark-q1"), "{all}");
    let mut ps = weir();
    let output =
        ps.args(["ps", "--engine", "flink", "--target", &format!("session:{}", cluster.url)]).output().unwrap();
    let listed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !listed.contains("of-another-program"), "{listed} {}", said(&output));
    let is_listed =
        |line: &str| line.starts_with("nexmark-q1 ") && line.contains(" flink ") && line.contains(" finished ");
    assert!(listed.lines().any(is_listed), "{listed}");
}

/// A quantile of every 45 rows of a bidder: the new version resumes from the rows that the old one has taken.
#[test]
fn an_aggregate_is_swapped_with_its_state() {
    let Some(cluster) = cluster() else { return };
    let quantile = root().join("operators/quantile.wasm").canonicalize().unwrap();
    let mut levels = Levels::with_step(
        cluster,
        "quantiles",
        &format!(
            "[windows.level]\ninput = \"bids\"\nkey-by = [\"bidder\"]\nwindow = {{ rows = 45 }}\n\
             aggregates.typical = {{ component = \"{}\", columns = [\"price\"], config = {{ q = 0.5 }} }}\n",
            quantile.display()
        ),
    );
    let set = |q: &str| format!("windows.level.aggregates.typical.config.q={q}");
    levels.write();
    levels.run_here_with(&set("0.5"));
    levels.submit();
    levels.await_some_rows(levels.pipeline.rows("expected").len());
    let mut swap = levels.weir("swap");
    swap.args(["quantiles/level.typical", "--set", "config.q=0.9", "--pipeline"]).arg(levels.pipeline.file());
    swap.arg("--jar").arg(&cluster.files.jar).args(["-D", SETTING, "--json", "--savepoint-dir"]);
    let swapped = answer(&swap.arg(format!("file://{}", levels.pipeline.folder().display())).output().unwrap());
    assert_eq!(swapped["phase"], "done", "{swapped}");
    levels.write();
    levels.run_here_with(&set("0.9"));
    let expected = levels.pipeline.rows("expected");
    compare(&expected, &levels.await_some_rows(expected.len())).unwrap();
    ask("PATCH", &format!("{}/v1/jobs/{}?mode=cancel", cluster.url, levels.only_job()));
}

#[test]
fn a_swap_keeps_state_and_rows_and_one_that_fails_goes_back() {
    let Some(cluster) = cluster() else { return };
    let mut levels = Levels::new(cluster);
    levels.write();
    levels.run_here("level_v1.wasm");
    let submitted = levels.submit();
    levels.await_rows();
    let jobs = levels.jobs();
    assert_eq!((jobs.len(), &jobs[0]["id"]), (1, &submitted["id"]));
    assert_eq!(
        (&jobs[0]["engine"], &jobs[0]["state"], &jobs[0]["parallelism"]),
        (&"flink".into(), &"running".into(), &2.into())
    );
    assert!(jobs[0]["started_us"].as_i64().unwrap() > 0, "{jobs:?}");

    // What does not fit, or is not what runs, is refused while the job runs.
    let v2 = component("level_v2.wasm");
    let poison = root().join("tests/guests/poison.wasm").canonicalize().unwrap();
    for (runs, version, reason) in [
        ("level_v1.wasm", poison.as_path(), "stateless transform"),
        ("level_v1.wasm", Path::new("level@2"), "level@2 is no file"),
        ("level_v2.wasm", component("level_v1.wasm").as_path(), "level runs "),
        ("level_v1.wasm", component("level_v1.wasm").as_path(), "levels runs that already"),
    ] {
        let output = levels.swap(runs, version).output().unwrap();
        assert!(!output.status.success() && said(&output).contains(reason), "{reason}: {}", said(&output));
    }
    let mut without_setting = levels.weir("swap");
    without_setting.arg("levels/level").arg(&v2).arg("--pipeline").arg(levels.pipeline.file());
    let output = without_setting.arg("--jar").arg(&cluster.files.jar).output().unwrap();
    let reason = "levels was submitted with -D execution.checkpointing.min-pause=...: give that again";
    assert!(!output.status.success() && said(&output).contains(reason), "{}", said(&output));
    let output = levels.swap("level_v1.wasm", &v2).arg("--dry-run").output().unwrap();
    assert!(output.status.success() && said(&output).contains("would fit"), "{}", said(&output));
    let output = levels.swap_without_folder("level_v1.wasm", &v2).output().unwrap();
    assert!(!output.status.success() && said(&output).contains("the job runs as before"), "{}", said(&output));
    assert_eq!(levels.only_job(), submitted["id"].as_str().unwrap());

    // The new version counts in a column of state that the old one did not have.
    let output = levels.swap("level_v1.wasm", &v2).arg("--json").output().unwrap();
    let swapped = answer(&output);
    assert_eq!((&swapped["ok"], &swapped["phase"]), (&true.into(), &"done".into()), "{swapped} {}", said(&output));
    assert_eq!(levels.only_job(), swapped["id"].as_str().unwrap());
    levels.write();
    levels.await_rows();

    // The old one has no place for that column.
    let output = levels.swap("level_v2.wasm", &component("level_v1.wasm")).arg("--json").output().unwrap();
    let back = answer(&output);
    assert!(!output.status.success());
    assert_eq!((&back["ok"], &back["phase"]), (&false.into(), &"rolled-back".into()), "{back}");
    assert!(back["reason"].as_str().unwrap().contains("the column \"bids\""), "{back}");
    assert!(said(&output).contains("the old version runs as "), "{}", said(&output));
    let job = levels.only_job();
    assert_eq!(job, back["id"].as_str().unwrap());
    levels.write();
    let rows = levels.await_rows();

    levels.run_here("level_v2.wasm");
    let expected = levels.pipeline.rows("expected");
    assert!(expected.iter().any(|row| row.ends_with("platinum")), "{expected:?}");
    compare(&expected, &rows).unwrap();
    ask("PATCH", &format!("{}/v1/jobs/{job}?mode=cancel", cluster.url));
    assert_eq!(jars(cluster, "weir-levels.jar"), 0);
}
