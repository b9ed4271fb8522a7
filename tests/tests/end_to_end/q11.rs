//! Nexmark q11 with checkpoints, for tests that disturb it: sessions are state, and the result is known.

use std::path::Path;
use std::process::Command;

use weir_tests::golden::nexmark_golden;

use crate::harness::weir;
use crate::running::Ended;

/// Makes it last a hundred seconds, of which no test needs all.
pub(crate) const SLOW: [&str; 2] = ["--set", "sources.bids.rate=2000"];

/// Runs it with checkpoints in a folder.
pub(crate) fn q11(state: &Path, parallelism: usize) -> Command {
    let mut command = weir();
    command.args(["run", "examples/nexmark/q11.toml", "--set", "sources.bids.events=200000"]);
    command.args(["--set", "restart.failures-max=0", "--parallelism", &parallelism.to_string()]);
    command.args(["--checkpoint-interval", "50ms", "--checkpoint-dir"]).arg(state);
    command
}

/// Checks that a run with `--json` has come to the end of its input, with the result of all of it.
pub(crate) fn assert_golden(ended: &Ended) {
    let (rows, checksum) = nexmark_golden("q11").unwrap();
    let sink = &ended.summary()["sinks"][0];
    assert_eq!((&sink["rows"], &sink["checksum"]), (&rows.into(), &checksum.into()), "{}", ended.said);
}
