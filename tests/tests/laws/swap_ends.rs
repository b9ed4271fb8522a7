//! How a swap ends: kept only when a checkpoint holds it, and undone where a subtask refuses the version or nobody can say whether
//! there is a way back. What cannot be undone in place is undone from the checkpoint before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::Array;
use weir_core::graph::RestartSettings;
use weir_core::key_group::{KEY_GROUPS_DEFAULT, subtask_of};
use weir_core::swap::{Phase, Probation, RollbackReason};
use weir_core::time::{Clock, ManualClock};
use weir_engine::local::{Choice, LocalError, LocalJob};
use weir_engine::{Durable, Job, NewVersion, Supervisor, SwapError};
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::canaries::key_group;
use crate::stores::{Operation, Verdict, hooked, plain};
use crate::support::{Memory, Row, checkpoint, chooser, durable_in};
use crate::swaps::{PIPELINE, PROBATION, rows, start, steps, tags, version};

const ENDLESS: Probation = Probation { batches: u64::MAX, ..PROBATION };

fn configured(component: &str, config: serde_json::Value) -> NewVersion {
    NewVersion { config, ..version(component, 1, "never") }
}

fn resume(job: &Job, clock: &Arc<ManualClock>, durable: &Durable) -> LocalJob {
    LocalJob::resume(job, Arc::clone(clock) as Arc<dyn Clock>, durable).unwrap()
}

/// Steps a job until so many rows are written and a checkpoint has them; returns what was written.
fn write_rows(
    memory: &Memory,
    local: &mut LocalJob,
    rows: usize,
    mut choose: impl FnMut(usize) -> usize,
) -> Vec<String> {
    while memory.written.lock().unwrap().len() < rows {
        assert!(steps(local, 1, &mut choose));
    }
    checkpoint(local, choose);
    memory.written.lock().unwrap().clone()
}

/// Moves what has been read, and reads nothing, until the barrier of a swap has come to so many subtasks.
fn land(local: &mut LocalJob, landed: impl Fn() -> bool, mut choose: impl FnMut(usize) -> usize) {
    while !landed() {
        let moving: Vec<_> = local.choices().into_iter().filter(|choice| !matches!(choice, Choice::Poll(_))).collect();
        local.step(moving[choose(moving.len())]).unwrap();
    }
}

/// Steps a job until it has ended, or has failed because it cannot go back in place (`false`).
fn goes_back_in_place(
    local: &mut LocalJob,
    mut choose: impl FnMut(usize) -> usize,
    is_enough: impl Fn() -> bool,
) -> bool {
    while !is_enough() {
        let choices = local.choices();
        let Some(choice) = choices.get(choose(choices.len().max(1))) else { return true };
        match local.step(*choice) {
            Ok(()) => {}
            Err(LocalError::Subtask(error)) => {
                let told = format!("{:#}", anyhow::Error::new(error));
                assert!(told.contains("the previous version cannot take its state back"), "{told}");
                return false;
            }
            Err(error) => panic!("{:#}", anyhow::Error::new(error)),
        }
    }
    true
}

/// One subtask is past the point of no return when another cannot take over a state: nothing durable is of the new version then.
#[test]
fn a_version_that_one_subtask_refuses_is_undone_on_all() {
    let of = |subtask| move |key: &String| subtask_of(key_group(key), 2, KEY_GROUPS_DEFAULT) == subtask;
    let keys = || (0..).map(|n| format!("k{n}"));
    let (lands, refuses) = (keys().find(of(0)).unwrap(), keys().find(of(1)).unwrap());
    let input: Vec<Vec<Row>> = (0..2)
        .map(|split| {
            let key = |n: i64| if n < 15 || n % 2 == 0 { &refuses } else { &lands };
            (0..150).map(|n| (key(n).clone(), split * 150 + n, n)).collect()
        })
        .collect();
    let mut from_checkpoint = 0;
    for seed in 0..60 {
        let memory = Memory::new(input.clone(), vec![3]);
        memory.released.set(AtomicUsize::new(15)).unwrap();
        let job = memory.job(PIPELINE, 2);
        let (durable, clock) = (durable_in(plain(&Arc::new(InMemory::new()))), Arc::default());
        let (mut local, mut choose) = (resume(&job, &clock, &durable), chooser(seed));
        let before = write_rows(&memory, &mut local, 30, &mut choose);
        let next = configured("count_v2", serde_json::json!({ "tag": "1", "outgrows": 0, "refuses": 30 }));
        let next = job.swapped(&[next], ENDLESS).unwrap();
        let swap = local.swap(&job, &next, ENDLESS).unwrap();
        memory.released.get().unwrap().store(150, Ordering::Relaxed);
        while swap.is_open() {
            assert!(steps(&mut local, 1, &mut choose));
        }
        let was_kept = swap.phase() == Phase::Done;
        assert_eq!((was_kept, swap.no_return().is_some()), (swap.is_under_way(), was_kept), "seed {seed}");
        let is_in_place = goes_back_in_place(&mut local, &mut choose, || false);
        let phase = swap.phase();
        let Phase::RolledBack(RollbackReason::Refused(why)) = phase else { panic!("seed {seed}: {phase:?}") };
        assert!(why.contains("it has no use for a count of"), "{why}");
        assert!(!swap.is_under_way() && swap.no_return().is_none());
        assert_eq!(is_in_place, !was_kept, "seed {seed}");
        if !is_in_place {
            from_checkpoint += 1;
            *memory.written.lock().unwrap() = before;
            resume(&job, &clock, &durable).run(choose).unwrap();
        }
        for (key, tags) in tags(&memory.take_written(), &input) {
            assert!(tags.iter().all(|tag| *tag == 0), "seed {seed}, {key}: {tags:?}");
        }
    }
    assert!(from_checkpoint > 5, "{from_checkpoint} were kept before it was refused");
}

/// A call that takes too long says nothing of the states.
#[test]
fn a_way_back_that_nobody_can_tell_is_taken_at_once() {
    let input = rows(1, 150);
    let memory = Memory::new(input.clone(), vec![5]);
    let job = memory.job(&PIPELINE.replace("{ tag = \"0\" }", "{ tag = \"0\", endless = 20 }"), 2);
    let (mut local, mut choose) = (start(&job), chooser(11));
    let next = job.swapped(&[version("count_v2", 1, "never")], ENDLESS).unwrap();
    let swap = local.swap(&job, &next, ENDLESS).unwrap();
    land(&mut local, || swap.landed() == 2, &mut choose);
    local.run(choose).unwrap();
    let phase = swap.phase();
    let Phase::RolledBack(RollbackReason::Regressed(why)) = phase else { panic!("{phase:?}") };
    assert!(why.contains("whether its states can go back: the call took longer than 1000 ms"), "{why}");
    for (key, tags) in tags(&memory.take_written(), &input) {
        assert!(tags[0] == 1 && tags.last() == Some(&0), "{key}: {tags:?}");
    }
}

/// Nor does it when a job starts, which may succeed another time; a version that refuses a state always will.
#[test]
fn only_an_answer_says_that_a_state_cannot_be_read() {
    let cases = [
        ("count_v2", "count_v1", serde_json::json!({ "tag": "1", "endless": 5 }), false),
        ("count_v1", "count_v2", serde_json::json!({ "tag": "1", "refuses": 5 }), true),
    ];
    for (wrote, reads, config, is_of_state) in cases {
        let memory = Memory::new(rows(1, 50), vec![5]);
        let pipeline = |component: &str| PIPELINE.replace("count_v1", component);
        let durable = durable_in(plain(&Arc::new(InMemory::new())));
        let mut local = resume(&memory.job(&pipeline(wrote), 1), &Arc::default(), &durable);
        write_rows(&memory, &mut local, 50, chooser(1));
        drop(local);
        let job = memory.job(&pipeline(wrote), 1).swapped(&[configured(reads, config)], Probation::NONE).unwrap();
        let refused = LocalJob::resume(&job, Arc::new(ManualClock::default()), &durable).map(drop).unwrap_err();
        assert_eq!(refused.is_of_state(), is_of_state, "{refused:?}");
    }
}

/// A store whose files cannot be written while that is set.
fn refusing_store() -> (Arc<AtomicBool>, Durable) {
    let refuses = Arc::new(AtomicBool::default());
    let is_set = Arc::clone(&refuses);
    let between = move |operation: &Operation| match operation {
        Operation::Put(_) if is_set.load(Ordering::Relaxed) => Verdict::Fail,
        _ => Verdict::Go,
    };
    (refuses, durable_in(hooked(&Arc::new(InMemory::new()), between)))
}

#[test]
fn a_trial_lasts_until_a_checkpoint_holds_the_version() {
    let input = rows(2, 300);
    let memory = Memory::new(input.clone(), vec![3]);
    memory.released.set(AtomicUsize::new(150)).unwrap();
    let job = memory.job(PIPELINE, 2);
    let ((refuses, durable), clock) = (refusing_store(), Arc::default());
    let (mut local, mut choose) = (resume(&job, &clock, &durable), chooser(5));
    let probation = Probation { time_max_us: 1, ..PROBATION };
    let next = job.swapped(&[version("count_v2", 1, "never")], probation).unwrap();
    refuses.store(true, Ordering::Relaxed);
    let swap = local.swap(&job, &next, probation).unwrap();
    while memory.written.lock().unwrap().len() < 300 {
        assert!(steps(&mut local, 1, &mut choose));
    }
    // Long enough for the trial, and for no other attempt at a checkpoint.
    clock.set_us(10);
    assert!(steps(&mut local, 50, &mut choose));
    assert_eq!((swap.phase(), swap.landed()), (Phase::Probation { since_us: 0 }, 2));
    refuses.store(false, Ordering::Relaxed);
    clock.set_us(2_000_000);
    while swap.is_open() {
        assert!(steps(&mut local, 1, &mut choose), "it has rows left");
    }
    assert_eq!((swap.phase(), local.checkpoints().completed), (Phase::Done, 1));
    memory.released.get().unwrap().store(300, Ordering::Relaxed);
    local.run(choose).unwrap();
    assert!(tags(&memory.take_written(), &input).values().all(|tags| tags.is_sorted() && tags.last() == Some(&1)));
}

/// Whether the newest checkpoint has the column that `count_wide` has more, with a value for each key.
fn has_last(durable: &Durable) -> bool {
    let snapshot = durable.store.latest().unwrap().checkpoint.unwrap().snapshot;
    let operators = snapshot.subtasks.iter().flat_map(|subtask| &subtask.operators);
    let mut states = operators.flat_map(|(_, part)| &part.tables).filter(|table| table.name == "states");
    states.all(|table| table.rows.column_by_name("last").is_some_and(|last| last.null_count() == 0))
}

fn older() -> NewVersion {
    NewVersion { goes_back: true, ..version("count_v1", 2, "never") }
}

#[test]
fn columns_that_were_given_up_come_back_from_the_checkpoint_before() {
    let (mut undone, mut kept) = (0, 0);
    for seed in 0..90 {
        let input = rows(3, 100);
        let memory = Memory::new(input.clone(), vec![3]);
        memory.released.set(AtomicUsize::new(20)).unwrap();
        let job = memory.job(&PIPELINE.replace("count_v1", "count_wide"), 3);
        let (durable, clock) = (durable_in(plain(&Arc::new(InMemory::new()))), Arc::default());
        let (mut local, mut choose) = (resume(&job, &clock, &durable), chooser(seed));
        let before = write_rows(&memory, &mut local, 60, &mut choose);
        let next = job.swapped(&[older()], PROBATION).unwrap();
        let swap = local.swap(&job, &next, PROBATION).unwrap();
        memory.released.get().unwrap().store(100, Ordering::Relaxed);
        steps(&mut local, seed as usize, &mut choose);
        swap.roll_back();
        let has_landed = swap.landed() > 0;
        assert!(has_last(&durable) == swap.is_under_way() || swap.phase() != Phase::Done, "seed {seed}");
        let was_in_place = goes_back_in_place(&mut local, &mut choose, || !swap.is_under_way());
        if swap.phase() == Phase::Done {
            // After a kill before anybody has heard of it only the older version continues.
            let resumes = |job| durable.check(job, &(clock.clone() as Arc<dyn Clock>));
            let refused = format!("{:#}", anyhow::Error::new(resumes(&job).unwrap_err()));
            assert!(refused.contains("discarded for an older version"), "seed {seed}: {refused}");
            resumes(&next).unwrap();
        }
        let is_in_place = was_in_place && goes_back_in_place(&mut local, &mut choose, || false);
        assert!(!swap.is_under_way());
        match swap.phase() {
            Phase::Done => {
                kept += 1;
                assert!(is_in_place && !has_last(&durable), "seed {seed}");
            }
            Phase::RolledBack(RollbackReason::Asked) => {
                assert_eq!(is_in_place, !has_landed, "seed {seed}");
                assert!(has_last(&durable), "seed {seed}");
            }
            phase => panic!("seed {seed}: {phase:?}"),
        }
        if !is_in_place {
            undone += 1;
            *memory.written.lock().unwrap() = before;
            resume(&job, &clock, &durable).run(choose).unwrap();
            assert!(has_last(&durable), "seed {seed}");
        }
        tags(&memory.take_written(), &input);
    }
    assert!(undone > 5 && kept > 5, "{undone} were undone, and {kept} kept");
}

/// The same on threads, under a supervisor, with a store that brings the job down.
#[test]
fn a_job_that_fails_before_the_older_version_is_durable_continues_with_the_newer() {
    let input = rows(1, 40);
    let memory = Memory::new(input.clone(), vec![5]);
    memory.released.set(AtomicUsize::new(20)).unwrap();
    let job = Arc::new(memory.job(&PIPELINE.replace("count_v1", "count_wide"), 2));
    let ((refuses, durable), clock) = (refusing_store(), Arc::new(ManualClock::default()));
    let restart = RestartSettings { delay_ms: 0, delay_max_ms: 0, failures_max: 1, period_ms: 0 };
    let started = Supervisor::start(Arc::clone(&job), Arc::clone(&clock) as _, Some(durable.clone()), restart);
    let mut supervisor = started.unwrap();
    let wait = |supervisor: &mut Supervisor, is_met: &dyn Fn(&Supervisor) -> bool| {
        let met = (0..60_000).any(|_| {
            assert!(supervisor.wait(Duration::from_millis(1)).is_none(), "it has rows left");
            is_met(supervisor)
        });
        assert!(met, "{:?}", supervisor.progress());
    };
    wait(&mut supervisor, &|_| memory.written.lock().unwrap().len() == 20);
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    supervisor.savepoint(tell);
    wait(&mut supervisor, &|_| told.try_recv().is_ok());
    refuses.store(true, Ordering::Relaxed);
    let swap = supervisor.swap(&[older()], PROBATION).unwrap();
    wait(&mut supervisor, &|_| swap.phase() == Phase::Done);
    assert!(matches!(supervisor.swap(&[older()], PROBATION).map(drop), Err(SwapError::UnderWay)));
    assert_eq!(supervisor.job().versions(), job.versions());
    wait(&mut supervisor, &|supervisor| {
        clock.set_us(clock.now_us() + 2_000_000);
        supervisor.why_waiting().is_some()
    });
    refuses.store(false, Ordering::Relaxed);
    let phase = swap.phase();
    assert!(matches!(phase, Phase::RolledBack(RollbackReason::Regressed(_))), "{phase:?}");
    memory.released.get().unwrap().store(40, Ordering::Relaxed);
    while supervisor.wait(Duration::from_secs(1)).map(Result::unwrap).is_none() {}
    assert_eq!(supervisor.job().versions(), job.versions());
    assert!(has_last(&durable));
    for (key, tags) in tags(&memory.take_written(), &input) {
        assert!(tags.iter().all(|tag| *tag == 0), "{key}: {tags:?}");
    }
}
