//! Several runs of one job: at most one completes checkpoints, whatever they do and in whatever order it happens.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use weir_state::JobSnapshot;
use weir_state::checkpoint::object_store::memory::InMemory;
use weir_state::checkpoint::{CheckpointError, CheckpointStore, Lease};

use crate::samples::{assert_same, job, store};
use crate::stores::{Operation, Verdict, hooked, plain};

#[test]
fn a_newer_claim_fences_an_older_lease() {
    let memory = Arc::new(InMemory::new());
    let mut old = plain(&memory).claim("orders", 1).unwrap();
    assert_eq!(store(&mut old, 1, &job(1)).unwrap(), 2);
    let mut new = plain(&memory).claim("orders", 2).unwrap();
    assert_eq!(new.generation(), 3);
    let error = store(&mut old, 2, &job(2)).unwrap_err();
    assert!(matches!(error, CheckpointError::Fenced { generation: 1, .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "a newer run of the job has taken over the checkpoints in memory: this one (generation 1) has ended, its rows since its \
         last checkpoint are the newer run's to produce"
    );
    assert!(matches!(store(&mut old, 3, &job(2)), Err(CheckpointError::Fenced { .. })), "it stays fenced");
    assert_eq!(store(&mut new, 1, &job(3)).unwrap(), 4);
    let latest = plain(&memory).latest().unwrap().checkpoint.unwrap();
    assert_eq!((latest.manifest.number, latest.manifest.generation), (4, 3));
    assert_same(&latest.snapshot, &job(3));
}

/// Its number was used and removed while it slept, so that nothing is in its way when it takes it.
#[test]
fn a_lease_that_slept_through_everything_is_fenced() {
    let memory = Arc::new(InMemory::new());
    let mut old = plain(&memory).claim("orders", 1).unwrap();
    store(&mut old, 1, &job(1)).unwrap();
    let mut new = plain(&memory).claim("orders", 2).unwrap();
    for attempt in 1..=5 {
        store(&mut new, attempt, &job(10 + attempt as i64)).unwrap();
        new.retain(2).unwrap();
    }
    let numbers = |store: &CheckpointStore| store.list().unwrap().iter().map(|l| l.number).collect::<Vec<_>>();
    assert_eq!(numbers(&plain(&memory)), [8, 7]);
    assert!(matches!(store(&mut old, 2, &job(2)), Err(CheckpointError::Fenced { .. })));
    assert_same(&plain(&memory).latest().unwrap().checkpoint.unwrap().snapshot, &job(15));
    assert_eq!(old.retain(1).unwrap(), 2, "what it left and the older of the two");
    store(&mut new, 6, &job(16)).unwrap();
    new.retain(2).unwrap();
    assert_eq!(numbers(&plain(&memory)), [9, 8]);
}

/// Another had the number that it is about to take, and removed it again.
#[test]
fn a_claim_that_slept_through_everything_gets_a_number_of_its_own() {
    let memory = Arc::new(InMemory::new());
    let (inside, slept) = (Arc::clone(&memory), AtomicBool::new(false));
    let at = hooked(&memory, move |operation| {
        if matches!(operation, Operation::Create(_)) && !slept.swap(true, Ordering::Relaxed) {
            let inside = Arc::clone(&inside);
            std::thread::spawn(move || {
                let mut other = plain(&inside).claim("orders", 1).unwrap();
                for attempt in 1..=3 {
                    store(&mut other, attempt, &job(attempt as i64)).unwrap();
                }
                other.retain(1).unwrap();
            })
            .join()
            .unwrap();
        }
        Verdict::Go
    });
    assert_eq!(at.claim("orders", 1).unwrap().generation(), 5);
    assert_same(&at.latest().unwrap().checkpoint.unwrap().snapshot, &job(3));
}

/// A run that failed continues after its own checkpoints, and behind nobody else's.
#[test]
fn a_run_takes_the_job_back_from_nobody() {
    let memory = Arc::new(InMemory::new());
    let at = plain(&memory);
    let mut lease = at.claim("orders", 1).unwrap();
    store(&mut lease, 1, &job(1)).unwrap();
    let mut again = at.claim_after("orders", &lease.tenure(), 2).unwrap();
    assert_eq!(again.generation(), 3);
    store(&mut again, 1, &job(2)).unwrap();

    let mut newer = at.claim("orders", 3).unwrap();
    for held in [lease.tenure(), again.tenure()] {
        let error = at.claim_after("orders", &held, 4).unwrap_err();
        assert!(error.is_fenced() && error.to_string().starts_with("a newer run of the job has taken over"), "{error}");
    }
    assert_eq!(store(&mut newer, 1, &job(3)).unwrap(), 6, "the newer one continues");
    newer.retain(1).unwrap();
    assert!(at.claim_after("orders", &again.tenure(), 5).unwrap_err().is_fenced(), "also when its own are removed");
}

/// Whatever became of what it tried last, a checkpoint or a claim, that is its own and not a newer run's.
#[test]
fn a_run_knows_what_it_has_tried() {
    for verdict in [Verdict::Fail, Verdict::Lost, Verdict::Twice, Verdict::Late] {
        let memory = Arc::new(InMemory::new());
        let creates = AtomicUsize::new(0);
        // The checkpoint behind the first claim, and the claim behind that.
        let at = hooked(&memory, move |operation| match operation {
            Operation::Create(_) if (1..=2).contains(&creates.fetch_add(1, Ordering::Relaxed)) => verdict,
            _ => Verdict::Go,
        });
        let mut lease = at.claim("orders", 1).unwrap();
        let completed = store(&mut lease, 1, &job(1));
        let held = lease.tenure();
        let claimed = at.claim_after("orders", &held, 2).or_else(|_| at.claim_after("orders", &held, 3));
        let mut again = claimed.unwrap_or_else(|error| panic!("{verdict:?}: {error}"));
        assert_eq!(completed.is_ok(), verdict == Verdict::Twice, "{verdict:?}: {completed:?}");
        store(&mut again, 1, &job(2)).unwrap();
        assert_same(&at.latest().unwrap().checkpoint.unwrap().snapshot, &job(2));
    }
}

#[test]
fn another_job_is_kept_out() {
    let memory = Arc::new(InMemory::new());
    plain(&memory).claim("orders", 1).unwrap();
    let error = plain(&memory).claim("flights", 2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "memory holds checkpoints of the job \"orders\", not of \"flights\": give every pipeline a folder of its own"
    );
}

/// What a run of the job did, in the order in which it knew of it.
#[derive(Debug)]
enum Done {
    Claimed(u64),
    /// It resumes from this checkpoint.
    Restored(Option<u64>),
    Completed(u64),
    Fenced,
}

/// Claims the job, restores it, and completes some checkpoints.
fn run(at: CheckpointStore, checkpoints: u64, keep: Option<usize>) -> Vec<Done> {
    let mut lease = at.claim("orders", 7).unwrap();
    let restored = at.latest().unwrap();
    assert!(restored.damaged.is_empty(), "{:?}", restored.damaged);
    let mut done =
        vec![Done::Claimed(lease.generation()), Done::Restored(restored.checkpoint.map(|c| c.manifest.number))];
    resume(&mut lease, checkpoints, keep, &mut done);
    done
}

fn resume(lease: &mut Lease, checkpoints: u64, keep: Option<usize>, done: &mut Vec<Done>) {
    let empty = JobSnapshot { key_groups: 8, subtasks: Vec::new() };
    for attempt in 1..=checkpoints {
        match store(lease, attempt, &empty) {
            Ok(number) => done.push(Done::Completed(number)),
            Err(CheckpointError::Fenced { .. }) => {
                done.push(Done::Fenced);
                return;
            }
            Err(e) => panic!("{e}"),
        }
        if let Some(keep) = keep {
            lease.retain(keep).unwrap();
        }
    }
}

/// Lets two threads reach their store in a given order. A thread asks before every operation, and is told when it may continue.
struct Gates {
    asks: Vec<Receiver<()>>,
    answers: Vec<SyncSender<()>>,
}

/// Runs two at once; `choose` says who goes next when both could. Returns how often it was asked.
fn race(
    memory: &Arc<InMemory>,
    checkpoints: u64,
    keep: Option<usize>,
    mut choose: impl FnMut(usize) -> usize,
) -> (Vec<Vec<Done>>, usize) {
    let (mut gates, mut threads) = (Gates { asks: Vec::new(), answers: Vec::new() }, Vec::new());
    for _ in 0..2 {
        let ((ask, asked), (answer, answered)) = (sync_channel(0), sync_channel(0));
        let gate = Mutex::new((ask, answered));
        let at = hooked(memory, move |_| {
            let (ask, answered) = &*gate.lock().unwrap();
            ask.send(()).unwrap();
            answered.recv().unwrap();
            Verdict::Go
        });
        threads.push(std::thread::spawn(move || run(at, checkpoints, keep)));
        gates.asks.push(asked);
        gates.answers.push(answer);
    }
    // A thread that asks no more has ended, and its store with it.
    let mut waiting: Vec<bool> = gates.asks.iter().map(|asks| asks.recv().is_ok()).collect();
    let mut choices = 0;
    loop {
        let next = match waiting[..] {
            [true, true] => {
                choices += 1;
                choose(choices - 1)
            }
            [true, false] => 0,
            [false, true] => 1,
            _ => break,
        };
        gates.answers[next].send(()).unwrap();
        waiting[next] = gates.asks[next].recv().is_ok();
    }
    (threads.into_iter().map(|t| t.join().unwrap()).collect(), choices)
}

/// What must hold in whatever order two runs came.
fn check(memory: &Arc<InMemory>, runs: &[Vec<Done>], checkpoints: u64) {
    let mut runs: Vec<(u64, &[Done])> = Vec::from_iter(runs.iter().map(|done| match done[0] {
        Done::Claimed(generation) => (generation, &done[1..]),
        _ => panic!("{done:?}"),
    }));
    runs.sort_by_key(|(generation, _)| *generation);
    let [(older, first), (newer, second)] = runs[..] else { panic!("{runs:?}") };
    assert!(older < newer, "{runs:?}");
    let completed = |done: &[Done]| -> Vec<u64> {
        done.iter().filter_map(|d| if let Done::Completed(n) = d { Some(*n) } else { None }).collect()
    };
    // The newer run is never disturbed, and begins where the older one ended: at its last checkpoint that it knows to be
    // complete, or at one more, whose fate it did not hear of.
    let (first_completed, second_completed) = (completed(first), completed(second));
    assert_eq!(second_completed.len() as u64, checkpoints, "{runs:?}");
    assert!(first_completed.iter().all(|n| n < &newer), "{runs:?}");
    let Done::Restored(restored) = second[0] else { panic!("{runs:?}") };
    assert!(restored >= first_completed.last().copied(), "{runs:?}");
    assert!(restored.is_none_or(|number| number < newer), "{runs:?}");
    let latest = plain(memory).latest().unwrap();
    assert_eq!(latest.checkpoint.map(|c| c.manifest.number), second_completed.last().copied(), "{runs:?}");
    assert!(latest.damaged.is_empty());
}

/// How many choices are tried in both ways: two claims may be in each other's way for ever, if somebody sees to it.
const CHOICES_MAX: usize = 13;

/// Every order that begins with `first` steps of the first run. Returns how many there are.
fn in_every_order(checkpoints: u64, first: usize) -> usize {
    // An order is a list of choices; the next one differs from it at its last choice that was 0.
    let mut order: Vec<usize> = Vec::new();
    for orders in 1.. {
        let memory = Arc::new(InMemory::new());
        let choose = |at: usize| at.checked_sub(first).and_then(|at| order.get(at)).copied().unwrap_or(0);
        let (runs, choices) = race(&memory, checkpoints, None, choose);
        check(&memory, &runs, checkpoints);
        order.resize((choices - first).min(CHOICES_MAX), 0);
        while order.pop_if(|choice| *choice == 1).is_some() {}
        match order.last_mut() {
            Some(choice) => *choice = 1,
            None => return orders,
        }
    }
    unreachable!()
}

#[test]
fn two_claims_in_every_order() {
    let orders = in_every_order(0, 0);
    assert!(orders > 100, "{orders} orders are not all");
}

/// The first has claimed and restored the job, and completed a checkpoint; then the other comes.
#[test]
fn a_claim_and_a_running_job_in_every_order() {
    let orders = in_every_order(2, 7);
    assert!(orders > 50, "{orders} orders are not all");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Longer runs, which remove what they no longer need, in some orders.
    #[test]
    fn two_runs_that_remove(order in proptest::collection::vec(0..2_usize, 60), keep in 1..3_usize) {
        let memory = Arc::new(InMemory::new());
        let (runs, _) = race(&memory, 4, Some(keep), |at| order.get(at).copied().unwrap_or(0));
        check(&memory, &runs, 4);
    }
}
