//! `weir submit` and `weir check --engine spark`, as a person uses them.

use std::process::{Command, Output};

use serde_json::Value;
use weir_tests::pipelines::Pipeline;
use weir_tests::rows::compare;
use weir_tests::running::weir;

use crate::spark::{Files, files};

fn submit(spark: &Files, pipeline: &Pipeline) -> Command {
    let mut command = spark.submit(pipeline);
    command.args(["--target", "local[2]"]);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_batch_job_ends_with_its_figures() {
    let Some(spark) = files() else { return };
    let pipeline = Pipeline::nexmark("q1", false);
    let expected = pipeline.expected();
    let output = submit(spark, &pipeline).args(["--parallelism", "2", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["steps"]["out"]["rows-in"], expected.len(), "{answer}");
    compare(&expected, &pipeline.rows("out")).unwrap();
}

#[test]
fn why_it_failed_is_in_its_json() {
    let Some(spark) = files() else { return };
    let text = "name = \"rows\"\n\n[sources.in]\nconnector = \"file\"\npath = \"rows.csv\"\nschema = { n = \"int64\" }\n\
                on-error = \"fail\"\n\n[sinks.out]\ninput = \"in\"\nconnector = \"blackhole\"\n";
    let pipeline = Pipeline::new(text, false);
    std::fs::write(pipeline.folder().join("rows.csv"), "n\n1\ntwo\n").unwrap();
    let output = submit(spark, &pipeline).arg("--json").output().unwrap();
    assert!(!output.status.success());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let message = answer["problems"][0]["message"].as_str().unwrap();
    assert!(answer["ok"] == false && message.starts_with("the job has failed: "), "{answer}");
    assert!(message.contains("rows.csv") && message.contains("two"), "{answer}");
}

/// With all that is refused before Spark is asked.
#[test]
fn what_cannot_run_there_is_refused_with_its_line() {
    let source = |connector: &str| {
        format!(
            "name = \"rows\"\n\n[sources.rows]\nconnector = \"{connector}\"\n\n\
             [sinks.out]\ninput = \"rows\"\nconnector = \"blackhole\"\n"
        )
    };
    let piped = Pipeline::new(&source("stdin\"\nschema = { value = \"int64\" }\n#"), false);
    let endless = Pipeline::new(&source("nexmark\"\ntable = \"bid\"\nrate = 10\n#"), false);
    for (pipeline, reason) in [(&piped, "reads the standard input"), (&endless, "never ends, and without [checkpoint]")]
    {
        for command in [&["check"][..], &["submit"]] {
            let output = weir().args(command).arg(pipeline.file()).args(["--engine", "spark"]).output().unwrap();
            assert!(!output.status.success());
            assert!(
                said(&output).contains("pipeline.toml:4:13") && said(&output).contains(reason),
                "{}",
                said(&output)
            );
        }
    }
    let as_stream = ["--engine", "spark", "--checkpoint-interval", "1s"];
    let output = weir().arg("check").arg(endless.file()).args(as_stream).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    for (options, reason) in [
        (&["-D", "spark.speculation=true"][..], "-D spark.speculation=true: Weir sets it"),
        (&["-D", "spark.submit.deployMode=cluster"], "run weir submit on a machine of the cluster"),
        (&["-D", "parallelism=2"], "keys of Spark begin with"),
        (&["--target", "session:http://localhost:1"], "is of Flink"),
        (&["--savepoint", "x"], "--savepoint is of Flink"),
        (&["--checkpoint-interval", "1s", "--target", "spark://localhost:1"], "name it with --checkpoint-dir"),
    ] {
        let mut command = weir();
        command
            .arg("submit")
            .arg(endless.file())
            .args(["--engine", "spark", "--jar"])
            .arg(endless.file())
            .args(options);
        let output = command.output().unwrap();
        assert!(!output.status.success() && said(&output).contains(reason), "{reason}: {}", said(&output));
    }
    let output = weir().arg("submit").arg(endless.file()).args(["--target", "yarn"]).output().unwrap();
    assert!(said(&output).contains("add --engine spark"), "{}", said(&output));
}

#[test]
fn plan_says_what_differs_on_an_engine() {
    let pipeline = Pipeline::new(
        "name = \"rows\"\n\n[sources.in]\nconnector = \"nexmark\"\ntable = \"bid\"\nevents = 10\n\n\
         [sinks.out]\ninput = \"in\"\nconnector = \"stdout\"\n\n[checkpoint]\ndir = \"checkpoints\"\nmin-pause = \"1s\"\n",
        false,
    );
    let plan = |options: &[&str]| weir().arg("plan").arg(pipeline.file()).args(options).output().unwrap();
    let differs = [("flink", "checkpoint.dir is not used"), ("spark", "checkpoint.min-pause is not used")];
    for (engine, note) in differs {
        let output = plan(&["--engine", engine]);
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("subtasks"));
        for note in [note, "out: what it prints goes to the standard output of the task"] {
            assert!(said(&output).contains(note), "{engine}: {}", said(&output));
        }
        let output = plan(&["--engine", engine, "--json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(json["notes"].to_string().contains(note), "{json}");
    }
    assert_eq!(said(&plan(&[])), "");
    assert!(said(&plan(&["--engine"])).contains("[possible values: flink, spark]"));
    let output = plan(&["--engine", "spark", "--set", "sources.in.connector=stdin"]);
    assert!(!output.status.success() && said(&output).contains("reads the standard input"), "{}", said(&output));
}

#[test]
fn a_swap_says_how_it_is_done_on_spark() {
    let mut swap = weir();
    swap.args(["swap", "levels/level", "level_v2.wasm", "--engine", "spark", "--target", "spark://spark:7077"]);
    let output = swap.args(["--pipeline", "pipeline.toml"]).output().unwrap();
    assert!(!output.status.success() && said(&output).contains("takes over its state"), "{}", said(&output));
}
