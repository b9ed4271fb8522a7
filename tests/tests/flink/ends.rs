//! Sources of one job that end at different times.

use serde_json::json;
use weir_tests::pipelines::Pipeline;
use weir_tests::rows::compare;

use crate::cluster::cluster;

/// Checkpoints are made when a source has ended long before another, and hold its end.
#[test]
fn a_job_fails_after_one_of_its_sources_has_ended() {
    let Some(cluster) = cluster() else { return };
    let pipeline = Pipeline::slow_nexmark("q3", false);
    let text = std::fs::read_to_string(pipeline.file()).unwrap();
    let text = text.replacen("events = 60_000", "events = 2_000", 1);
    let pipeline = Pipeline::new(&text, false);
    let expected = pipeline.expected();
    let set = |out: &str| {
        vec![
            "parallelism=2".to_owned(),
            "batch-rows=100".to_owned(),
            format!("sinks.out.path={}/", pipeline.folder().join(out).display()),
        ]
    };
    let elements = cluster.run(&pipeline.file(), &set("whole"), json!({}))["elements"].as_u64().unwrap();
    let flink = json!({
        "execution.checkpointing.interval": "20 ms",
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "10",
        "restart-strategy.fixed-delay.delay": "20 ms",
    });
    let more = json!({ "flink": flink, "fail_at": [elements * 3 / 4, elements] });
    let answer = cluster.run(&pipeline.file(), &set("flink"), more);
    assert_ne!(answer["failures"], 0);
    compare(&expected, &pipeline.rows("flink")).unwrap();
}
