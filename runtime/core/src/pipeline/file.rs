//! The file as a whole: its settings and its tables of nodes, each node read on its own. Never looks at how nodes are
//! connected.

use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::Section;
use super::problems::{Problems, Result, together};
use super::table::Table;
use super::{checkpoint, join, operator, relational, rolling, sink, source, syntax, updating, window};
use crate::diagnostic::Diagnostic;
use crate::disk::DeadLetterSettings;
use crate::graph::{CheckpointSettings, NodeKind, Options, OtherNode, RestartSettings, Span, Spanned, StepEventTime};
use crate::key_group::KEY_GROUPS_DEFAULT;
use crate::limits::{BATCH_ROWS_LIMIT, BATCH_ROWS_MAX_DEFAULT, KEY_GROUPS_MAX, LINGER_MS_DEFAULT, PARALLELISM_MAX};

/// The keys at the top of a file that are not tables of nodes.
pub(super) const SETTINGS: [&str; 9] =
    ["name", "mode", "parallelism", "max-parallelism", "batch-rows", "linger", "checkpoint", "restart", "dead-letters"];
/// The tables of nodes, and what one of them is called.
pub(super) const SECTIONS: [(&str, &str); 12] = [
    ("sources", "source"),
    ("operators", "operator"),
    ("filters", "filter"),
    ("selects", "select"),
    ("windows", "window"),
    ("joins", "join"),
    ("changelogs", "changelog"),
    ("aggregates", "aggregation"),
    ("dedup", "deduplication"),
    ("top", "top-n"),
    ("rolling", "rolling aggregation"),
    ("sinks", "sink"),
];

/// All that a file says, names not yet resolved.
pub(super) struct File {
    /// If they are wrong, those of a file that has none.
    pub(super) settings: Settings,
    pub(super) drafts: Vec<Draft>,
    /// What is wrong so far.
    pub(super) problems: Problems,
}

/// See the fields of [`LogicalGraph`](crate::graph::LogicalGraph).
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) parallelism: usize,
    pub(super) max_parallelism: u32,
    pub(super) batch_rows_max: usize,
    pub(super) linger_ms: u64,
    pub(super) checkpoint: Option<CheckpointSettings>,
    pub(super) restart: RestartSettings,
    pub(super) dead_letters: DeadLetterSettings,
    pub(super) final_only: Option<Spanned<()>>,
}

/// A node whose inputs are still names.
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) span: Option<Span>,
    pub(super) inputs: Vec<DraftInput>,
    /// Of a step that is no source.
    pub(super) event_time: Option<StepEventTime>,
    pub(super) is_sink: bool,
    /// `None`: it is wrong.
    pub(super) kind: Option<NodeKind>,
}

/// A stream that a node reads, by its name.
pub(super) struct DraftInput {
    /// Which input of the node it is of; empty: its only one.
    pub(super) port: String,
    pub(super) stream: Spanned<String>,
}

/// Reads everything.
pub(super) fn read(text: &Arc<str>, base: &Path, others: &[Section]) -> Result<File> {
    let root = DeTable::parse(text).map_err(|error| syntax::problem(text, error.message(), error.span()))?;
    let top = Table::new("", 0..0, root.get_ref());
    let mut problems = Problems::default();
    let sections = || SECTIONS.iter().chain(others).copied();
    let known: Vec<_> = SETTINGS.into_iter().chain(sections().map(|(section, _)| section)).collect();
    problems.keep(top.check_keys(&known));
    let settings = match problems.keep(settings(&top, base)) {
        Some(settings) => settings,
        None => settings(&Table::new("", 0..0, &DeTable::new()), base)?,
    };
    let mut drafts: Vec<Draft> = Vec::new();
    let mut names: Vec<(Spanned<String>, &str)> = Vec::new();
    // Whether all streams are known by their names.
    let mut are_named = true;
    for (section, one) in sections() {
        let nodes = problems.keep(top.table(section)).flatten().map_or_else(Vec::new, |table| table.entries());
        for (name, value) in nodes {
            are_named &= problems.keep(check_name(&name, one, &names)).is_some();
            drafts.push(draft(section, &name, value, text, base, &mut problems));
            names.push((name, one));
        }
    }
    for (section, one) in [("sources", "source"), ("sinks", "sink")] {
        if !names.iter().any(|(_, kind)| *kind == one) && problems.0.is_empty() {
            let problem = Diagnostic::error(format!("the pipeline has no {one}"), None);
            problems.0.push(problem.with_hint(format!("add a table [{section}.NAME]")));
        }
    }
    // The same of a section whose name is misspelt.
    let is_section = |(key, value): &(Spanned<String>, &toml::Spanned<DeValue<'_>>)| {
        !known.contains(&key.value.as_str()) && matches!(value.get_ref(), DeValue::Table(_))
    };
    if !are_named || top.entries().iter().any(is_section) {
        drafts.iter_mut().for_each(|draft| draft.inputs.clear());
    }
    drafts.sort_by_key(|draft| draft.span.as_ref().map_or(0, |span| span.start));
    Ok(File { settings, drafts, problems })
}

fn settings(top: &Table<'_>, base: &Path) -> Result<Settings> {
    together! {
        max_parallelism = top.integer("max-parallelism", 1..=u64::from(KEY_GROUPS_MAX));
        parallelism = top.integer("parallelism", 1..=PARALLELISM_MAX as u64);
        name = top.string("name");
        batch_rows = top.integer("batch-rows", 1..=BATCH_ROWS_LIMIT as u64);
        linger_us = top.duration_us("linger");
        checkpoint = checkpoint::checkpoint(top, base);
        restart = checkpoint::restart(top);
        dead_letters = checkpoint::dead_letters(top);
        is_final = top.choice("mode", &[("updates", false), ("final", true)]);
    }
    let max_parallelism = max_parallelism.unwrap_or(u64::from(KEY_GROUPS_DEFAULT));
    let parallelism = parallelism.unwrap_or(1);
    if let Some(value) = top.get("parallelism").filter(|_| parallelism > max_parallelism) {
        let message = format!("parallelism = {parallelism} is above max-parallelism = {max_parallelism}");
        return Err(Diagnostic::error(message, Some(value.span())).into());
    }
    Ok(Settings {
        name: name.map_or_else(|| "pipeline".to_owned(), |name| name.value),
        parallelism: parallelism as usize,
        max_parallelism: max_parallelism as u32,
        batch_rows_max: batch_rows.map_or(BATCH_ROWS_MAX_DEFAULT, |rows| rows as usize),
        linger_ms: linger_us.map_or(LINGER_MS_DEFAULT, |us| us.unsigned_abs().div_ceil(1000)),
        checkpoint,
        restart,
        dead_letters,
        final_only: (is_final == Some(true))
            .then(|| Spanned { value: (), span: top.get("mode").map(|mode| mode.span()) }),
    })
}

/// Names stand in `input = "name.output"`, in file names and in metrics.
fn check_name(name: &Spanned<String>, one: &str, taken: &[(Spanned<String>, &str)]) -> Result<()> {
    let refuse = |message: String| Err(Diagnostic::error(message, name.span.clone()).into());
    if name.value.is_empty() {
        return refuse(format!("the name of {} cannot be empty", with_article(one)));
    }
    if let Some(c) = name.value.chars().find(|c| !c.is_alphanumeric() && !"-_".contains(*c)) {
        return refuse(format!("{c:?} cannot be in the name of {}: letters, digits, - and _ can", with_article(one)));
    }
    match taken.iter().find(|(other, _)| other.value == name.value) {
        Some((_, kind)) => refuse(format!("the name {:?} is already taken by {}", name.value, with_article(kind))),
        None => Ok(()),
    }
}

fn with_article(noun: &str) -> String {
    format!("{} {noun}", if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" })
}

/// A node as far as it could be read.
fn draft<'t>(
    section: &str,
    name: &Spanned<String>,
    value: &'t toml::Spanned<DeValue<'t>>,
    text: &Arc<str>,
    base: &Path,
    problems: &mut Problems,
) -> Draft {
    let mut draft = Draft {
        name: name.value.clone(),
        span: name.span.clone(),
        inputs: Vec::new(),
        event_time: None,
        is_sink: section == "sinks",
        kind: None,
    };
    let Some(mut table) = problems.keep(Table::from_value(format!("{section}.{}", name.value), value)) else {
        return draft;
    };
    table.span = name.span.clone();
    let path = vec![section.to_owned(), name.value.clone()];
    let kind = match section {
        "sources" => source::read(&table, path, text, base),
        "operators" => operator::read(&table, base),
        "filters" => relational::read_filter(&table),
        "selects" => relational::read_select(&table),
        "windows" => window::read(&table, base),
        "joins" => join::read(&table),
        "changelogs" => updating::read_changelog(&table),
        "aggregates" => updating::read_aggregates(&table, base),
        "dedup" => updating::read_dedup(&table),
        "top" => updating::read_top(&table),
        "rolling" => rolling::read(&table, base),
        "sinks" => sink::read(&table, path, text, base),
        _ => Ok(NodeKind::Other(OtherNode {
            section: section.to_owned(),
            options: Options::new(Arc::clone(text), path, &["input", "inputs"], base.to_path_buf()),
        })),
    };
    let known = SECTIONS.iter().any(|(known, _)| *known == section);
    let inputs = match section {
        "sources" => Ok(Vec::new()),
        "joins" => ports(&table),
        _ if !known && table.get("inputs").is_some() => ports(&table),
        _ => port(&table, "input", String::new()),
    };
    let event_time = match section {
        "operators" | "filters" | "selects" => source::step_event_time(&table),
        _ => Ok(None),
    };
    draft.kind = problems.keep(kind);
    draft.inputs = problems.keep(inputs).unwrap_or_default();
    match problems.keep(event_time) {
        Some(event_time) => draft.event_time = event_time,
        None => draft.kind = None,
    }
    draft
}

/// `inputs = { left = "x", right = ["y", "z"] }`
fn ports(table: &Table<'_>) -> Result<Vec<DraftInput>> {
    let inputs = table.required("inputs", table.table("inputs")?)?;
    let ports = inputs.entries().into_iter().map(|(name, _)| port(&inputs, &name.value, name.value.clone()));
    Ok(Problems::all(ports)?.into_iter().flatten().collect())
}

/// `input = "x"` or `input = ["x", "y"]`.
fn port(table: &Table<'_>, key: &str, port: String) -> Result<Vec<DraftInput>> {
    let value = table.required(key, table.get(key))?;
    let streams = match value.get_ref() {
        DeValue::Array(_) => table.strings(key)?.unwrap_or_default(),
        _ => table.string(key)?.into_iter().collect(),
    };
    if streams.is_empty() {
        return Err(Diagnostic::error(format!("{key} names no stream"), Some(value.span())).into());
    }
    for (index, stream) in streams.iter().enumerate() {
        if streams.iter().take(index).any(|other| other.value == stream.value) {
            let message = format!("{key} names {:?} twice: its rows would be doubled", stream.value);
            return Err(Diagnostic::error(message, stream.span.clone()).into());
        }
    }
    Ok(streams.into_iter().map(|stream| DraftInput { port: port.clone(), stream }).collect())
}
