//! Swaps of aggregates that are components, with windows open and partial results on their way: no window loses a row, and every
//! result after the barrier is the new version's.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use weir_core::swap::{Canary, Phase, Probation, RollbackReason};
use weir_core::time::{Clock, ManualClock};
use weir_engine::local::LocalJob;
use weir_engine::{GuestResources, Job, NewVersion};
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::plain;
use crate::support::{HOST, Memory, chooser, durable_in, root};
use crate::swaps::{PROBATION, rows, start, steps, version};

const PIPELINE: &str = r#"
name = "aggregate-swaps"
[sources.rows]
connector = "memory"
event-time = "ts"
watermark = { bounded-out-of-orderness = "40ms" }
[STEP]
input = "rows"
key-by = ["key"]
FRAME
aggregates.n = "count"
aggregates.total = { component = "tests/guests/total.wasm", columns = ["value"], config = { times = 1 }CONDITION }
[sinks.out]
input = "step"
connector = "memory"
"#;

fn total(times: i64, fails: &str) -> NewVersion {
    NewVersion {
        operator: "step.total".to_owned(),
        component: HOST.load(root().join("tests/guests/total.wasm")).unwrap(),
        config: serde_json::json!({ "times": times, "fails": fails }),
        ..version("count_v1", 0, "never")
    }
}

/// Results by key, window and number of rows. Fails if there are two of one.
fn totals(written: Vec<String>) -> BTreeMap<String, i64> {
    let mut totals = BTreeMap::new();
    for row in written {
        let (window, total) = row.rsplit_once(',').unwrap();
        assert_eq!(totals.insert(window.to_owned(), total.parse::<i64>().unwrap()), None, "{window} twice");
    }
    totals
}

/// Steps that give each result once: the windows that keep panes, and sessions, which merge; windows of the general operator; rolling
/// aggregates. Of some the component gets some rows only.
const STEPS: [(&str, &str, &str); 8] = [
    ("windows.step", "window = { tumbling = \"100ms\" }", ""),
    ("windows.step", "window = { sliding = \"150ms\", slide = \"50ms\" }", ""),
    ("windows.step", "window = { session = \"30ms\" }", ""),
    ("windows.step", "window = { cumulating = \"100ms\", step = \"50ms\" }", ""),
    ("windows.step", "window = { session = \"30ms\" }\ntrigger = { late = { rows = 2 } }", ""),
    ("rolling.step", "range = \"30ms\"", ""),
    ("windows.step", "window = { tumbling = \"100ms\" }", EVEN),
    ("windows.step", "window = { session = \"30ms\" }\ntrigger = { late = { rows = 2 } }", EVEN),
];
const EVEN: &str = ", where = \"value % 2 = 0\"";

fn job(memory: &Memory, step: usize, parallelism: usize) -> Job {
    let (name, frame, condition) = STEPS[step];
    let pipeline = PIPELINE.replace("STEP", name).replace("FRAME", frame).replace("CONDITION", condition);
    memory.job(&pipeline, parallelism)
}

/// Ahead of an exchange too.
#[test]
fn a_version_on_trial_may_have_as_much_memory_as_the_one_that_runs() {
    for (step, parallelism) in [(0, 1), (0, 3), (2, 3), (3, 3), (5, 3)] {
        let job = job(&Memory::new(rows(1, 1), vec![1]), step, parallelism);
        let room = job.guest_resources();
        assert!(room.instances > 0 && room.memory_bytes > 0);
        // On the same threads.
        assert_eq!(job.second_guest_resources(&[total(1, "never")]), GuestResources { threads: 0, ..room });
    }
}

proptest! {
    #![proptest_config(crate::support::cases(48))]

    #[test]
    fn open_windows_continue_and_results_are_the_new_versions_behind_the_barrier(
        seed in any::<u64>(),
        gap in 0..150_usize,
        step in 0..STEPS.len(),
        (parallelism, splits, batch) in (1..4_usize, 1..4_usize, 1..20_usize),
    ) {
        let memory = Memory::new(rows(splits, 300), vec![batch]);
        let job = job(&memory, step, parallelism);
        let expected = totals(memory.run(&job, chooser(1)));
        let (mut local, mut choose) = (start(&job), chooser(seed));
        steps(&mut local, gap, &mut choose);
        let before = totals(memory.take_written());
        let next = job.swapped(&[total(10, "never")], PROBATION).unwrap();
        let swap = local.swap(&job, &next, PROBATION).unwrap();
        while swap.phase() == Phase::CuttingOver && steps(&mut local, 1, &mut choose) {}
        let meanwhile = totals(memory.take_written());
        local.run(choose).unwrap();
        // It may have been asked for when every source had ended: then no barrier came any more.
        prop_assert!(swap.phase() == Phase::Done || swap.landed() == 0, "{swap:?}");
        let after = totals(memory.take_written());
        prop_assert_eq!(before.len() + meanwhile.len() + after.len(), expected.len());
        prop_assert!(before.iter().all(|(window, total)| expected.get(window) == Some(total)), "{before:?}");
        let is_either = |(window, total): (&String, &i64)| [*total, *total / 10].contains(&expected[window]);
        prop_assert!(meanwhile.iter().all(is_either), "{meanwhile:?}");
        prop_assert!(after.iter().all(|(window, total)| 10 * expected[window] == *total), "{after:?}");
    }

    #[test]
    fn one_that_fails_is_rolled_back_without_a_trace(
        seed in any::<u64>(),
        step in 0..STEPS.len(),
        fails in prop_oneof![Just("accumulate"), Just("merge"), Just("finish")],
        // Not so large that all rows may be read before the barrier comes.
        (parallelism, splits, batch) in (1..4_usize, 1..4_usize, 1..10_usize),
    ) {
        let memory = Memory::new(rows(splits, 300), vec![batch]);
        let job = job(&memory, step, parallelism);
        let expected = memory.run(&job, chooser(1));
        let probation = Probation { batches: u64::MAX, ..PROBATION };
        let mut local = start(&job);
        let next = job.swapped(&[total(1, fails)], probation).unwrap();
        let swap = local.swap(&job, &next, probation).unwrap();
        local.run(chooser(seed)).unwrap();
        prop_assert_eq!(memory.take_written(), expected);
        let phase = swap.phase();
        let is_rolled_back = matches!(phase, Phase::RolledBack(RollbackReason::Regressed(_)));
        prop_assert!(is_rolled_back || fails == "merge", "{phase:?}");
    }

    /// Either version resumes from a checkpoint of the other.
    #[test]
    fn a_job_that_is_killed_continues_with_either_version(
        seed in any::<u64>(),
        gap in 0..300_usize,
        step in 0..STEPS.len(),
        resumes_with_new in any::<bool>(),
        (parallelism, batch) in (1..4_usize, 1..20_usize),
    ) {
        let memory = Memory::new(rows(2, 200), vec![batch]);
        let job = job(&memory, step, parallelism);
        let expected = totals(memory.run(&job, chooser(1)));
        let durable = durable_in(plain(&Arc::new(InMemory::new())));
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let mut choose = chooser(seed);
        let mut local = LocalJob::resume(&job, clock.clone(), &durable).unwrap();
        let next = job.swapped(&[total(10, "never")], PROBATION).unwrap();
        local.swap(&job, &next, PROBATION).unwrap();
        steps(&mut local, gap, &mut choose);
        drop(local);
        memory.take_written();
        let job = if resumes_with_new { &next } else { &job };
        LocalJob::resume(job, clock, &durable).unwrap().run(choose).unwrap();
        let times = if resumes_with_new { 10 } else { 1 };
        for (window, total) in totals(memory.take_written()) {
            prop_assert_eq!(total, times * expected[&window], "{}", window);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_before_anything_changes() {
    let memory = Memory::new(rows(1, 10), vec![5]);
    let job = job(&memory, 0, 1);
    let refused =
        |version: NewVersion, probation| job.swapped(&[version], probation).map(drop).unwrap_err().to_string();
    let unknown = NewVersion { operator: "step.n".to_owned(), ..total(2, "never") };
    assert_eq!(refused(unknown, PROBATION), "the job has no operator \"step.n\"; it has step.total");
    assert_eq!(
        refused(total(2, "never"), Probation { canary: Canary::new(5), ..PROBATION }),
        "operator \"step.total\" cannot run that version: a new version of an aggregate gets all groups at once: swap without a \
         canary"
    );
    let quantile = HOST.load(root().join("operators/quantile.wasm")).unwrap();
    let quantile = NewVersion { component: quantile, config: serde_json::json!({ "q": 0.5 }), ..total(2, "never") };
    assert_eq!(
        refused(quantile, PROBATION),
        "operator \"step.total\" cannot run that version: column 0 of its output \"main\" would be \"quantile\" float64, nullable \
         instead of \"total\" int64"
    );
    let next = job.swapped(&[total(2, "never")], Probation::NONE).unwrap();
    let refused = start(&job).shadow(&job, &next, i64::MAX).map(drop).unwrap_err().to_string();
    assert_eq!(
        refused,
        "operator \"step\" cannot run that version: an aggregate emits results only when windows end, so there is nothing to \
         compare: swap it, and roll it back if it is worse"
    );
}
