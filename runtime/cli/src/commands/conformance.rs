//! `weir conformance`: the cases that the operators of all languages pass, against three components of any language.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use weir_host::World;

use crate::cases::report::{self, Report};
use crate::cases::{Case, large};
use crate::component;
use crate::languages::sdk;

/// What the three are called.
const OPERATORS: [(&str, World); 3] =
    [("types", World::Transform), ("counter", World::Keyed), ("average", World::Aggregate)];
/// The folder of the project with their cases.
const CASES: &str = "tests/conformance";
/// What the case of many rows is called.
const MANY_ROWS: &str = "many-rows";

/// Options of `weir conformance`.
#[derive(clap::Args)]
#[command(
    after_help = "For those who write an SDK: docs/guide/write-an-sdk.md says what the contract asks, and tests/conformance/README.md what the three operators do.

Examples:
  weir conformance build               build/types.wasm, build/counter.wasm, build/average.wasm
  weir conformance build --case types/
  weir conformance build --junit target/junit.xml"
)]
pub(crate) struct Args {
    /// The folder with types.wasm, counter.wasm and average.wasm
    folder: PathBuf,
    /// Only cases whose names have this text in them
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    case: String,
    /// Name every case, not only those that fail
    #[arg(short, long)]
    verbose: bool,
    /// Run the cases of many rows with a million rows too, and show how long a row takes
    #[arg(long)]
    time: bool,
    /// Write a report in JUnit's format too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Runs them all; fails if one does.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let host = component::host()?;
    let mut report = Report::new(!args.verbose);
    if !OPERATORS.iter().flat_map(|(operator, _)| cases(operator)).any(|(name, _)| name.contains(&args.case)) {
        bail!("no case has {:?} in its name; --verbose names all that are run", args.case);
    }
    for (operator, world) in OPERATORS {
        let mut cases = cases(operator);
        cases.retain(|(name, _)| name.contains(&args.case));
        if cases.is_empty() {
            continue;
        }
        let path = args.folder.join(format!("{operator}.wasm"));
        let component = host.load(&path)?;
        if component.world() != world {
            bail!("{} is a {}; {operator} is a {world}", path.display(), component.world());
        }
        for (name, case) in cases {
            let is_timed = args.time && name.ends_with(MANY_ROWS);
            report.add(name, case.and_then(|case| report::run(&host, &component, &path, case, is_timed)))?;
        }
    }
    report.finish(args.junit.as_deref())
}

/// The cases of an operator: those of its folder, and one of many rows.
fn cases(operator: &str) -> Vec<(String, anyhow::Result<Case>)> {
    let parse = |name: String, text: String| {
        let case = Case::parse(&name, text, true).context("this is a fault of weir's own");
        (name, case)
    };
    let written = sdk::below(CASES).filter_map(|(path, text)| {
        let path = Path::new(path);
        let name = path.file_stem()?.to_string_lossy();
        (path.parent() == Some(Path::new(operator))).then(|| parse(format!("{operator}/{name}"), text.to_owned()))
    });
    let large = large::case(operator).map(|text| parse(format!("{operator}/{MANY_ROWS}"), text.to_string()));
    written.chain(large).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_read() {
        for (operator, _) in OPERATORS {
            let cases = cases(operator);
            assert!(cases.len() > 10, "{operator}: {}", cases.len());
            for (name, case) in cases {
                assert!(case.is_ok(), "{name}: {:?}", case.err());
            }
        }
    }
}
