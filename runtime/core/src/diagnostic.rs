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

    /// The same, with the nearest of the known names as advice, or, if none is near, all of them; `what` is what they are.
    #[must_use]
    pub(crate) fn suggesting<'a>(self, name: &str, what: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.collect();
        match nearest(name, known.iter().copied()) {
            Some(near) => self.with_hint(format!("did you mean {near:?}?")),
            None if known.is_empty() => self,
            None => self.with_hint(format!("{what} {}", known.join(", "))),
        }
    }

    /// Several lines, each ended: the message, `--> file:line:column`, the line of `text`, and a mark under the place with the
    /// hint beside it. Lines and columns count from 1, columns in characters.
    #[must_use]
    pub fn render(&self, file: &str, text: &str, palette: &Palette) -> String {
        let Palette { gutter, reset, .. } = palette;
        let mut out = self.headline(palette);
        let Some(place) = self.span.as_ref().map(|span| Place::of(span, text)) else {
            let hint =
                self.hint.as_ref().map_or_else(String::new, |hint| format!("  {gutter}={reset} {}\n", visible(hint)));
            // Writing to a string cannot fail.
            let _ = write!(out, "{gutter} -->{reset} {file}\n{hint}");
            return out;
        };
        let (line, column) = (place.line.to_string(), place.column);
        out + &self.marked(&place, &line, &format!("{file}:{line}:{column}"), palette)
    }

    /// As [`Diagnostic::render`], of an argument of a command instead of a file: the place is one of the argument's text.
    #[must_use]
    pub fn render_argument(&self, argument: &str, palette: &Palette) -> String {
        let message = self.headline(palette);
        let place = Place::of(self.span.as_ref().unwrap_or(&(0..argument.len())), argument);
        message + &self.marked(&place, " ", "the command line", palette)
    }

    /// The line that says what it is.
    fn headline(&self, palette: &Palette) -> String {
        let Palette { error, warning, bold, reset, .. } = palette;
        let (word, colour) = match self.severity {
            Severity::Error => ("error", error),
            Severity::Warning => ("warning", warning),
        };
        format!("{colour}{word}{reset}{bold}: {}{reset}\n", visible(&self.message))
    }

    /// The line of a place, with a mark under it; `number` is what stands before it.
    fn marked(&self, place: &Place, number: &str, of: &str, palette: &Palette) -> String {
        let Palette { error, warning, gutter, reset, .. } = palette;
        let colour = if self.severity == Severity::Error { error } else { warning };
        let (pad, indent, marks) = (" ".repeat(number.len()), " ".repeat(place.column - 1), "^".repeat(place.width));
        let hint = self.hint.as_ref().map_or_else(String::new, |hint| format!(" {}", visible(hint)));
        format!(
            "{pad}{gutter}-->{reset} {of}\n{pad} {gutter}|{reset}\n{gutter}{number} |{reset} {}\n{pad} {gutter}|{reset} \
             {indent}{colour}{marks}{hint}{reset}\n",
            visible(&place.shown)
        )
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
