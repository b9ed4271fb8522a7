//! `weir checkpoint export`: the keyed state of an operator as a file that other tools read. The file is there whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use weir_state::checkpoint::{Checkpoint, CheckpointStore};
use weir_state::{JobSnapshot, StateTable};

use super::Place;
use crate::{figures, terminal};

/// The states that are exported only if they are asked for: timers are seldom what somebody looks for.
const TIMERS: [&str; 2] = ["timers", "processing-timers"];

/// Options of `weir checkpoint export`.
#[derive(clap::Args)]
#[command(
    after_help = "All key groups of all subtasks go into one file, in no particular order. `weir checkpoint show` has the names.

Examples:
  weir checkpoint export state per-minute --to panes.parquet
  weir checkpoint export pipeline.toml sessions --state timers --to timers.jsonl
  weir checkpoint export state per-minute --checkpoint 12 --to panes.parquet"
)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// The operator
    operator: String,
    /// The file: NAME.parquet, or NAME.jsonl for a line of JSON a row
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Which state, if the operator has several
    #[arg(long, value_name = "NAME")]
    state: Option<String>,
    /// Which checkpoint, instead of the newest that is whole
    #[arg(long, value_name = "CHECKPOINT")]
    checkpoint: Option<u64>,
}

#[derive(Clone, Copy)]
enum Form {
    Parquet,
    JsonLines,
}

pub(super) fn execute(args: &Args) -> anyhow::Result<()> {
    let form = match args.to.extension().and_then(|e| e.to_str()) {
        Some("parquet") => Form::Parquet,
        Some("jsonl" | "ndjson" | "json") => Form::JsonLines,
        _ => bail!("{} must end in .parquet or .jsonl", args.to.display()),
    };
    let checkpoint = read(&args.place.open()?, args.checkpoint)?;
    let tables = keyed_state(&checkpoint.snapshot, &args.operator)?;
    let state = choose(&tables, args)?;
    let batches: Vec<&RecordBatch> = tables.iter().filter(|t| t.name == state).map(|t| &t.rows).collect();
    let schema = batches[0].schema();
    let same = |batch: &&RecordBatch| batch.schema().fields() == schema.fields();
    ensure!(batches.iter().all(same), "the state {state:?} of {:?} has different columns in its parts", args.operator);
    write(&args.to, form, &schema, &batches).with_context(|| format!("cannot write {}", args.to.display()))?;
    let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
    let (rows, number, to) = (figures::count(rows as u64), checkpoint.manifest.number, args.to.display());
    terminal::print_notes(&[format!("{rows} rows of {state} of {} in checkpoint {number} are in {to}", args.operator)]);
    Ok(())
}

fn read(store: &CheckpointStore, number: Option<u64>) -> anyhow::Result<Checkpoint> {
    if let Some(number) = number {
        return Ok(store.read(number)?);
    }
    let latest = store.latest()?;
    terminal::print_notes(&latest.damaged.iter().map(|(_, error)| error.to_string()).collect::<Vec<_>>());
    latest.checkpoint.with_context(|| format!("there is no undamaged checkpoint in {}", store.name()))
}

/// The tables by key of an operator, of all its subtasks.
fn keyed_state<'a>(snapshot: &'a JobSnapshot, name: &str) -> anyhow::Result<Vec<&'a StateTable>> {
    let operators = || snapshot.subtasks.iter().flat_map(|subtask| &subtask.operators);
    let tables = |(_, state): &'a (String, weir_state::Snapshot)| state.tables.iter().filter(|t| t.key_group.is_some());
    if !operators().any(|(operator, _)| operator == name) {
        let mut known: Vec<&str> = operators().map(|(operator, _)| operator.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        bail!("the checkpoint has no operator {name:?}; it has {}", known.join(", "));
    }
    Ok(operators().filter(|(operator, _)| operator == name).flat_map(tables).collect())
}

/// The state that was asked for, or the only one but timers.
fn choose<'a>(tables: &[&'a StateTable], args: &Args) -> anyhow::Result<&'a str> {
    let mut names: Vec<&str> = tables.iter().map(|t| t.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let operator = &args.operator;
    ensure!(!names.is_empty(), "{operator:?} has no keyed state in this checkpoint");
    if let Some(asked) = &args.state {
        let found = names.iter().find(|name| *name == asked);
        return found
            .copied()
            .with_context(|| format!("{operator:?} has no state {asked:?}; it has {}", names.join(", ")));
    }
    let likely: Vec<&str> = names.iter().copied().filter(|name| !TIMERS.contains(name)).collect();
    match (&likely[..], &names[..]) {
        ([only], _) | ([], [only]) => Ok(*only),
        _ => bail!("{operator:?} has several states; choose one with --state: {}", names.join(", ")),
    }
}

/// Writes beside the file, which then takes its place.
fn write(to: &Path, form: Form, schema: &SchemaRef, batches: &[&RecordBatch]) -> anyhow::Result<()> {
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let written = File::create(&partial).map_err(anyhow::Error::from).and_then(|file| match form {
        Form::Parquet => write_parquet(file, schema, batches),
        Form::JsonLines => write_json(file, batches),
    });
    let renamed = written.and_then(|()| Ok(std::fs::rename(&partial, to)?));
    if renamed.is_err() {
        // What is left of it is of no use; the first error is the one to tell.
        let _ = std::fs::remove_file(&partial);
    }
    renamed
}

#[cfg(feature = "parquet")]
fn write_parquet(file: File, schema: &SchemaRef, batches: &[&RecordBatch]) -> anyhow::Result<()> {
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, SchemaRef::clone(schema), None)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.close()?;
    Ok(())
}

#[cfg(not(feature = "parquet"))]
fn write_parquet(_: File, _: &SchemaRef, _: &[&RecordBatch]) -> anyhow::Result<()> {
    bail!("this weir was built without Parquet; build it with `--features parquet`, or export to a .jsonl")
}

fn write_json(file: File, batches: &[&RecordBatch]) -> anyhow::Result<()> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(BufWriter::new(file));
    writer.write_batches(batches)?;
    writer.finish()?;
    Ok(writer.into_inner().flush()?)
}
