//! `weir checkpoint list`: the checkpoints that there are. Never reads their parts.

use serde_json::{Value, json};
use weir_core::time::Clock;
use weir_state::checkpoint::Listed;

use super::Place;
use crate::clock::SystemClock;
use crate::{figures, json, terminal};

/// Options of `weir checkpoint list`.
#[derive(clap::Args)]
#[command(after_help = "Only manifests are read; `weir checkpoint verify` reads everything.

Examples:
  weir checkpoint list state
  weir checkpoint list pipeline.toml
  weir checkpoint list s3://bucket/orders --json")]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn execute(args: &Args) -> anyhow::Result<()> {
    let store = args.place.open()?;
    let listed = store.list()?;
    if args.json {
        return json::print(&listed.iter().map(as_json).collect::<Vec<_>>());
    }
    if listed.is_empty() {
        terminal::print_notes(&[format!("there is no checkpoint in {}", store.name())]);
        return Ok(());
    }
    let now_us = SystemClock::new().now_us();
    let rows = listed.iter().map(|listed| row(listed, now_us)).collect();
    let header = ["checkpoint", "made", "age", "job", "state", "generation", "size"];
    terminal::print_result(&figures::table(&header, rows, 5))?;
    let damaged = listed.iter().filter_map(|listed| listed.manifest.as_ref().err());
    terminal::print_notes(&damaged.map(ToString::to_string).collect::<Vec<_>>());
    Ok(())
}

fn row(listed: &Listed, now_us: i64) -> Vec<String> {
    let number = listed.number.to_string();
    let Ok(manifest) = &listed.manifest else {
        return [&number, "", "", "", "unreadable", "", ""].map(str::to_owned).to_vec();
    };
    vec![
        number,
        figures::event_time(manifest.created_us),
        figures::duration(now_us.saturating_sub(manifest.created_us)),
        manifest.job.clone(),
        if manifest.finished { "finished" } else { "running" }.to_owned(),
        manifest.generation.to_string(),
        figures::bytes(manifest.bytes()),
    ]
}

fn as_json(listed: &Listed) -> Value {
    match &listed.manifest {
        Ok(manifest) => json!({
            "checkpoint": listed.number,
            "job": manifest.job,
            "created-us": manifest.created_us,
            "generation": manifest.generation,
            "attempt": manifest.attempt,
            "bytes": manifest.bytes(),
            "finished": manifest.finished,
        }),
        Err(error) => json!({ "checkpoint": listed.number, "error": error.to_string() }),
    }
}
