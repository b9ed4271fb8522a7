//! A failure that would only come again ends a job at once. Those of which jobs are started again are in `failures`.

use serde_json::json;
use weir_tests::pipelines::Pipeline;
use weir_tests::running::root;

use crate::cluster::{Cluster, cluster, oldest};

fn ends_at_once(cluster: &Cluster) {
    let component = root().join("tests/guests/poison.wasm").canonicalize().unwrap();
    let pipeline = Pipeline::new(
        &format!(
            "name = \"fails\"\n\n\
             [sources.rows]\nconnector = \"file\"\npath = \"rows.csv\"\nschema = {{ value = \"int64\" }}\n\n\
             [operators.step]\ninput = \"rows\"\ncomponent = \"{}\"\non-error = \"fail\"\nexchange = \"rebalance\"\n\n\
             [sinks.out]\ninput = \"step\"\nconnector = \"blackhole\"\n",
            component.display()
        ),
        false,
    );
    std::fs::write(pipeline.folder().join("rows.csv"), "value\n1\n2\n7\n").unwrap();
    let flink = json!({
        "execution.checkpointing.interval": "100 ms",
        "restart-strategy.type": "fixed-delay",
        // A job that Flink would start again would take longer than these tests may.
        "restart-strategy.fixed-delay.delay": "1 h",
    });
    let answer = cluster.try_run(&pipeline.file(), &[], json!({ "flink": flink }));
    let error = answer["error"].as_str().unwrap();
    assert!(error.contains("The failure is not recoverable") && error.contains("seven is refused"), "{error}");
}

#[test]
fn a_refused_row_ends_the_job_at_once() {
    let Some(cluster) = cluster() else { return };
    ends_at_once(cluster);
}

#[test]
fn a_refused_row_ends_the_job_at_once_on_the_oldest_flink() {
    let Some(cluster) = oldest() else { return };
    ends_at_once(&cluster);
}
