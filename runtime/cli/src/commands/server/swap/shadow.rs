//! `weir swap --shadow`: a new version beside the one that runs, and what would differ.

use std::time::Duration;

use indicatif::ProgressBar;
use weir_server::model::{ShadowChange, ShadowDifference, ShadowKind, ShadowRequest, ShadowStatus};

use crate::client::{Client, part};
use crate::json::Told;
use crate::{figures, json, terminal, waiting};

/// How often it is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Kinds of differences that are shown: a screen full.
const KINDS_SHOWN: usize = 30;

/// Begins a shadow run, waits for its end, and tells what it has found.
#[expect(clippy::disallowed_methods, reason = "a person waits for another process, which tells nobody when it is done")]
pub(super) fn run(client: &Client, job: &str, request: &ShadowRequest, json: bool) -> anyhow::Result<()> {
    let path = format!("/v1/jobs/{}/shadow", part(job));
    let mut status: ShadowStatus = client.post(&path, request)?;
    let bar = ProgressBar::new_spinner();
    waiting::show_time(&bar, far(&status, request.duration_ms));
    while status.is_open {
        std::thread::sleep(LOOK_EVERY);
        status = client.get(&path)?;
        bar.set_message(far(&status, request.duration_ms));
    }
    bar.finish_and_clear();
    let printed = if json { json::print(&status) } else { terminal::print_result(&told(&status)) };
    printed?;
    let why = match status.given_up {
        true => "the new version failed too often for a comparison",
        false if status.landed < status.subtasks => "it ended before all subtasks ran the new version",
        false => return Ok(()),
    };
    Err(Told::new(why.to_owned()).into())
}

/// How far it is.
fn far(status: &ShadowStatus, duration_ms: u64) -> String {
    let ShadowStatus { rows, rows_differing, subtasks, landed, .. } = status;
    let of = figures::duration(i64::try_from(duration_ms).unwrap_or(i64::MAX).saturating_mul(1000));
    match landed < subtasks {
        true => format!("the new version is on {landed} of {subtasks} subtasks; of {of}"),
        false => {
            format!("{} rows compared, {} differ; of {of}", figures::count(*rows), figures::count(*rows_differing))
        }
    }
}

fn told(status: &ShadowStatus) -> String {
    let ShadowStatus { rows, rows_differing, states, states_differing, failures, .. } = status;
    let of = |differing: &u64, all: &u64| format!("{} of {}", figures::count(*differing), figures::count(*all));
    let mut text = format!("{} rows differ", of(rows_differing, rows));
    if *states > 0 {
        text += &format!(", {} states of keys", of(states_differing, states));
    }
    if status.layouts_differ {
        text += "; states were not compared, because the versions keep them in different layouts";
    }
    if *failures > 0 {
        let why = status.failure.as_ref().map_or_else(String::new, |why| format!(", the last because {why}"));
        text +=
            &format!("; the new version failed {} times where the old one does not{why}", figures::count(*failures));
    }
    if status.stopped {
        text += "; it ended early";
    }
    if status.given_up {
        text += "; it was abandoned";
    }
    text.push('\n');
    if !status.kinds.is_empty() {
        let row = |kind: &ShadowKind| {
            let ShadowKind { operator, part, change, column, old, new, rows } = kind.clone();
            let (old, new) = match change {
                ShadowChange::Value => (old.unwrap_or_default(), new.unwrap_or_default()),
                ShadowChange::Values => ("(many values)".to_owned(), "(many values)".to_owned()),
                ShadowChange::OnlyOld => ("a row".to_owned(), "(no such row)".to_owned()),
                ShadowChange::OnlyNew => ("(no such row)".to_owned(), "a row".to_owned()),
            };
            let column = column.unwrap_or_else(|| "(the row)".to_owned());
            vec![operator, part, column, format!("{old} -> {new}"), figures::count(rows)]
        };
        let mut kinds = status.kinds.clone();
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.rows));
        let header = ["operator", "output", "column", "old -> new", "rows"];
        text += &format!("\n{}", figures::table(&header, kinds.iter().take(KINDS_SHOWN).map(row).collect(), 4));
        if let Some(more) = kinds.len().checked_sub(KINDS_SHOWN).filter(|more| *more > 0) {
            text += &format!("and {more} more kinds of difference: --json lists them\n");
        }
    }
    if !status.differences.is_empty() {
        let row = |difference: &ShadowDifference| {
            let ShadowDifference { operator, part, key, column, old, new } = difference.clone();
            let none = || "(no such row)".to_owned();
            vec![
                operator,
                part,
                key.unwrap_or_default(),
                column.unwrap_or_else(|| "(the row)".to_owned()),
                old.unwrap_or_else(none),
                new.unwrap_or_else(none),
            ]
        };
        let header = ["operator", "output", "key", "column", "old", "new"];
        text += &format!("\nfor example\n{}", figures::table(&header, status.differences.iter().map(row).collect(), 6));
    }
    text
}
