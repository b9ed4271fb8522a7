//! `weir run --watch`: a component whose file changes takes the place of the running one; one that is broken does not.

use std::path::Path;

use crate::harness::{root, weir};
use crate::running::Running;

const PIPELINE: &str = r#"name = "watched"

[checkpoint]
dir = "state"
interval = "100ms"

[sources.bids]
connector = "nexmark"
table = "bid"
rate = 20000
event-time = "ts"

[operators.value]
input = "bids"
component = "value.wasm"

[operators.count]
input = "value"
component = "count.wasm"
key-by = ["extra"]
config = { tag = "0" }

[sinks.out]
input = "count"
connector = "blackhole"
"#;

fn put(guest: &str, folder: &Path, name: &str) {
    std::fs::copy(root().join(format!("tests/guests/{guest}.wasm")), folder.join(format!(".{name}"))).unwrap();
    std::fs::rename(folder.join(format!(".{name}")), folder.join(name)).unwrap();
}

#[test]
fn a_component_whose_file_changes_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = folder.path().join("pipeline.toml");
    std::fs::write(&pipeline, PIPELINE).unwrap();
    put("value", folder.path(), "value.wasm");
    put("count_v1", folder.path(), "count.wasm");
    let mut job = Running::start(weir().args(["run", "--watch"]).arg(&pipeline));
    job.until_it_hears_interrupts();
    std::fs::write(folder.path().join("count.wasm"), "no component").unwrap();
    job.until_it_says("count: the new component is not used");
    put("count_v2", folder.path(), "count.wasm");
    job.until_it_says("count: the new component runs");
    job.signal("INT");
    job.end().well();
}

#[test]
fn without_checkpoints_nothing_can_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = folder.path().join("pipeline.toml");
    std::fs::write(&pipeline, PIPELINE.replace("[checkpoint]\ndir = \"state\"\ninterval = \"100ms\"\n", "")).unwrap();
    put("value", folder.path(), "value.wasm");
    put("count_v1", folder.path(), "count.wasm");
    Running::start(weir().args(["run", "--watch"]).arg(&pipeline)).end().failed(&["--watch needs checkpoints"]);
}
