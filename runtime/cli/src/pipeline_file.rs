//! A pipeline file on disk into a graph and a checked job; its problems rendered with their lines.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use weir_connectors::StandardConnectors;
use weir_core::connector::Connectors as _;
use weir_core::graph::{LogicalGraph, NodeKind};
use weir_core::limits::PIPELINE_BYTES_MAX;
use weir_core::pipeline::{Diagnostic, Palette, PipelineError, parse};
use weir_embed::Bundle;
use weir_engine::{CheckError, CheckErrors, Durable, Job, ResumeFrom};
use weir_host::Host;
use weir_state::checkpoint::CheckpointStore;

use crate::shared_args::{PipelineArgs, SecretsArgs};
use crate::terminal::{Place, Problems};
use crate::written::Written;
use crate::{component, terminal, waiting};

/// What to do with a pipeline whose operators are those of a server.
const VERSION_HINT: &str = "a version of an operator on a server? `weir deploy --dry-run` checks it there";

/// What is said if nothing begins for a while.
const STDIN_AWAITED: &str = "stdin: waiting for its first rows (`infer-rows`, or its end) to infer the columns from; with a `schema` in the \
                             pipeline it begins at once";

/// A file that was read and parsed.
pub(crate) struct PipelineFile {
    /// The file as the person named it.
    pub(crate) shown: String,
    /// As it was written.
    written: Written,
    /// What it says, with the sinks for dead letters.
    pub(crate) graph: LogicalGraph,
    /// What a person should be told of the graph before it runs.
    pub(crate) notes: Vec<String>,
}

impl PipelineFile {
    /// Reads the file and puts the overrides in.
    pub(crate) fn read(args: &PipelineArgs) -> anyhow::Result<Self> {
        Self::read_or(args, |_| Ok(Vec::new()))
    }

    /// As [`PipelineFile::read`], for commands that check the pipeline next. If the file is wrong, its connectors, components and columns are
    /// checked as far as possible, so that the error lists all mistakes.
    pub(crate) fn read_to_check(args: &PipelineArgs, secrets: &SecretsArgs) -> anyhow::Result<Self> {
        Self::read_or(args, |readable| {
            // What is piped in would be waited for.
            if infers_from_stdin(readable) {
                return Ok(Vec::new());
            }
            let connectors = secrets.over(StandardConnectors::new());
            Ok(Job::mistakes(readable, &connectors, &component::host()?).0)
        })
    }

    /// Reads the file; if it is wrong, `further` says what else is, of the steps that could be read.
    fn read_or(
        args: &PipelineArgs,
        further: impl FnOnce(&LogicalGraph) -> anyhow::Result<Vec<CheckError>>,
    ) -> anyhow::Result<Self> {
        let is_piped = args.pipeline == Path::new("-");
        let shown = if is_piped { "standard input".to_owned() } else { args.pipeline.display().to_string() };
        let text = if is_piped { read_piped()? } else { read_text(&args.pipeline)? };
        let base: PathBuf = args.pipeline.parent().map(Path::to_path_buf).unwrap_or_default();
        let arguments = args.all_overrides()?;
        let overrides: Vec<_> = arguments.iter().map(|of| (of.path.clone(), of.value.clone())).collect();
        let written = Written { file: shown.clone(), text, arguments };
        let mut graph = match parse(&written.text, &base, &overrides) {
            Ok(graph) => graph,
            Err(PipelineError { mut problems, text, readable }) => {
                let further = readable.map_or_else(|| Ok(Vec::new()), |readable| further(&readable))?;
                problems.extend(further.into_iter().map(|error| problem(&text, error)));
                return Err(written.problems(&text, sorted(problems)).into());
            }
        };
        check_stdin(is_piped, &graph).map_err(|problem| written.problems(&graph.text, vec![problem]))?;
        let connectors = StandardConnectors::new();
        let sink_of = |path: &str, base: &Path| connectors.keeping_sink(path, base);
        let kept = graph.keep_dead_letters(&base, |name| format!("dead-letters/{name}.jsonl"), sink_of);
        let note =
            |(name, path): (String, PathBuf)| format!("rows that {name:?} cannot process go to {}", path.display());
        let notes = kept.into_iter().map(note).collect();
        Ok(Self { shown, written, graph, notes })
    }

    /// Problems of its text as it is with what the command line changes, where they were written.
    pub(crate) fn problems(&self, problems: Vec<Diagnostic>) -> Problems {
        self.written.problems(&self.graph.text, problems)
    }

    /// The text of the file, without what the command line changes.
    pub(crate) fn text(&self) -> &str {
        &self.written.text
    }

    /// Opens connectors and components, and checks that everything fits and can run here.
    pub(crate) fn check(&self, host: &Host, secrets: &SecretsArgs) -> anyhow::Result<Job> {
        let mut problems = Vec::new();
        if self.graph.checkpoint.as_ref().is_some_and(|settings| settings.location.is_empty()) {
            let message = "[checkpoint] has no dir: set it to where checkpoints are kept, or use --checkpoint-dir DIR";
            problems.push(Diagnostic::error(message, None));
        }
        self.open(host, secrets, problems)
    }

    /// The same for another engine, which has a place of its own for checkpoints.
    pub(crate) fn check_for_other_engine(&self, host: &Host, secrets: &SecretsArgs) -> anyhow::Result<Job> {
        self.open(host, secrets, Vec::new())
    }

    /// The file with all that another engine's tasks need.
    pub(crate) fn bundle(&self, args: &PipelineArgs, secrets: &SecretsArgs) -> anyhow::Result<Bundle> {
        let overrides: Vec<_> = args.all_overrides()?.into_iter().map(|of| (of.path, of.value)).collect();
        // It is read by other processes, with other folders.
        let secrets_dir = secrets.dir().map(std::path::absolute).transpose()?;
        Ok(Bundle::of_text(&args.pipeline, self.text().to_owned(), &overrides, secrets_dir)?)
    }

    /// The job, or its problems with those that are known.
    fn open(&self, host: &Host, secrets: &SecretsArgs, mut problems: Vec<Diagnostic>) -> anyhow::Result<Job> {
        let connectors = secrets.over(StandardConnectors::new());
        let _told = self.infers_from_stdin().then(|| waiting::told_once(STDIN_AWAITED));
        match Job::check(&self.graph, &connectors, host) {
            Ok(job) if problems.is_empty() => return Ok(job),
            Ok(_) => {}
            Err(CheckErrors(errors)) => {
                problems.extend(errors.into_iter().map(|error| problem(&self.graph.text, error)))
            }
        }
        Err(self.problems(sorted(problems)).into())
    }

    /// Whether columns are inferred from what is piped in.
    pub(crate) fn infers_from_stdin(&self) -> bool {
        infers_from_stdin(&self.graph)
    }

    /// Where the job keeps its checkpoints, opened.
    pub(crate) fn durable(&self, from: ResumeFrom, allow_dropped: &[String]) -> anyhow::Result<Option<Durable>> {
        let Some(settings) = &self.graph.checkpoint else {
            let flag = match from {
                ResumeFrom::Checkpoint(_) => Some("--from"),
                // A job without checkpoints always begins there.
                ResumeFrom::Last | ResumeFrom::Beginning => allow_dropped.first().map(|_| "--allow-dropped-state"),
            };
            if let Some(flag) = flag {
                anyhow::bail!("{flag} needs to know where checkpoints are: use --checkpoint-dir DIR too");
            }
            return Ok(None);
        };
        let store = CheckpointStore::open(&settings.location)?;
        let allow_dropped = allow_dropped.iter().cloned().collect();
        Ok(Some(Durable { store, settings: settings.clone(), from, allow_dropped }))
    }

    /// Says what is odd about it.
    pub(crate) fn print_notes(&self) {
        for warning in &self.graph.warnings {
            let (warning, place) = self.written.place(&self.graph.text, warning.clone());
            terminal::print(&match place {
                Place::File => warning.render(&self.shown, &self.written.text, &Palette::ANSI),
                Place::Argument(argument) => warning.render_argument(&argument, &Palette::ANSI),
            });
        }
        terminal::print_notes(&self.notes);
    }
}

/// What the engine says is wrong, as a problem of the file's text.
fn problem(text: &str, CheckError { message, span, .. }: CheckError) -> Diagnostic {
    let is_version = span.as_ref().is_some_and(|span| is_version(text.get(span.clone()).unwrap_or_default()));
    let problem = Diagnostic::error(message, span);
    if is_version { problem.with_hint(VERSION_HINT) } else { problem }
}

/// Problems in the file's order.
fn sorted(mut problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    problems.sort_by_key(|problem| problem.span.as_ref().map_or(0, |span| span.start));
    problems
}

/// Whether a part of the file is the name of a server's operator with its version.
fn is_version(said: &str) -> bool {
    let parts = said.trim_matches(['"', '\'']).split_once('@');
    parts.is_some_and(|(name, version)| !name.is_empty() && !version.is_empty() && !version.ends_with(".wasm"))
}

/// Whether columns are inferred from what is piped in.
fn infers_from_stdin(graph: &LogicalGraph) -> bool {
    #[derive(serde::Deserialize)]
    struct Given {
        schema: Option<serde::de::IgnoredAny>,
    }
    graph.nodes.iter().any(|node| match &node.kind {
        NodeKind::Source(source) if source.connector.value == "stdin" => {
            source.options.parse::<Given>().is_ok_and(|given| given.schema.is_none())
        }
        _ => false,
    })
}

/// Refuses a source that would read what the pipeline was read from.
fn check_stdin(is_piped: bool, graph: &LogicalGraph) -> Result<(), Diagnostic> {
    let of = graph.nodes.iter().find_map(|node| match &node.kind {
        NodeKind::Source(source) if is_piped && source.connector.value == "stdin" => Some(&source.connector),
        _ => None,
    });
    let message =
        "the pipeline itself is read from standard input, so no source can read that: give the pipeline as a file";
    of.map_or(Ok(()), |connector| Err(Diagnostic::error(message, connector.span.clone())))
}

fn read_piped() -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin().take(PIPELINE_BYTES_MAX + 1).read_to_end(&mut bytes).context("cannot read standard input")?;
    if bytes.len() as u64 > PIPELINE_BYTES_MAX {
        anyhow::bail!("standard input has more than {PIPELINE_BYTES_MAX} bytes, and a pipeline has no more");
    }
    String::from_utf8(bytes).context("cannot read standard input")
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let size = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if size > PIPELINE_BYTES_MAX {
        let name = path.display();
        anyhow::bail!("{name} has {size} bytes; a pipeline file has {PIPELINE_BYTES_MAX} at most");
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.starts_with(b"\0asm") {
        let name = path.display();
        anyhow::bail!(
            "{name} is a component, and no pipeline: `weir push {name}` brings it to a server, and pipelines that name it are deployed"
        );
    }
    String::from_utf8(bytes).with_context(|| format!("cannot read {}", path.display()))
}
