//! Versions on trial whose states outgrow what the version before can hold. Until the first such state the swap can be rolled back, no matter who
//! wants it and when; with it the new version is kept. The job continues in any case, and from any checkpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use proptest::prelude::*;
use weir_core::swap::{Canary, Phase, Probation, RollbackReason};
use weir_core::time::{Clock, ManualClock};
use weir_engine::local::LocalJob;
use weir_engine::{Durable, Job, NewVersion, SharedSwap};
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::plain;
use crate::support::{Memory, checkpoint, chooser, durable_in};
use crate::swaps::{PIPELINE, PROBATION, rows, start, steps, tags, tags_but, version};

const ENDLESS: Probation = Probation { batches: u64::MAX, ..PROBATION };
const ROWS: i64 = 150;

/// A version with a wider state, of the same layout or of another, that no longer fits the old one from a value on.
fn outgrowing(component: &str, outgrows: i64) -> NewVersion {
    let config = serde_json::json!({ "tag": "1", "outgrows": outgrows });
    NewVersion { config, ..version(component, 1, "never") }
}

/// A clock that rolls a swap back when it is looked at for the n-th time: in the middle of a call, or between what a subtask says of
/// the swap and what it learns of it.
#[derive(Default)]
struct Meddler(AtomicUsize, Mutex<Option<SharedSwap>>);

impl Meddler {
    fn meddle(&self, looks: usize, swap: &SharedSwap) {
        *self.1.lock().unwrap() = Some(swap.clone());
        self.0.store(looks, Ordering::Relaxed);
    }
}

impl Clock for Meddler {
    fn now_us(&self) -> i64 {
        let looks = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |looks| looks.checked_sub(1));
        if looks == Ok(1) {
            let swap = self.1.lock().unwrap_or_else(PoisonError::into_inner).clone();
            swap.unwrap().roll_back();
        }
        0
    }
}

/// What happens while the swap is on trial.
#[derive(Clone, Copy, Debug)]
enum Then {
    Nothing,
    /// A person wants the old version back, after so many looks at the clock.
    RollBack(usize),
    /// The job crashes after a checkpoint.
    Crash,
}

proptest! {
    #![proptest_config(crate::support::cases(96))]

    #[test]
    fn a_swap_goes_back_or_is_kept_and_the_job_continues(
        seed in any::<u64>(),
        component in prop_oneof![Just("count_v2"), Just("count_wide")],
        probation in prop_oneof![9 => Just(ENDLESS), 1 => Just(Probation::NONE)],
        outgrows in 0..3 * ROWS,
        (gap, more) in (0..60_usize, 0..200_usize),
        then in prop_oneof![Just(Then::Nothing), (1..400_usize).prop_map(Then::RollBack), Just(Then::Crash)],
        (parallelism, splits, batch) in (1..4_usize, 1..4_usize, 1..9_usize),
    ) {
        let input = rows(splits, ROWS);
        let memory = Memory::new(input.clone(), vec![batch]);
        let job = memory.job(PIPELINE, parallelism);
        let (durable, clock) = (durable_in(plain(&Arc::new(InMemory::new()))), Arc::new(Meddler::default()));
        let (mut local, mut choose) = (LocalJob::resume(&job, clock.clone(), &durable).unwrap(), chooser(seed));
        steps(&mut local, gap, &mut choose);
        let next = job.swapped(&[outgrowing(component, outgrows)], probation).unwrap();
        let swap = local.swap(&job, &next, probation).unwrap();
        if let Then::RollBack(looks) = then {
            clock.meddle(looks, &swap);
        }
        steps(&mut local, more, &mut choose);
        if let Then::Crash = then {
            checkpoint(&mut local, &mut choose);
            drop(local);
            let resumes = if swap.phase() == Phase::Done { &next } else { &job };
            local = LocalJob::resume(resumes, clock, &durable).unwrap();
        }
        local.run(choose).unwrap();
        let phase = swap.phase();
        prop_assert!(phase == Phase::Done || swap.no_return().is_none(), "{phase:?}");
        for (key, tags) in tags(&memory.take_written(), &input) {
            prop_assert!(phase != Phase::Done || tags.is_sorted(), "{key}: {tags:?}");
        }
    }

    /// What fails after that fails for good; before, it is rolled back. What came before the barrier it never sees.
    #[test]
    fn a_version_that_has_outgrown_the_old_one_has_none_to_help_it(
        seed in any::<u64>(),
        (outgrows, fails) in (0..2 * ROWS, 0..2 * ROWS),
        gap in 0..40_usize,
        (parallelism, batch) in (1..4_usize, 1..9_usize),
    ) {
        let input = rows(2, ROWS);
        let memory = Memory::new(input.clone(), vec![batch]);
        let job = memory.job(PIPELINE, parallelism);
        let (mut local, mut choose) = (start(&job), chooser(seed));
        steps(&mut local, gap, &mut choose);
        let config = serde_json::json!({ "tag": "1", "outgrows": outgrows, "fails": fails });
        let failing = NewVersion { config, ..version("count_wide", 1, "never") };
        let next = job.swapped(&[failing], ENDLESS).unwrap();
        let swap = local.swap(&job, &next, ENDLESS).unwrap();
        let before = memory.read.lock().unwrap().clone();
        local.run(choose).unwrap();
        let written = memory.take_written();
        match swap.phase() {
            Phase::Done => {
                tags_but(&written, &input, |value| value >= fails && !before.contains(&value));
            }
            phase => {
                prop_assert!(!matches!(phase, Phase::RolledBack(RollbackReason::Refused(_))), "{phase:?}");
                tags(&written, &input);
            }
        }
    }
}

/// What no swap on trial has written is given up only if somebody says so.
#[test]
fn a_restore_gives_up_no_column_unasked() {
    let input = rows(1, ROWS);
    let memory = Memory::new(input.clone(), vec![8]);
    let job = memory.job(PIPELINE, 2);
    let wide = job.swapped(&[outgrowing("count_wide", i64::MAX)], ENDLESS).unwrap();
    let durable = durable_in(plain(&Arc::new(InMemory::new())));
    let resume = |job: &Job, given_up: &[&str]| {
        let allow_dropped = given_up.iter().map(|name| (*name).to_owned()).collect();
        let durable = Durable { allow_dropped, ..durable.clone() };
        LocalJob::resume(job, Arc::new(ManualClock::default()), &durable)
    };
    let (mut local, mut choose) = (resume(&wide, &[]).unwrap(), chooser(2));
    steps(&mut local, 20, &mut choose);
    checkpoint(&mut local, &mut choose);
    drop(local);
    for (job, given_up, why) in [
        (
            &job,
            vec![],
            "the column \"count\" of its state is uint64, and would be uint32; give the new layout another version, and \
             convert the old one in `migrate`",
        ),
        (&job, vec!["count.count"], "its state no longer has the column \"last\", which would be lost; "),
        (&wide, vec!["count.lats"], "or a column of state (OPERATOR.COLUMN) with that name"),
        (&wide, vec!["count.key"], "or a column of state (OPERATOR.COLUMN) with that name"),
    ] {
        let refused = resume(job, &given_up).map(drop).unwrap_err();
        let refused = format!("{:#}", anyhow::Error::new(refused));
        assert!(refused.contains(why) && !refused.contains("discard what"), "{given_up:?}: {refused}");
    }
    // Who goes back by a swap has said so, though no checkpoint came after it.
    let back = NewVersion { goes_back: true, ..version("count_v1", 0, "never") };
    drop(resume(&wide.swapped(&[back], ENDLESS).unwrap(), &[]).unwrap());
    // What the version keeps it keeps, whatever may be given up.
    resume(&wide, &["count.last"]).unwrap().run(choose).unwrap();
    tags(&memory.take_written(), &input);
}

/// A column that can be null has values in all states, or it has not: what is there decides, wherever a layout does not say.
#[test]
fn nulls_come_into_no_column_that_has_none() {
    let input = rows(2, 4 * ROWS);
    let memory = Memory::new(input.clone(), vec![8]);
    let durable = durable_in(plain(&Arc::new(InMemory::new())));
    let resume = |job: &Job| LocalJob::resume(job, Arc::new(ManualClock::default()), &durable);
    let sure = |goes_back| {
        let config = serde_json::json!({ "tag": "2" });
        NewVersion { config, goes_back, ..version("count_sure", 2, "never") }
    };
    let refused = "the column \"last\" of its state cannot be null, and is";
    let job = memory.job(PIPELINE, 2);
    let wide = job.swapped(&[outgrowing("count_wide", i64::MAX)], ENDLESS).unwrap();
    let error = wide.swapped(&[sure(false)], ENDLESS).map(drop).unwrap_err().to_string();
    assert!(error.contains("the column \"last\" of its state can be null, and could no longer be; give "), "{error}");
    let canary = Probation { canary: Canary::new(50), ..PROBATION };
    let error = wide.swapped(&[sure(true)], canary).map(drop).unwrap_err().to_string();
    assert!(error.contains("it keeps state in another layout"), "{error}");
    let sure = wide.swapped(&[sure(true)], ENDLESS).unwrap();

    let (mut local, mut choose) = (resume(&job).unwrap(), chooser(4));
    steps(&mut local, 40, &mut choose);
    checkpoint(&mut local, &mut choose);
    // States that were there have no last value yet.
    local = resume(&wide).unwrap();
    let swap = local.swap(&wide, &sure, ENDLESS).unwrap();
    checkpoint(&mut local, &mut choose);
    let Phase::RolledBack(RollbackReason::Refused(reason)) = swap.phase() else { panic!("{:?}", swap.phase()) };
    assert!(reason.ends_with(refused), "{reason}");
    let error = format!("{:#}", anyhow::Error::new(resume(&sure).map(drop).unwrap_err()));
    assert!(error.contains(&format!("{refused}; give the new layout another version")), "{error}");
    // Now all keys get rows.
    local = resume(&wide).unwrap();
    steps(&mut local, 100, &mut choose);
    checkpoint(&mut local, &mut choose);
    drop(resume(&sure).unwrap());
    local = resume(&wide).unwrap();
    local.swap(&wide, &sure, ENDLESS).unwrap();
    local.run(choose).unwrap();
    let tags = tags(&memory.take_written(), &input);
    assert!(tags.values().all(|tags| tags.is_sorted() && tags.last() == Some(&2)), "{tags:?}");
}

/// The last of these comes between a call that no way leads back from and its being told.
#[test]
fn a_rollback_comes_before_the_point_of_no_return_or_too_late() {
    for component in ["count_v2", "count_wide"] {
        let input = rows(1, ROWS);
        let run = |looks: usize| {
            let memory = Memory::new(input.clone(), vec![8]);
            let job = memory.job(PIPELINE, 1);
            let (durable, clock) = (durable_in(plain(&Arc::new(InMemory::new()))), Arc::new(Meddler::default()));
            let mut local = LocalJob::resume(&job, clock.clone(), &durable).unwrap();
            let next = job.swapped(&[outgrowing(component, 20)], ENDLESS).unwrap();
            let swap = local.swap(&job, &next, ENDLESS).unwrap();
            clock.meddle(looks, &swap);
            local.run(chooser(1)).unwrap();
            tags(&memory.take_written(), &input);
            swap.phase()
        };
        let in_time = (1..1_000).take_while(|looks| run(*looks) != Phase::Done).count();
        assert!((10..900).contains(&in_time), "{in_time}");
        assert_eq!(run(in_time), Phase::RolledBack(RollbackReason::Asked));
    }
}

/// A subtask is past the point of no return before the barrier has come to another.
#[test]
fn the_barrier_brings_what_is_kept_to_subtasks_that_it_has_not_come_to() {
    let mut early = 0;
    for seed in 0..60 {
        let input = rows(3, ROWS);
        let memory = Memory::new(input.clone(), vec![3]);
        let job = memory.job(PIPELINE, 3);
        let (mut local, mut choose) = (start(&job), chooser(seed));
        let next = job.swapped(&[outgrowing("count_wide", 0)], ENDLESS).unwrap();
        let swap = local.swap(&job, &next, ENDLESS).unwrap();
        while swap.is_open() && steps(&mut local, 1, &mut choose) {}
        early += usize::from(swap.landed() < 3);
        swap.roll_back();
        local.run(choose).unwrap();
        assert_eq!((swap.phase(), swap.landed()), (Phase::Done, 3), "seed {seed}");
        let why = swap.no_return().unwrap();
        assert!(why.starts_with("the column \"count\" of its state cannot be uint32"), "{why}");
        for (key, tags) in tags(&memory.take_written(), &input) {
            assert!(tags.is_sorted() && tags.last() == Some(&1), "seed {seed}, {key}: {tags:?}");
        }
    }
    assert!(early > 5, "{early} were kept before all had them");
}
