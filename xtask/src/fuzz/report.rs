//! What a target has done and found, read from what libFuzzer printed.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::command::root;

/// Lines of a failure that are shown: the panic, and how the input got there.
const LINES_SHOWN: usize = 12;

/// One target in a run.
#[derive(Debug)]
pub(super) struct Report {
    target: String,
    executions: u64,
    executions_per_s: u64,
    /// Inputs that reach code which none did before.
    added: usize,
    memory_mib: u64,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Failure {
    /// The input, if there is one.
    input: Option<String>,
    /// What was said, shortened.
    said: String,
    /// How to see it again.
    again: String,
    log: PathBuf,
}

impl Report {
    /// Reads a log.
    pub(super) fn new(target: &str, text: &str, success: bool, added: usize, binary: &Path, log: PathBuf) -> Self {
        let figure = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("stat::{name}:")));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
        };
        let failure = (!success).then(|| {
            let input =
                text.lines().rev().find_map(|line| line.split_once("Test unit written to ")).map(|(_, path)| path);
            let said = text.lines().skip_while(|line| !(line.contains("panicked at") || line.contains("ERROR:")));
            let said: Vec<&str> = said.take(LINES_SHOWN).collect();
            let (binary, input) = (shown(binary), input.map(|path| shown(Path::new(path))));
            let again = format!("WEIR_FUZZ_TARGET={target} {binary} {}", input.as_deref().unwrap_or_default());
            Failure { input, said: said.join("\n    "), again, log }
        });
        Self {
            target: target.to_owned(),
            executions: figure("number_of_executed_units"),
            executions_per_s: figure("average_exec_per_sec"),
            added,
            memory_mib: figure("peak_rss_mb"),
            failure,
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, executions, executions_per_s, added, memory_mib, failure } = self;
        write!(
            f,
            "{target:10} {executions:>9} executions, {executions_per_s:>6} per s, {added:>5} new inputs, {memory_mib:>5} MiB, "
        )?;
        let Some(Failure { input, said, again, log }) = failure else { return f.write_str("no finding") };
        let input = input.as_deref().unwrap_or("no input was written");
        write!(f, "FAILED: {input}\n    {said}\n    again: {again}\n    all of it: {}", shown(log))
    }
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str, success: bool) -> Report {
        Report::new("csv", text, success, 2, Path::new("target/debug/weir-fuzz"), PathBuf::from("csv.txt"))
    }

    #[test]
    fn figures_are_read() {
        let text =
            "stat::number_of_executed_units: 1234\nstat::average_exec_per_sec:     617\nstat::peak_rss_mb:   80\n";
        let shown = "csv             1234 executions,    617 per s,     2 new inputs,    80 MiB, no finding";
        assert_eq!(report(text, true).to_string(), shown);
    }

    #[test]
    fn failures_say_what_and_how_to_see_it_again() {
        let text = "INFO: seed\nthread 'main' panicked at a.rs:1\nnot equal\nartifact_prefix='x'; Test unit written to f/csv-1\n";
        let shown = report(text, false).to_string();
        for says in ["FAILED: f/csv-1", "panicked at a.rs:1\n    not equal", "weir-fuzz f/csv-1\n", "csv.txt"] {
            assert!(shown.contains(says), "{shown}");
        }
    }
}
