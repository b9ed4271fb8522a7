//! A job that an earlier version was stopped in goes on in the command of today, at any parallelism: see the README of its folder.

use std::fs;
use std::path::Path;

use weir_tests::rows::compare;

use crate::harness::{PARALLELISM, root, sorted_rows, weir};
use crate::running::Running;

const COMPONENTS: [&str; 3] = ["operators/running_count.wasm", "operators/quantile.wasm", "tests/guests/tally.wasm"];

#[test]
fn today_goes_on_from_the_golden_checkpoint() {
    let golden = root().join("tests/golden/checkpoint-v1");
    for parallelism in PARALLELISM {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        copy(&golden, folder);
        for component in COMPONENTS.map(|component| root().join(component)) {
            fs::copy(&component, folder.join(component.file_name().unwrap())).unwrap();
        }
        let mut job = weir();
        job.current_dir(folder).args(["run", "pipeline.toml", "--parallelism", &parallelism.to_string()]);
        job.args(["--set", "restart.failures-max=0"]);
        Running::start(&mut job).end().well().saying(&["going on from checkpoint 3"]);
        for sink in ["running", "timed", "tumbling", "sessions", "sliding"] {
            let expected = fs::read_to_string(golden.join(format!("expected/{sink}.csv"))).unwrap();
            let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
            let rows = written(&folder.join("out"), sink);
            compare(&expected, &rows).unwrap_or_else(|e| panic!("{sink}, parallelism {parallelism}: {e}"));
        }
    }
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
