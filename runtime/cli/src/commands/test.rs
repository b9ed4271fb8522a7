//! `weir test`: an operator's test cases, against its component.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::cases::report::{Ran, Report};
use crate::cases::{Case, Outcome};
use crate::{cases, commands, component, languages};

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
    /// Run each case with a million rows too, and show how long a row takes
    #[arg(long)]
    time: bool,
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
    let mut report = Report::default();
    for (name, file) in files {
        let ran = Case::read(&file).and_then(|case| cases::report::run(&host, &component, &path, case, args.time));
        match ran {
            Ok(Ran { case, outcome, .. }) if args.update && !outcome.differences.is_empty() => {
                match update(&file, &case, &outcome) {
                    Ok(()) => report.updated(&name)?,
                    Err(error) => report.add(name, Err(error))?,
                }
            }
            ran => report.add(name, ran)?,
        }
    }
    report.finish(args.junit.as_deref())
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
