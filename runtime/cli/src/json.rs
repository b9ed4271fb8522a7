//! What a command prints with `--json`: its result, or what was wrong, as one document on the standard output.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};
use weir_core::pipeline::{Diagnostic, Severity};

#[cfg(feature = "server")]
use crate::client::Refused;
use crate::terminal::{self, Place, Problems};

/// Prints a result.
pub(crate) fn print(result: &impl Serialize) -> anyhow::Result<()> {
    terminal::print_json(&serde_json::to_string_pretty(result)?).map(drop)
}

/// Prints that what was asked is done, where there is nothing else to say.
pub(crate) fn print_done() -> anyhow::Result<()> {
    print(&json!({ "ok": true }))
}

/// What a command has come to; with `--json` a failure is printed, on one line as what comes before it may be lines, and continues to
/// standard error for people.
pub(crate) fn told(is_json: bool, result: anyhow::Result<()>) -> anyhow::Result<()> {
    if let Err(error) = &result
        && is_json
        && !error.is::<Told>()
    {
        terminal::print_json(&failure(error).to_string())?;
    }
    result
}

/// A failure whose document is printed already, if one is wanted.
#[derive(Debug)]
pub(crate) struct Told {
    message: String,
    /// What the command exits with.
    pub(crate) exit_code: u8,
}

impl Told {
    pub(crate) fn new(message: String) -> Self {
        Self::exiting(message, 1)
    }

    pub(crate) fn exiting(message: String, exit_code: u8) -> Self {
        Self { message, exit_code }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Told {}

fn failure(error: &anyhow::Error) -> Value {
    if let Some(Problems { problems, text, .. }) = error.downcast_ref() {
        return json!({ "ok": false, "problems": problems.iter().map(|p| placed(p, text)).collect::<Vec<_>>() });
    }
    let problems = [problem(&Diagnostic::error(format!("{error:#}"), None), "")];
    #[cfg(feature = "server")]
    if let Some(Refused(of)) = error.downcast_ref() {
        return json!({ "ok": false, "problems": problems, "type": of.kind, "status": of.status });
    }
    json!({ "ok": false, "problems": problems })
}

/// One problem, of the file, or of an argument, which is named then.
fn placed((of, place): &(Diagnostic, Place), text: &str) -> Value {
    let Place::Argument(argument) = place else { return problem(of, text) };
    let mut told = problem(of, argument);
    if let Some(told) = told.as_object_mut() {
        told.insert("line".to_owned(), Value::Null);
        told.insert("argument".to_owned(), json!(argument));
    }
    told
}

/// One problem, with its line and column if it has a place in the text of a pipeline.
pub(crate) fn problem(problem: &Diagnostic, text: &str) -> Value {
    let position = problem.position(text);
    json!({
        "severity": match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": problem.message,
        "hint": problem.hint,
        "line": position.map(|(line, _)| line),
        "column": position.map(|(_, column)| column),
    })
}
