//! What is said of a job that is done: for people, or as JSON.

use serde::Serialize;
use weir_core::visible::visible_line;
use weir_engine::{NodeCounts, Summary};

use crate::{figures, terminal};

/// How long a run takes at least that has a rate, microseconds.
const RATE_FROM_US: i64 = 100_000;

/// To standard error: rows by operator, throughput, latency, what sinks did.
pub(crate) fn print(pipeline: &str, summary: &Summary) {
    let progress = &summary.progress;
    let row = |name: &str, counts: [u64; 4]| {
        std::iter::once(name.to_owned()).chain(counts.map(figures::count)).collect::<Vec<_>>()
    };
    let mut rows: Vec<_> = progress
        .nodes
        .iter()
        .map(|node| row(&node.name, [node.rows_in, node.rows_out, node.rows_late, node.rows_failed]))
        .collect();
    rows.push(row("total", [progress.rows_in, progress.rows_out, progress.rows_late, progress.rows_failed]));
    let mut text = figures::table(&["", "rows in", "rows out", "late", "failed"], rows, 1);
    text += &format!(
        "\n{} {} {}{}",
        terminal::bold(pipeline),
        if summary.suspended { "suspended after" } else { "done in" },
        figures::duration(summary.elapsed_us),
        rate(summary)
    );
    if let (Some(p50), Some(p99)) = (summary.latency_p50_us, summary.latency_p99_us) {
        let latency = [p50, p99].map(|us| figures::duration(i64::try_from(us).unwrap_or(i64::MAX)));
        text += &format!(", latency p50 {}, p99 {}", latency[0], latency[1]);
    }
    text.push('\n');
    for sink in &summary.sinks {
        let checksum = sink.checksum.as_ref().map_or_else(String::new, |sum| format!(", checksum {sum}"));
        text += &format!("{}: {}{checksum}\n", sink.name, figures::counted(sink.rows, "row"));
    }
    let checkpoints = &progress.checkpoints;
    if let (Some(last), true) = (checkpoints.last, summary.suspended) {
        text += &format!("checkpoint {last} is complete: the same command resumes from there\n");
    }
    let late = progress.late.iter().map(ToString::to_string);
    let untried = progress.untried.iter().map(ToString::to_string);
    for note in late.chain(untried).chain(progress.nodes.iter().filter_map(all_failed)) {
        text += &format!("{}\n", visible_line(&note));
    }
    terminal::print(&text);
}

/// One line to standard output.
pub(crate) fn print_json(pipeline: &str, summary: &Summary) -> anyhow::Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct Told<'a> {
        pipeline: &'a str,
        rows_per_s: f64,
        #[serde(flatten)]
        summary: &'a Summary,
    }
    let told = Told { pipeline, rows_per_s: rows_per_s(summary), summary };
    terminal::print_json(&serde_json::to_string(&told)?).map(drop)
}

/// What to say of a step of which no row was processed.
fn all_failed(node: &NodeCounts) -> Option<String> {
    let NodeCounts { name, is_source, rows_in, rows_failed, .. } = node;
    // What a source cannot read does not count as read.
    let is_any_good = if *is_source { *rows_in > 0 } else { rows_in > rows_failed };
    (*rows_failed > 0 && !is_any_good).then(|| {
        format!("{name}: all of its rows failed; a run with `on-error = \"fail\"` says why, and so do dead letters")
    })
}

/// `: 2.1 M rows/s`; nothing of a run that was too short to have a rate: it is mostly the time of its start.
fn rate(summary: &Summary) -> String {
    match summary.elapsed_us < RATE_FROM_US {
        true => String::new(),
        false => format!(": {} rows/s", figures::short(rows_per_s(summary))),
    }
}

/// Rows that the sources read, a second.
fn rows_per_s(summary: &Summary) -> f64 {
    summary.progress.rows_in as f64 / (summary.elapsed_us.max(1) as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_which_all_rows_failed_is_told() {
        let told = |is_source, rows_in, rows_failed| {
            let mut counts = NodeCounts::default();
            (counts.name, counts.is_source, counts.rows_in, counts.rows_failed) =
                ("parse".to_owned(), is_source, rows_in, rows_failed);
            all_failed(&counts)
        };
        assert!(told(true, 0, 3).is_some_and(|told| told.starts_with("parse: all of its rows failed")));
        assert!(told(false, 3, 3).is_some());
        assert_eq!(
            [told(false, 4, 3), told(false, 3, 0), told(true, 0, 0), told(true, 1, 3)],
            [None, None, None, None]
        );
    }

    #[test]
    fn a_short_run_has_no_rate() {
        let mut summary = Summary { elapsed_us: 3_000, ..Summary::default() };
        summary.progress.rows_in = 2;
        assert_eq!(rate(&summary), "");
        (summary.elapsed_us, summary.progress.rows_in) = (2_000_000, 3_000);
        assert_eq!(rate(&summary), ": 1.50 k rows/s");
    }
}
