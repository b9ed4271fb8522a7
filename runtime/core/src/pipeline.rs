//! `pipeline.toml` into a [`LogicalGraph`]: reads every key, checks every value, resolves every name. Errors carry their
//! place in the file and render as a compiler's do.
//!
//! Never opens a file, a connector or a component: what only they can know (a connector's options, columns, the side outputs
//! of an operator) is left to the engine's check, which reports through the same [`Diagnostic`].

mod aggregate;
mod checkpoint;
mod columns;
mod file;
mod join;
mod json;
mod key_places;
mod limits;
mod meaning;
mod operator;
mod overrides;
mod problems;
mod relational;
mod resolve;
mod rolling;
mod sink;
mod source;
mod string_places;
mod syntax;
mod table;
mod units;
mod updating;
mod window;
mod window_kind;
mod window_rules;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use key_places::places_of_key;
pub use meaning::is_same;
pub use overrides::unset;
pub use string_places::place_in_string;
pub use units::{duration, duration_text, size_bytes};

use problems::Problems;

pub use crate::diagnostic::{Diagnostic, Palette, Severity};
use crate::graph::LogicalGraph;
use crate::limits::PIPELINE_BYTES_MAX;
pub use crate::names::did_you_mean;

/// Reads a pipeline file.
///
/// `base` is the folder of the file, which relative paths are relative to. `overrides` are pairs of a dotted path
/// (`sources.flights.path`) and a value, put into the text before it is read: a value that is TOML counts as such, any other
/// as a string.
///
/// # Errors
/// Everything that is wrong with the file, as far as one mistake does not hide another.
pub fn parse(text: &str, base: &Path, overrides: &[(String, String)]) -> Result<LogicalGraph, PipelineError> {
    parse_with(text, base, overrides, &[])
}

/// A section of a pipeline file, `[NAME.STEP]`, and what one step of it is called.
pub type Section = (&'static str, &'static str);

/// As [`parse`], with sections of kinds of steps that this crate does not know.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(
    text: &str,
    base: &Path,
    overrides: &[(String, String)],
    others: &[Section],
) -> Result<LogicalGraph, PipelineError> {
    let fail = |text: &str, problems| PipelineError { problems, text: text.into(), readable: None };
    if text.len() as u64 > PIPELINE_BYTES_MAX {
        let message = format!("the pipeline file has {} bytes; at most {PIPELINE_BYTES_MAX} are read", text.len());
        return Err(fail("", vec![Diagnostic::error(message, None)]));
    }
    let changed = overrides::apply(text, overrides, others).map_err(|problem| fail(text, vec![problem]))?;
    let text: Arc<str> = changed.into();
    let resolved = file::read(&text, base, others).map(resolve::resolve);
    let resolve::Resolved { settings, nodes, warnings, problems: Problems(mut problems) } =
        resolved.map_err(|Problems(problems)| fail(&text, problems))?;
    let graph = LogicalGraph {
        name: settings.name,
        parallelism: settings.parallelism,
        max_parallelism: settings.max_parallelism,
        batch_rows_max: settings.batch_rows_max,
        linger_ms: settings.linger_ms,
        checkpoint: settings.checkpoint,
        restart: settings.restart,
        dead_letters: settings.dead_letters,
        final_only: settings.final_only,
        keeps_exchanges: false,
        nodes,
        text,
        warnings,
    };
    if problems.is_empty() {
        problems.extend(graph.timed_by().err());
    }
    if problems.is_empty() {
        return Ok(graph);
    }
    problems.sort_by_key(|problem| problem.span.as_ref().map_or(0, |span| span.start));
    // Of two suggestions for one key, that it is unknown and that another is missing, the first is enough.
    problems.dedup_by(|second, first| {
        first.span.is_some() && first.span == second.span && first.hint.is_some() && second.hint.is_some()
    });
    Err(PipelineError { problems, text: Arc::clone(&graph.text), readable: Some(Box::new(graph)) })
}

/// A pipeline file that cannot be run.
#[derive(Clone, Debug)]
pub struct PipelineError {
    /// What is wrong, in the file's order; never empty.
    pub problems: Vec<Diagnostic>,
    /// The text that the spans point into: the file's, after overrides.
    pub text: Arc<str>,
    /// The steps that could be read, to look for further mistakes in them; it cannot be run. A step that reads a stream which is not among
    /// them has no inputs. `None`: the text is no TOML.
    pub readable: Option<Box<LogicalGraph>>,
}

impl PipelineError {
    /// All problems with the lines that they are about, one empty line between them.
    #[must_use]
    pub fn render(&self, file: &str, palette: &Palette) -> String {
        let rendered: Vec<_> = self.problems.iter().map(|p| p.render(file, &self.text, palette)).collect();
        rendered.join("\n")
    }
}

impl fmt::Display for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}", problem.one_line(&self.text))?;
        }
        Ok(())
    }
}

impl std::error::Error for PipelineError {}
