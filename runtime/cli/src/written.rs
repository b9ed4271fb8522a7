//! A pipeline as a person wrote it: a file, and arguments of the command that change values of it. A problem in the text that both make
//! is shown where that part was written. It parses no argument and reads no file.

use similar::{DiffOp, TextDiff};
use weir_core::graph::Span;
use weir_core::pipeline::{Diagnostic, places_of_key};

use crate::terminal::{Place, Problems};

/// A file, and what the command line changes in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    /// The file as the person named it.
    pub(crate) file: String,
    /// Its text.
    pub(crate) text: String,
    /// What the arguments change, in their order.
    pub(crate) arguments: Vec<Argument>,
}

/// One argument that changes a value.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    /// As it was written: `--set sources.x.path=a.csv`, `--parallelism 4`.
    pub(crate) shown: String,
    /// The keys that lead to the value, with dots.
    pub(crate) path: String,
    /// What is put there, TOML or a string.
    pub(crate) value: String,
}

impl Written {
    /// Problems of the text that the file and the arguments make.
    pub(crate) fn problems(&self, changed: &str, problems: Vec<Diagnostic>) -> Problems {
        let told = problems.into_iter().map(|problem| self.place(changed, problem)).collect();
        Problems::placed(&self.file, &self.text, told)
    }

    /// Where a problem was written.
    pub(crate) fn place(&self, changed: &str, problem: Diagnostic) -> (Diagnostic, Place) {
        let Some(span) = problem.span.clone() else { return (problem, Place::File) };
        if self.arguments.is_empty() {
            return (problem, Place::File);
        }
        let of_argument =
            self.arguments.iter().rev().find_map(|argument| Some((argument, argument.place(changed, &span)?)));
        match of_argument {
            Some((argument, span)) => {
                (Diagnostic { span: Some(span), ..problem }, Place::Argument(argument.shown.clone()))
            }
            None => (Diagnostic { span: self.in_file(changed, &span), ..problem }, Place::File),
        }
    }

    /// The place in the file of one in the changed text; `None`: only arguments made that.
    fn in_file(&self, changed: &str, span: &Span) -> Option<Span> {
        let (line, from) = line_of(changed, span.start);
        let old_start = |line: usize| {
            let before: usize = self.text.split_inclusive('\n').take(line).map(str::len).sum();
            (before, self.text.get(before..).and_then(|rest| rest.lines().next()).unwrap_or_default())
        };
        for op in TextDiff::from_lines(self.text.as_str(), changed).ops() {
            if !op.new_range().contains(&line) {
                continue;
            }
            let ahead = line - op.new_range().start;
            return match *op {
                DiffOp::Equal { old_index, .. } => {
                    let (start, _) = old_start(old_index + ahead);
                    Some(start + (span.start - from)..start + (span.end - from))
                }
                DiffOp::Replace { old_index, old_len, .. } => {
                    let (start, text) = old_start(old_index + ahead.min(old_len.saturating_sub(1)));
                    let found = changed.get(span.clone()).and_then(|part| Some((text.find(part)?, part.len())));
                    let (at, length) = found.unwrap_or((0, text.len()));
                    Some(start + at..start + at + length)
                }
                DiffOp::Insert { .. } | DiffOp::Delete { .. } => None,
            };
        }
        None
    }
}

impl Argument {
    /// `--set PATH=VALUE`.
    pub(crate) fn set((path, value): &(String, String)) -> Self {
        Self { shown: format!("--set {path}={value}"), path: path.clone(), value: value.clone() }
    }

    /// The place within this argument of one in the changed text, if it has made that.
    fn place(&self, changed: &str, span: &Span) -> Option<Span> {
        let path: Vec<_> = self.path.split('.').collect();
        let (key, value) = places_of_key(changed, &path)?;
        let is_within = |outer: &Span| outer.start <= span.start && span.end <= outer.end;
        let value_at = self.shown.len() - self.shown_value().len();
        if is_within(&value) {
            let written = changed.get(value.clone()).unwrap_or_default();
            let quotes = usize::from(written != self.shown_value());
            let inner = written.get(quotes..written.len().saturating_sub(quotes)).unwrap_or_default();
            // What was quoted by others, or made of what was written, has one place.
            if inner != self.shown_value() {
                return Some(value_at..self.shown.len());
            }
            let within = |at: usize| value_at + at.saturating_sub(value.start + quotes).min(inner.len());
            return Some(within(span.start)..within(span.end));
        }
        is_within(&key)
            .then(|| value_at.saturating_sub(1 + path.last().map_or(0, |last| last.len()))..value_at.saturating_sub(1))
    }

    /// The end of what was written, behind the key.
    fn shown_value(&self) -> &str {
        let of_set = self.shown.strip_prefix("--set ").and_then(|set| set.get(self.path.len() + 1..));
        of_set.or_else(|| self.shown.split_once(' ').map(|(_, value)| value)).unwrap_or_default()
    }
}

/// The number of the line of a place, and where it begins.
fn line_of(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    (before.matches('\n').count(), before.rfind('\n').map_or(0, |newline| newline + 1))
}

#[cfg(test)]
mod tests {
    use weir_core::pipeline::parse;

    use super::*;

    const FILE: &str = "name = \"p\"\n[sources.x]\nconnector = \"stdin\"\n[filters.f]\ninput = \"x\"\nwhere = \"v > 0\"\n\
                        [windows.w]\ninput = \"f\"\nwindow = { tumbling = \"1m\", offset = \"3x\" }\naggregates.n = \"count\"\n\
                        [sinks.out]\ninput = \"w\"\nconnector = \"stdout\"\n";

    /// What is marked of a file with arguments: in which of them, and what.
    fn marked(file: &str, set: &[(&str, &str)]) -> (String, String) {
        let overrides: Vec<_> = set.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        let error = parse(file, std::path::Path::new(""), &overrides).unwrap_err();
        let arguments = overrides.iter().map(Argument::set).collect();
        let written = Written { file: "p.toml".to_owned(), text: file.to_owned(), arguments };
        let (problem, place) = written.place(&error.text, error.problems[0].clone());
        match place {
            Place::File => ("file".to_owned(), problem.span.map_or_else(String::new, |span| file[span].to_owned())),
            Place::Argument(shown) => {
                let marked = shown[problem.span.unwrap()].to_owned();
                (shown, marked)
            }
        }
    }

    #[test]
    fn a_value_of_an_argument_is_marked_there_and_one_of_the_file_in_its_line() {
        let good = FILE.replace("offset = \"3x\"", "offset = \"3s\"");
        for (path, value, part) in [
            ("sinks.out.input", "q", "q"),
            ("sinks.out.input", "\"q\"", "q"),
            ("windows.w.window.tumbling", "1x", "1x"),
            ("parallelism", "0", "0"),
            ("sources.x.on-error", "fial", "fial"),
            ("windows.w.windw", "1", "windw"),
        ] {
            let shown = format!("--set {path}={value}");
            let (of, marked) = marked(&good, &[(path, value)]);
            assert_eq!((of, marked.trim_matches('"')), (shown, part));
        }
        // Lines that arguments add or change move nothing.
        for set in [("parallelism", "2"), ("windows.w.window.tumbling", "2m"), ("checkpoint.dir", "state")] {
            assert_eq!(marked(FILE, &[set]), ("file".to_owned(), "\"3x\"".to_owned()), "{set:?}");
        }
    }
}
