//! What bad records cost: files of which none, one in a hundred, one in ten and half are no rows, or are refused by a component, or
//! make it trap; read from beginning to end, with what is bad skipped. All of it happens in one process, and nothing else differs.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::args::Args;
use crate::durable::{job, run_to_end};
use crate::measure::Process;
use crate::query::root;
use crate::row::BadRecordsRow;

/// Records that are good and bad in one way.
struct Case {
    name: &'static str,
    file: &'static str,
    good: &'static str,
    bad: &'static str,
    /// Bad records in a hundred.
    percents: &'static [u64],
    /// Whether the bad ones are rows, and bad to a component only.
    component: bool,
}

const fn source(name: &'static str, file: &'static str, good: &'static str, bad: &'static str) -> Case {
    Case { name, file, good, bad, percents: &[0, 1, 10, 50], component: false }
}

const CASES: [Case; 6] = [
    source("csv-fields", "in.csv", "1,x", "2"),
    source("csv-value", "in.csv", "1,x", "q,x"),
    source("json-broken", "in.jsonl", r#"{"value": 1, "b": "x"}"#, r#"{"value": 1, "b": "x"#),
    source("json-value", "in.jsonl", r#"{"value": 1, "b": "x"}"#, r#"{"value": 1.5, "b": "x"}"#),
    Case { component: true, ..source("refused", "in.csv", "1,x", "7,x") },
    Case { component: true, percents: &[0, 1], ..source("trap", "in.csv", "1,x", "13,x") },
];
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
        for percent in case.percents {
            let bad = write(&folder.path().join(case.file), &case, records, *percent)?;
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
    let source = format!(
        "name = \"bad-records\"\n[sources.in]\nconnector = \"file\"\npath = {:?}\n{header}\
         schema = {{ value = \"int64\", b = \"utf8\" }}\non-error = \"skip\"\n",
        case.file
    );
    let (step, last) = match case.component {
        true => {
            (format!("[operators.poison]\ninput = \"in\"\ncomponent = {:?}\non-error = \"skip\"\n", poison()), "poison")
        }
        false => (String::new(), "in"),
    };
    format!("{source}{step}[sinks.out]\ninput = \"{last}\"\nconnector = \"blackhole\"\n")
}

/// Refuses 7, and traps at 13.
fn poison() -> PathBuf {
    root().join("tests/guests/poison.wasm")
}
