//! `weir check`: whether a pipeline can run, what would run, and where it is wrong.

use serde_json::{Value, json};
use weir_core::graph::{DEAD_LETTER_OUTPUT, MAIN_OUTPUT};
use weir_core::pipeline::{Diagnostic, Severity};
use weir_engine::{JobDescription, NodeDescription, OutputDescription};

use super::{PipelineArgs, SecretsArgs};
use crate::pipeline_file::PipelineFile;
use crate::terminal::Problems;
use crate::{component, figures, terminal};

/// Options of `weir check`.
#[derive(clap::Args)]
#[command(after_help = "Opens sources and components, but reads no rows and writes nothing.

Examples:
  weir check pipeline.toml
  weir check pipeline.toml --set sources.flights.path=data/february.csv
  weir check pipeline.toml --json")]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    secrets: SecretsArgs,
    /// Print JSON: the graph, or the problems with their lines and columns
    #[arg(long)]
    json: bool,
}

/// Checks it; an error if it cannot run.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let checked = check(args);
    if args.json {
        let told = match &checked {
            Ok((file, job)) => passed_json(file, job),
            Err(error) => failed_json(error),
        };
        terminal::print_result(&(serde_json::to_string_pretty(&told)? + "\n"))?;
        return checked.map(|_| ());
    }
    let (file, job) = checked?;
    terminal::print_result(&told(&file, &job))?;
    file.print_notes();
    terminal::print_notes(&job.notes);
    terminal::print_notes(&job.guarantees);
    Ok(())
}

fn check(args: &Args) -> anyhow::Result<(PipelineFile, JobDescription)> {
    let file = PipelineFile::read(&args.pipeline)?;
    let job = file.check(&component::host()?, &args.secrets)?.describe();
    Ok((file, job))
}

/// The nodes as a table, then the columns of their outputs.
fn told(file: &PipelineFile, job: &JobDescription) -> String {
    let row = |node: &NodeDescription| {
        let reads = match node.exchange {
            Some(exchange) => format!("{} ({exchange})", node.inputs.join(" + ")),
            None => String::new(),
        };
        vec![node.name.clone(), node.kind.to_owned(), node.parallelism.to_string(), node.chain.to_string(), reads]
    };
    let nodes = figures::table(&["node", "kind", "subtasks", "chain", "reads"], job.nodes.iter().map(row).collect(), 5);
    let mut text = format!("{} can run\n\n{nodes}\n", terminal::bold(&file.graph.name));
    for node in &job.nodes {
        // Every node that can fail has an output for dead letters; only one that is read is worth a line.
        for output in node.outputs.iter().filter(|output| output.read || output.name != DEAD_LETTER_OUTPUT) {
            text += &output_text(&node.name, output);
        }
    }
    text
}

/// `node.output: a Int64, b Utf8 (not read: c)`
fn output_text(node: &str, output: &OutputDescription) -> String {
    let name = if output.name == MAIN_OUTPUT { node.to_owned() } else { format!("{node}.{}", output.name) };
    if !output.read {
        return format!("{name}: not read\n");
    }
    let of = |read: bool| output.columns.iter().filter(move |column| column.read == read);
    let read: Vec<_> = of(true).map(|column| format!("{} {}", column.name, column.data_type)).collect();
    let unread: Vec<_> = of(false).map(|column| column.name.as_str()).collect();
    let unread = if unread.is_empty() { String::new() } else { format!(" (not read: {})", unread.join(", ")) };
    format!("{name}: {}{unread}\n", read.join(", "))
}

fn passed_json(file: &PipelineFile, job: &JobDescription) -> Value {
    let warnings: Vec<_> = file.graph.warnings.iter().map(|w| problem_json(w, &file.graph.text)).collect();
    let notes: Vec<_> = file.notes.iter().chain(&job.notes).chain(&job.guarantees).collect();
    json!({ "ok": true, "pipeline": file.graph.name, "nodes": job.nodes, "notes": notes, "problems": warnings })
}

fn failed_json(error: &anyhow::Error) -> Value {
    let problems = match error.downcast_ref::<Problems>() {
        Some(Problems { problems, text, .. }) => problems.iter().map(|problem| problem_json(problem, text)).collect(),
        None => vec![problem_json(&Diagnostic::error(format!("{error:#}"), None), "")],
    };
    json!({ "ok": false, "problems": problems })
}

fn problem_json(problem: &Diagnostic, text: &str) -> Value {
    let position = problem.position(text);
    json!({
        "severity": match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": problem.message,
        "hint": problem.hint,
        "line": position.map(|(line, _)| line),
        "column": position.map(|(_, column)| column),
    })
}
