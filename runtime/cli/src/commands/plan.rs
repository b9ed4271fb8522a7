//! `weir plan`: what would run where, for a person, and for a program that runs pipelines in another engine.

use weir_embed::{Opened, Plan};

#[cfg(feature = "server")]
use crate::commands::submit;
use crate::pipeline_file::PipelineFile;
use crate::shared_args::{PipelineArgs, SecretsArgs};
use crate::{component, figures, json, terminal};

/// Options of `weir plan`.
#[derive(clap::Args)]
#[command(
    after_help = "Steps of one chain run in the same subtasks, one after the other; rows go from chain to chain by edges. Opens sources and \
components, but processes no rows and writes nothing.

Examples:
  weir plan pipeline.toml
  weir plan pipeline.toml --parallelism 4 --json
  weir plan pipeline.toml --engine spark"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    secrets: SecretsArgs,
    /// Show what `weir submit` would run on this engine, and what differs there
    #[cfg(feature = "server")]
    #[arg(long, value_enum)]
    engine: Option<submit::Engine>,
    /// Print JSON: chains, edges with their columns, steps, components, and what would keep it from running in another engine
    #[arg(long)]
    pub(crate) json: bool,
}

/// Prints it; an error if the pipeline cannot run.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let plan = plan(args)?;
    if args.json {
        return json::print(&serde_json::to_value(&plan)?);
    }
    terminal::print_result(&told(&plan))?;
    #[cfg(feature = "server")]
    if args.engine.is_some() {
        terminal::print_notes(&plan.notes);
    }
    Ok(())
}

/// With what its engine does otherwise, if one is named.
fn plan(args: &Args) -> anyhow::Result<Plan> {
    #[cfg(feature = "server")]
    if let Some(engine) = args.engine {
        return Ok(submit::Submission::read(engine, &args.pipeline, &args.secrets)?.plan);
    }
    let file = PipelineFile::read_to_check(&args.pipeline, &args.secrets)?;
    // It says where in the file something is wrong.
    file.check_for_other_engine(&component::host()?, &args.secrets)?;
    Ok(Plan::new(&*Opened::open(&file.bundle(&args.pipeline, &args.secrets)?.encode()?)?))
}

/// Chains as a table, then edges as one.
fn told(plan: &Plan) -> String {
    let chains = plan
        .graph
        .chains
        .iter()
        .enumerate()
        .map(|(index, chain)| vec![index.to_string(), chain.parallelism.to_string(), chain.name.clone()]);
    let mut text = figures::table(&["chain", "subtasks", "steps"], chains.collect(), 3);
    let edges = plan.graph.edges.iter().map(|edge| {
        let columns = edge.columns.iter().map(|column| format!("{} {}", column.name, column.data_type));
        let (from, to) = (edge.from.to_string(), edge.to.to_string());
        vec![from, to, edge.partitioning.to_owned(), columns.collect::<Vec<_>>().join(", ")]
    });
    if !plan.graph.edges.is_empty() {
        text += &format!("\n{}", figures::table(&["from", "to", "exchange", "columns"], edges.collect(), 4));
    }
    text
}
