//! Formats of files: the same rows, whatever they are written in, at any batch size and parallelism, and after a kill.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::checkpoint_folder::checkpoints;
use crate::harness::{PARALLELISM, run, sorted_rows, weir};
use crate::running::Running;

/// Names of files with the same rows, and the format of those whose name does not say it.
const FILES: [&str; 7] =
    ["rows.csv", "rows.csv.gz", "rows.csv.zst", "rows.jsonl.gz", "rows.jsonl.zst", "rows.parquet", "rows.arrow"];
/// The same as JSON that is not lines: an array on one line, one over several, and objects over several lines.
const VALUES: [&str; 3] = ["compact.json", "array.json", "documents.json"];
const SCHEMA: &str = "schema = { at = \"timestamp\", key = \"utf8\", value = \"int64\" }";

/// Writes rows out of order of their time, which are the same for every run, in all formats.
fn write_files(folder: &Path, rows: u64) {
    let mut csv = "at,key,value\n".to_owned();
    let mut objects = Vec::new();
    for row in 0..rows {
        let second = row * 7919 % 86_400;
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let at = format!("2024-03-01T{hour:02}:{minute:02}:{:02}Z", second % 60);
        let key = if row % 11 == 0 { String::new() } else { format!("k{}", row % 5) };
        writeln!(csv, "{at},{key},{row}").unwrap();
        let key = if key.is_empty() { "null".to_owned() } else { format!("\"{key}\"") };
        objects.push(format!("{{\n  \"at\": \"{at}\",\n  \"key\": {key},\n  \"value\": {row}\n}}"));
    }
    let compact = objects.join(",").replace("\n  ", "").replace('\n', "");
    let values = [format!("[{compact}]"), format!("[\n{}\n]\n", objects.join(",\n")), objects.join("\n")];
    VALUES.iter().zip(values).for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
    fs::write(folder.join(FILES[0]), csv).unwrap();
    let mut pipeline =
        format!("name = \"writes\"\n[sources.rows]\nconnector = \"file\"\npath = {:?}\n{SCHEMA}\n", FILES[0]);
    for (number, name) in FILES.iter().enumerate().skip(1) {
        write!(pipeline, "[sinks.out{number}]\ninput = \"rows\"\nconnector = \"file\"\npath = {name:?}\n").unwrap();
    }
    fs::write(folder.join("writes.toml"), pipeline).unwrap();
    run(&folder.join("writes.toml"), &[("batch-rows", "1000".to_owned())]);
}

fn windows(name: &str, sinks: &str) -> String {
    // What is text has no types.
    let schema = if name.contains("csv") || name.contains("json") { SCHEMA } else { "" };
    format!(
        r#"
name = "windows"
[sources.rows]
connector = "file"
path = "{name}"
{schema}
event-time = "at"
[windows.hours]
input = "rows"
key-by = ["key"]
window = {{ tumbling = "1h" }}
aggregates.n = "count"
aggregates.sum = {{ sum = "value" }}
{sinks}
"#
    )
}

#[test]
fn every_format_holds_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), 20_000);
    let sink = "[sinks.out]\ninput = \"hours\"\nconnector = \"file\"\npath = \"out.csv\"\n";
    let mut results = BTreeMap::new();
    for name in FILES.into_iter().chain(VALUES) {
        fs::write(folder.path().join("p.toml"), windows(name, sink)).unwrap();
        for parallelism in PARALLELISM {
            for batch_rows in [7, 4096] {
                let set = [("parallelism", parallelism.to_string()), ("batch-rows", batch_rows.to_string())];
                run(&folder.path().join("p.toml"), &set);
                let rows = sorted_rows(&folder.path().join("out.csv"));
                assert!(rows.len() > 100, "{name}");
                results.entry(rows).or_insert_with(Vec::new).push((name, parallelism, batch_rows));
            }
        }
    }
    assert_eq!(results.len(), 1, "{:?}", results.values());
}

#[test]
fn a_job_that_is_killed_writes_what_one_that_is_not_writes() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), 200_000);
    let sinks = ["path = \"one.FORMAT\"", "path = \"many/\"\nformat = \"FORMAT\""].map(|sink| {
        let name = if sink.contains("one") { "one" } else { "many" };
        format!("[sinks.{name}]\ninput = \"rows\"\nconnector = \"file\"\n{sink}\n")
    });
    for (name, format) in [
        ("rows.csv.gz", "csv.gz"),
        ("rows.parquet", "parquet"),
        ("rows.arrow", "arrow"),
        ("compact.json", "jsonl"),
        ("documents.json", "json"),
    ] {
        let folder = folder.path();
        let state = folder.join(format!("state-{format}"));
        // A folder's parts are compressed because it is said, and one file by its name.
        let sinks = sinks
            .concat()
            .replace("FORMAT", format)
            .replace("format = \"csv.gz\"", "format = \"csv\"\ncompression = \"gzip\"");
        let sinks = sinks.replace("many/", &format!("many-{format}/"));
        let checkpoint = format!("[checkpoint]\ndir = {state:?}\ninterval = \"20ms\"\n");
        fs::write(folder.join("p.toml"), windows(name, &(sinks + &checkpoint))).unwrap();
        let start = |parallelism: usize| {
            let mut command = weir();
            command.arg("run").arg(folder.join("p.toml")).args(["--parallelism", &parallelism.to_string()]);
            Running::start(command.args(["--set", "batch-rows=50"]))
        };
        for (parallelism, taken) in [(2, 1), (1, 2)] {
            let mut job = start(parallelism);
            let before = checkpoints(&state).first().map_or(0, |newest| newest.number);
            let is_further = |_: &Running| checkpoints(&state).first().is_some_and(|newest| newest.number > before);
            job.until(&format!("there is checkpoint {taken} of this run"), is_further);
            job.kill();
        }
        start(3).end().well().saying(&["resuming from checkpoint"]);

        let reads = |path: &str| {
            let schema = if ["parquet", "arrow"].contains(&format) { "" } else { SCHEMA };
            let pipeline = format!(
                "name = \"reads\"\n[sources.rows]\nconnector = \"file\"\npath = {path:?}\n{schema}\n[sinks.out]\ninput = \"rows\"\n\
                 connector = \"file\"\npath = \"read.csv\"\nmode = \"overwrite\"\n"
            );
            fs::write(folder.join("reads.toml"), pipeline).unwrap();
            run(&folder.join("reads.toml"), &[]);
            sorted_rows(&folder.join("read.csv"))
        };
        let expected = sorted_rows(&folder.join(FILES[0]));
        for path in [format!("one.{format}"), format!("many-{format}/*")] {
            let read = reads(&path);
            assert!(read == expected, "{path}: {} rows instead of {}", read.len(), expected.len());
        }
        let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{left:?}");
    }
}

#[test]
fn damaged_json_is_told_with_its_lines_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let array = "[\n  {\"a\": 1},\n  {\n    \"a\": x\n  },\n  {\"a\": 2}\n]\n";
    let documents = "{\n  \"a\": 1\n}\n{\n  \"a\": [\n{\n  \"a\": 2\n}\n";
    let pipeline = "name = \"p\"\n[sources.in]\nconnector = \"file\"\npath = \"in.json\"\non-error = \"skip\"\n[sinks.out]\ninput = \"in\"\n\
                    connector = \"file\"\npath = \"out.csv\"\nmode = \"overwrite\"\n";
    fs::write(folder.join("p.toml"), pipeline).unwrap();
    for (text, place) in [
        (array, "in.json:3: it is not JSON: expected value at line 4, character 10"),
        (documents, "in.json:4: it is not closed"),
    ] {
        fs::write(folder.join("in.json"), text).unwrap();
        let checked = weir().arg("check").arg(folder.join("p.toml")).output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
        let fails = ["--set", "sources.in.on-error=fail"];
        let failed = weir().arg("run").arg(folder.join("p.toml")).args(fails).output().unwrap();
        let said = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert!(!failed.status.success() && said.contains(place), "{said}");
        run(&folder.join("p.toml"), &[]);
        assert_eq!(sorted_rows(&folder.join("out.csv")), ["1", "2"]);
    }
}
