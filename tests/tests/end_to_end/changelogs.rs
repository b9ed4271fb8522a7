//! Updating streams written to files, read again, and continued: what comes out is what would have come out of one pipeline.

use std::path::Path;

use crate::harness::{PARALLELISM, run, weir};

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// Sales of five shops, whose totals are taken back again and again.
const TOTALS: &str = r#"
name = "totals"
batch-rows = 3
[sources.bids]
connector = "nexmark"
table = "bid"
events = 1000
event-time = "ts"
[selects.sales]
input = "bids"
columns = [{ shop = "auction % 5" }, { amount = "price % 1000" }]
[aggregates.totals]
input = "sales"
key-by = ["shop"]
aggregates = { n = "count", total = { sum = "amount" } }
"#;

/// The sum over all shops, of a stream `totals`.
const OF_TOTALS: &str = r#"
[aggregates.all]
input = "totals"
aggregates = { shops = "count", n = { sum = "n" }, total = { sum = "total" }, most = { max = "n" } }
[sinks.out]
input = "all"
connector = "blackhole"
checksum = true
"#;

#[test]
fn changes_that_were_written_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("whole.toml"), &format!("{TOTALS}{OF_TOTALS}"));
    let expected = run(&at("whole.toml"), &[])["sinks"][0]["checksum"].clone();
    for (format, file) in [("kinds", "changes.csv"), ("kinds", "changes.parquet"), ("debezium", "changes.jsonl")] {
        write(
            &at("write.toml"),
            &format!(
                "{TOTALS}[sinks.out]\ninput = \"totals\"\nconnector = \"file\"\npath = \"{file}\"\nmode = \"overwrite\"\nchangelog = \"{format}\"\n"
            ),
        );
        let written = run(&at("write.toml"), &[])["sinks"][0]["rows"].as_u64().unwrap();
        assert!(written > 100, "{written} changes");
        write(
            &at("read.toml"),
            &format!(
                "name = \"read\"\n[sources.changes]\nconnector = \"file\"\npath = \"{file}\"\n\
                 [changelogs.totals]\ninput = \"changes\"\nformat = \"{format}\"\nkey = [\"shop\"]\n{OF_TOTALS}"
            ),
        );
        for parallelism in PARALLELISM {
            let summary = run(&at("read.toml"), &[("parallelism", parallelism.to_string())]);
            assert_eq!(summary["rows-in"], written);
            assert_eq!(summary["sinks"][0]["checksum"], expected, "{file} at parallelism {parallelism}");
        }
    }
}

#[test]
fn changes_that_do_not_say_what_they_need_are_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let lines = [
        r#"{"before":null,"after":{"id":1,"name":"one"},"op":"c","ts_ms":1}"#,
        r#"{"before":null,"after":{"id":2,"name":"two"},"op":"r","ts_ms":2}"#,
        r#"{"before":{"id":1,"name":"one"},"after":{"id":1,"name":"uno"},"op":"u","ts_ms":3}"#,
        r#"{"before":null,"after":{"id":2,"name":"due"},"op":"u","ts_ms":4}"#,
        r#"{"before":{"id":2,"name":"two"},"after":null,"op":"d","ts_ms":5}"#,
        r#"{"before":null,"after":null,"op":"t","ts_ms":6}"#,
        r#"{"before":null,"after":null,"op":null,"ts_ms":7}"#,
    ];
    write(&at("changes.jsonl"), &(lines.join("\n") + "\n"));
    write(
        &at("pipeline.toml"),
        r#"
name = "customers"
[sources.changes]
connector = "file"
path = "changes.jsonl"
[changelogs.customers]
input = "changes"
format = "debezium"
on-error = "dead-letter"
[sinks.out]
input = "customers"
connector = "file"
path = "out.csv"
changelog = "kinds"
[sinks.refused]
input = "customers.dead-letter"
connector = "file"
path = "refused.csv"
columns = ["ts_ms", "error"]
"#,
    );
    run(&at("pipeline.toml"), &[]);
    let rows = std::fs::read_to_string(at("out.csv")).unwrap();
    assert_eq!(rows, "row_kind,id,name\n+I,1,one\n+I,2,two\n-U,1,one\n+U,1,uno\n-D,2,two\n");
    let refused = std::fs::read_to_string(at("refused.csv")).unwrap();
    for said in [
        "4,\"the operation \"\"u\"\" needs the row as it was, and before is null",
        "6,\"the operation \"\"t\"\" is not known",
        "7,\"it does not say what it does",
    ] {
        assert!(refused.contains(said) || refused.contains(&said.replace(",\"it", ",it")), "{said} in {refused}");
    }
    let pipeline = std::fs::read_to_string(at("pipeline.toml")).unwrap();
    let (pipeline, _) = pipeline.split_once("[sinks.refused]").unwrap();
    write(&at("fails.toml"), &pipeline.replace("dead-letter", "fail"));
    let output = weir().arg("run").arg(at("fails.toml")).output().unwrap();
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("replica identity full"), "{errors}");
}
