//! Swaps at any step of a job, between versions whose states have the same or another layout, and versions that fail: every row is
//! counted once, counts continue, and per key the version changes at most once per swap.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use weir_core::graph::RestartSettings;
use weir_core::swap::{Phase, Probation, RollbackReason};
use weir_core::time::{Clock, ManualClock};
use weir_engine::local::LocalJob;
use weir_engine::{Job, NewVersion, SharedSwap, Supervisor, SwapError};
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::plain;
use crate::support::{HOST, Memory, Row, chooser, durable_in, root};

pub(crate) const PIPELINE: &str = r#"
name = "swaps"
[sources.rows]
connector = "memory"
event-time = "ts"
[operators.count]
input = "rows"
component = "tests/guests/count_v1.wasm"
config = { tag = "0" }
key-by = ["key"]
on-error = "skip"
limits = { call-time = "1s" }
[sinks.out]
input = "count"
connector = "memory"
columns = ["key", "number", "tag", "value"]
"#;

pub(crate) const PROBATION: Probation =
    Probation { batches: 3, time_max_us: i64::MAX, regressions_max: 0, canary: None };

pub(crate) fn rows(splits: usize, rows: i64) -> Vec<Vec<Row>> {
    let row = |split: i64, n: i64| (format!("k{}", (n * 7 + split) % 5), split * rows + n, n);
    (0..splits as i64).map(|split| (0..rows).map(|n| row(split, n)).collect()).collect()
}

/// A version of the operator: its component, and its config.
pub(crate) fn version(component: &str, tag: usize, fails: &str) -> NewVersion {
    NewVersion {
        operator: "count".to_owned(),
        component: HOST.load(root().join(format!("tests/guests/{component}.wasm"))).unwrap(),
        config: serde_json::json!({ "tag": tag.to_string(), "fails": fails }),
        limits: weir_core::limits::OperatorLimits { call_time_ms: 1_000, ..Default::default() },
        goes_back: false,
    }
}

/// What came out: by key, the tags of its rows by their numbers. Fails if a row is lost, doubled, or misnumbered.
pub(crate) fn tags(written: &[String], input: &[Vec<Row>]) -> BTreeMap<String, Vec<usize>> {
    tags_but(written, input, |_| false)
}

/// The same, but rows of some values may be missing.
pub(crate) fn tags_but(
    written: &[String],
    input: &[Vec<Row>],
    is_bad: impl Fn(i64) -> bool,
) -> BTreeMap<String, Vec<usize>> {
    let mut values: Vec<i64> =
        input.iter().flatten().map(|(_, value, _)| *value).filter(|value| !is_bad(*value)).collect();
    values.sort_unstable();
    let (mut seen, mut numbered) = (Vec::new(), BTreeMap::<String, BTreeMap<usize, usize>>::new());
    for row in written {
        let [key, number, tag, value] = row.split(',').collect::<Vec<_>>().try_into().unwrap();
        seen.push(value.parse::<i64>().unwrap());
        let before = numbered.entry(key.to_owned()).or_default().insert(number.parse().unwrap(), tag.parse().unwrap());
        assert_eq!(before, None, "two rows of {key} have number {number}");
    }
    seen.sort_unstable();
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "no row twice: {seen:?}");
    seen.retain(|value| !is_bad(*value));
    assert_eq!(seen, values, "every row once");
    for (key, tags) in &numbered {
        assert!(tags.keys().copied().eq(1..=tags.len()), "the numbers of {key} have gaps");
    }
    numbered.into_iter().map(|(key, tags)| (key, tags.into_values().collect())).collect()
}

/// A job in one thread, with checkpoints in memory.
pub(crate) fn start(job: &Job) -> LocalJob {
    let durable = durable_in(plain(&Arc::new(InMemory::new())));
    LocalJob::resume(job, Arc::new(ManualClock::default()) as Arc<dyn Clock>, &durable).unwrap()
}

/// Does so many steps; `false`: there were not so many.
pub(crate) fn steps(local: &mut LocalJob, count: usize, choose: &mut impl FnMut(usize) -> usize) -> bool {
    for _ in 0..count {
        let choices = local.choices();
        let Some(choice) = choices.get(choose(choices.len().max(1))) else { return false };
        local.step(*choice).unwrap();
    }
    true
}

/// How often a key's tag changes.
fn changes(tags: &[usize]) -> usize {
    tags.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

proptest! {
    #![proptest_config(crate::support::cases(48))]

    /// Both layouts in turn, and the configuration alone.
    #[test]
    fn rows_are_counted_once_and_versions_change_once_per_swap(
        seed in any::<u64>(),
        gaps in prop::collection::vec(0..60_usize, 1..5),
        (parallelism, splits, batch) in (1..4_usize, 1..4_usize, 1..9_usize),
    ) {
        let input = rows(splits, 120);
        let memory = Memory::new(input.clone(), vec![batch]);
        let mut job = memory.job(PIPELINE, parallelism);
        let (mut local, mut choose) = (start(&job), chooser(seed));
        let mut swaps = 0;
        for (index, gap) in gaps.iter().enumerate() {
            if !steps(&mut local, *gap, &mut choose) {
                break;
            }
            let component = ["count_v2", "count_v2", "count_v1"][index % 3];
            let next = job.swapped(&[version(component, index + 1, "never")], PROBATION).unwrap();
            let swap = local.swap(&job, &next, PROBATION).unwrap();
            while swap.is_open() && steps(&mut local, 1, &mut choose) {}
            if swap.is_open() {
                break;
            }
            prop_assert_eq!(swap.phase(), Phase::Done);
            swaps += 1;
            job = next;
        }
        local.run(choose).unwrap();
        for (key, tags) in tags(&memory.take_written(), &input) {
            prop_assert!(tags.is_sorted(), "{key}: {tags:?}");
            prop_assert!(changes(&tags) <= swaps + 1, "{key}: {tags:?}");
        }
    }

    /// A version that fails at all rows or at some is put back by itself, whatever the layout of its state: nothing is skipped.
    #[test]
    fn a_version_that_fails_is_rolled_back_without_a_trace(
        seed in any::<u64>(),
        gap in 0..80_usize,
        fails in prop_oneof![Just("always"), Just("hundredth")],
        component in prop_oneof![Just("count_v1"), Just("count_v2")],
        (parallelism, batch) in (1..4_usize, 1..9_usize),
    ) {
        // So many that it comes to some that it fails at.
        let input = rows(3, 600);
        let memory = Memory::new(input.clone(), vec![batch]);
        let job = memory.job(PIPELINE, parallelism);
        let (mut local, mut choose) = (start(&job), chooser(seed));
        steps(&mut local, gap, &mut choose);
        let probation = Probation { batches: u64::MAX, ..PROBATION };
        let next = job.swapped(&[version(component, 1, fails)], probation).unwrap();
        let swap = local.swap(&job, &next, probation).unwrap();
        local.run(choose).unwrap();
        let phase = swap.phase();
        prop_assert!(matches!(phase, Phase::RolledBack(RollbackReason::Regressed(_))), "{phase:?}");
        for (key, tags) in tags(&memory.take_written(), &input) {
            prop_assert!(changes(&tags) <= 2, "{key}: {tags:?}");
            prop_assert!(fails != "always" || !tags.contains(&1), "{key}: {tags:?}");
        }
    }
}

#[test]
fn limits_alone_are_swapped_too() {
    let memory = Memory::new(rows(1, 50), vec![5]);
    let job = memory.job(PIPELINE, 2);
    let mut local = start(&job);
    let same = NewVersion { config: serde_json::json!({ "tag": "0" }), ..version("count_v1", 0, "never") };
    let limits = weir_core::limits::OperatorLimits { memory_bytes: 32 << 20, ..same.limits.clone() };
    let next = job.swapped(&[NewVersion { limits, ..same }], PROBATION).unwrap();
    assert_eq!(
        (job.guest_resources().memory_bytes, next.guest_resources().memory_bytes),
        (2 * (64 << 20), 2 * (32 << 20))
    );
    let swap = local.swap(&job, &next, PROBATION).unwrap();
    local.run(chooser(5)).unwrap();
    assert_eq!((swap.landed(), swap.phase()), (2, Phase::Done));
}

#[test]
fn a_version_that_loops_is_rolled_back() {
    let input = rows(1, 300);
    let memory = Memory::new(input.clone(), vec![50]);
    let job = memory.job(PIPELINE, 1);
    let mut local = start(&job);
    let next = job.swapped(&[version("count_v1", 1, "loops")], PROBATION).unwrap();
    let swap: SharedSwap = local.swap(&job, &next, Probation { batches: u64::MAX, ..PROBATION }).unwrap();
    local.run(chooser(3)).unwrap();
    assert!(matches!(swap.phase(), Phase::RolledBack(RollbackReason::Regressed(_))), "{:?}", swap.phase());
    tags(&memory.take_written(), &input);
}

#[test]
fn a_person_can_put_the_old_version_back_while_it_is_on_trial() {
    let input = rows(2, 200);
    let memory = Memory::new(input.clone(), vec![5]);
    let job = memory.job(PIPELINE, 2);
    let (mut local, mut choose) = (start(&job), chooser(7));
    let endless = Probation { batches: u64::MAX, ..PROBATION };
    let next = job.swapped(&[version("count_v2", 1, "never")], endless).unwrap();
    let swap = local.swap(&job, &next, endless).unwrap();
    while matches!(swap.phase(), Phase::CuttingOver) {
        assert!(steps(&mut local, 1, &mut choose));
    }
    steps(&mut local, 20, &mut choose);
    swap.roll_back();
    local.run(choose).unwrap();
    let tags = tags(&memory.take_written(), &input);
    assert!(tags.values().any(|tags| tags.contains(&1)), "the new version ran");
    assert!(tags.values().all(|tags| tags.last() == Some(&0)), "{tags:?}");
}

/// The same on threads, under a supervisor: what is kept is what the job is from then on.
#[test]
fn a_supervised_job_swaps_back_and_forth_while_it_runs() {
    const ROWS: usize = 4_000;
    let input = rows(3, ROWS as i64);
    let memory = Memory::new(input.clone(), vec![20]);
    let released = memory.released.get_or_init(AtomicUsize::default);
    // A probation counts batches, which an exchange would otherwise gather.
    let job = Arc::new(memory.job(&format!("batch-rows = 20\n{PIPELINE}"), 2));
    let durable = durable_in(plain(&Arc::new(InMemory::new())));
    let restart = RestartSettings { delay_ms: 0, delay_max_ms: 0, failures_max: 0, period_ms: 0 };
    let clock = Arc::new(ManualClock::default());
    let mut supervisor = Supervisor::start(job, clock, Some(durable), restart).unwrap();
    let mut kept = 0;
    for (index, component) in ["count_v2", "count_v1", "count_v2"].into_iter().enumerate() {
        let swap = supervisor.swap(&[version(component, index + 1, "never")], PROBATION).unwrap();
        if index == 0 {
            // No row has come yet, so the first cannot be decided.
            let refused = supervisor.swap(&[version("count_v1", 9, "never")], PROBATION).map(drop);
            assert!(matches!(refused, Err(SwapError::UnderWay)), "{refused:?}");
        }
        while swap.is_open() {
            assert!(supervisor.wait(Duration::from_millis(1)).is_none(), "it has rows left");
            // What comes behind the barrier is for the new version.
            if swap.landed() > 0 {
                released.store((index + 1) * ROWS / 4, Ordering::Relaxed);
            }
        }
        assert_eq!(swap.phase(), Phase::Done);
        assert!(supervisor.wait(Duration::ZERO).is_none());
        let component = HOST.load(root().join(format!("tests/guests/{component}.wasm"))).unwrap();
        let expected = component.version(&version("count_v1", index + 1, "never").config);
        assert_eq!(supervisor.job().versions(), [("count".to_owned(), expected)]);
        let figures = supervisor.figures();
        assert!(figures.swap.is_some_and(|cut_over| cut_over.took_us.is_some()), "{figures:?}");
        // The barrier of a swap comes after the checkpoint of the one before.
        assert!(index == 0 || figures.nodes[1].state_bytes > Some(0), "{figures:?}");
        kept += 1;
    }
    released.store(ROWS, Ordering::Relaxed);
    while supervisor.wait(Duration::from_secs(1)).map(Result::unwrap).is_none() {}
    for (key, tags) in tags(&memory.take_written(), &input) {
        assert!(tags.is_sorted() && tags.last() == Some(&kept), "{key}: {tags:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused_before_anything_changes() {
    let memory = Memory::new(rows(1, 10), vec![5]);
    let job = memory.job(PIPELINE, 2);
    let refused = |version: NewVersion| job.swapped(&[version], PROBATION).map(drop).unwrap_err().to_string();
    assert_eq!(
        refused(NewVersion { operator: "cuont".to_owned(), ..version("count_v2", 1, "never") }),
        "the job has no operator \"cuont\"; did you mean \"count\"?; it has count"
    );
    let transform = HOST.load(root().join("tests/guests/echo.wasm")).unwrap();
    assert_eq!(
        refused(NewVersion { component: transform, ..version("count_v2", 1, "never") }),
        "operator \"count\" cannot run that version: the new component is a transform-operator, but the running one is a keyed-operator"
    );
    let same = NewVersion { config: serde_json::json!({ "tag": "0" }), ..version("count_v1", 0, "never") };
    assert_eq!(refused(same), "operator \"count\" runs that version already");
    let other = HOST.load(root().join("operators/running_count.wasm")).unwrap();
    let other = NewVersion {
        component: other,
        config: serde_json::json!({ "column": "value" }),
        ..version("count_v1", 1, "never")
    };
    assert_eq!(
        refused(other),
        "operator \"count\" cannot run that version: column 4 of its output \"main\" would be \"running_count\" uint64 instead of \
         \"number\" uint64"
    );
}
