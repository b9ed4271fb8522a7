//! A job that an earlier version was stopped in continues in the command of today, at any parallelism: see the README of its folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use weir_tests::rows::compare;

use crate::damage::flip;
use crate::harness::{PARALLELISM, root, run, sorted_rows, weir};
use crate::running::{Ended, Running};

const COMPONENTS: [&str; 3] = ["operators/running_count.wasm", "operators/quantile.wasm", "tests/guests/tally.wasm"];

const SINKS: [&str; 5] = ["running", "timed", "tumbling", "sessions", "sliding"];

#[test]
fn today_resumes_from_the_golden_checkpoints() {
    for (golden, resumes) in
        [("checkpoint-v1", "resuming from checkpoint 3"), ("checkpoint-v2", "resuming from checkpoint 13")]
    {
        let golden = root().join("tests/golden").join(golden);
        for parallelism in PARALLELISM {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            copy(&golden, folder);
            resume(folder, parallelism).well().saying(&[resumes]);
            for sink in SINKS {
                let expected = fs::read_to_string(golden.join(format!("expected/{sink}.csv"))).unwrap();
                let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
                let rows = written(&folder.join("out"), sink);
                compare(&expected, &rows)
                    .unwrap_or_else(|e| panic!("{}, {sink}, parallelism {parallelism}: {e}", golden.display()));
            }
        }
    }
}

#[test]
fn today_resumes_from_the_golden_checkpoint_of_files_of_all_kinds() {
    let golden = root().join("tests/golden/checkpoint-v3");
    for parallelism in PARALLELISM {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        copy(&golden, folder);
        resume(folder, parallelism).well().saying(&["resuming from checkpoint 2"]);
        run(&folder.join("reads.toml"), &[]);
        for text in ["statistics.csv", "high.csv", "parquet.csv", "arrow.csv", "collected.jsonl"] {
            let expected = fs::read_to_string(golden.join("expected").join(text)).unwrap();
            let written = fs::read_to_string(folder.join("out").join(text)).unwrap();
            let mut rows: Vec<&str> = written.lines().skip(usize::from(text.ends_with(".csv"))).collect();
            rows.sort_unstable();
            assert!(expected.lines().eq(rows), "{text}, parallelism {parallelism}");
        }
    }
}

#[test]
fn today_resumes_from_the_golden_checkpoint_of_tables_and_joins() {
    let golden = root().join("tests/golden/checkpoint-v4");
    let expected = fs::read_to_string(golden.join("expected.txt")).unwrap();
    for parallelism in PARALLELISM {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        copy(&golden, folder);
        resume(folder, parallelism).well().saying(&["resuming from checkpoint 2"]);
        let mut sinks: Vec<_> = fs::read_dir(folder.join("out")).unwrap().map(|sink| sink.unwrap().path()).collect();
        sinks.sort();
        let lines = sinks.iter().flat_map(|sink| {
            let name = sink.file_name().unwrap().to_str().unwrap().to_owned();
            rows_there(sink).into_iter().map(move |row| format!("{name}\t{row}"))
        });
        compare(&expected.lines().map(str::to_owned).collect::<Vec<_>>(), &lines.collect::<Vec<_>>())
            .unwrap_or_else(|e| panic!("parallelism {parallelism}: {e}"));
    }
}

/// The rows of all parts in a folder, those that are taken back left out, sorted.
fn rows_there(folder: &Path) -> Vec<String> {
    let mut rows: BTreeMap<String, i64> = BTreeMap::new();
    for part in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(part.unwrap().path()).unwrap();
        for line in text.lines().skip(usize::from(!text.starts_with('{'))) {
            let in_json = line.strip_prefix("{\"row_kind\":\"").map(|rest| rest.split_at(2));
            let (kind, row) = match in_json {
                Some((kind, rest)) => (kind, format!("{{{}", rest.trim_start_matches("\","))),
                None => match line.split_once(',') {
                    Some((kind @ ("+I" | "-U" | "+U" | "-D"), row)) => (kind, row.to_owned()),
                    _ => ("+I", line.to_owned()),
                },
            };
            *rows.entry(row).or_default() += if matches!(kind, "+I" | "+U") { 1 } else { -1 };
        }
    }
    rows.into_iter().flat_map(|(row, count)| std::iter::repeat_n(row, usize::try_from(count).unwrap())).collect()
}

#[test]
fn late_rows_and_reordered_aggregates_continue_from_a_golden_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    copy(&root().join("tests/golden/checkpoint-v2"), folder);
    let pipeline = fs::read_to_string(folder.join("pipeline.toml")).unwrap();
    let (rows, sum) = ("aggregates.rows = \"count\"\n", "aggregates.sum = { sum = \"value\" }\n");
    let reordered = pipeline.replace(&format!("{rows}{sum}"), &format!("{sum}{rows}"));
    assert_ne!(reordered, pipeline);
    fs::write(folder.join("pipeline.toml"), reordered).unwrap();
    resume(folder, 2).well().saying(&["tumbling-windows: 10 of 552 rows (1.8%) came late"]);
    fs::write(folder.join("pipeline.toml"), pipeline.replace("{ sum = \"value\" }", "{ max = \"value\" }")).unwrap();
    fs::remove_dir_all(folder.join("state")).unwrap();
    copy(&root().join("tests/golden/checkpoint-v2/state"), &folder.join("state"));
    resume(folder, 1).failed(&["sum"]);
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
            "every checkpoint in state is damaged: remove the folder to begin from nothing",
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
