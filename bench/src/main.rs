//! `weir-bench`: what a record costs at the boundary, what the Nexmark queries cost through the whole engine, each beside
//! hand-written code that does the same in the same run, and what checkpoints, swaps and a server cost. Prints tables; writes JSON.
//!
//! It measures and compares, and never repairs: if engine and hand-written code do not agree on a single row, it fails.
//!
//! | module | holds |
//! |---|---|
//! | `args` | the options |
//! | `query` | the queries and where their pipelines are |
//! | `nexmark` | running a query through the engine, in a process of its own |
//! | `boundary` | calls into a component, without an engine |
//! | `bad_records` | records that are no rows, and rows that a component refuses or traps at |
//! | `durable` | jobs with checkpoints: what those cost, and coming back from one |
//! | `expressions` | filters and computed columns, without an engine |
//! | `formats` | files in CSV, JSON and Parquet, beside Arrow's own readers |
//! | `parallel` | jobs at more subtasks than there are cores |
//! | `kafka` | reading and writing Kafka, beside the client alone |
//! | `pause` | freezing state for a checkpoint, without a job |
//! | `swap` | replacing an operator while rows flow |
//! | `server` | the real server, from outside |
//! | `windows` | rows out of order, late rows, and many results at once |
//! | `loops` | the hand-written queries |
//! | `measure` | clocks and memory |
//! | `row` | one measurement, as a line and as JSON |

mod args;
mod bad_records;
mod boundary;
mod durable;
mod expressions;
mod formats;
mod kafka;
mod loops;
mod measure;
mod nexmark;
mod parallel;
mod pause;
mod query;
mod row;
mod server;
mod swap;
mod windows;

use std::path::Path;

use anyhow::{Context, ensure};

use crate::args::{Args, HELP, Part};
use crate::expressions::ExpressionRow;
use crate::formats::FormatRow;
use crate::query::examples;
use crate::row::{BadRecordsRow, CostRow, KafkaRow, ParallelRow, PauseRow, Row, SwapRow, WindowRow};

fn main() -> anyhow::Result<()> {
    let args = Args::parse(std::env::args().skip(1))?;
    if args.help {
        print!("{HELP}");
        return Ok(());
    }
    if args.child {
        let row = nexmark::in_this_process(args.queries[0], args.parallelism[0], &args)?;
        println!("{}", serde_json::to_string(&row)?);
        return Ok(());
    }
    let measures = |part| args.only.is_none_or(|only| only == part);
    let mut rows = Vec::new();
    if measures(Part::Boundary) {
        ensure_components()?;
        println!("{}", Row::BOUNDARY_HEADER);
        boundary::measure(&args, |row| {
            println!("{}", row.boundary_line());
            rows.push(serde_json::to_value(row));
        })?;
        println!();
    }
    if measures(Part::Nexmark) {
        ensure_components()?;
        println!("{}", Row::NEXMARK_HEADER);
        nexmark::measure(&args, |row| {
            println!("{}", row.nexmark_line());
            rows.push(serde_json::to_value(row));
        })?;
        println!();
    }
    if measures(Part::Expressions) {
        println!("{}", ExpressionRow::HEADER);
        expressions::measure(&args, |row| {
            println!("{}", row.line());
            rows.push(serde_json::to_value(row));
        })?;
        println!();
    }
    if measures(Part::Formats) {
        println!("{}", FormatRow::HEADER);
        formats::measure(&args, |row| {
            println!("{}", row.line());
            rows.push(serde_json::to_value(row));
        })?;
        println!();
    }
    if measures(Part::Parallel) {
        println!("{}", ParallelRow::HEADER);
        parallel::measure(&args, |row| {
            println!("{}", row.line());
            rows.push(serde_json::to_value(row));
        })?;
        println!();
    }
    if measures(Part::Pause) {
        println!("{}", PauseRow::HEADER);
        pause::measure(&args, |row| {
            println!("{}", row.line());
            rows.push(serde_json::to_value(row));
        })?;
        println!();
    }
    if measures(Part::Cost) {
        println!("{}", CostRow::HEADER);
        durable::measure_cost(&args, |row| {
            println!("{}", row.line());
            rows.push(serde_json::to_value(row));
        })?;
        println!();
    }
    if measures(Part::Restore) {
        durable::measure_restore(&args, |row| {
            println!("{}", row.line());
            rows.push(serde_json::to_value(row));
        })?;
        println!();
    }
    if measures(Part::BadRecords) {
        ensure_components()?;
        println!("{}", BadRecordsRow::HEADER);
        bad_records::measure(&args, |row| {
            println!("{}", row.line());
            rows.push(serde_json::to_value(row));
        })?;
        println!();
    }
    if measures(Part::Windows) {
        println!("{}", WindowRow::HEADER);
        windows::measure(&args, |row| {
            println!("{}", row.line());
            rows.push(serde_json::to_value(row));
        })?;
        println!();
    }
    if measures(Part::Swap) {
        println!("{}", SwapRow::HEADER);
        swap::measure(&args, |row| {
            println!("{}", row.line());
            rows.push(serde_json::to_value(row));
        })?;
        println!();
    }
    if measures(Part::Server) {
        server::measure(|row| {
            println!("{}", row.line());
            rows.push(serde_json::to_value(row));
        })?;
        println!();
    }
    if measures(Part::Kafka) {
        ensure_components()?;
        println!("{}", KafkaRow::HEADER);
        kafka::measure(&args, |row| {
            println!("{}", row.line());
            rows.push(serde_json::to_value(row));
        })?;
    }
    let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
    args.json.as_deref().map_or(Ok(()), |file| write_json(file, &rows))
}

/// Every operator of the queries has its component beside its folder: they are not built with this program.
fn ensure_components() -> anyhow::Result<()> {
    let folder = examples();
    for entry in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
        let operator = entry?.path();
        let component = operator.with_extension("wasm");
        if operator.is_dir() && operator.join("Cargo.toml").is_file() {
            ensure!(component.is_file(), "{} is missing: `cargo xtask guests` builds it", component.display());
        }
    }
    Ok(())
}

fn write_json(file: &Path, rows: &[serde_json::Value]) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(rows)?;
    std::fs::write(file, json + "\n").with_context(|| format!("cannot write {}", file.display()))
}
