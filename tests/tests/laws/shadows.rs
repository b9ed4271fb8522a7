//! A version beside the one that runs, at any parallelism, on any batches: it finds exactly the rows that differ, and changes none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use weir_core::graph::RestartSettings;
use weir_core::swap::{Phase, Probation};
use weir_core::time::{Clock, ManualClock};
use weir_engine::local::LocalJob;
use weir_engine::{Change, Job, NewVersion, ShadowReport, Supervisor};
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::plain;
use crate::support::{HOST, Memory, Row, checkpoint, chooser, durable_in, root};
use crate::swaps::{PIPELINE, version};

const SCALE: &str = r#"
name = "shadows"
[sources.rows]
connector = "memory"
event-time = "ts"
[operators.scale]
input = "rows"
component = "tests/guests/scale.wasm"
config = { factor = 2, factor_of_tens = 2 }
[sinks.out]
input = "scale"
connector = "memory"
columns = ["value", "scaled"]
"#;

/// Values from 1 on, each once.
fn rows(splits: i64, rows: i64) -> Vec<Vec<Row>> {
    let row = |value: i64| (format!("k{}", value % 5), value, value);
    (0..splits).map(|split| (1..=rows).map(|n| row(split * rows + n)).collect()).collect()
}

fn scale(config: Value) -> NewVersion {
    NewVersion {
        operator: "scale".to_owned(),
        component: HOST.load(root().join("tests/guests/scale.wasm")).unwrap(),
        config,
        limits: weir_core::limits::OperatorLimits::default(),
        goes_back: false,
    }
}

/// Runs a job with a version beside it from its first row on; what that found, and what came out.
fn run(memory: &Memory, job: &Job, beside: NewVersion, until_us: i64, seed: u64) -> (ShadowReport, Vec<String>) {
    let durable = durable_in(plain(&Arc::new(InMemory::new())));
    let mut local = LocalJob::resume(job, Arc::new(ManualClock::default()) as Arc<dyn Clock>, &durable).unwrap();
    let next = job.swapped(&[beside], Probation::NONE).unwrap();
    let shadow = local.shadow(job, &next, until_us).unwrap();
    let mut choose = chooser(seed);
    checkpoint(&mut local, &mut choose);
    local.run(choose).unwrap();
    (shadow.report(), memory.take_written())
}

/// What comes out without it.
fn alone(memory: &Memory, job: &Job) -> Vec<String> {
    memory.run(job, chooser(1))
}

proptest! {
    #![proptest_config(crate::support::cases(24))]

    #[test]
    fn rows_that_differ_are_found_and_no_row_is_changed(
        seed in any::<u64>(),
        drop in 2..20_i64,
        (parallelism, splits, batch) in (1..4_usize, 1..4_i64, 1..40_usize),
    ) {
        let memory = Memory::new(rows(splits, 100), vec![batch]);
        let job = memory.job(SCALE, parallelism);
        let beside = scale(json!({ "factor": 2, "factor_of_tens": 3, "drop": drop }));
        let (report, written) = run(&memory, &job, beside, i64::MAX, seed);
        prop_assert_eq!(written, alone(&memory, &job));
        let differs = |value: &i64| value % 10 == 0 || value % drop == 0;
        prop_assert!(report.subtasks > 0 && report.landed == report.subtasks, "{report:?}");
        prop_assert_eq!(report.rows, 100 * splits as u64);
        prop_assert_eq!(report.rows_differing, (1..=100 * splits).filter(differs).count() as u64);
        prop_assert_eq!((report.states, report.failures), (0, 0));
        prop_assert_eq!(report.differences.len(), 10);
        // Of every value there is one row, so of more than 20 the values are not told apart.
        let (splits, gone) = (100 * splits, |value: &i64| value % drop == 0);
        let other = (1..=splits).filter(|value| value % 10 == 0 && !gone(value)).count() as u64;
        let kinds = |is: &dyn Fn(&Change) -> bool| -> u64 {
            report.kinds.iter().filter(|(kind, _)| is(&kind.change)).map(|(_, rows)| rows).sum()
        };
        prop_assert_eq!(kinds(&|change| *change == Change::OnlyOld), (1..=splits).filter(gone).count() as u64);
        prop_assert_eq!(kinds(&|change| change.column() == Some("scaled")), other);
        let are_values = report.kinds.keys().any(|kind| matches!(kind.change, Change::Values { .. }));
        prop_assert_eq!(are_values, other > 20, "{:?}", report.kinds);
        for difference in &report.differences {
            prop_assert_eq!((difference.operator.as_str(), difference.part.as_str()), ("scale", "main"));
            let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<i64>().ok());
            match &difference.column {
                Some(column) => {
                    prop_assert_eq!(column.as_str(), "scaled");
                    let value = number(&difference.old).unwrap() / 2;
                    prop_assert!(value % 10 == 0 && value % drop != 0);
                    prop_assert_eq!(number(&difference.new), Some(3 * value));
                }
                None => prop_assert_eq!(&difference.new, &None),
            }
        }
    }

    /// Of another layout too, and where all rows have one state: its states are those of the version that runs.
    #[test]
    fn a_keyed_version_sees_the_states_of_the_one_that_runs(
        seed in any::<u64>(),
        component in prop_oneof![Just("count_v1"), Just("count_v2")],
        keys in prop_oneof![Just("[\"key\"]"), Just("[]")],
        (parallelism, splits, batch) in (1..4_usize, 1..4_i64, 1..40_usize),
    ) {
        let memory = Memory::new(rows(splits, 100), vec![batch]);
        let job = memory.job(&PIPELINE.replace("[\"key\"]", keys), parallelism);
        let is_same = component == "count_v1";
        // All that differs between the first and itself is what it says of itself.
        let beside = version(component, usize::from(is_same), "never");
        let (report, written) = run(&memory, &job, beside, i64::MAX, seed);
        prop_assert_eq!(written.len(), 100 * splits as usize);
        prop_assert!(written.iter().all(|row| row.contains(",0,")), "{:?}", written);
        prop_assert_eq!(report.rows, 100 * splits as u64);
        prop_assert_eq!(report.rows_differing, if is_same { report.rows } else { 0 });
        prop_assert_eq!((report.states > 0, report.states_differing, report.failures), (is_same, 0, 0));
        prop_assert_eq!(report.layouts_differ, !is_same);
        let mut differences = report.differences.iter().enumerate();
        let is_new = |(at, found): (usize, _)| !report.differences[..at].contains(found);
        prop_assert!(differences.all(is_new), "each is reported once: {report:?}");
        prop_assert!(report.differences.iter().all(|found| found.key.is_some() == (keys != "[]")), "{report:?}");
    }
}

#[test]
fn states_that_differ_are_found() {
    let memory = Memory::new(rows(1, 100), vec![1]);
    // States are compared per call: each row is to have one of its own.
    let job = memory.job(&format!("batch-rows = 1\n{PIPELINE}"), 2);
    let twice = NewVersion { config: json!({ "tag": "0", "twice": 40 }), ..version("count_v1", 0, "never") };
    let (report, written) = run(&memory, &job, twice, i64::MAX, 3);
    assert_eq!(written.len(), 100);
    assert_eq!((report.rows, report.rows_differing), (100, 1));
    assert_eq!((report.states, report.states_differing), (100, 1));
    let told: Vec<_> = report.differences.iter().map(|d| (d.part.as_str(), d.column.as_deref().unwrap())).collect();
    assert_eq!(told, [("main", "number"), ("state", "count")]);
    // The value that is counted twice is of this key.
    assert!(report.differences.iter().all(|d| d.key.as_deref() == Some("{key: k0}")), "{report:?}");
    assert_eq!((report.differences[1].old.as_deref(), report.differences[1].new.as_deref()), (Some("8"), Some("9")));
}

#[test]
fn a_version_that_fails_or_loops_is_given_up_and_harms_nothing() {
    for (fails, failures) in [("always", 10), ("loops", 1)] {
        let memory = Memory::new(rows(1, 500), vec![5]);
        let job = memory.job(PIPELINE, 2);
        let (report, written) = run(&memory, &job, version("count_v1", 1, fails), i64::MAX, 9);
        assert_eq!(written.len(), 500, "{fails}");
        assert!(report.given_up && report.failure.is_some(), "{report:?}");
        assert_eq!(report.failures, failures, "{report:?}");
    }
}

#[test]
fn it_ends_with_its_time_a_stop_or_a_swap() {
    let memory = Memory::new(rows(1, 50), vec![5]);
    let job = memory.job(SCALE, 1);
    let other = || scale(json!({ "factor": 3, "factor_of_tens": 3 }));
    let (report, _) = run(&memory, &job, other(), 0, 5);
    assert_eq!((report.landed, report.rows), (1, 0), "its time was over when it began");

    let memory = Memory::new(rows(1, 50), vec![5]);
    let released = memory.released.get_or_init(AtomicUsize::default);
    let restart = RestartSettings { delay_ms: 0, delay_max_ms: 0, failures_max: 0, period_ms: 0 };
    let durable = durable_in(plain(&Arc::new(InMemory::new())));
    let job = Arc::new(memory.job(SCALE, 1));
    let mut supervisor = Supervisor::start(job, Arc::new(ManualClock::default()), Some(durable), restart).unwrap();
    let wait = |supervisor: &mut Supervisor, is_met: &dyn Fn() -> bool| {
        while !is_met() {
            assert!(supervisor.wait(Duration::from_millis(1)).is_none(), "it has rows left");
        }
    };
    let stopped = supervisor.shadow(&[other()], i64::MAX).unwrap();
    wait(&mut supervisor, &|| stopped.report().landed == 1);
    stopped.stop();
    let swapped = supervisor.shadow(&[other()], i64::MAX).unwrap();
    wait(&mut supervisor, &|| swapped.report().landed == 1);
    released.store(20, Ordering::Relaxed);
    wait(&mut supervisor, &|| swapped.report().rows == 20);
    let swap = supervisor.swap(&[other()], Probation::NONE).unwrap();
    assert!(!swapped.is_open() && stopped.report().rows == 0);
    wait(&mut supervisor, &|| swap.phase() == Phase::Done);
    released.store(50, Ordering::Relaxed);
    while supervisor.wait(Duration::from_secs(1)).map(Result::unwrap).is_none() {}
    assert_eq!((swapped.report().rows, swapped.report().rows_differing), (20, 20));
    let factor = |row: &String| row.split_once(',').map(|(v, s)| s.parse::<i64>().unwrap() / v.parse::<i64>().unwrap());
    let twice = memory.take_written().iter().filter(|row| factor(row) == Some(2)).count();
    assert_eq!(twice, 20, "the swap changed the stream, and nothing else did");
}
