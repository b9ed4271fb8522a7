//! `weir checkpoint verify`: reads all of every checkpoint. Never repairs one.

use serde_json::json;
use weir_state::checkpoint::{CheckpointError, CheckpointStore};

use super::Place;
use crate::json::Told;
use crate::{figures, json, terminal};

/// Options of `weir checkpoint verify`.
#[derive(clap::Args)]
#[command(
    after_help = "Every file is read, and its length, checksum and rows compared with the manifest. Fails if anything is damaged.

Examples:
  weir checkpoint verify state
  weir checkpoint verify pipeline.toml 12
  weir checkpoint verify s3://bucket/orders --json"
)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Which checkpoint, instead of all
    #[arg(value_name = "CHECKPOINT")]
    number: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// What was read of a checkpoint.
struct Verified {
    number: u64,
    /// Files and bytes, or what is wrong.
    outcome: Result<(usize, u64), CheckpointError>,
}

pub(super) fn execute(args: &Args) -> anyhow::Result<()> {
    let store = args.place.open()?;
    let numbers = match args.number {
        Some(number) => vec![number],
        None => store.list()?.iter().map(|listed| listed.number).collect(),
    };
    let mut verified: Vec<Verified> = numbers.into_iter().map(|number| verify(&store, number)).collect();
    if args.number.is_none() {
        // The job runs, and has removed what it no longer keeps.
        verified.retain(|v| !matches!(v.outcome, Err(CheckpointError::Missing { .. })));
    }
    if args.json {
        json::print(&verified.iter().map(as_json).collect::<Vec<_>>())?;
    } else {
        terminal::print_result(&verified.iter().map(told).collect::<String>())?;
    }
    let bad = verified.iter().filter(|v| v.outcome.is_err()).count();
    if bad > 0 {
        let why = format!("{bad} of {} checkpoints in {} cannot be used", verified.len(), store.name());
        return Err(Told::new(why).into());
    }
    if verified.is_empty() {
        terminal::print_notes(&[format!("there is no checkpoint in {}", store.name())]);
    }
    Ok(())
}

fn verify(store: &CheckpointStore, number: u64) -> Verified {
    // The rows are let go before the next checkpoint is read.
    let outcome = store.read(number).map(|read| (read.manifest.files().count(), read.manifest.bytes()));
    Verified { number, outcome }
}

fn told(verified: &Verified) -> String {
    match &verified.outcome {
        Ok((files, bytes)) => {
            let ending = if *files == 1 { "" } else { "s" };
            let (number, files, bytes) = (verified.number, figures::count(*files as u64), figures::bytes(*bytes));
            format!("checkpoint {number} is complete and undamaged: {bytes} in {files} file{ending}\n")
        }
        Err(error) => format!("{error}\n"),
    }
}

fn as_json(verified: &Verified) -> serde_json::Value {
    match &verified.outcome {
        Ok((files, bytes)) => json!({ "checkpoint": verified.number, "whole": true, "files": files, "bytes": bytes }),
        Err(e) => json!({ "checkpoint": verified.number, "whole": false, "error": e.to_string() }),
    }
}
