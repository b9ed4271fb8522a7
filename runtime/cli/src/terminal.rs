//! What people read: errors, notes, results. Colours are left out where nobody would see them: away from a
//! terminal, and with `NO_COLOR`. Whatever is in a text that would steer a terminal is escaped, but the colours of this module: much of it
//! was written by others, in operators, rows and pipelines.

use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use weir_core::pipeline::{Diagnostic, Palette};
use weir_core::visible::visible;

const RED: &str = "\x1b[1;31m";
const GREEN: &str = "\x1b[32m";
const CYAN: &str = "\x1b[1;36m";
// As problems of pipelines have them.
const WARNING: &str = "\x1b[1;33m";
const GUTTER: &str = "\x1b[1;34m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// Where a problem of a pipeline was written.
#[derive(Debug)]
pub(crate) enum Place {
    /// In the file.
    File,
    /// In an argument of the command, which is this.
    Argument(String),
}

/// Problems of a pipeline file, shown with its lines.
#[derive(Debug)]
pub(crate) struct Problems {
    /// In the file's order, with what their places are of.
    pub(crate) problems: Vec<(Diagnostic, Place)>,
    /// The text of the file.
    pub(crate) text: String,
    file: String,
}

impl Problems {
    /// Problems of the file of this name, and of arguments.
    pub(crate) fn placed(file: &str, text: &str, problems: Vec<(Diagnostic, Place)>) -> Self {
        Self { problems, text: text.to_owned(), file: file.to_owned() }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rendered = self.problems.iter().map(|(problem, place)| match place {
            Place::File => problem.render(&self.file, &self.text, &Palette::ANSI),
            Place::Argument(argument) => problem.render_argument(argument, &Palette::ANSI),
        });
        let rendered: Vec<_> = rendered.collect();
        f.write_str(&rendered.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// A word of a command as a shell takes it.
#[cfg(feature = "server")]
pub(crate) fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// An error with all its causes, to standard error.
pub(crate) fn print_error(error: &anyhow::Error) {
    if error.is::<Problems>() {
        return print(&error.to_string());
    }
    let mut text = format!("{RED}error{RESET}{BOLD}: {}{RESET}\n", visible(&error.to_string()));
    let mut told = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Some errors say their causes already.
        if !told.contains(&cause) {
            text.push_str(&format!("  because {}\n", visible(&cause)));
        }
        told += &cause;
    }
    print(&text);
}

/// Lines that begin with `note:`, to standard error.
pub(crate) fn print_notes(notes: &[String]) {
    notes.iter().for_each(|note| print(&format!("{CYAN}note{RESET}: {}\n", visible(note))));
}

/// Text for people, to standard error. Whether anyone reads it is not our concern.
pub(crate) fn print(text: &str) {
    let _ = anstream::stderr().write_all(shown(text).as_bytes());
}

/// A result, to standard output.
pub(crate) fn print_result(text: &str) -> anyhow::Result<()> {
    print_line(text).map(drop)
}

/// Prints one of many results to standard output; `false`: the reader has closed it.
pub(crate) fn print_line(text: &str) -> anyhow::Result<bool> {
    is_read(anstream::stdout().write_all(shown(text).as_bytes()))
}

/// Prints a JSON document with a line end to standard output; `false`: the reader has closed it. What would steer a terminal
/// is escaped as JSON has it, so that it stays the same document.
pub(crate) fn print_json(json: &str) -> anyhow::Result<bool> {
    is_read(std::io::stdout().write_all(format!("{}\n", shown_json(json)).as_bytes()))
}

/// A result, to standard output, byte by byte as it is.
pub(crate) fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    is_read(std::io::stdout().write_all(bytes)).map(drop)
}

/// The text, of which nothing but our own colours steers a terminal.
fn shown(text: &str) -> String {
    let own = [RED, GREEN, CYAN, BOLD, RESET, WARNING, GUTTER];
    let mut parts = text.split('\x1b');
    let mut shown = visible(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        match own.iter().find_map(|code| Some((code, part.strip_prefix(code.strip_prefix('\x1b')?)?))) {
            Some((code, rest)) => shown.extend([*code, &*visible(rest)]),
            None => shown.push_str(&visible(&format!("\x1b{part}"))),
        }
    }
    shown
}

fn shown_json(json: &str) -> Cow<'_, str> {
    const DELETE: char = '\x7f';
    // What is below that is escaped already.
    let is_escaped = |c: &char| *c >= DELETE && matches!(visible(c.encode_utf8(&mut [0; 4])), Cow::Owned(_));
    if !json.chars().any(|c| is_escaped(&c)) {
        return Cow::Borrowed(json);
    }
    let escaped = |c: char| if is_escaped(&c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Cow::Owned(json.chars().map(escaped).collect())
}

/// `weir ... | head` is no failure.
fn is_read(result: std::io::Result<()>) -> anyhow::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Asks a person, who says yes or no; an error where there is no terminal. `then` is what happens with yes.
pub(crate) fn confirm(question: &str, then: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("{then}, and there is no terminal to ask at: use --yes");
    }
    print(&format!("{question} [y/N] "));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("no answer can be read")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_colours_reach_a_terminal() {
        let text = format!("{} of \x1b[2Jothers\x1b]0;title\x07 \x1b[31m{}\n\u{202e}", bold("name"), red("- gone"));
        let expected = format!(
            "{BOLD}name{RESET} of \\u{{1b}}[2Jothers\\u{{1b}}]0;title\\u{{7}} \\u{{1b}}[31m{RED}- gone{RESET}\n\\u{{202e}}"
        );
        assert_eq!(shown(&text), expected);
    }

    #[test]
    fn json_stays_the_same_document() {
        let value = serde_json::json!({ "é": "\x1b[2J\u{202e}\u{9b}\x7f" });
        let shown = shown_json(&value.to_string()).into_owned();
        assert!(shown.contains(r"\u001b[2J\u202e\u009b\u007f") && shown.contains('é'), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
