//! `weir check`: whether a pipeline can run, what would run, and where it is wrong.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use serde_json::{Value, json};
use weir_core::graph::{DEAD_LETTER_OUTPUT, MAIN_OUTPUT};
use weir_core::time::Clock;
use weir_core::visible::visible;
use weir_engine::{Job, JobDescription, NodeDescription, OutputDescription, ResumeFrom};

use crate::clock::SystemClock;
#[cfg(feature = "server")]
use crate::commands::submit;
use crate::pipeline_file::PipelineFile;
use crate::shared_args::{PipelineArgs, SecretsArgs};
use crate::{component, figures, json, terminal};

/// How long a check waits for rows that are piped in: as long as a program takes to begin.
const STDIN_TIME_MAX: Duration = Duration::from_secs(5);

/// Options of `weir check`.
#[derive(clap::Args)]
#[command(
    after_help = "Opens sources and components, and looks at the checkpoint that a run would resume from, but processes no rows and writes nothing.

Examples:
  weir check pipeline.toml
  weir check pipeline.toml --set sources.flights.path=data/february.csv
  weir check pipeline.toml --engine flink
  weir check pipeline.toml --json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    secrets: SecretsArgs,
    /// Check whether it can run on this engine instead, and say what differs there
    #[cfg(feature = "server")]
    #[arg(long, value_enum)]
    engine: Option<submit::Engine>,
    /// Print JSON: the graph, or the problems with their lines and columns
    #[arg(long)]
    pub(crate) json: bool,
}

/// Checks it; an error if it cannot run.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    #[cfg(feature = "server")]
    let (file, job) = match args.engine {
        Some(engine) => in_engine(engine, args)?,
        None => check(args)?,
    };
    #[cfg(not(feature = "server"))]
    let (file, job) = check(args)?;
    if args.json {
        return json::print(&passed(&file, &job));
    }
    terminal::print_result(&told(&file, &job))?;
    file.print_notes();
    terminal::print_notes(&job.notes);
    terminal::print_notes(&job.guarantees);
    Ok(())
}

/// The same in another engine: what `weir submit` finds, says, and leaves alone, such as the folder of checkpoints.
#[cfg(feature = "server")]
fn in_engine(engine: submit::Engine, args: &Args) -> anyhow::Result<(PipelineFile, JobDescription)> {
    let submit::Submission { mut file, plan, .. } = submit::Submission::read(engine, &args.pipeline, &args.secrets)?;
    // They are among the plan's, with the paths of the machines that it runs on.
    file.notes.clear();
    Ok((file, JobDescription { nodes: plan.steps, notes: plan.notes, guarantees: Vec::new() }))
}

fn check(args: &Args) -> anyhow::Result<(PipelineFile, JobDescription)> {
    let (file, job) = opened(PipelineFile::read_to_check(&args.pipeline, &args.secrets)?, args.secrets.clone())?;
    let mut described = job.describe();
    // What a run would resume from must fit. Opening a folder would make it.
    let location = file.graph.checkpoint.as_ref().map_or("", |settings| settings.location.as_str());
    let is_there = location.contains("://") || Path::new(location).is_dir();
    match is_there.then(|| file.durable(ResumeFrom::Last, &[])).transpose()?.flatten() {
        Some(durable) => {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
            let notes = durable.check(&job, &clock).with_context(|| format!("{} cannot resume", file.shown))?;
            described.notes.extend(notes);
        }
        None => job.check_fresh()?,
    }
    Ok((file, described))
}

/// Opens what a pipeline names. What is piped in is not waited for without end.
fn opened(file: PipelineFile, secrets: SecretsArgs) -> anyhow::Result<(PipelineFile, Job)> {
    let infers_from_stdin = file.infers_from_stdin();
    let check = move || {
        let job = file.check(&component::host()?, &secrets)?;
        Ok((file, job))
    };
    if !infers_from_stdin {
        return check();
    }
    let (reply, checked) = sync_channel(1);
    let run = move || {
        // The check is over: its receiver is gone.
        let _ = reply.send(check());
    };
    std::thread::Builder::new().name("weir-check".to_owned()).spawn(run).context("failed to spawn a thread")?;
    checked.recv_timeout(STDIN_TIME_MAX).unwrap_or_else(|_| {
        let seconds = STDIN_TIME_MAX.as_secs();
        Err(anyhow!(
            "stdin: its columns are inferred from what is piped in, and neither `infer-rows` rows nor its end came within {seconds} s; with a \
             `schema` in the pipeline file a check reads nothing of it"
        ))
    })
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

/// `node.output: a int64, b utf8 (not read: c)`
fn output_text(node: &str, output: &OutputDescription) -> String {
    let name = if output.name == MAIN_OUTPUT { node.to_owned() } else { format!("{node}.{}", output.name) };
    if !output.read {
        return format!("{name}: not read\n");
    }
    let of = |read: bool| output.columns.iter().filter(move |column| column.read == read);
    let read: Vec<_> = of(true).map(|column| format!("{} {}", column.name, column.data_type)).collect();
    let unread: Vec<_> = of(false).map(|column| column.name.as_str()).collect();
    let unread = if unread.is_empty() { String::new() } else { format!(" (not read: {})", unread.join(", ")) };
    visible(&format!("{name}: {}{unread}\n", read.join(", "))).into_owned()
}

fn passed(file: &PipelineFile, job: &JobDescription) -> Value {
    let warnings: Vec<_> = file.graph.warnings.iter().map(|w| json::problem(w, &file.graph.text)).collect();
    let notes: Vec<_> = file.notes.iter().chain(&job.notes).chain(&job.guarantees).collect();
    json!({ "ok": true, "pipeline": file.graph.name, "nodes": job.nodes, "notes": notes, "problems": warnings })
}
