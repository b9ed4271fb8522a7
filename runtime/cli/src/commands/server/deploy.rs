//! `weir deploy`: a pipeline onto a server, in the place of what runs under its name.

use similar::{ChangeTag, TextDiff};
use weir_server::model::{Deploy, Deployed};

use crate::client::{Client, Refused, ServerArgs};
use crate::json;
use crate::pipeline_file::PipelineFile;
use crate::shared_args::PipelineArgs;
use crate::terminal;

/// Options of `weir deploy`.
#[derive(clap::Args)]
#[command(
    after_help = "Components are versions of the server's operators: component = \"NAME@VERSION\". Paths are those of the server's folder
of files. If the job runs already, what changes is shown; it takes a last checkpoint, and the new revision resumes from there.
To change a version or a configuration without a stop, see `weir swap`.

Examples:
  weir deploy pipeline.toml
  weir deploy pipeline.toml --dry-run
  weir deploy pipeline.toml --parallelism 4 --yes"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Only check it, and show what would change
    #[arg(long)]
    dry_run: bool,
    /// Discard the state of an operator, a source or a sink that the pipeline no longer has, or a column of it: OPERATOR.COLUMN
    #[arg(long = "allow-dropped-state", value_name = "NAME")]
    allow_dropped: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Deploys it; an error if it cannot run.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let file = PipelineFile::read(&args.pipeline)?;
    let client = args.server.client()?;
    let mut request = Deploy {
        pipeline: file.graph.text.to_string(),
        dry_run: true,
        allow_dropped_state: args.allow_dropped.clone(),
        expected_revision: None,
    };
    let planned = deploy(&client, &file, &request)?;
    if args.dry_run || !planned.changed {
        return told(args, &planned, &request);
    }
    if let (Some(before), false) = (&planned.before, args.yes) {
        terminal::print(&diff(before, &request.pipeline));
        let question = format!("replace what runs as {}?", terminal::bold(&planned.job));
        if !terminal::confirm(&question, &format!("{} exists already and would be replaced", planned.job))? {
            terminal::print("nothing has changed\n");
            return Ok(());
        }
    }
    // What was shown is what is replaced.
    (request.dry_run, request.expected_revision) = (false, planned.revision);
    let deployed = Deployed { notes: planned.notes, ..deploy(&client, &file, &request)? };
    told(args, &deployed, &request)
}

fn deploy(client: &Client, file: &PipelineFile, request: &Deploy) -> anyhow::Result<Deployed> {
    client.post("/v1/jobs", request).map_err(|error| match error.downcast_ref::<Refused>() {
        Some(Refused(problem)) if !problem.problems.is_empty() => {
            let problems = problem.problems.iter().map(weir_server::PipelineProblem::diagnostic).collect();
            file.problems(problems).into()
        }
        _ => error,
    })
}

fn told(args: &Args, deployed: &Deployed, request: &Deploy) -> anyhow::Result<()> {
    if args.json {
        return json::print(deployed);
    }
    terminal::print_notes(&deployed.notes);
    let job = terminal::bold(&deployed.job);
    let revision = deployed.revision.map_or_else(String::new, |revision| format!(" as revision {revision}"));
    if !deployed.changed {
        terminal::print(&format!("{job} runs this already{revision}: nothing has changed\n"));
    } else if request.dry_run {
        if let Some(before) = &deployed.before {
            terminal::print(&diff(before, &request.pipeline));
        }
        terminal::print(&format!("{job} would run with these changes; nothing has changed yet\n"));
    } else {
        terminal::print(&format!("{job} runs{revision}\n"));
    }
    Ok(())
}

/// What changes, a line each.
fn diff(before: &str, after: &str) -> String {
    let changes = TextDiff::from_lines(before, after);
    let mut text = String::new();
    for group in changes.grouped_ops(2) {
        for change in group.iter().flat_map(|op| changes.iter_changes(op)) {
            let line = change.value().trim_end_matches('\n');
            text += &match change.tag() {
                ChangeTag::Delete => terminal::red(&format!("- {line}")),
                ChangeTag::Insert => terminal::green(&format!("+ {line}")),
                ChangeTag::Equal => format!("  {line}"),
            };
            text.push('\n');
        }
    }
    text
}
