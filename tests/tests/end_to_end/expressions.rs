//! Filters and selects through the command: the same rows at any parallelism and in any batches, and rows that fail set aside.

use std::path::Path;

use crate::harness::{PARALLELISM, run, sorted_rows, weir};

/// Requests, of which some have no status, and one more bytes than can be multiplied.
fn pipeline(folder: &Path, on_error: &str) -> String {
    let row = |n: i64| {
        let status = if n % 7 == 0 { String::new() } else { format!("status = {}, ", 200 + n % 4 * 100) };
        let bytes = if n == 33 { i64::MAX } else { n };
        format!(
            "{{ at = {n}, {status}bytes = {bytes}, path = \"/{}/{n}\", unread = 1 }}",
            if n % 2 == 0 { "api" } else { "static" }
        )
    };
    let rows: Vec<String> = (0..60).map(row).collect();
    format!(
        r#"
name = "expressions"
[sources.rows]
connector = "collection"
event-time = "at"
rows = [{rows}]
[filters.static-or-failed]
input = "rows"
where = """
  status >= 400 or (status is not null
  and path like '/static/%')"""
[selects.shown]
input = "static-or-failed"
columns = {{ code = "status", bits = "bytes * 8", first = "split_part(path, '/', 2)" }}
on-error = "{on_error}"
[selects.renamed]
input = "shown"
rename = {{ folder = "first" }}
add = {{ class = "case when code < 400 then 'good' else 'bad' end" }}
[sinks.out]
input = "renamed"
connector = "file"
path = "{out}"
format = "csv"
"#,
        rows = rows.join(", "),
        out = folder.join("out.csv").display(),
    )
}

/// What the rows are, by hand.
fn expected() -> Vec<String> {
    let row = |n: i64| {
        let status = (n % 7 != 0).then_some(200 + n % 4 * 100)?;
        let kept = status >= 400 || n % 2 != 0;
        let class = if status < 400 { "good" } else { "bad" };
        let folder = if n % 2 == 0 { "api" } else { "static" };
        (kept && n != 33).then(|| format!("{status},{},{folder},{class}", n * 8))
    };
    let mut rows: Vec<String> = (0..60).filter_map(row).collect();
    rows.sort();
    rows
}

#[test]
fn filters_and_selects_give_the_same_rows_at_any_parallelism() {
    for parallelism in PARALLELISM {
        for batch_rows in ["1", "7", "1000"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("pipeline.toml");
            std::fs::write(&file, pipeline(folder.path(), "dead-letter")).unwrap();
            let set = [("parallelism", parallelism.to_string()), ("batch-rows", batch_rows.to_owned())];
            let summary = run(&file, &set);
            assert_eq!(summary["rows-failed"], 1);
            assert_eq!(sorted_rows(&folder.path().join("out.csv")), expected(), "{parallelism} subtasks");
            let letters = std::fs::read_to_string(folder.path().join("dead-letters/shown.jsonl")).unwrap();
            let letter: serde_json::Value = serde_json::from_str(letters.trim()).unwrap();
            assert_eq!(letter["path"], "/static/33");
            assert_eq!(letter["error"], "bytes * 8: 73786976294838206456 does not fit int64");
        }
    }
}

#[test]
fn rows_that_fail_are_skipped_or_end_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.toml");
    std::fs::write(&file, pipeline(folder.path(), "skip")).unwrap();
    assert_eq!(run(&file, &[])["rows-failed"], 1);
    assert_eq!(sorted_rows(&folder.path().join("out.csv")), expected());

    std::fs::write(&file, pipeline(folder.path(), "fail")).unwrap();
    std::fs::remove_file(folder.path().join("out.csv")).unwrap();
    let output = weir().arg("run").arg(&file).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("operator \"shown\"") && errors.contains("path: /static/33"), "{errors}");
    assert!(errors.contains("bytes * 8: 73786976294838206456 does not fit int64"), "{errors}");
    assert!(!folder.path().join("out.csv").exists());
}

/// The two files of the guide's tutorial, and what it says that they print.
#[test]
fn tutorial_of_the_guide_prints_what_it_says() {
    let guide = include_str!("../../../docs/guide/expressions.md");
    let mut blocks = guide.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap().1);
    let (rows, pipeline) = (blocks.next().unwrap(), blocks.next().unwrap());
    let printed = blocks.next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orders.csv"), rows).unwrap();
    std::fs::write(folder.path().join("pipeline.toml"), pipeline).unwrap();
    let output = weir().current_dir(folder.path()).args(["run", "pipeline.toml"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), printed);
    let mistaken = pipeline.replace("where = \"quantity", "where = \"quantty");
    std::fs::write(folder.path().join("pipeline.toml"), mistaken).unwrap();
    let output = weir().current_dir(folder.path()).args(["check", "pipeline.toml"]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let told = blocks.find(|block| block.starts_with("error: ")).unwrap();
    assert!(errors.starts_with(told), "{errors}");
}

#[test]
fn sinks_write_fields_of_structs_and_columns_with_new_names() {
    let folder = tempfile::tempdir().unwrap();
    let (lines, out) = (folder.path().join("in.jsonl"), folder.path().join("out.csv"));
    let row = |n: i64| match n % 5 {
        0 => format!("{{\"path\": \"/{n}\", \"a.b\": {n}, \"latency\": null}}\n"),
        1 => format!("{{\"path\": \"/{n}\", \"a.b\": {n}, \"latency\": {{\"p95\": null, \"p99\": {n}}}}}\n"),
        _ => format!("{{\"path\": \"/{n}\", \"a.b\": {n}, \"latency\": {{\"p95\": {n}, \"p99\": {}}}}}\n", n * 2),
    };
    std::fs::write(&lines, (0..40).map(row).collect::<String>()).unwrap();
    let pipeline = |columns: &str| {
        format!(
            "name = \"fields\"\n[sources.s]\nconnector = \"file\"\npath = {lines:?}\nschema = {{ path = \"utf8\", \"a.b\" = \"int64\", \
             latency = \"struct<p95: int64, p99: int64>\" }}\n[sinks.out]\ninput = \"s\"\nconnector = \"file\"\npath = {out:?}\n\
             columns = {columns}\n"
        )
    };
    let expected = |n: i64| match n % 5 {
        0 => format!(",{n},/{n},"),
        1 => format!(",{n},/{n},{n}"),
        _ => format!("{n},{n},/{n},{}", n * 2),
    };
    let mut expected: Vec<String> = (0..40).map(expected).collect();
    expected.sort();
    let columns = "[\"latency.p95\", \"a.b\", { where = \"path\", slowest = \"latency.p99\" }]";
    let file = folder.path().join("pipeline.toml");
    std::fs::write(&file, pipeline(columns)).unwrap();
    for batch_rows in ["1", "7", "1000"] {
        for parallelism in PARALLELISM {
            run(&file, &[("parallelism", parallelism.to_string()), ("batch-rows", batch_rows.to_owned())]);
            assert_eq!(sorted_rows(&out), expected, "{parallelism} subtasks, batches of {batch_rows}");
        }
    }
    assert!(std::fs::read_to_string(&out).unwrap().starts_with("p95,a.b,where,slowest\n"));
    for (columns, reason) in [
        ("[\"latency.p59\"]", "there is no field \"p59\"; did you mean \"p95\"?; the fields are p95, p99"),
        ("[{ x = \"latncy.p95\" }]", "there is no column \"latncy\"; did you mean \"latency\"?"),
        ("[\"latency.p95\", { p95 = \"a.b\" }]", "two columns would be named \"p95\", here and in line 10, column 12"),
        ("{ x = \"latency\" }", "CSV cannot hold"),
        ("\"path\"", "sinks.out.columns must be a list of columns, such as [\"a\", { NEW = \"b\" }], not a string"),
    ] {
        std::fs::write(&file, pipeline(columns)).unwrap();
        let output = weir().arg("check").arg(&file).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(reason), "{columns}: {said}");
    }
}
