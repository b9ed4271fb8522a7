//! One thing that is wrong, or odd, in a pipeline file, and how it is shown: the message, the place, the line, a mark under it.
//! Never prints: it makes text.

use std::fmt::Write as _;

use crate::names::nearest;
use crate::span::Span;
use crate::visible::visible;

/// One message about a pipeline file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the pipeline can run all the same.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it; shown beside the mark.
    pub hint: Option<String>,
    /// Where; `None`: the file as a whole.
    pub span: Option<Span>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The pipeline cannot run.
    Error,
    /// It can, but hardly as its author means it.
    Warning,
}

/// What stands before and after the parts of a rendered message: terminal escapes, or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    error: &'static str,
    warning: &'static str,
    bold: &'static str,
    gutter: &'static str,
    reset: &'static str,
}

impl Palette {
    /// No colours.
    pub const PLAIN: Self = Self { error: "", warning: "", bold: "", gutter: "", reset: "" };
    /// The colours of a terminal, as ANSI escapes.
    pub const ANSI: Self =
        Self { error: "\x1b[1;31m", warning: "\x1b[1;33m", bold: "\x1b[1m", gutter: "\x1b[1;34m", reset: "\x1b[0m" };
}

impl Diagnostic {
    /// An error, with the bytes of the file that it is about.
    #[must_use]
    pub fn error(message: impl Into<String>, span: Option<Span>) -> Self {
        Self { severity: Severity::Error, message: message.into(), hint: None, span }
    }

    /// A warning.
    #[must_use]
    pub fn warning(message: impl Into<String>, span: Option<Span>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message, span) }
    }

    /// The same, with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with the nearest of the known names as advice, if one is near.
    #[must_use]
    pub(crate) fn suggesting<'a>(mut self, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        self.hint = nearest(name, known).map(|near| format!("did you mean {near:?}?"));
        self
    }

    /// Several lines, each ended: the message, `--> file:line:column`, the line of `text`, and a mark under the place with the
    /// hint beside it. Lines and columns count from 1, columns in characters.
    #[must_use]
    pub fn render(&self, file: &str, text: &str, palette: &Palette) -> String {
        let Palette { error, warning, bold, gutter, reset } = palette;
        let (word, colour) = match self.severity {
            Severity::Error => ("error", error),
            Severity::Warning => ("warning", warning),
        };
        let mut out = format!("{colour}{word}{reset}{bold}: {}{reset}\n", visible(&self.message));
        let Some(place) = self.span.as_ref().map(|span| Place::of(span, text)) else {
            let hint =
                self.hint.as_ref().map_or_else(String::new, |hint| format!("  {gutter}={reset} {}\n", visible(hint)));
            // Writing to a string cannot fail.
            let _ = write!(out, "{gutter} -->{reset} {file}\n{hint}");
            return out;
        };
        let width = place.line.to_string().len();
        let pad = " ".repeat(width);
        let marks = "^".repeat(place.width);
        let indent = " ".repeat(place.column - 1);
        let hint = self.hint.as_ref().map_or_else(String::new, |hint| format!(" {}", visible(hint)));
        let _ = writeln!(out, "{pad}{gutter}-->{reset} {file}:{}:{}", place.line, place.column);
        let _ = writeln!(out, "{pad} {gutter}|{reset}");
        let _ = writeln!(out, "{gutter}{} |{reset} {}", place.line, visible(&place.shown));
        let _ = writeln!(out, "{pad} {gutter}|{reset} {indent}{colour}{marks}{hint}{reset}");
        out
    }

    /// Line and column of the place, from 1, columns in characters.
    #[must_use]
    pub fn position(&self, text: &str) -> Option<(usize, usize)> {
        self.span.as_ref().map(|span| Place::of(span, text)).map(|place| (place.line, place.column))
    }

    /// `line 3, column 7: message; hint`
    #[must_use]
    pub fn one_line(&self, text: &str) -> String {
        let place =
            self.position(text).map_or_else(String::new, |(line, column)| format!("line {line}, column {column}: "));
        let hint = self.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
        format!("{place}{}{hint}", self.message)
    }
}

/// A span as a person finds it.
struct Place {
    line: usize,
    column: usize,
    /// The line; tabs are spaces, so that the mark stands under its place.
    shown: String,
    /// Marks under it; a span of several lines is marked to the end of its first.
    width: usize,
}

impl Place {
    fn of(span: &Span, text: &str) -> Self {
        let start = floor_char_boundary(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let end = floor_char_boundary(text, span.end.min(line_end)).max(start);
        Self {
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            shown: text[line_start..line_end].trim_end().replace('\t', " "),
            width: text[start..end].chars().count().max(1),
        }
    }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}
