//! Operators that want more than they may have: memory for rows and state, timers, time. The row that asks for it is found and named
//! with the limit, or the job ends with its name; nothing else is lost, and the process stays small.

use std::path::{Path, PathBuf};

use crate::harness::{PARALLELISM, root, sorted_rows, weir};
use crate::running::{Ended, Running};

/// A folder with rows in a CSV file, and a pipeline of one step over them.
struct Case(tempfile::TempDir);

impl Case {
    fn new(rows: impl Iterator<Item = (usize, i64)>, filler: usize, step: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let filler = "x".repeat(filler);
        let rows: String = rows.map(|(at, value)| format!("{at},k{at},{value},{filler}\n")).collect();
        std::fs::write(folder.path().join("in.csv"), format!("at,key,value,filler\n{rows}")).unwrap();
        let pipeline = format!(
            r#"
name = "limits"
[sources.rows]
connector = "file"
path = "in.csv"
format = "csv"
event-time = {{ column = "at", unit = "us" }}
schema = {{ at = "int64", key = "utf8", value = "int64", filler = "utf8" }}
{step}
"#
        );
        std::fs::write(folder.path().join("pipeline.toml"), pipeline).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Running::start(weir().current_dir(&self.0).arg("run").arg("pipeline.toml").arg("--json").args(arguments)).end()
    }
}

fn guest(name: &str) -> String {
    root().join(format!("tests/guests/{name}.wasm")).display().to_string()
}

fn burst(limits: &str, on_error: &str, sink: &str) -> String {
    format!(
        r#"
[operators.step]
input = "rows"
component = "{component}"
on-error = "{on_error}"
limits = {{ {limits} }}
[sinks.good]
input = "step"
{sink}
"#,
        component = guest("burst"),
    )
}

fn hoard(keeps: &str, limits: &str, on_error: &str) -> String {
    format!(
        r#"
[operators.step]
input = "rows"
component = "{component}"
config = {{ keeps = "{keeps}" }}
key-by = ["key"]
on-error = "{on_error}"
limits = {{ {limits} }}
[sinks.good]
input = "step"
connector = "file"
path = "good.csv"
format = "csv"
"#,
        component = guest("hoard"),
    )
}

const FILE: &str = "connector = \"file\"\npath = \"good.csv\"\nformat = \"csv\"\ncolumns = [\"at\"]";

fn dead_letters() -> &'static str {
    "[sinks.bad]\ninput = \"step.dead-letter\"\nconnector = \"file\"\npath = \"bad.csv\"\nformat = \"csv\"\ncolumns = [\"at\", \"error\"]"
}

/// The greatest memory that a process had while it ran, MiB.
fn peak_mib(running: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn all_of(path: &Path, contains: &str) -> usize {
    let rows = sorted_rows(path);
    assert!(rows.iter().all(|row| row.contains(contains)), "{:?}", rows.iter().find(|row| !row.contains(contains)));
    rows.len()
}

#[test]
fn rows_that_are_multiplied_come_out_in_parts_that_fit_the_limit() {
    // 1,000 rows of 700 bytes, each 300 times: 210 MB of a batch of 700 kB.
    let sink = "connector = \"blackhole\"";
    let case = Case::new((0..1000).map(|at| (at, 300)), 700, &burst("output = \"8MiB\"", "fail", sink));
    let mut command = weir();
    command.current_dir(&case.0).args(["run", "pipeline.toml", "--json", "--set", "batch-rows=1000"]);
    let mut running = Running::start(&mut command);
    let mut peak = 0;
    running.until("it has ended", |running| {
        peak = peak.max(peak_mib(running));
        running.told().contains("rows-failed")
    });
    let ended = running.end().well();
    let rows = |key: &str| ended.summary()[key].clone();
    assert_eq!((rows("rows-out"), rows("rows-failed")), (300_000.into(), 0.into()), "{}", ended.told);
    assert!(peak < 200, "{peak} MiB");
}

#[test]
fn a_row_that_makes_more_than_the_limit_is_a_dead_letter_that_names_it() {
    let step = burst("output = \"100KiB\"", "dead-letter", FILE) + dead_letters();
    // Only what is kept counts: the column that the sink reads has 8 bytes per row.
    let rows = (0..100).map(|at| (at, if at % 10 == 3 { 20_000 } else { 2 }));
    let limit = "output-rows-per-row = 100000, output = \"100KiB\"";
    let case = Case::new(rows, 10, &step.replace("output = \"100KiB\"", limit));
    case.run(&[]).well();
    assert_eq!(sorted_rows(&case.path("good.csv")).len(), 180);
    assert_eq!(all_of(&case.path("bad.csv"), "raise limits.output"), 10);
}

#[test]
fn a_batch_of_rows_that_never_come_back_has_a_budget_of_time() {
    let limits = "call-time = \"20ms\", batch-time = \"200ms\"";
    let rows = || (0..4096).map(|at| (at, if at < 5 { 1 } else { -1 }));
    let case = Case::new(rows(), 10, &(burst(limits, "dead-letter", FILE) + dead_letters()));
    case.run(&[]).well();
    // The good ones may be in the part that is given up with the others.
    let (good, bad) = (sorted_rows(&case.path("good.csv")).len(), sorted_rows(&case.path("bad.csv")));
    assert_eq!(good + bad.len(), 4096);
    let of_budget = bad.iter().filter(|row| row.contains("raise limits.batch-time")).count();
    assert!(of_budget > 4000, "{of_budget}");
    let case = Case::new(rows(), 10, &burst(limits, "fail", FILE));
    case.run(&[]).failed(&["row {at: 5, value: -1", "20 ms of processor time"]);
}

#[test]
fn state_beyond_the_limit_is_refused_by_row_or_ends_the_job() {
    for (keeps, says) in [("state", "limits.state"), ("entries", "limits.state")] {
        let rows = || (0..1000).map(|at| (at, 16 << 10));
        for parallelism in PARALLELISM {
            let step = hoard(keeps, "state = \"4MiB\"", "dead-letter") + dead_letters();
            let case = Case::new(rows(), 1, &step);
            case.run(&["--parallelism", &parallelism.to_string()]).well();
            let (good, bad) = (sorted_rows(&case.path("good.csv")).len(), all_of(&case.path("bad.csv"), says));
            assert_eq!(good + bad, 1000);
            // What a subtask has had is free when it has come to its end.
            let most = 256 * parallelism;
            assert!((80..most).contains(&good), "{keeps} at {parallelism}: {good} of 16 KiB in 4 MiB");
        }
        let case = Case::new(rows(), 1, &hoard(keeps, "state = \"4MiB\"", "fail"));
        case.run(&[]).failed(&["\"step\" may keep 4194304 bytes", "raise limits.state"]);
    }
}

#[test]
fn new_keys_at_the_limit_are_refused_and_end_no_job() {
    for batch_rows in [1, 7, 4096] {
        // A batch's keys have to be found too, so larger batches leave less for states.
        let step = hoard("state", "state = \"400KiB\"", "dead-letter") + dead_letters();
        let case = Case::new((0..3000).map(|at| (at, 100)), 1, &step);
        case.run(&["--set", &format!("batch-rows={batch_rows}")]).well();
        let (good, bad) = (sorted_rows(&case.path("good.csv")).len(), all_of(&case.path("bad.csv"), "limits.state"));
        assert_eq!(good + bad, 3000);
        assert!(good > 100 && bad > 100, "batches of {batch_rows}: {good} and {bad}");
    }
}

#[test]
fn timers_beyond_the_limit_are_refused() {
    let step = hoard("timers", "timers = 1000", "dead-letter") + dead_letters();
    let case = Case::new((0..10).map(|at| (at, if at == 4 { 500_000 } else { 50 })), 1, &step);
    case.run(&[]).well();
    assert_eq!(sorted_rows(&case.path("good.csv")).len(), 9);
    assert_eq!(all_of(&case.path("bad.csv"), "more than 1000 timers; raise limits.timers"), 1);
}

#[test]
fn a_timer_that_registers_itself_again_in_the_past_ends() {
    let rows = || (0..3).map(|at| (at, i64::from(at == 1)));
    let case = Case::new(rows(), 1, &hoard("again", "", "skip"));
    let ended = case.run(&[]).well();
    assert_eq!(ended.summary()["rows-failed"], 1, "{}", ended.told);
    assert_eq!(sorted_rows(&case.path("good.csv")).len(), 3);
    let case = Case::new(rows(), 1, &hoard("again", "", "fail"));
    case.run(&[]).failed(&["timers that are due at once 100000 times"]);
}

#[test]
fn the_state_of_all_operators_has_a_limit() {
    let window = |limits: &str| {
        format!(
            "[windows.step]\ninput = \"rows\"\nkey-by = [\"key\"]\nwindow = {{ tumbling = \"1h\" }}\n{limits}
aggregates = {{ rows = \"count\", longest = {{ max = \"filler\" }} }}
[sinks.good]\ninput = \"step\"\n{}",
            FILE.replace("\"at\"", "\"rows\"")
        )
    };
    let rows = || (0..20_000).map(|at| (at, 1));
    let case = Case::new(rows(), 200, &window(""));
    case.run(&["--max-memory", "2MiB"]).failed(&["may keep 2097152 bytes", "raise --max-memory"]);
    let case = Case::new(rows(), 200, &window("limits = { state = \"2MiB\" }"));
    case.run(&[]).failed(&["\"step\" may keep 2097152 bytes", "raise limits.state"]);
    let case = Case::new(rows(), 200, &window("limits = { state = \"32MiB\" }"));
    case.run(&["--max-memory", "40"]).well();
}
