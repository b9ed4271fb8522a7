//! Rows that an operator refuses, that make it trap and that make it loop: they go where `on-error` says, and no other row is
//! lost or doubled, whatever batch and subtask they are in.

use std::path::Path;

use crate::harness::{root, sorted_rows, weir};

/// Refused, trapping and looping; see `tests/guests/poison`.
const BAD: [i64; 3] = [7, 13, 17];

fn pipeline(folder: &Path, on_error: &str) -> String {
    let rows: Vec<String> = (0..60).map(|value| format!("{{ value = {value}, at = {value} }}")).collect();
    let component = root().join("tests/guests/poison.wasm");
    format!(
        r#"
name = "poison"
[sources.rows]
connector = "collection"
event-time = "at"
rows = [{rows}]
[operators.poison]
input = "rows"
component = "{component}"
exchange = "rebalance"
on-error = "{on_error}"
limits = {{ call-time = "250ms" }}
[sinks.good]
input = "poison"
connector = "file"
path = "{good}"
format = "csv"
columns = ["value", "doubled"]
"#,
        rows = rows.join(", "),
        component = component.display(),
        good = folder.join("good.csv").display(),
    )
}

fn dead_letter_sink(folder: &Path) -> String {
    format!(
        r#"
[sinks.bad]
input = "poison.dead-letter"
connector = "file"
path = "{}"
format = "csv"
columns = ["value", "error"]
"#,
        folder.join("bad.csv").display()
    )
}

fn good_rows() -> Vec<String> {
    let mut rows: Vec<String> =
        (0..60).filter(|v| !BAD.contains(v)).map(|value| format!("{value},{}", 2 * value)).collect();
    rows.sort();
    rows
}

#[test]
fn dead_letters_are_the_bad_rows_and_only_these() {
    for (batch_rows, parallelism) in [("1", "1"), ("7", "2"), ("1000", "3")] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pipeline.toml");
        std::fs::write(&file, pipeline(folder.path(), "dead-letter") + &dead_letter_sink(folder.path())).unwrap();
        let set = format!("batch-rows={batch_rows}");
        let output = weir().arg("run").arg(&file).args(["--set", &set, "--parallelism", parallelism]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(sorted_rows(&folder.path().join("good.csv")), good_rows(), "batches of {batch_rows}");
        let bad = sorted_rows(&folder.path().join("bad.csv"));
        let reasons = ["13,", "17,", "7,seven is refused"];
        assert_eq!(bad.len(), 3, "{bad:?}");
        assert!(bad.iter().zip(reasons).all(|(row, reason)| row.starts_with(reason)), "{bad:?}");
        assert!(bad[0].contains("trapped") && bad[0].contains("; last log line: panicked at "), "{bad:?}");
        assert!(bad[0].contains(" thirteen") && bad[1].contains("250 ms"), "{bad:?}");
    }
}

#[test]
fn skipped_rows_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.toml");
    std::fs::write(&file, pipeline(folder.path(), "skip")).unwrap();
    let output = weir().arg("run").arg(&file).arg("--json").output().unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["rows-failed"], 3);
    assert_eq!(sorted_rows(&folder.path().join("good.csv")), good_rows());
}

#[test]
fn a_job_that_fails_names_the_row_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.toml");
    std::fs::write(&file, pipeline(folder.path(), "fail")).unwrap();
    let output = weir().arg("run").arg(&file).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("operator \"poison\"") && errors.contains("value: 7"), "{errors}");
    assert!(errors.contains("seven is refused") && errors.contains("on-error"), "{errors}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["pipeline.toml"], "nothing half-written is left");
}

#[test]
fn rows_of_a_far_future_are_set_aside_where_a_source_says_how_far_they_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.toml");
    // A row of the year 3000, and one that comes after it.
    let pipeline = r#"
name = "future"
batch-rows = 1
[sources.rows]
connector = "collection"
event-time = "at"
watermark = "monotonic"
future-max = "1h"
on-error = "dead-letter"
rows = [{ at = 1, n = 1 }, { at = 32503680000000, n = 2 }, { at = 2, n = 3 }]
[windows.all]
input = "rows"
window = { tumbling = "1d" }
aggregates.n = "count"
[sinks.good]
input = "all"
connector = "file"
path = "good.csv"
columns = ["n"]
[sinks.bad]
input = "rows.dead-letter"
connector = "file"
path = "bad.csv"
columns = ["reason"]
"#;
    std::fs::write(&file, pipeline).unwrap();
    let run = || weir().arg("run").arg(&file).output().unwrap();
    let output = run();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(sorted_rows(&folder.path().join("good.csv")), ["2"]);
    let reason = "its event time 3000-01-01T00:00:00Z is further ahead than future-max allows";
    assert_eq!(sorted_rows(&folder.path().join("bad.csv")), [reason]);
    let (pipeline, _) = pipeline.split_once("[sinks.bad]").unwrap();
    std::fs::write(&file, pipeline.replace("dead-letter", "fail")).unwrap();
    let output = run();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains(reason));
}

/// Refused alone, trapping, and more than a group may have together; see `tests/guests/total`.
#[test]
fn rows_that_a_component_refuses_are_in_no_aggregate_of_their_key() {
    let rows: Vec<String> = (1..40).map(|n| format!("{{ value = {n}, at = {n}, shop = {} }}", n % 4)).collect();
    let component = root().join("tests/guests/total.wasm");
    let pipeline = format!(
        r#"
name = "refusing"
[sources.rows]
connector = "collection"
event-time = "at"
rows = [{rows}]
[aggregates.shops]
input = "rows"
key-by = ["shop"]
on-error = "dead-letter"
[aggregates.shops.aggregates]
n = "count"
value = {{ component = "{component}", columns = ["value"], config = {{ times = 1, refuses = 4, traps = 13 }} }}
[aggregates.all]
input = "shops"
on-error = "dead-letter"
[aggregates.all.aggregates]
total = {{ component = "{component}", columns = ["value"], config = {{ times = 1, most = 400 }} }}
[sinks.of-shops]
input = "shops"
connector = "file"
path = "shops.csv"
changelog = "upsert"
columns = ["shop", "n", "value"]
[sinks.bad]
input = "shops.dead-letter"
connector = "file"
path = "bad.csv"
columns = ["value", "error"]
[sinks.of-all]
input = "all"
connector = "file"
path = "all.csv"
changelog = "kinds"
columns = ["total"]
[sinks.too-much]
input = "all.dead-letter"
connector = "file"
path = "too-much.csv"
columns = ["error"]
"#,
        rows = rows.join(", "),
        component = component.display(),
    );
    let totals = |shop: i64| {
        let taken: Vec<i64> = (1..40).filter(|n| n % 4 == shop && n % 4 != 0 && n % 13 != 0).collect();
        (!taken.is_empty()).then(|| format!("{shop},{},{}", taken.len(), taken.iter().sum::<i64>()))
    };
    let expected: Vec<String> = (0..4).filter_map(totals).collect();
    for (batch_rows, parallelism) in [("1", "1"), ("7", "2"), ("1000", "3")] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pipeline.toml");
        std::fs::write(&file, &pipeline).unwrap();
        let set = format!("batch-rows={batch_rows}");
        let output = weir().arg("run").arg(&file).args(["--set", &set, "--parallelism", parallelism]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(sorted_rows(&folder.path().join("shops.csv")), expected, "batches of {batch_rows}");
        let bad = sorted_rows(&folder.path().join("bad.csv"));
        let is_bad = |n: &i64| n % 4 == 0 || n % 13 == 0;
        assert_eq!(bad.len(), (1..40).filter(is_bad).count(), "{bad:?}");
        assert!(bad.iter().any(|row| row == "8,8 is refused"), "{bad:?}");
        assert!(bad.iter().any(|row| row.starts_with("26,") && row.contains("trapped")), "{bad:?}");
        // All together are more than 400: what was out before is taken back.
        let changes = std::fs::read_to_string(folder.path().join("all.csv")).unwrap();
        let changes: Vec<&str> = changes.lines().skip(1).collect();
        let count =
            |kinds: [&str; 2]| changes.iter().filter(|row| kinds.iter().any(|kind| row.starts_with(kind))).count();
        assert_eq!(count(["+I", "+U"]), count(["-U", "-D"]), "{changes:?}");
        let too_much = sorted_rows(&folder.path().join("too-much.csv"));
        assert!(!too_much.is_empty() && too_much.iter().all(|row| row.contains("is too much")), "{too_much:?}");
    }
}
