//! Event times that an operator sets: what comes of them is what comes of the same times set by the source.

use proptest::prelude::*;

use crate::pipelines::{WINDOWS, timed_thrice};
use crate::support::{HOST, Memory, Row, chooser, root};

/// Rows in any order of time, so that some are late, and of any value on which the operator does not fail.
fn split() -> impl Strategy<Value = Vec<Row>> {
    let row = (0..5_u8, -50..0_i64, 1_000..1_400_i64).prop_map(|(key, value, time)| (format!("k{key}"), value, time));
    prop::collection::vec(row, 0..60)
}

proptest! {
    #![proptest_config(crate::support::cases(32))]

    #[test]
    fn late_rows_of_a_split_are_the_same_wherever_event_times_are_set(
        split in split(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        (seed, steps) in (any::<u64>(), 0..60_usize),
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        for window in WINDOWS {
            let (at_source, later) = timed_thrice(window);
            let whole = Memory::new(vec![split.clone()], vec![usize::MAX]);
            let expected = whole.run(&whole.job(&at_source, 1), |_| 0);
            for later in later {
                let memory = Memory::new(vec![split.clone()], sizes.clone());
                let (job, next) = (memory.job(&later, before), memory.job(&later, after));
                prop_assert_eq!(&memory.run(&job, chooser(seed)), &expected, "{} at parallelism {}", later, before);
                let restored = memory.run_with_restore(&job, &next, steps, chooser(seed));
                prop_assert_eq!(&restored, &expected, "{} from {} to {} subtasks", later, before, after);
            }
        }
    }

    #[test]
    fn splits_have_their_own_watermarks_wherever_event_times_are_set(
        splits in prop::collection::vec(split(), 1..4),
        size in 1..20_usize,
    ) {
        for window in WINDOWS {
            let run = |pipeline: &str| {
                let memory = Memory::new(splits.clone(), vec![size]);
                memory.run(&memory.job(pipeline, 1), |_| 0)
            };
            let (at_source, later) = timed_thrice(window);
            let expected = run(&at_source);
            for later in later {
                prop_assert_eq!(run(&later), expected.clone(), "{}", later);
            }
        }
    }
}

/// Two sources come to an operator by channels, one of them ahead of the other: each is watched alone.
#[test]
fn channels_have_their_own_watermarks_where_splits_are_not_known() {
    let rows = |key: &str, from: i64| (0..40).map(|n| (key.to_owned(), -n - 1, from + 10 * n)).collect::<Vec<Row>>();
    let united = r#"
name = "united"
[sources.a]
connector = "memory"
[sources.b]
connector = "memory"
[operators.poison]
input = ["a", "b"]
component = "tests/guests/poison.wasm"
event-time = "ts"
watermark = { bounded-out-of-orderness = "0s" }
[windows.step]
input = "poison"
key-by = ["key"]
window = { tumbling = "100ms" }
aggregates.n = "count"
[sinks.out]
input = "step"
connector = "memory"
"#;
    let memory = Memory::new(vec![rows("x", 0)], vec![3, 7]);
    let expected = memory.run(&memory.job(united, 1), |_| 0);
    assert_eq!(expected.len(), 4, "{expected:?}");
    assert!(expected.iter().all(|row| row.ends_with(",20")), "each source has every row: {expected:?}");
    for parallelism in 1..=3 {
        for seed in 0..8 {
            assert_eq!(memory.run(&memory.job(united, parallelism), chooser(seed)), expected);
        }
    }
}

/// What is added to a step, as dead letters are, makes no row of the step's own source late, nor is late itself.
#[test]
fn rows_that_are_added_before_the_event_time_is_set_have_their_own_watermark() {
    let rows = |key: &str, from: i64| (0..40).map(|n| (key.to_owned(), -n - 1, from + 10 * n)).collect::<Vec<Row>>();
    let (_, [_, pipeline]) = timed_thrice("{ tumbling = \"100ms\" }");
    let memory = Memory::new(vec![rows("x", 0), rows("y", 5_000)], vec![3, 7]);
    let once = memory.run(&memory.job(&pipeline, 1), |_| 0);
    for step in ["some", "timed"] {
        let mut graph = weir_core::pipeline::parse(&pipeline, root(), &[]).unwrap();
        let weir_core::graph::NodeKind::Source(mut source) = graph.nodes[0].kind.clone() else { panic!("no source") };
        source.watermark = Some(weir_core::time::WatermarkStrategy::AtEnd);
        let reader = graph.nodes.iter().position(|node| node.name == step).unwrap();
        graph.add_source("more".to_owned(), source, reader);
        for parallelism in 1..=3 {
            graph.parallelism = parallelism;
            let job = weir_engine::Job::check(&graph, &memory, &HOST).unwrap();
            for seed in 0..8 {
                let twice = memory.run(&job, chooser(seed));
                assert_eq!(twice.len(), once.len(), "{step}: no window fires twice");
                let counts = |rows: &[String]| -> i64 {
                    rows.iter().map(|row| row.split(',').nth(3).unwrap().parse::<i64>().unwrap()).sum()
                };
                assert_eq!(counts(&twice), 2 * counts(&once), "{step}: no row is late: {twice:?}");
            }
        }
    }
}

#[test]
fn rows_without_an_event_time_are_refused_as_on_error_says() {
    for step in [
        "[operators.poison]\ncomponent = \"tests/guests/poison.wasm\"",
        "[filters.poison]\nwhere = \"value < 100\"",
        "[selects.poison]\nadd = { doubled = \"2 * value\" }",
    ] {
        check_refused(step);
    }
}

fn check_refused(step: &str) {
    let pipeline = r#"
name = "refused"
[sources.rows]
connector = "memory"
STEP
input = "rows"
on-error = "ON_ERROR"
event-time = "ts"
[sinks.out]
input = "poison"
connector = "memory"
columns = ["value"]
"#;
    let pipeline = pipeline.replace("STEP", step);
    let letters =
        "[sinks.bad]\ninput = \"poison.dead-letter\"\nconnector = \"memory\"\ncolumns = [\"value\", \"error\"]\n";
    let times = [1, i64::MAX, 3];
    let memory = Memory::new(vec![times.map(|time| ("k".to_owned(), time.min(2), time)).to_vec()], vec![2]);
    let run = |on_error: &str, sinks: &str| {
        let pipeline = format!("{}{sinks}", pipeline.replace("ON_ERROR", on_error));
        memory.run(&memory.job(&pipeline, 1), |_| 0)
    };
    assert_eq!(run("skip", ""), ["1", "2"]);
    let kept = run("dead-letter", letters);
    assert_eq!(kept.len(), 3, "{kept:?}");
    assert!(
        kept.iter()
            .any(|row| row.starts_with("2,the event time column \"ts\" is 9223372036854775807, which is outside"))
    );
    let job = memory.job(&pipeline.replace("ON_ERROR", "fail"), 1);
    let clock = std::sync::Arc::new(weir_core::time::ManualClock::default());
    let failed = weir_engine::local::LocalJob::new(&job, clock).unwrap().run(|_| 0).unwrap_err();
    let failed = weir_core::error::chain(&failed);
    assert!(failed.contains("poison") && failed.contains("the event time column \"ts\" is"), "{failed}");
}
