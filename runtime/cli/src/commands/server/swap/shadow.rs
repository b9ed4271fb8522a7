//! `weir swap --shadow`: a new version beside the one that runs, and what would differ.

use std::time::Duration;

use weir_server::model::{ShadowDifference, ShadowRequest, ShadowStatus};

use crate::client::{Client, part};
use crate::json::Told;
use crate::{figures, json, terminal};

/// How often it is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Begins a shadow run, waits for its end, and tells what it has found.
#[expect(clippy::disallowed_methods, reason = "a person waits for another process, which tells nobody when it is done")]
pub(super) fn run(client: &Client, job: &str, request: &ShadowRequest, json: bool) -> anyhow::Result<()> {
    let path = format!("/v1/jobs/{}/shadow", part(job));
    let mut status: ShadowStatus = client.post(&path, request)?;
    while status.is_open {
        std::thread::sleep(LOOK_EVERY);
        status = client.get(&path)?;
    }
    let printed = if json { json::print(&status) } else { terminal::print_result(&told(&status)) };
    printed?;
    let why = match status.given_up {
        true => "the new version failed too often for a comparison",
        false if status.landed < status.subtasks => "it ended before all subtasks ran the new version",
        false => return Ok(()),
    };
    Err(Told::new(why.to_owned()).into())
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
        text += &format!("\n{}", figures::table(&header, status.differences.iter().map(row).collect(), 6));
    }
    text
}
