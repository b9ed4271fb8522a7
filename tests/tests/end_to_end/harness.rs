//! Runs the command over real files.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;
use weir_tests::kafka_broker::Broker;
pub(crate) use weir_tests::running::{root, weir};

/// What every result is checked at.
pub(crate) const PARALLELISM: [usize; 3] = [1, 2, 3];

/// The broker that all tests of the binary share; it ends with the process. `None`: it cannot be had here, which was said.
pub(crate) fn broker() -> Option<&'static Broker> {
    static BROKER: OnceLock<Option<Broker>> = OnceLock::new();
    BROKER.get_or_init(Broker::start_new).as_ref()
}

/// Runs a pipeline to its end and gives the summary.
pub(crate) fn run(pipeline: &Path, set: &[(&str, String)]) -> Value {
    let mut command = weir();
    command.arg("run").arg(pipeline).arg("--json");
    for (key, value) in set {
        command.args(["--set", &format!("{key}={value}")]);
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {set:?} failed:\n{errors}", pipeline.display());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{}: {e}\n{errors}", pipeline.display()))
}

/// The rows of a CSV file, sorted, without its header: subtasks write in any order.
pub(crate) fn sorted_rows(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut rows: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
    rows.sort();
    rows
}
