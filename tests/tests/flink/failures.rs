//! Jobs that fail at some element, restart from Flink's checkpoint, and write every row once; savepoints, at another parallelism.

use serde_json::{Value, json};
use weir_tests::pipelines::Pipeline;
use weir_tests::rows::compare;

use crate::cluster::{Cluster, cluster, oldest};

/// Seeds of where a job fails.
const SEEDS: [u64; 3] = [1, 2, 3];

/// Checkpoints follow one another, and a job that has failed starts again at once.
fn checkpoints(pipeline: &Pipeline, unaligned: bool) -> Value {
    json!({
        "execution.checkpointing.interval": "200 ms",
        "execution.checkpointing.dir": format!("file://{}/checkpoints", pipeline.folder().display()),
        "execution.checkpointing.unaligned.enabled": unaligned.to_string(),
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "10",
        "restart-strategy.fixed-delay.delay": "20 ms",
    })
}

fn set(pipeline: &Pipeline, out: &str, parallelism: usize) -> Vec<String> {
    vec![
        format!("parallelism={parallelism}"),
        // Small, so that there are many elements.
        "batch-rows=500".to_owned(),
        format!("sinks.out.path={}/", pipeline.folder().join(out).display()),
    ]
}

/// How many elements go between chains.
fn elements(cluster: &Cluster, pipeline: &Pipeline, parallelism: usize) -> u64 {
    let answer = cluster.run(&pipeline.file(), &set(pipeline, "whole", parallelism), json!({}));
    answer["elements"].as_u64().unwrap()
}

#[test]
fn every_row_is_written_once() {
    let Some(cluster) = cluster() else { return };
    for (query, is_updating, unaligned) in [("q5", false, false), ("q8", false, true), ("q4", true, false)] {
        fails_anywhere(cluster, query, is_updating, unaligned);
    }
}

#[test]
fn the_oldest_flink_does_the_same() {
    let Some(cluster) = oldest() else { return };
    fails_anywhere(&cluster, "q8", false, false);
}

fn fails_anywhere(cluster: &Cluster, query: &str, is_updating: bool, unaligned: bool) {
    let pipeline = Pipeline::slow_nexmark(query, is_updating);
    let expected = pipeline.expected();
    let elements = elements(cluster, &pipeline, 2);
    for seed in SEEDS {
        let out = format!("flink-{seed}");
        // Two failures, anywhere.
        let at =
            |part: u64| 1 + seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(part as u32 * 8) % (elements * 3 / 4);
        let mut fail_at = [at(1), at(1) + at(2)];
        fail_at.sort_unstable();
        let more = json!({ "flink": checkpoints(&pipeline, unaligned), "fail_at": fail_at });
        let answer = cluster.run(&pipeline.file(), &set(&pipeline, &out, 2), more);
        assert_ne!(answer["failures"], 0, "{query}, {fail_at:?} of {elements}");
        compare(&expected, &pipeline.rows(&out)).unwrap_or_else(|e| panic!("{query}, failed at {fail_at:?}: {e}"));
    }
}

#[test]
fn a_savepoint_resumes_at_another_parallelism() {
    let Some(cluster) = cluster() else { return };
    for (query, is_updating, sources) in [("q5", false, &["bids"][..]), ("q4", true, &["auctions", "bids"])] {
        let pipeline = Pipeline::slow_nexmark(query, is_updating);
        let expected = pipeline.expected();
        let folder = format!("file://{}/savepoints", pipeline.folder().display());
        let (mut from, mut elements) = (None, elements(cluster, &pipeline, 2) / 8);
        for parallelism in [2, 3, 1] {
            let mut set = set(&pipeline, "out", parallelism);
            let mut flink = checkpoints(&pipeline, false);
            if let Some(savepoint) = from.take() {
                flink["execution.state-recovery.path"] = savepoint;
            }
            let mut more = json!({ "flink": flink });
            if parallelism != 1 {
                // A job that ends before it is stopped has no savepoint: on a busy machine seconds may pass in between.
                set.extend(sources.iter().map(|source| format!("sources.{source}.rate=5_000")));
                more["savepoint_at"] = elements.into();
                more["savepoint_dir"] = folder.clone().into();
            }
            let answer = cluster.run(&pipeline.file(), &set, more);
            from = Some(answer["savepoint"].clone());
            elements /= 2;
        }
        compare(&expected, &pipeline.rows("out")).unwrap_or_else(|error| panic!("{query}: {error}"));
    }
}
