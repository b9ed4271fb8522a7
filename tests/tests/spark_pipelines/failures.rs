//! Streams whose micro-batches fail anywhere, and begin again from the last that is complete: every row is written once.

use std::path::Path;

use serde_json::{Value, json};
use weir_tests::pipelines::Pipeline;
use weir_tests::rows::compare;
use weir_tests::running::root;

use crate::spark::{Spark, spark};

/// Seeds of where a job fails.
const SEEDS: [u64; 2] = [1, 2];

/// How many batches each subtask of a source reads in a micro-batch: from all, in one, to one, in dozens.
const READS: [u64; 3] = [u64::MAX >> 1, 4, 1];

/// Runs a stream with micro-batches of so many reads.
fn run(spark: &Spark, pipeline: &Pipeline, out: &str, reads: u64, fail_at: &[u64]) -> Value {
    let set = [
        "parallelism=2".to_owned(),
        // Small, so that there are many elements.
        "batch-rows=500".to_owned(),
        format!("checkpoint.interval={}", if reads == READS[0] { "10m" } else { "1ms" }),
        "restart.delay=10ms".to_owned(),
        format!("sinks.out.path={}/", pipeline.folder().join(out).display()),
    ];
    let checkpoints = pipeline.folder().join(format!("{out}-checkpoints"));
    let more = json!({ "checkpoint_dir": checkpoints, "reads_max": reads, "fail_at": fail_at });
    spark.run(&pipeline.file(), &set, more)
}

#[test]
fn every_row_is_written_once() {
    let Some(spark) = spark() else { return };
    for (query, is_updating) in [("q5", false), ("q8", false), ("q4", true)] {
        let pipeline = Pipeline::short_nexmark(query, is_updating);
        let expected = pipeline.expected();
        let mut tasks = 0;
        for reads in READS {
            let out = format!("whole-{reads}");
            let answer = run(spark, &pipeline, &out, reads, &[]);
            compare(&expected, &pipeline.rows(&out)).unwrap_or_else(|error| panic!("{query}, {reads} reads: {error}"));
            assert_eq!(answer["micro_batches"] == 1, reads == READS[0], "{answer}");
            assert_eq!(answer["shuffles"], 0, "{answer}");
            eprintln!("{query}, {reads} reads: {} micro-batches", answer["micro_batches"]);
            tasks = answer["tasks"].as_u64().unwrap();
        }
        for seed in SEEDS {
            let out = format!("failed-{seed}");
            // Two failures, anywhere.
            let at = |part: u32| 1 + seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(part * 8) % (tasks / 2 - 1);
            let fail_at = [at(1), at(1) + at(2)];
            let answer = run(spark, &pipeline, &out, READS[READS.len() - 1], &fail_at);
            assert!(answer["runs"].as_u64().unwrap() >= 2, "{query}, {fail_at:?}: {answer}");
            assert_eq!(answer["shuffles"], 0, "{query}, {fail_at:?}: {answer}");
            compare(&expected, &pipeline.rows(&out)).unwrap_or_else(|e| panic!("{query}, failed at {fail_at:?}: {e}"));
            // It is done, and stays so.
            let again = run(spark, &pipeline, &out, 1, &[]);
            assert_eq!((&again["tasks"], &again["micro_batches"]), (&0.into(), &answer["micro_batches"]));
            compare(&expected, &pipeline.rows(&out)).unwrap();
        }
    }
}

#[test]
fn a_replaced_driver_completes_nothing() {
    let Some(spark) = spark() else { return };
    let folder = tempfile::tempdir().unwrap();
    let answer = spark.ask(&json!({ "checkpoint_log": folder.path() }));
    assert_eq!(answer["ok"], true, "{answer}");
}

#[test]
fn a_refused_row_ends_the_job_at_once() {
    let Some(spark) = spark() else { return };
    let component = root().join("tests/guests/poison.wasm").canonicalize().unwrap();
    let pipeline = Pipeline::new(
        &format!(
            "name = \"fails\"\n\n\
             [sources.rows]\nconnector = \"file\"\npath = \"rows.csv\"\nschema = {{ value = \"int64\" }}\n\n\
             [operators.step]\ninput = \"rows\"\ncomponent = \"{}\"\non-error = \"fail\"\nexchange = \"rebalance\"\n\n\
             [sinks.out]\ninput = \"step\"\nconnector = \"blackhole\"\n\n\
             [checkpoint]\ninterval = \"20ms\"\n\n[restart]\ndelay = \"1h\"\n",
            component.display()
        ),
        false,
    );
    std::fs::write(pipeline.folder().join("rows.csv"), "value\n1\n2\n7\n").unwrap();
    let run = |checkpoints: &Path| spark.try_run(&pipeline.file(), &[], json!({ "checkpoint_dir": checkpoints }));
    let answer = run(&pipeline.folder().join("checkpoints"));
    assert!(answer["error"].as_str().unwrap().contains("seven is refused"), "{answer}");
    // Another program's folder is left alone.
    let answer = run(pipeline.folder());
    assert!(answer["error"].as_str().unwrap().contains("holds other files"), "{answer}");
}
