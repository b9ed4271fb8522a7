//! What a job resumes from, through the command: an older checkpoint, a pipeline that has changed since, and two runs of one job.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::checkpoint_folder::checkpoints;
use crate::damage::{SHOWS_NOTHING, SHOWS_ROWS, STEPS, Suspended, run, write};
use crate::harness::{sorted_rows, weir};
use crate::running::Running;

#[test]
fn it_goes_back_to_an_older_checkpoint() {
    let job = Suspended::new(SHOWS_NOTHING);
    let (expected, before) = (job.expected(), job.before.number);
    let ended = job.resume_as(&(STEPS.to_owned() + SHOWS_NOTHING), &["--from", &before.to_string()]).well();
    assert_eq!(ended.summary()["sinks"], expected);
    ended.saying(&[&format!("resuming from checkpoint {before}\n")]);
}

#[test]
fn state_is_given_up_only_on_purpose() {
    let job = Suspended::new(SHOWS_NOTHING);
    let expected = job.expected();
    let renamed = STEPS.replace("operators.counts", "operators.counted").replace("\"counts\"", "\"counted\"");
    let renamed = renamed + SHOWS_NOTHING;
    job.resume_as(&renamed, &[]).failed(&[
        "has state of \"counts\", and the pipeline has no operator of that name",
        "discard the state with --allow-dropped-state counts",
    ]);
    let ended = job.resume_as(&renamed, &["--allow-dropped-state", "counts"]).well();
    let windows = |sinks: &Value| sinks.as_array().unwrap()[..2].to_vec();
    assert_eq!(windows(&ended.summary()["sinks"]), windows(&expected), "what has its state continues");
    ended.saying(&["the state of \"counts\" is discarded"]);
}

#[test]
fn a_pipeline_that_does_not_fit_is_refused_with_what_to_do() {
    let job = Suspended::new(SHOWS_NOTHING);
    let pipeline = STEPS.to_owned() + SHOWS_NOTHING;
    let undo = "restore the operator, or rename it and discard its state with --allow-dropped-state OLD-NAME";
    let changes: [(&str, &str, &[&str]); 4] = [
        (
            "\"1m\"",
            "\"2m\"",
            &["\"minutes\"", "its state is of windows that are tumbling 1m, but the windows are now tumbling 2m", undo],
        ),
        ("[\"auction\"]", "[\"bidder\"]", &["\"minutes\"", "auction", undo]),
        ("batch-rows = 500", "max-parallelism = 64", &["has 128 key groups", "set max-parallelism = 128"]),
        ("\"bids\"\nbatch", "\"asks\"\nbatch", &["of the job \"bids\", not of \"asks\"", "a folder of its own"]),
    ];
    for (old, new, reasons) in changes {
        assert!(pipeline.contains(old), "{old}");
        job.resume_as(&pipeline.replace(old, new), &[]).failed(reasons);
    }
}

/// The rows that a pipeline's file sink shows; what a run that was fenced had not finished is hidden.
fn rows(folder: &Path) -> Vec<String> {
    let parts = fs::read_dir(folder.join("counts")).unwrap().map(|part| part.unwrap().path());
    let shown = parts.filter(|part| part.extension().is_some_and(|extension| extension == "csv"));
    let mut rows: Vec<String> = shown.flat_map(|part| sorted_rows(&part)).collect();
    rows.sort();
    rows
}

#[test]
fn the_newer_of_two_runs_has_the_job() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [undisturbed, disturbed] = folders.each_ref().map(tempfile::TempDir::path);
    for folder in [undisturbed, disturbed] {
        write(folder, &(STEPS.to_owned() + SHOWS_ROWS));
    }
    Running::start(&mut run(undisturbed, &undisturbed.join("state"))).end().well();

    let state = disturbed.join("state");
    let mut older = Running::start(run(disturbed, &state).args(["--set", "sources.bids.rate=2000"]));
    older.until("there is a checkpoint", |_| !checkpoints(&state).is_empty());
    let newer = Running::start(&mut run(disturbed, &state));
    older.end().failed(&["a newer run of the job has taken over"]);
    newer.end().well().saying(&["resuming from checkpoint"]);
    let (shown, expected) = (rows(disturbed), rows(undisturbed));
    assert!(shown == expected, "{} rows instead of {}", shown.len(), expected.len());
}

#[test]
fn check_says_what_makes_the_guarantee_weaker() {
    let folder = tempfile::tempdir().unwrap();
    let source = "[sources.lines]\nconnector = \"stdin\"\nschema = { line = \"utf8\" }\n";
    let sink = "[sinks.shown]\ninput = \"lines\"\nconnector = \"console\"\n";
    write(folder.path(), &format!("name = \"lines\"\n{source}{sink}"));
    let mut check = weir();
    check.arg("check").arg(folder.path().join("pipeline.toml"));
    let says =
        ["lines would, with checkpoints, be at-most-once: ", "shown would, with checkpoints, be at-least-once: "];
    Running::start(&mut check).end().well().saying(&says);
    check.arg("--checkpoint-dir").arg(folder.path().join("state"));
    Running::start(&mut check).end().well().saying(&["lines is at-most-once: ", "shown is at-least-once: "]);
}
