//! `weir checkpoint show`: what a checkpoint consists of. Never reads its parts.

use std::collections::BTreeMap;

use serde_json::Value;
use weir_core::connector::SinkReport;
use weir_state::checkpoint::{Manifest, StoredFile};

use super::{Place, manifest};
use crate::{figures, json, terminal};

/// Options of `weir checkpoint show`.
#[derive(clap::Args)]
#[command(after_help = "Only the manifest is read; `weir checkpoint verify` reads everything.

Examples:
  weir checkpoint show state
  weir checkpoint show pipeline.toml 12
  weir checkpoint show state --json | jq '.subtasks[].splits'")]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Which checkpoint, instead of the newest
    #[arg(value_name = "CHECKPOINT")]
    number: Option<u64>,
    /// Print JSON: the manifest, as it is in its file
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn execute(args: &Args) -> anyhow::Result<()> {
    let manifest = manifest(&args.place.open()?, args.number)?;
    match args.json {
        true => json::print(&manifest),
        false => terminal::print_result(&told(&manifest)),
    }
}

fn told(manifest: &Manifest) -> String {
    let Manifest { number, job, generation, attempt, weir, key_groups, .. } = manifest;
    let made = figures::event_time(manifest.created_us);
    let finished = if manifest.finished { ", after the end of its input" } else { "" };
    let size = figures::bytes(manifest.bytes());
    let head = format!(
        "checkpoint {number} of {job}, made {made} by weir {weir}{finished}\n\
         generation {generation}, attempt {attempt}, {key_groups} key groups, {size}\n"
    );
    let tables = [
        (&["operator", "state", "rows", "size", "files"][..], states(manifest), 2),
        (&["source", "split", "offset", "latest event time"], splits(manifest), 4),
        (&["sink", "to commit", "rows"], sinks(manifest), 1),
        (&["subtask", "watermark"], watermarks(manifest), 2),
    ];
    let tables = tables.into_iter().filter(|(_, rows, _)| !rows.is_empty());
    tables.fold(head, |told, (header, rows, right_from)| told + "\n" + &figures::table(header, rows, right_from))
}

/// Rows, bytes and files of every state of every operator, all subtasks together.
fn states(manifest: &Manifest) -> Vec<Vec<String>> {
    let mut states: BTreeMap<(&str, &str), (u64, u64, u64)> = BTreeMap::new();
    for operator in manifest.subtasks.iter().flat_map(|subtask| &subtask.operators) {
        let mut add = |name, file: &StoredFile| {
            let sum = states.entry((operator.operator.as_str(), name)).or_default();
            *sum = (sum.0 + file.rows(), sum.1 + file.bytes, sum.2 + 1);
        };
        operator.state.iter().for_each(|file| add(&file.name, file));
        operator.sink.iter().flat_map(|sink| &sink.rows).for_each(|file| add("rows to commit", file));
    }
    let row = |((operator, state), (rows, bytes, files)): ((&str, &str), (u64, u64, u64))| {
        vec![operator.to_owned(), state.to_owned(), figures::count(rows), figures::bytes(bytes), figures::count(files)]
    };
    states.into_iter().map(row).collect()
}

fn splits(manifest: &Manifest) -> Vec<Vec<String>> {
    let splits = manifest.subtasks.iter().filter_map(|subtask| subtask.splits.as_ref());
    let mut splits: Vec<_> = splits.flat_map(|(source, splits)| splits.iter().map(move |s| (source, s))).collect();
    splits.sort_by_key(|(source, split)| (*source, split.index));
    let row = |(source, split): (&String, &weir_state::checkpoint::StoredSplit)| {
        vec![source.clone(), split.split.clone(), plain(&split.offset), time(split.max_event_time)]
    };
    splits.into_iter().map(row).collect()
}

fn sinks(manifest: &Manifest) -> Vec<Vec<String>> {
    let mut sinks: BTreeMap<&str, (usize, SinkReport)> = BTreeMap::new();
    for operator in manifest.subtasks.iter().flat_map(|subtask| &subtask.operators) {
        let Some(sink) = &operator.sink else { continue };
        let (commits, report) = sinks.entry(&operator.operator).or_default();
        *commits += sink.commit.len();
        report.rows += sink.report.rows;
    }
    let row = |(sink, (commits, report)): (&str, (usize, SinkReport))| {
        vec![sink.to_owned(), figures::count(commits as u64), figures::count(report.rows)]
    };
    sinks.into_iter().map(row).collect()
}

fn watermarks(manifest: &Manifest) -> Vec<Vec<String>> {
    manifest.subtasks.iter().map(|subtask| vec![subtask.subtask.clone(), time(subtask.watermark)]).collect()
}

fn plain(offset: &Value) -> String {
    offset.as_str().map_or_else(|| offset.to_string(), str::to_owned)
}

/// An event time or a watermark; there may be none yet, and after the end of the input there is none any more.
fn time(us: i64) -> String {
    match us {
        i64::MIN => "none yet".to_owned(),
        i64::MAX => "the end".to_owned(),
        us => figures::event_time(us),
    }
}
