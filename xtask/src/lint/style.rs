//! The style rules that a program can check.

use std::path::Path;

use anyhow::Context;

use super::Finding;
use super::files::{SDK_SOURCES, files};

/// A file as long as this holds more than one concept.
const LINES_MAX: usize = 400;
/// From here on it is time to look for the seam.
const LINES_WARN: usize = 300;
/// A map that does not fit a sitting is not read.
const ARCHITECTURE_LINES_MAX: usize = 200;
/// Calls that say that something is not done yet.
const UNFINISHED: [&str; 3] = ["todo", "dbg", "unimplemented"];
/// First folders of paths that exist on one machine only.
const MACHINE_FOLDERS: [&str; 4] = ["home", "Users", "root", "work"];

/// Checks every file of the project.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in files(root, &[&["rs", "toml", "md", "wit", "sh", "json"], SDK_SOURCES].concat())? {
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        findings.extend(check_file(path.strip_prefix(root).unwrap_or(&path), &text));
    }
    Ok(findings)
}

fn check_file(path: &Path, text: &str) -> Vec<Finding> {
    let mut findings = machine_paths(path, text);
    let lines = text.lines().count();
    if path == Path::new("ARCHITECTURE.md") && lines > ARCHITECTURE_LINES_MAX {
        let what = format!("{lines} lines; a map has at most {ARCHITECTURE_LINES_MAX}");
        findings.push(Finding::error(path, ARCHITECTURE_LINES_MAX + 1, what));
    }
    let is_source = |extensions: &[&str]| path.extension().is_some_and(|e| extensions.iter().any(|known| e == *known));
    if is_source(&["rs"]) {
        findings.extend(rust(path, text));
    }
    if is_source(&["rs"]) || is_source(SDK_SOURCES) {
        findings.extend(length(path, lines));
    }
    findings
}

/// Tests are as long as their cases and what these print, and bindings are made by programs.
fn length(path: &Path, lines: usize) -> Option<Finding> {
    let is_exempt = path.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        name == "tests" || name.trim_start_matches('_') == "bindings"
    });
    if is_exempt || lines <= LINES_WARN {
        return None;
    }
    Some(if lines <= LINES_MAX {
        Finding::warning(path, lines, format!("{lines} lines; {LINES_MAX} is the limit"))
    } else {
        Finding::error(path, lines, format!("{lines} lines; split it: {LINES_MAX} is the limit"))
    })
}

fn rust(path: &Path, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !text.starts_with("//! ") {
        findings.push(Finding::error(path, 1, "a file opens with `//!`: what it is for, and what it never does"));
    }
    if path.file_name().is_some_and(|name| name == "mod.rs") {
        findings.push(Finding::error(path, 1, "no mod.rs: a module's file is beside its folder and has its name"));
    }
    for (line, word) in calls(text) {
        findings.push(Finding::error(path, line, format!("{word}! must not stay")));
    }
    findings
}

/// Every line that calls one of the macros [`UNFINISHED`], outside comments.
fn calls(text: &str) -> Vec<(usize, &'static str)> {
    let called = |line: &str, word: &str| {
        let code = line.split("//").next().unwrap_or_default();
        code.match_indices(&format!("{word}!")).any(|(at, call)| {
            let begins = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            begins && code[at + call.len()..].starts_with(['(', '[', '{'])
        })
    };
    let words = |line| UNFINISHED.into_iter().filter(move |word| called(line, word));
    text.lines().enumerate().flat_map(|(index, line)| words(line).map(move |word| (index + 1, word))).collect()
}

/// Every line with an absolute path into somebody's machine.
fn machine_paths(path: &Path, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for folder in MACHINE_FOLDERS.map(|folder| format!("/{folder}/")) {
            let is_path = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~}*/".contains(c));
            if line.match_indices(&folder).any(|(at, _)| is_path(at)) {
                let what = format!("a path below {folder} exists on one machine only: make it relative");
                findings.push(Finding::error(path, index + 1, what));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> String {
        let said: Vec<String> = check_file(Path::new(path), text).iter().map(ToString::to_string).collect();
        said.join("\n")
    }

    #[test]
    fn rules() {
        let long = |lines: usize| format!("//! Long.\n{}", "\n".repeat(lines - 1));
        let home = ["ho", "me"].concat();
        for (path, text, expected) in [
            ("a.rs", "//! Good.\n", ""),
            ("a.rs", "fn f() {}\n", "error: a.rs:1: a file opens with `//!`: what it is for, and what it never does"),
            (
                "x/mod.rs",
                "//! M.\n",
                "error: x/mod.rs:1: no mod.rs: a module's file is beside its folder and has its name",
            ),
            ("a.rs", &long(300), ""),
            ("a.rs", &long(301), "warning: a.rs:301: 301 lines; 400 is the limit"),
            ("a.rs", &long(401), "error: a.rs:401: 401 lines; split it: 400 is the limit"),
            ("a.rs", &format!("//! T.\n{}!(x);\n", "dbg"), "error: a.rs:2: dbg! must not stay"),
            ("a.rs", &format!("//! T.\n// {}!()\nmy_{}!();\n", "todo", "todo"), ""),
            ("ARCHITECTURE.md", &"\n".repeat(201), "error: ARCHITECTURE.md:201: 201 lines; a map has at most 200"),
            (
                "a.md",
                &format!("see\n/{home}/me/x"),
                &format!("error: a.md:2: a path below /{home}/ exists on one machine only: make it relative"),
            ),
            ("a.md", &format!("see x/{home}/y"), ""),
        ] {
            assert_eq!(check(path, text), expected, "{path}");
        }
    }
}
