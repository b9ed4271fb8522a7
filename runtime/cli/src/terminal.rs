//! What people read: errors, notes, results. Colours are left out where nobody would see them: away from a
//! terminal, and with `NO_COLOR`.

use std::fmt;
use std::io::Write as _;

use weir_core::pipeline::{Diagnostic, Palette};
use weir_core::visible::visible;

const RED: &str = "\x1b[1;31m";
const GREEN: &str = "\x1b[32m";
const CYAN: &str = "\x1b[1;36m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// Problems of a pipeline file, shown with its lines.
#[derive(Debug)]
pub(crate) struct Problems {
    /// In the file's order.
    pub(crate) problems: Vec<Diagnostic>,
    /// The text that they are about.
    pub(crate) text: String,
    file: String,
}

impl Problems {
    /// Problems of the file of this name.
    pub(crate) fn new(file: &str, text: &str, problems: Vec<Diagnostic>) -> Self {
        Self { problems, text: text.to_owned(), file: file.to_owned() }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rendered: Vec<_> =
            self.problems.iter().map(|problem| problem.render(&self.file, &self.text, &Palette::ANSI)).collect();
        f.write_str(&rendered.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// An error with all its causes, to standard error.
pub(crate) fn print_error(error: &anyhow::Error) {
    if error.is::<Problems>() {
        return print(&error.to_string());
    }
    let mut text = format!("{RED}error{RESET}{BOLD}: {}{RESET}\n", visible(&error.to_string()));
    let mut last = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Some errors say their cause already.
        if !last.ends_with(&cause) {
            text.push_str(&format!("  because {}\n", visible(&cause)));
        }
        last = cause;
    }
    print(&text);
}

/// Lines that begin with `note:`, to standard error.
pub(crate) fn print_notes(notes: &[String]) {
    notes.iter().for_each(|note| print(&format!("{CYAN}note{RESET}: {}\n", visible(note))));
}

/// Text for people, to standard error. Whether anyone reads it is not our concern.
pub(crate) fn print(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// A result, to standard output.
pub(crate) fn print_result(text: &str) -> anyhow::Result<()> {
    print_line(text).map(drop)
}

/// One of many results, to standard output; `false`: nobody reads them any more.
pub(crate) fn print_line(text: &str) -> anyhow::Result<bool> {
    is_read(anstream::stdout().write_all(text.as_bytes()))
}

/// A result, to standard output, byte by byte as it is.
pub(crate) fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    is_read(std::io::stdout().write_all(bytes)).map(drop)
}

/// `weir ... | head` is no failure.
fn is_read(result: std::io::Result<()>) -> anyhow::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Bold, where it can be seen.
pub(crate) fn bold(text: &str) -> String {
    format!("{BOLD}{text}{RESET}")
}

/// Red, where it can be seen.
pub(crate) fn red(text: &str) -> String {
    format!("{RED}{text}{RESET}")
}

/// Green, where it can be seen.
pub(crate) fn green(text: &str) -> String {
    format!("{GREEN}{text}{RESET}")
}
