//! `weir submit` and `weir check --engine flink`, as a person uses them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use weir_tests::flink_files::VERSIONS;
use weir_tests::pipelines::Pipeline;
use weir_tests::rows::compare;
use weir_tests::running::weir;

use crate::cluster::{Cluster, cluster};

/// How often it is looked whether a job has ended, and how many times at most.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS_MAX: usize = 1_200;

fn submit(cluster: &Cluster, pipeline: &Pipeline, out: &str) -> Command {
    let mut command = weir();
    let out = pipeline.folder().join(out);
    command.arg("submit").arg(pipeline.file()).arg("--jar").arg(&cluster.files.jar);
    command.arg("--set").arg(format!("sinks.out.path={}/", out.display()));
    command
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_local_run_ends_with_the_job() {
    let Some(cluster) = cluster() else { return };
    let pipeline = Pipeline::nexmark("q1", false);
    let mut command = submit(cluster, &pipeline, "local");
    command.arg("--flink-libs").arg(&cluster.files.libs).args(["--parallelism", "2", "--json"]);
    let options = format!("-Xmx512m -Dweir.library={}", cluster.files.library.display());
    let output = command.env("JAVA_TOOL_OPTIONS", options).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let rows = pipeline.rows("local");
    compare(&pipeline.expected(), &rows).unwrap();
    // As of a session, and what the job has done.
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&answer["ok"], &answer["engine"], &answer["job"]),
        (&true.into(), &"flink".into(), &"nexmark-q1".into())
    );
    assert!(answer["id"].as_str().is_some_and(|id| id.len() == 32) && answer["flink"] == VERSIONS[0], "{answer}");
    assert!(answer["elapsed_us"].as_u64().is_some_and(|us| us > 0) && answer["notes"].is_array(), "{answer}");
    let steps = answer["steps"].as_array().unwrap();
    let count = |step: &str, name: &str| steps.iter().find(|of| of["name"] == step).and_then(|of| of[name].as_u64());
    assert_eq!((count("out", "rows-in"), count("out", "rows-failed")), (Some(rows.len() as u64), Some(0)), "{answer}");
}

#[test]
fn a_session_gets_the_job_and_keeps_no_jar() {
    let Some(cluster) = cluster() else { return };
    let pipeline = Pipeline::nexmark("q5", false);
    let mut command = submit(cluster, &pipeline, "session");
    let output = command.args(["--target", &format!("session:{}", cluster.url), "--json"]).output().unwrap();
    assert!(output.status.success(), "{} {}", said(&output), String::from_utf8_lossy(&output.stdout));
    until_finished(cluster, &output);
    compare(&pipeline.expected(), &pipeline.rows("session")).unwrap();
    assert_eq!(jars(cluster, "weir-nexmark-q5.jar"), 0);
}

/// Waits until the job has ended that a submission has told of.
fn until_finished(cluster: &Cluster, submitted: &Output) {
    let answer: Value = serde_json::from_slice(&submitted.stdout).unwrap();
    let job = answer["id"].as_str().unwrap();
    let mut looks = 0;
    loop {
        let state = get(&format!("{}/v1/jobs/{job}", cluster.url))["state"].as_str().unwrap().to_owned();
        match state.as_str() {
            "FINISHED" => return,
            "FAILED" | "CANCELED" => panic!("{}", get(&format!("{}/v1/jobs/{job}/exceptions", cluster.url))),
            _ => assert!(looks < LOOKS_MAX, "the job is {state}"),
        }
        looks += 1;
        std::thread::park_timeout(LOOK_EVERY);
    }
}

#[test]
fn state_of_steps_that_are_gone_is_discarded_only_if_that_is_said() {
    let Some(cluster) = cluster() else { return };
    let text = "name = \"bids\"\nbatch-rows = 100\n\n\
                [sources.bids]\nconnector = \"nexmark\"\ntable = \"bid\"\nevents = 40_000\nrate = 20_000\n\n\
                [sinks.all]\ninput = \"bids\"\nconnector = \"blackhole\"\n\n[checkpoint]\ninterval = \"200ms\"\n";
    let gone = "\n[dedup.once]\ninput = \"bids\"\nkey-by = [\"auction\"]\n\n\
                [sinks.out]\ninput = \"once\"\nconnector = \"blackhole\"\n";
    let (before, after) = (Pipeline::new(&format!("{text}{gone}"), false), Pipeline::new(text, false));
    let folder = format!("file://{}/savepoints", before.folder().display());
    let answer = cluster.run(&before.file(), &[], json!({ "savepoint_at": 20, "savepoint_dir": folder }));
    let submit = |savepoint: &str, more: &[&str]| {
        let mut command = weir();
        command.arg("submit").arg(after.file()).arg("--jar").arg(&cluster.files.jar).args([
            "--json",
            "--savepoint",
            savepoint,
        ]);
        command.args(["--target", &format!("session:{}", cluster.url)]).args(more).output().unwrap()
    };
    let savepoint = answer["savepoint"].as_str().unwrap();
    for (savepoint, reason) in
        [(savepoint, "--allow-dropped-state discards it"), ("file:///nowhere", "name a savepoint's folder")]
    {
        let output = submit(savepoint, &[]);
        let said = said(&output);
        assert!(!output.status.success() && said.contains(reason), "{said}");
        assert!(!said.contains("org.apache") && !said.contains("java."), "{said}");
    }
    let output = submit(savepoint, &["--allow-dropped-state"]);
    assert!(output.status.success(), "{}", said(&output));
    until_finished(cluster, &output);
}

#[test]
fn what_is_no_key_of_flinks_configuration_is_refused_at_once() {
    for wrong in ["=x", "key"] {
        let output = weir().args(["submit", "none.toml", "-D", wrong]).output().unwrap();
        assert!(
            said(&output).contains("write KEY=VALUE, a key of the engine's configuration"),
            "{wrong}: {}",
            said(&output)
        );
    }
}

#[test]
fn what_cannot_run_there_is_refused_with_its_line() {
    let text = "name = \"piped\"\n\n[sources.rows]\nconnector = \"stdin\"\nschema = { value = \"int64\" }\n\n\
                [sinks.out]\ninput = \"rows\"\nconnector = \"blackhole\"\n";
    let pipeline = Pipeline::new(text, false);
    let check = |more: &[&str]| weir().arg("check").arg(pipeline.file()).args(more).output().unwrap();
    let (alone, flink) = (check(&[]), check(&["--engine", "flink"]));
    assert!(alone.status.success(), "{}", said(&alone));
    assert!(!flink.status.success());
    assert!(said(&flink).contains("pipeline.toml:4:13"), "{}", said(&flink));
    let submitted = weir().arg("submit").arg(pipeline.file()).output().unwrap();
    assert!(said(&submitted).contains("pipeline.toml:4:13"), "{}", said(&submitted));
}

/// The same answer of all commands that speak of Flink.
#[test]
fn another_engine_needs_no_folder_of_checkpoints() {
    let text = "name = \"rows\"\n\n[sources.in]\nconnector = \"nexmark\"\ntable = \"bid\"\nevents = 100\n\n\
                [sinks.out]\ninput = \"in\"\nconnector = \"blackhole\"\n\n[checkpoint]\ninterval = \"1s\"\n";
    let pipeline = Pipeline::new(text, false);
    let run = |command: &str, more: &[&str]| weir().arg(command).arg(pipeline.file()).args(more).output().unwrap();
    assert!(said(&run("check", &[])).contains("[checkpoint] has no dir"));
    for (command, more) in [("check", &["--engine", "flink"][..]), ("plan", &[])] {
        let output = run(command, more);
        assert!(output.status.success(), "{}", said(&output));
    }
    // What is in the folder that another engine does not use is no matter.
    let state = pipeline.folder().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::write(state.join("weir-job"), "of another program").unwrap();
    let output = run("check", &["--engine", "flink", "--checkpoint-dir", state.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    // There is no jar, and that is all that submitting lacks.
    let output = run("submit", &["--jar", "/no/such.jar"]);
    assert!(said(&output).contains("--jar /no/such.jar: there is no such file"), "{}", said(&output));
}

#[test]
fn mistakes_are_in_the_lines_of_the_file_as_it_was_written() {
    let text = |connector: &str, column: &str| {
        format!(
            "name = \"rows\"\n\n[sources.in]\nconnector = \"{connector}\"\nschema = {{ n = \"int64\" }}\npath = \"rows.csv\"\n\n\
             [filters.some]\ninput = \"in\"\nwhere = \"{column} > 1\"\n\n[sinks.out]\ninput = \"some\"\nconnector = \"blackhole\"\n"
        )
    };
    let cases = [
        (text("file", "m"), "pipeline.toml:10:"),
        (text("stdin", "n").replace("path = \"rows.csv\"\n", ""), "pipeline.toml:4:13"),
    ];
    for (text, place) in cases {
        let pipeline = Pipeline::new(&text, false);
        std::fs::write(pipeline.folder().join("rows.csv"), "n\n1\n").unwrap();
        for command in [&["check", "--engine", "flink"][..], &["submit"]] {
            let mut weir = weir();
            // Each adds lines to what is run.
            weir.args(command).arg(pipeline.file()).args(["--parallelism", "2", "--checkpoint-interval", "1s"]);
            let output = weir.output().unwrap();
            assert!(!output.status.success());
            assert!(said(&output).contains(place), "{place}: {}", said(&output));
        }
    }
}

#[test]
fn why_a_local_run_failed_is_in_its_json() {
    let Some(cluster) = cluster() else { return };
    let text = "name = \"rows\"\n\n[sources.in]\nconnector = \"file\"\npath = \"rows.csv\"\nschema = { n = \"int64\" }\n\
                on-error = \"fail\"\n\n[sinks.out]\ninput = \"in\"\nconnector = \"blackhole\"\n";
    let pipeline = Pipeline::new(text, false);
    std::fs::write(pipeline.folder().join("rows.csv"), "n\n1\ntwo\n").unwrap();
    let mut command = weir();
    command.arg("submit").arg(pipeline.file()).arg("--jar").arg(&cluster.files.jar).arg("--json");
    command.arg("--flink-libs").arg(&cluster.files.libs);
    let options = format!("-Xmx512m -Dweir.library={}", cluster.files.library.display());
    let output = command.env("JAVA_TOOL_OPTIONS", options).output().unwrap();
    assert!(!output.status.success());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let message = answer["problems"][0]["message"].as_str().unwrap();
    assert!(answer["ok"] == false && message.starts_with("the job has failed: "), "{answer}");
    assert!(message.contains("rows.csv") && message.contains("two"), "{answer}");
}

/// How many jars of a name the cluster has.
pub(crate) fn jars(cluster: &Cluster, name: &str) -> usize {
    let jars = get(&format!("{}/v1/jars", cluster.url));
    jars["files"].as_array().unwrap().iter().filter(|jar| jar["name"] == name).count()
}

/// Asks the cluster.
pub(crate) fn get(url: &str) -> Value {
    ask("GET", url)
}

/// Asks the cluster by a method of HTTP.
pub(crate) fn ask(method: &str, url: &str) -> Value {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{method} /{path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_head, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{url}: {error}: {answer}"))
}
