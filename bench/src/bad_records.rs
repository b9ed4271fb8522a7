//! What records that are no rows cost a source: files of which none, one in a hundred, one in ten and half are bad, read from
//! beginning to end, with what is bad skipped. All of it happens in one process, and nothing but the reading differs.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::ensure;

use crate::args::Args;
use crate::durable::{job, run_to_end};
use crate::measure::Process;
use crate::row::BadRecordsRow;

/// Records that are good and bad in one way.
struct Case {
    name: &'static str,
    file: &'static str,
    good: &'static str,
    bad: &'static str,
}

const CASES: [Case; 4] = [
    Case { name: "csv-fields", file: "in.csv", good: "1,x", bad: "2" },
    Case { name: "csv-value", file: "in.csv", good: "1,x", bad: "q,x" },
    Case { name: "json-broken", file: "in.jsonl", good: r#"{"a": 1, "b": "x"}"#, bad: r#"{"a": 1, "b": "x"# },
    Case { name: "json-value", file: "in.jsonl", good: r#"{"a": 1, "b": "x"}"#, bad: r#"{"a": 1.5, "b": "x"}"# },
];
const PERCENTS: [u64; 4] = [0, 1, 10, 50];
const RECORDS: u64 = 1_000_000;

/// Runs every case at every share of bad records; `each` gets every row as soon as there is one.
///
/// # Errors
/// If a job cannot be run, or does not skip exactly the bad records.
pub(crate) fn measure(args: &Args, mut each: impl FnMut(BadRecordsRow)) -> anyhow::Result<()> {
    let records = args.events.unwrap_or(RECORDS);
    let folder = tempfile::tempdir()?;
    for case in CASES {
        let mut good_s = None;
        for percent in PERCENTS {
            let bad = write(&folder.path().join(case.file), &case, records, percent)?;
            let mut cpu_s = f64::INFINITY;
            for _ in 0..args.runs {
                let (job, _) = job(&text(&case), folder.path())?;
                let before_s = Process::this().cpu_seconds()?;
                let (_, summary) = run_to_end(&job, None)?;
                cpu_s = cpu_s.min(Process::this().cpu_seconds()? - before_s);
                let rows: u64 = summary.sinks.iter().map(|sink| sink.rows).sum();
                ensure!(rows == records - bad, "{}: {rows} rows of {records} records, {bad} of them bad", case.name);
            }
            let good_s = *good_s.get_or_insert(cpu_s);
            let name = format!("bad-records/{}/{percent}", case.name);
            each(BadRecordsRow { name, records, bad, cpu_s, good_ratio: cpu_s / good_s });
        }
    }
    Ok(())
}

/// Writes a file; returns how many of its records are bad.
fn write(path: &Path, case: &Case, records: u64, percent: u64) -> anyhow::Result<u64> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut bad = 0;
    for record in 1..=records {
        // Spread evenly.
        let is_bad = record * percent / 100 > bad;
        bad += u64::from(is_bad);
        writeln!(file, "{}", if is_bad { case.bad } else { case.good })?;
    }
    file.flush()?;
    Ok(bad)
}

fn text(case: &Case) -> String {
    let header = if case.file.ends_with(".csv") { "header = false\n" } else { "" };
    format!(
        "name = \"bad-records\"\n\
         [sources.in]\nconnector = \"file\"\npath = {:?}\n{header}schema = {{ a = \"int64\", b = \"utf8\" }}\non-error = \"skip\"\n\
         [sinks.out]\ninput = \"in\"\nconnector = \"blackhole\"\n",
        case.file
    )
}
