//! `vectors [DIR]`: replays the cases of a folder (default: the copies in `tests/vectors`) and tells what happened to each.

use std::path::PathBuf;
use std::process::ExitCode;

use weir_tests::vectors::run_folder;

fn main() -> anyhow::Result<ExitCode> {
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = given.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors")));
    let report = run_folder(&folder)?;
    println!("{report}");
    Ok(if report.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
