//! What Spark's tasks make of a pipeline equals what Weir's own engine does.

use serde_json::json;
use weir_tests::pipelines::Pipeline;
use weir_tests::rows::compare;
use weir_tests::running::root;

use crate::spark::spark;

#[test]
fn flights() {
    let Some(spark) = spark() else { return };
    let rows = |text: &str| {
        let mut rows: Vec<_> = text.lines().skip(1).map(str::to_owned).collect();
        rows.sort();
        rows
    };
    let example = root().join("examples/flights");
    let expected = rows(&std::fs::read_to_string(example.join("expected.csv")).unwrap());
    let folder = tempfile::tempdir().unwrap();
    for parallelism in [1, 2, 3] {
        let out = folder.path().join(format!("{parallelism}.csv"));
        let set = [
            format!("parallelism={parallelism}"),
            format!("sinks.delays.path={}", out.display()),
            "sinks.classes.connector=blackhole".to_owned(),
        ];
        let answer = spark.run(&example.join("pipeline.toml"), &set, json!({}));
        assert_eq!(answer["micro_batches"], 0, "{answer}");
        compare(&expected, &rows(&std::fs::read_to_string(out).unwrap())).unwrap();
    }
}

/// Components, joins, windows of all kinds, aggregates that update: as a batch job, and as a stream.
#[test]
fn nexmark() {
    let Some(spark) = spark() else { return };
    for (query, is_updating) in [
        ("q0", false),
        ("q1", false),
        ("q2", false),
        ("q3", false),
        ("q4", true),
        ("q5", false),
        ("q7", false),
        ("q8", false),
        ("q11", false),
    ] {
        let pipeline = Pipeline::nexmark(query, is_updating);
        let expected = pipeline.expected();
        // Without an interval it is a batch job.
        for (parallelism, interval) in [(1, None), (2, None), (2, Some("20ms"))] {
            let out = format!("spark-{parallelism}-{}", interval.unwrap_or("batch"));
            let mut set = vec![
                format!("parallelism={parallelism}"),
                format!("sinks.out.path={}/", pipeline.folder().join(&out).display()),
            ];
            set.extend(interval.map(|interval| format!("checkpoint.interval={interval}")));
            let checkpoints = pipeline.folder().join(format!("{out}-checkpoints"));
            let answer = spark.run(&pipeline.file(), &set, json!({ "checkpoint_dir": checkpoints }));
            compare(&expected, &pipeline.rows(&out)).unwrap_or_else(|error| panic!("{query} {out}: {error}"));
            assert_eq!(answer["micro_batches"] == 0, interval.is_none(), "{answer}");
        }
    }
}
