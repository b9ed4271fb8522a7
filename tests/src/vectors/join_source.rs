//! A row without a time never gets to a join: its source refuses it. Runs a whole job with such a row.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use weir_connectors::StandardConnectors;
use weir_core::time::ManualClock;
use weir_engine::Job;
use weir_engine::local::LocalJob;
use weir_host::{Host, HostConfig};

use super::Unchecked;
use super::case::{Case, Stop, read};

const PIPELINE: &str = r#"
[sources.left]
connector = "collection"
rows = [{ key = "key" }]
schema = { key = "utf8", ts = "int64" }
event-time = "ts"
[sources.right]
connector = "collection"
rows = [{ key = "key", ts = 0 }]
schema = { key = "utf8", ts = "int64" }
event-time = "ts"
[joins.both]
inputs = { left = "left", right = "right" }
on = ["left.key = right.key"]
interval = { from = "0s", to = "0s" }
columns = ["left.key"]
[sinks.out]
input = "both"
connector = "blackhole"
"#;

/// A case whose operation `op` is a row without a time: the job must fail, and say so.
pub(super) fn has_no_time(mut case: Case, op: usize) -> Result<Unchecked, Stop> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Expected {
        by_op: usize,
        error: String,
    }
    case.must_be_empty("expected_late")?;
    let late_output: Value = case.take("late_output");
    read::<Option<bool>>(late_output)?;
    let expected: Vec<Expected> = read(case.take("expected"))?;
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    case.into_form::<Nothing>()?;
    match expected.as_slice() {
        [Expected { by_op, error }] if *by_op == op && error == "missing_timestamp" => {}
        _ => return Err(Stop::skip("has a row without a time, and does not expect that it is refused")),
    }
    let failed = |error: &dyn std::fmt::Display| Stop::fail(error.to_string());
    let graph = weir_core::pipeline::parse(PIPELINE, Path::new("."), &[]).map_err(|e| failed(&e))?;
    let host = Host::new(HostConfig::default()).map_err(|e| failed(&e))?;
    let job = Job::check(&graph, &StandardConnectors::new(), &host).map_err(|e| failed(&e))?;
    let mut local = LocalJob::new(&job, Arc::new(ManualClock::default())).map_err(|e| failed(&e))?;
    match local.run(|_| 0) {
        Ok(()) => Err(Stop::fail(format!("op {op}: expected the error missing_timestamp, but the row was accepted"))),
        Err(error) => {
            let text = format!("{:#}", anyhow::Error::from(error));
            let is_meant = text.contains("event time") && text.contains("null");
            if is_meant {
                Ok(Vec::new())
            } else {
                Err(Stop::fail(format!("op {op}: expected missing_timestamp, got {text}")))
            }
        }
    }
}
