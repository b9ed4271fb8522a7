//! `weir test`: an operator's test cases, against its component.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use weir_host::{GuestLog, LogLevel};

use crate::cases::{Case, Outcome};
use crate::guest_log::GuestLines;
use crate::{cases, commands, component, languages, terminal};

/// Where a project's cases are.
const FOLDER: &str = "tests";

/// Options of `weir test`.
#[derive(clap::Args)]
#[command(
    after_help = "Builds the operator, and runs the cases in its folder tests: files that end in .toml or .json, each with rows that come in, and what must
come out. docs/guide/testing.md says how they are written. A case that has no [expect] yet gets one with --update.

Examples:
  weir test                        the operator in this folder
  weir test my-operator --case refuses-negative-prices
  weir test my-operator --update   what comes out now is what is expected from now on
  weir test --component op.wasm --junit target/junit.xml
  weir test --component op.wasm --cases tests/conformance/types"
)]
pub(crate) struct Args {
    /// The project's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Take the cases of this folder, and not those of the project
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Only cases whose names have this text in them
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,
    /// Take this component, and build nothing
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Write what came out into the cases, as what is expected
    #[arg(long)]
    update: bool,
    /// Write a report in JUnit's format too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Runs them all; fails if one does.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    if args.folder.is_file() {
        bail!("{} is a file: name the project's folder, and the case with --case NAME", args.folder.display());
    }
    if args.component.is_none() {
        languages::of_project(&args.folder)?;
    }
    let folder = args.cases.clone().unwrap_or_else(|| args.folder.join(FOLDER));
    let files = files(&folder, args.case.as_deref())?;
    let path = match &args.component {
        Some(component) => component.clone(),
        None => commands::build::build(&args.folder, None)?.0,
    };
    let host = component::host()?;
    let component = host.load(&path)?;
    let (mut results, mut updated) = (Vec::new(), 0);
    for (name, file) in files {
        let (lines, said) = GuestLines::new(LogLevel::Debug);
        let log: Arc<dyn GuestLog> = lines;
        let run = Case::read(&file).and_then(|case| Ok((cases::run(&host, &component, &path, &case, &log)?, case)));
        let failures = match run {
            Ok((outcome, case)) if args.update && !outcome.differences.is_empty() => {
                match update(&file, &case, &outcome) {
                    Ok(()) => {
                        updated += 1;
                        terminal::print_result(&format!("updated  {name}\n"))?;
                        continue;
                    }
                    Err(error) => vec![format!("{error:#}")],
                }
            }
            Ok((outcome, _)) => outcome.differences.iter().map(|of| format!("{}: {}", of.at, of.what)).collect(),
            Err(error) => vec![format!("{error:#}")],
        };
        let mut text = format!("{:<9}{name}\n", if failures.is_empty() { "passed" } else { "FAILED" });
        text.extend(failures.iter().map(|failure| format!("         {failure}\n")));
        if !failures.is_empty() {
            said.drain(|line| text += &format!("         {line}\n"));
        }
        terminal::print_result(&text)?;
        results.push((name, failures));
    }
    if let Some(file) = &args.junit {
        std::fs::write(file, junit(&results)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let failed = results.iter().filter(|(_, failures)| !failures.is_empty()).count();
    let updated = if updated > 0 { format!(", {updated} updated") } else { String::new() };
    terminal::print_result(&format!("{} passed, {failed} failed{updated}\n", results.len() - failed))?;
    if failed > 0 {
        bail!("{failed} of {} cases failed", results.len());
    }
    Ok(())
}

/// Whether a project has any.
pub(crate) fn has_cases(project: &Path) -> bool {
    files(&project.join(FOLDER), None).is_ok()
}

/// The cases in a folder, by name.
fn files(folder: &Path, part: Option<&str>) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let shown = folder.display();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("there are no test cases: cannot read {shown}"))? {
        let path = entry.with_context(|| format!("cannot read {shown}"))?.path();
        if path.extension().is_some_and(|extension| extension == "toml" || extension == "json") {
            files.push((path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(), path));
        }
    }
    if files.is_empty() {
        bail!("there is no test case in {shown}: a file that ends in .toml or .json");
    }
    let all: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    files.retain(|(name, _)| part.is_none_or(|part| name.contains(part)));
    if files.is_empty() {
        bail!("no case has {:?} in its name; there are {}", part.unwrap_or_default(), all.join(", "));
    }
    files.sort();
    Ok(files)
}

fn update(file: &Path, case: &Case, outcome: &Outcome) -> anyhow::Result<()> {
    let shown = file.display();
    let text = outcome.updated(case).with_context(|| format!("cannot update {shown}"))?;
    std::fs::write(file, text).with_context(|| format!("cannot write {shown}"))
}

/// The form in which continuous integration takes results.
fn junit(results: &[(String, Vec<String>)]) -> String {
    let failed = results.iter().filter(|(_, failures)| !failures.is_empty()).count();
    let case = |(name, failures): &(String, Vec<String>)| match failures.is_empty() {
        true => format!("  <testcase name=\"{}\"/>\n", escaped(name)),
        false => {
            let (name, text) = (escaped(name), escaped(&failures.join("\n")));
            format!("  <testcase name=\"{name}\"><failure>{text}</failure></testcase>\n")
        }
    };
    let cases: String = results.iter().map(case).collect();
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    format!("{head}<testsuite name=\"weir\" tests=\"{}\" failures=\"{failed}\">\n{cases}</testsuite>\n", results.len())
}

fn escaped(text: &str) -> String {
    let allowed = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        other => other.to_string(),
    };
    allowed.map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_xml_whatever_is_in_them() {
        let results = [("a".to_owned(), Vec::new()), ("b<\"".to_owned(), vec!["x & \u{1}y".to_owned()])];
        expect_test::expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuite name="weir" tests="2" failures="1">
              <testcase name="a"/>
              <testcase name="b&lt;&quot;"><failure>x &amp; y</failure></testcase>
            </testsuite>
        "#]]
        .assert_eq(&junit(&results));
    }
}
