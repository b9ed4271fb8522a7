//! What Flink's tasks make of a pipeline equals what Weir's own engine does.

use serde_json::json;
use weir_tests::pipelines::Pipeline;
use weir_tests::rows::compare;
use weir_tests::running::root;

use crate::cluster::cluster;

#[test]
fn flights() {
    let Some(cluster) = cluster() else { return };
    let rows = |text: &str| {
        let mut rows: Vec<_> = text.lines().skip(1).map(str::to_owned).collect();
        rows.sort();
        rows
    };
    let example = root().join("examples/flights");
    let expected = rows(&std::fs::read_to_string(example.join("expected.csv")).unwrap());
    let folder = tempfile::tempdir().unwrap();
    for parallelism in [1, 2, 4] {
        let out = folder.path().join(format!("{parallelism}.csv"));
        let set = [
            format!("parallelism={parallelism}"),
            format!("sinks.delays.path={}", out.display()),
            "sinks.classes.connector=blackhole".to_owned(),
        ];
        cluster.run(&example.join("pipeline.toml"), &set, json!({}));
        compare(&expected, &rows(&std::fs::read_to_string(out).unwrap())).unwrap();
    }
}

/// Components, joins, windows of all kinds, aggregates that update.
#[test]
fn nexmark() {
    let Some(cluster) = cluster() else { return };
    for (query, is_updating) in
        [("q1", false), ("q3", false), ("q4", true), ("q5", false), ("q7", false), ("q8", false), ("q11", false)]
    {
        let pipeline = Pipeline::nexmark(query, is_updating);
        let expected = pipeline.expected();
        for parallelism in [1, 2] {
            let out = format!("flink-{parallelism}");
            let set = [
                format!("parallelism={parallelism}"),
                format!("sinks.out.path={}/", pipeline.folder().join(&out).display()),
            ];
            let answer = cluster.run(&pipeline.file(), &set, json!({}));
            compare(&expected, &pipeline.rows(&out)).unwrap_or_else(|error| panic!("{query} {parallelism}: {error}"));
            eprintln!("{query}, parallelism {parallelism}: {} ms", answer["wall_ms"]);
        }
    }
}
