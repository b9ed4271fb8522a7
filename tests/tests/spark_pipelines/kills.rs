//! The driver is killed while a stream runs, and the same command resumes: every row is written once. A component is replaced in between.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use weir_tests::pipelines::Pipeline;
use weir_tests::rows::compare;
use weir_tests::running::{Running, look_for, root, weir};

use crate::spark::{Files, files};

/// How many rows are written before each version. Each bidder bids more than ten times, from which on the second version says platinum.
const ROWS: usize = 300;
const BIDDERS: usize = 20;

/// `weir submit` with the checkpoints of a pipeline.
fn submit(spark: &Files, pipeline: &Pipeline) -> Command {
    let mut command = spark.submit(pipeline);
    command.arg("--checkpoint-dir").arg(checkpoints(pipeline));
    command
}

pub(crate) fn checkpoints(pipeline: &Pipeline) -> PathBuf {
    pipeline.folder().join("checkpoints")
}

/// The number of the newest entry of the log of checkpoints.
pub(crate) fn newest(pipeline: &Pipeline) -> u64 {
    let Ok(entries) = std::fs::read_dir(checkpoints(pipeline).join("log")) else { return 0 };
    let numbers = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    numbers.max().unwrap_or(0)
}

/// The processes that one has started, whichever of its threads did.
fn children(process: &str) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let of_thread =
        |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    let lists: Vec<String> = threads.map(|thread| of_thread(thread.unwrap())).collect();
    lists.iter().flat_map(|list| list.split_whitespace()).map(str::to_owned).collect()
}

/// The driver, which the command has started.
fn driver(command: u32) -> String {
    look_for(|| children(&command.to_string()).into_iter().next()).unwrap()
}

#[test]
fn a_killed_driver_resumes_where_it_was() {
    let Some(spark) = files() else { return };
    let pipeline = Pipeline::short_nexmark("q5", false);
    let expected = pipeline.expected();
    let temporary = pipeline.folder().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let command = |parallelism: &str| {
        let mut command = submit(spark, &pipeline);
        command.args([
            "--target",
            "local[2]",
            "--checkpoint-interval",
            "1ms",
            "--parallelism",
            parallelism,
            "--set",
            "batch-rows=500",
        ]);
        // So that there are dozens of micro-batches.
        command.args(["-D", "spark.weir.maxReadsPerTrigger=1"]).env("TMPDIR", &temporary);
        command
    };
    let left = || {
        let entries = temporary.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        entries.filter(|name| name.starts_with("weir-submit-")).count()
    };
    // More and more of it has been done, and is not done again, whatever the parallelism is.
    for (entries, parallelism, kills_command) in [(5, "2", false), (9, "3", true)] {
        let begun = newest(&pipeline);
        let mut running = Running::start(&mut command(parallelism));
        running.until("there are some micro-batches", |_| newest(&pipeline) >= begun + entries);
        match kills_command {
            // The driver sees it, and ends.
            true => running.kill(),
            false => {
                let killed = Command::new("kill").arg("-KILL").arg(driver(running.id())).status().unwrap();
                assert!(killed.success());
                running.end().failed(&["the job has failed"]);
            }
        }
    }
    assert_eq!(left(), 1, "of the command that was killed");
    Running::start(&mut command("1")).end().well();
    assert_eq!(left(), 0);
    compare(&expected, &pipeline.rows("out")).unwrap();
}

fn component(name: &str) -> PathBuf {
    root().join("examples/hot-swap").join(name).canonicalize().unwrap()
}

fn write(file: &Path, written: usize) {
    let mut file = std::fs::File::options().append(true).open(file).unwrap();
    let rows = (written..written + ROWS).map(|n| format!("{},{}\n", n * n % BIDDERS, n % 7));
    file.write_all(rows.collect::<String>().as_bytes()).unwrap();
}

/// The second version counts in a column of state that the first did not have. It is started while the first runs, which then ends.
#[test]
fn another_version_of_a_component_takes_the_job_over_with_its_state() {
    let Some(spark) = files() else { return };
    let text = "name = \"levels\"\nparallelism = 2\n\n\
                [sources.bids]\nconnector = \"file\"\npath = \"bids.csv\"\nfollow = true\nschema = { bidder = \"int64\", price = \"int64\" }\n\n\
                [operators.level]\ninput = \"bids\"\nkey-by = [\"bidder\"]\ncomponent = \"level.wasm\"\nconfig = { gold-from = 50 }\n\n\
                [sinks.out]\ninput = \"level\"\nconnector = \"file\"\npath = \"out/\"\nformat = \"csv\"\n\n[restart]\ndelay = \"10ms\"\n";
    let pipeline = Pipeline::new(text, false);
    let (bids, out) = (pipeline.folder().join("bids.csv"), pipeline.folder().join("out"));
    std::fs::write(&bids, "bidder,price\n").unwrap();
    let mut before: Option<Running> = None;
    for (index, version) in ["level_v1.wasm", "level_v2.wasm"].into_iter().enumerate() {
        let set = format!("operators.level.component={}", component(version).display());
        let mut running =
            Running::start(submit(spark, &pipeline).args(["--checkpoint-interval", "50ms", "--set", &set]));
        if let Some(before) = before.take() {
            running.until("the first is replaced", |_| before.said().contains("another driver runs this job now"));
            before.end().failed(&[]);
        }
        write(&bids, index * ROWS);
        let mut here = weir();
        here.arg("run").arg(pipeline.file()).arg("--once").arg("--checkpoint-dir").arg(pipeline.folder().join("state"));
        here.args(["--set", &set, "--set"]);
        here.arg(format!("sinks.out.path={}/", pipeline.folder().join("expected").display()));
        let output = here.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        running.until("all rows are there", |_| out.exists() && pipeline.rows("out").len() >= (index + 1) * ROWS);
        before = Some(running);
    }
    drop(before);
    compare(&pipeline.rows("expected"), &pipeline.rows("out")).unwrap();
}

/// Executors in processes of their own: what they had in memory is opened again from the last checkpoint.
#[test]
fn lost_executors_begin_again_from_the_last_checkpoint() {
    let Some(spark) = files() else { return };
    let pipeline = Pipeline::short_nexmark("q4", true);
    let expected = pipeline.expected();
    let mut command = submit(spark, &pipeline);
    command.args(["--target", "local-cluster[2,1,512]", "-D", "spark.executor.memory=512m"]);
    // Both have subtasks.
    command.args(["-D", "spark.cores.max=2"]);
    command.args(["--checkpoint-interval", "1ms", "--parallelism", "2", "--set", "batch-rows=500"]);
    command.args(["-D", "spark.weir.maxReadsPerTrigger=4", "--set", "restart.delay=10ms"]);
    let mut running = Running::start(&mut command);
    running.until("there are some micro-batches", |_| newest(&pipeline) > 3);
    let is_executor = |process: &String| {
        let command = std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
        command.contains("CoarseGrainedExecutorBackend")
    };
    let executors: Vec<String> = children(&driver(running.id())).into_iter().filter(is_executor).collect();
    assert!(Command::new("kill").arg("-KILL").args(&executors).status().unwrap().success());
    let ended = running.end().well();
    ended.saying(&["beginning again in"]);
    compare(&expected, &pipeline.rows("out")).unwrap();
}
