//! Every example, run by the real command, equals its golden output: at any parallelism, with any batch size.

use weir_tests::golden::nexmark_golden;
use weir_tests::kafka_orders::KafkaOrders;

use crate::harness::{PARALLELISM, broker, root, run, sorted_rows, weir};

#[test]
fn flights() {
    let expected = sorted_rows(&root().join("examples/flights/expected.csv"));
    let folder = tempfile::tempdir().unwrap();
    for parallelism in PARALLELISM {
        for batch_rows in [64, 8_192] {
            let out = folder.path().join(format!("{parallelism}-{batch_rows}.csv"));
            let summary = run(
                "examples/flights/pipeline.toml".as_ref(),
                &[
                    ("parallelism", parallelism.to_string()),
                    ("batch-rows", batch_rows.to_string()),
                    ("sinks.delays.path", out.display().to_string()),
                    ("sinks.classes.connector", "blackhole".to_owned()),
                ],
            );
            assert_eq!(summary["rows-in"], 26_483);
            assert_eq!(summary["rows-late"], 0);
            assert_eq!(sorted_rows(&out), expected, "parallelism {parallelism}, batches of {batch_rows}");
        }
    }
}

#[test]
fn flights_joined() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["delayed-per-carrier", "aircraft-sessions", "low-visibility"] {
        let expected = sorted_rows(&root().join(format!("examples/flights-joined/expected/{name}.csv")));
        for (parallelism, batch_rows) in [(1, 64), (2, 8_192), (3, 1_000)] {
            let out = folder.path().join(format!("{name}-{parallelism}.csv"));
            let summary = run(
                format!("examples/flights-joined/{name}.toml").as_ref(),
                &[
                    ("parallelism", parallelism.to_string()),
                    ("batch-rows", batch_rows.to_string()),
                    ("sinks.out.path", out.display().to_string()),
                ],
            );
            assert_eq!((&summary["rows-late"], &summary["rows-failed"]), (&0.into(), &0.into()), "{name}");
            assert_eq!(sorted_rows(&out), expected, "{name}, parallelism {parallelism}, batches of {batch_rows}");
        }
    }
}

/// The examples that the guide's tutorials are about: each page shows its pipeline as it is.
#[test]
fn stories() {
    let folder = tempfile::tempdir().unwrap();
    for (name, file, page, sinks, rows_in, failed) in [
        ("access-logs", "pipeline", "first-pipeline", vec![("out", "expected.csv")], 152, 2),
        ("first-operator", "pipeline", "first-operator", vec![("out", "expected.csv")], 12, 3),
        ("first-operator", "stock", "first-operator", vec![("out", "expected-short.csv")], 12, 3),
        (
            "sensors",
            "pipeline",
            "event-time",
            vec![("means", "expected.csv"), ("silent-since", "expected-silent-since.csv")],
            106,
            0,
        ),
        ("orders", "pipeline", "files", vec![("out", "expected.csv")], 24, 0),
    ] {
        let example = root().join("examples").join(name);
        let path = example.join(format!("{file}.toml"));
        let pipeline = std::fs::read_to_string(&path).unwrap();
        let guide = std::fs::read_to_string(root().join(format!("docs/guide/{page}.md"))).unwrap();
        assert!(guide.contains(&format!("```toml\n{}\n```", pipeline.trim_end())), "{page}.md shows the pipeline");
        for parallelism in PARALLELISM {
            for batch_rows in [3, 8_192] {
                let at =
                    |sink: &str| folder.path().join(format!("{name}-{file}-{sink}-{parallelism}-{batch_rows}.csv"));
                let mut set = vec![("parallelism", parallelism.to_string()), ("batch-rows", batch_rows.to_string())];
                let paths: Vec<_> = sinks.iter().map(|(sink, _)| (format!("sinks.{sink}.path"), at(sink))).collect();
                set.extend(paths.iter().map(|(key, path)| (key.as_str(), path.display().to_string())));
                if name == "orders" {
                    set.push(("sources.files.follow", "false".to_owned()));
                }
                let summary = run(&path, &set);
                assert_eq!(summary["rows-in"], rows_in);
                assert_eq!(summary["rows-late"], 0);
                assert_eq!(summary["rows-failed"], failed);
                for (sink, expected) in &sinks {
                    assert_eq!(sorted_rows(&at(sink)), sorted_rows(&example.join(expected)), "{name} {parallelism}");
                }
            }
        }
    }
}

/// What the guide shows of the sources of its operators is in them.
#[test]
fn sources_of_the_first_operator() {
    let guide = include_str!("../../../docs/guide/first-operator.md");
    let sources = [
        include_str!("../../../examples/first-operator/barcode/src/lib.rs"),
        include_str!("../../../examples/first-operator/stock/src/lib.rs"),
    ];
    let shown: Vec<&str> = guide.split("```rust\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    assert!(shown.contains(&sources[0]), "the page shows the whole of the first one");
    for block in shown {
        assert!(sources.iter().any(|source| source.contains(block)), "{block}");
    }
}

#[test]
fn nexmark() {
    for query in ["q0", "q1", "q2", "q5", "q7", "q11"] {
        let (rows, checksum) = nexmark_golden(query).unwrap();
        for parallelism in PARALLELISM {
            for batch_rows in [1_000, 8_192] {
                let summary = run(
                    format!("examples/nexmark/{query}.toml").as_ref(),
                    &[
                        ("parallelism", parallelism.to_string()),
                        ("batch-rows", batch_rows.to_string()),
                        ("sources.bids.events", "200000".to_owned()),
                    ],
                );
                let at = format!("{query}, parallelism {parallelism}, batches of {batch_rows}");
                assert_eq!(summary["sinks"][0]["rows"], rows, "{at}");
                assert_eq!(summary["sinks"][0]["checksum"], checksum.as_str(), "{at}");
            }
        }
    }
}

/// Joins, updating streams and rankings: what counts is the table that is described in the end, and its checksum.
#[test]
fn nexmark_tables() {
    const INSERTS: [&str; 8] = ["q3", "q8", "q13", "q14", "q20", "q21", "q22", "q23"];
    const UPDATES: [&str; 7] = ["q4", "q9", "q15", "q16", "q17", "q18", "q19"];
    for query in INSERTS.into_iter().chain(UPDATES) {
        let (rows, checksum) = nexmark_golden(query).unwrap();
        for (parallelism, batch_rows) in [(1, 8_192), (2, 1_000), (3, 8_192)] {
            let set = [("parallelism", parallelism.to_string()), ("batch-rows", batch_rows.to_string())];
            let summary = run(format!("examples/nexmark/{query}.toml").as_ref(), &set);
            let at = format!("{query}, parallelism {parallelism}, batches of {batch_rows}");
            assert_eq!(summary["sinks"][0]["checksum"], checksum.as_str(), "{at}");
            let written = summary["sinks"][0]["rows"].as_u64().unwrap();
            assert!(written == rows || UPDATES.contains(&query) && written > rows, "{at}: {written} rows, not {rows}");
        }
    }
}

/// Which rows are in which window the clock decides, but not how many there are.
#[test]
fn nexmark_by_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = std::fs::read_to_string(root().join("examples/nexmark/q12.toml")).unwrap();
    let path = folder.path().join("q12.toml");
    let sink = "connector = \"file\"\npath = \"out.csv\"\ncolumns = [\"bids\"]";
    std::fs::write(&path, pipeline.replace("connector = \"blackhole\"\nchecksum = true", sink)).unwrap();
    run(&path, &[("parallelism", "2".to_owned())]);
    let counts = std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
    assert_eq!(counts.lines().skip(1).map(|count| count.parse::<u64>().unwrap()).sum::<u64>(), 184_000);
}

#[test]
fn kafka_orders() {
    let Some(broker) = broker() else { return };
    let example = KafkaOrders { weir: weir().get_program().into(), root: root(), broker };
    example.load().unwrap();
    for parallelism in PARALLELISM {
        let (suffix, state) = (format!("-{parallelism}"), tempfile::tempdir().unwrap());
        let mut command = example.command(&suffix, state.path());
        let output = command.args(["--parallelism", &parallelism.to_string()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        example.check(&suffix).unwrap();
    }
}
