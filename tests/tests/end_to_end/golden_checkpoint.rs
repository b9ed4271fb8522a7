//! A job that an earlier version was stopped in continues in the command of today, at any parallelism: see the README of its folder.

use std::fs;
use std::path::{Path, PathBuf};

use weir_tests::rows::compare;

use crate::damage::flip;
use crate::harness::{PARALLELISM, root, sorted_rows, weir};
use crate::running::{Ended, Running};

const COMPONENTS: [&str; 3] = ["operators/running_count.wasm", "operators/quantile.wasm", "tests/guests/tally.wasm"];

#[test]
fn today_resumes_from_the_golden_checkpoint() {
    let golden = golden();
    for parallelism in PARALLELISM {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        copy(&golden, folder);
        resume(folder, parallelism).well().saying(&["resuming from checkpoint 3"]);
        for sink in ["running", "timed", "tumbling", "sessions", "sliding"] {
            let expected = fs::read_to_string(golden.join(format!("expected/{sink}.csv"))).unwrap();
            let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
            let rows = written(&folder.join("out"), sink);
            compare(&expected, &rows).unwrap_or_else(|e| panic!("{sink}, parallelism {parallelism}: {e}"));
        }
    }
}

/// It has every kind of state that there is.
#[test]
fn a_flipped_byte_in_any_kind_of_its_state_is_found() {
    let parts = fs::read_dir(golden().join("state/parts/1-2")).unwrap();
    let parts: Vec<String> = parts.map(|part| part.unwrap().file_name().into_string().unwrap()).collect();
    for kind in ["-states", "-timers", "-watermark", "-panes", "-sessions", "-progress"] {
        let is_of_kind = |part: &&String| part.rsplit_once('-').unwrap().0.ends_with(kind);
        let part = parts.iter().find(is_of_kind).unwrap();
        let folder = tempfile::tempdir().unwrap();
        copy(&golden(), folder.path());
        flip(&folder.path().join("state/parts/1-2").join(part));
        resume(folder.path(), 1).failed(&[
            "no checkpoint in state is whole: remove the folder to begin from nothing",
            &format!("parts/1-2/{part} does not have the checksum that was written"),
        ]);
    }
}

fn golden() -> PathBuf {
    root().join("tests/golden/checkpoint-v1")
}

/// Runs the job of a copy on.
fn resume(folder: &Path, parallelism: usize) -> Ended {
    for component in COMPONENTS.map(|component| root().join(component)) {
        fs::copy(&component, folder.join(component.file_name().unwrap())).unwrap();
    }
    let mut job = weir();
    job.current_dir(folder).args(["run", "pipeline.toml", "--parallelism", &parallelism.to_string()]);
    job.args(["--set", "restart.failures-max=0"]);
    Running::start(&mut job).end()
}

/// The rows of a file, or of all parts in a folder, sorted.
fn written(out: &Path, sink: &str) -> Vec<String> {
    let parts = out.join(sink);
    if !parts.is_dir() {
        return sorted_rows(&parts.with_extension("csv"));
    }
    let mut rows: Vec<String> =
        fs::read_dir(parts).unwrap().flat_map(|part| sorted_rows(&part.unwrap().path())).collect();
    rows.sort();
    rows
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}
