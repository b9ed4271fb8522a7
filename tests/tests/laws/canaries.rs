//! Swaps that a share of the key groups gets first: those and no others, until the rest follows at a barrier; then all, and every
//! row still counted once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, StringArray};
use proptest::prelude::*;
use weir_core::graph::RestartSettings;
use weir_core::key_group::{KEY_GROUPS_DEFAULT, group_of, hash_keys, subtask_of};
use weir_core::swap::{Canary, Phase, Probation, RollbackReason};
use weir_core::time::ManualClock;
use weir_engine::{NewVersion, Supervisor};
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::plain;
use crate::support::{HOST, Memory, chooser, durable_in, root};
use crate::swaps::{PIPELINE, PROBATION, rows, start, steps, tags, version};

fn canary(percent: u32) -> Probation {
    Probation { canary: Canary::new(percent), ..PROBATION }
}

pub(crate) fn key_group(key: &str) -> u32 {
    let (mut hashes, keys) = (Vec::new(), Arc::new(StringArray::from(vec![key])) as ArrayRef);
    hash_keys(&[keys], 1, &mut hashes).unwrap();
    group_of(hashes[0], KEY_GROUPS_DEFAULT)
}

/// Whether a key is among those that go first.
fn goes_first(key: &str, percent: u32) -> bool {
    Canary::new(percent).unwrap().has(key_group(key))
}

/// The rows of each key that a version made, as far as they were written.
fn made_by(memory: &Memory, tag: &str) -> BTreeMap<String, usize> {
    let mut made = BTreeMap::new();
    for row in memory.written.lock().unwrap().iter() {
        let mut cells = row.split(',');
        let (key, of) = (cells.next().unwrap().to_owned(), cells.nth(1).unwrap());
        *made.entry(key).or_default() += usize::from(of == tag);
    }
    made
}

proptest! {
    #![proptest_config(crate::support::cases(48))]

    #[test]
    fn some_key_groups_go_first_and_the_others_follow(
        seed in any::<u64>(),
        gap in 0..60_usize,
        percent in 1..100_u32,
        (parallelism, splits, batch) in (1..4_usize, 1..4_usize, 1..9_usize),
    ) {
        // More than are read before the swap.
        let input = rows(splits, 800);
        let memory = Memory::new(input.clone(), vec![batch]);
        let job = memory.job(PIPELINE, parallelism);
        let (mut local, mut choose) = (start(&job), chooser(seed));
        steps(&mut local, gap, &mut choose);
        let next = job.swapped(&[version("count_v1", 1, "never")], canary(percent)).unwrap();
        let swap = local.swap(&job, &next, canary(percent)).unwrap();
        while swap.phase() == Phase::CuttingOver && steps(&mut local, 1, &mut choose) {}
        let before = made_by(&memory, "0");
        while matches!(swap.phase(), Phase::Canary { .. } | Phase::Proven) && steps(&mut local, 1, &mut choose) {}
        for (key, rows) in made_by(&memory, "1") {
            prop_assert!(rows == 0 || goes_first(&key, percent), "{} has {} rows of the new version", key, rows);
        }
        for (key, rows) in made_by(&memory, "0") {
            prop_assert!(rows == before.get(&key).copied().unwrap_or_default() || !goes_first(&key, percent), "{}", key);
        }
        local.run(choose).unwrap();
        prop_assert_eq!(swap.phase(), Phase::Done);
        for (key, tags) in tags(&memory.take_written(), &input) {
            prop_assert!(tags.is_sorted(), "{key}: {tags:?}");
        }
    }

    /// Nothing is skipped, and the others never see it.
    #[test]
    fn one_that_fails_is_rolled_back_before_the_rest_follows(
        seed in any::<u64>(),
        percent in 30..100_u32,
        fails in prop_oneof![Just("always"), Just("hundredth")],
        (parallelism, batch) in (1..4_usize, 1..9_usize),
    ) {
        let input = rows(3, 300);
        let memory = Memory::new(input.clone(), vec![batch]);
        let job = memory.job(PIPELINE, parallelism);
        let mut local = start(&job);
        let probation = Probation { batches: u64::MAX, ..canary(percent) };
        let next = job.swapped(&[version("count_v1", 1, fails)], probation).unwrap();
        let swap = local.swap(&job, &next, probation).unwrap();
        local.run(chooser(seed)).unwrap();
        let meets_it = input.iter().flatten().any(|(key, value, _)| goes_first(key, percent) && value % 100 == 0);
        if meets_it {
            let phase = swap.phase();
            prop_assert!(matches!(phase, Phase::RolledBack(RollbackReason::Regressed(_))), "{phase:?}");
        }
        for (key, tags) in tags(&memory.take_written(), &input) {
            prop_assert!(!tags.contains(&1) || (goes_first(&key, percent) && fails != "always"), "{key}: {tags:?}");
        }
    }
}

#[test]
fn a_supervised_job_gets_it_in_two_steps() {
    const ROWS: usize = 2_000;
    let input = rows(2, ROWS as i64);
    let memory = Memory::new(input.clone(), vec![20]);
    let released = memory.released.get_or_init(AtomicUsize::default);
    let restart = RestartSettings { delay_ms: 0, delay_max_ms: 0, failures_max: 0, period_ms: 0 };
    let durable = durable_in(plain(&Arc::new(InMemory::new())));
    // Batches are counted: they must stay as small as those that are read.
    let job = Arc::new(memory.job(&format!("batch-rows = 20\n{PIPELINE}"), 2));
    let mut supervisor = Supervisor::start(job, Arc::new(ManualClock::default()), Some(durable), restart).unwrap();
    // Each subtask must have a key that can prove it.
    let keys = ["k0", "k1", "k2", "k3", "k4"];
    let has_one = |percent: u32, subtask: usize| {
        keys.iter().any(|k| goes_first(k, percent) && subtask_of(key_group(k), 2, KEY_GROUPS_DEFAULT) == subtask)
    };
    let percent = (1..100).find(|percent| has_one(*percent, 0) && has_one(*percent, 1)).unwrap();
    assert!(!keys.iter().all(|key| goes_first(key, percent)), "some follow");
    let swap = supervisor.swap(&[version("count_v1", 1, "never")], canary(percent)).unwrap();
    let mut wait = |is_met: &dyn Fn() -> bool| {
        let met = (0..60_000).any(|_| {
            assert!(supervisor.wait(Duration::from_millis(1)).is_none(), "it has rows left");
            is_met()
        });
        assert!(met, "{:?}", swap.phase());
    };
    wait(&|| swap.phase() == Phase::Canary { since_us: 0 });
    released.store(ROWS / 2, Ordering::Relaxed);
    wait(&|| matches!(swap.phase(), Phase::Probation { .. } | Phase::Done));
    released.store(ROWS, Ordering::Relaxed);
    while supervisor.wait(Duration::from_secs(1)).map(Result::unwrap).is_none() {}
    assert_eq!(swap.phase(), Phase::Done);
    for (key, tags) in tags(&memory.take_written(), &input) {
        assert!(tags.is_sorted() && tags.last() == Some(&1), "{key}: {tags:?}");
        assert_eq!(
            tags[0],
            usize::from(goes_first(&key, percent)),
            "{key}: what comes behind the barrier is for the new version"
        );
    }
}

#[test]
fn what_has_no_keys_or_other_states_is_refused() {
    let memory = Memory::new(rows(1, 10), vec![5]);
    let job = memory.job(PIPELINE, 2);
    let refused = job.swapped(&[version("count_v2", 1, "never")], canary(5)).map(drop).unwrap_err().to_string();
    assert_eq!(
        refused,
        "operator \"count\" cannot run that version: it keeps state in another layout, so keys cannot go from one version to the \
         other: swap without a canary"
    );
    let scale = PIPELINE.replace("count_v1", "scale").replace("key-by = [\"key\"]\n", "");
    let scale = scale.replace("{ tag = \"0\" }", "{ factor = 1, factor_of_tens = 1 }");
    let scale = scale.replace("\"number\", \"tag\"", "\"scaled\"");
    let other = NewVersion {
        component: HOST.load(root().join("tests/guests/scale.wasm")).unwrap(),
        config: serde_json::json!({ "factor": 2, "factor_of_tens": 2 }),
        ..version("count_v1", 1, "never")
    };
    let refused = memory.job(&scale, 2).swapped(&[other], canary(5)).map(drop).unwrap_err().to_string();
    assert_eq!(
        refused,
        "operator \"count\" cannot run that version: it has no keys of which some could go first: swap without a canary, after a \
         shadow run"
    );
}
