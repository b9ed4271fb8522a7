//! What is removed, and what must never be.

use std::sync::Arc;

use weir_state::checkpoint::object_store::memory::InMemory;
use weir_state::checkpoint::{CheckpointError, CheckpointStore, Lease};

use crate::samples::{assert_same, job, store, store_pinned};
use crate::stores::{Operation, Verdict, hooked, paths, plain, read, write};

/// The attempts that have parts, and the numbers that are taken.
fn left(memory: &Arc<InMemory>) -> (Vec<String>, Vec<u64>) {
    let (mut attempts, mut numbers) = (Vec::new(), Vec::new());
    for path in paths(memory) {
        match path.split('/').collect::<Vec<_>>()[..] {
            ["parts", attempt, _] => attempts.push(attempt.to_owned()),
            ["manifests", number] => numbers.push(number.parse().unwrap()),
            _ => panic!("{path}"),
        }
    }
    attempts.dedup();
    (attempts, numbers)
}

/// Writes the parts of an attempt that comes to nothing.
fn abort(lease: &Lease, attempt: u64) {
    job(1).subtasks.iter().for_each(|part| drop(lease.write_part(attempt, part).unwrap()));
}

fn words<'a>(words: &[&'a str]) -> Vec<&'a str> {
    words.to_vec()
}

#[test]
fn keeps_the_newest_and_what_may_still_be_completed() {
    let memory = Arc::new(InMemory::new());
    let mut lease = plain(&memory).claim("orders", 1).unwrap();
    abort(&lease, 1);
    assert_eq!(lease.retain(3).unwrap(), 0, "nothing is complete yet: the attempt may be the first");
    store(&mut lease, 2, &job(2)).unwrap();
    abort(&lease, 4);
    assert_eq!(lease.retain(3).unwrap(), 1, "attempt 1");
    assert_eq!(left(&memory), (vec!["1-2".to_owned(), "1-4".to_owned()], vec![1, 2]));
    for attempt in [4, 5, 6] {
        store(&mut lease, attempt, &job(attempt as i64)).unwrap();
    }
    abort(&lease, 7);
    lease.discard(7).unwrap();
    assert_eq!(left(&memory).0.last().unwrap(), "1-6", "one that was given up takes no room");
    assert_eq!(lease.retain(2).unwrap(), 4, "two checkpoints and their parts");
    assert_eq!(left(&memory).0, words(&["1-5", "1-6"]));
    assert_eq!(left(&memory).1, [4, 5], "the claim went with them");
    assert_eq!(lease.retain(0).unwrap(), 2, "the newest stays in any case");
    assert_eq!(left(&memory).0, words(&["1-6"]));
    assert_same(&plain(&memory).latest().unwrap().checkpoint.unwrap().snapshot, &job(6));
}

#[test]
fn an_older_generation_leaves_the_parts_of_a_newer_one() {
    let memory = Arc::new(InMemory::new());
    let mut old = plain(&memory).claim("orders", 1).unwrap();
    store(&mut old, 1, &job(1)).unwrap();
    abort(&old, 2);
    let mut new = plain(&memory).claim("orders", 2).unwrap();
    abort(&new, 1);
    old.retain(1).unwrap();
    assert_eq!(left(&memory).0, words(&["1-1", "1-2", "3-1"]));
    new.retain(1).unwrap();
    assert_eq!(left(&memory).0, words(&["1-1", "3-1"]), "what a kept checkpoint names, and what is under way");
    store(&mut new, 2, &job(2)).unwrap();
    new.retain(1).unwrap();
    assert_eq!(left(&memory).0, words(&["3-2"]));
}

#[test]
fn parts_stay_while_a_kept_manifest_cannot_be_read() {
    let memory = Arc::new(InMemory::new());
    let mut lease = plain(&memory).claim("orders", 1).unwrap();
    for attempt in 1..=3 {
        store(&mut lease, attempt, &job(attempt as i64)).unwrap();
    }
    let path = "manifests/00000000000000000003";
    let whole = read(&memory, path);
    write(&memory, path, whole[..whole.len() / 2].to_vec());
    lease.retain(2).unwrap();
    assert_eq!(left(&memory).0, words(&["1-1", "1-2", "1-3"]), "damaged ones do not count as kept");
    write(&memory, path, whole);
    lease.retain(2).unwrap();
    assert_eq!(left(&memory).0, words(&["1-2", "1-3"]));
}

#[test]
fn an_interrupted_removal_leaves_whole_checkpoints_and_is_taken_up_again() {
    // Fails at the first removal, the second, ...
    for nth in 0..20 {
        let memory = Arc::new(InMemory::new());
        let left_to_go = std::sync::atomic::AtomicIsize::new(nth);
        let one = std::sync::atomic::Ordering::Relaxed;
        let at: CheckpointStore = hooked(&memory, move |operation| match operation {
            Operation::Delete if left_to_go.fetch_sub(1, one) == 0 => Verdict::Fail,
            _ => Verdict::Go,
        });
        let mut lease = at.claim("orders", 1).unwrap();
        for attempt in 1..=4 {
            store(&mut lease, attempt, &job(attempt as i64)).unwrap();
        }
        let interrupted = lease.retain(2).is_err();
        for listed in at.list().unwrap() {
            at.read(listed.number).unwrap();
        }
        lease.retain(2).unwrap();
        assert_eq!(left(&memory).0, words(&["1-3", "1-4"]), "after {nth}");
        assert_eq!(left(&memory).1, [4, 5]);
        if !interrupted {
            assert!(nth > 5);
            return;
        }
    }
    panic!("it removes more than 20 objects");
}

/// A reader of the checkpoints of a running job must not take its changes for damage.
#[test]
fn what_is_removed_while_it_is_read_is_missing() {
    let memory = Arc::new(InMemory::new());
    let mut lease = plain(&memory).claim("orders", 1).unwrap();
    store(&mut lease, 1, &job(1)).unwrap();
    let running = std::sync::Mutex::new(Some(lease));
    let at = hooked(&memory, move |operation| {
        let reads_part = matches!(operation, Operation::Get(path) if path.starts_with("parts/1-1/"));
        if let Some(mut lease) = running.lock().unwrap().take_if(|_| reads_part) {
            let resumes = move || {
                store(&mut lease, 2, &job(2)).unwrap();
                lease.retain(1).unwrap()
            };
            std::thread::spawn(resumes).join().unwrap();
        }
        Verdict::Go
    });
    let error = at.read(2).unwrap_err();
    assert!(matches!(error, CheckpointError::Missing { checkpoint: 2, .. }), "{error}");
    assert_same(&at.latest().unwrap().checkpoint.unwrap().snapshot, &job(2));
}

#[test]
fn a_folder_loses_what_killed_processes_left() {
    let folder = tempfile::tempdir().unwrap();
    let at = CheckpointStore::open(folder.path().to_str().unwrap()).unwrap();
    let mut lease = at.claim("orders", 1).unwrap();
    store(&mut lease, 1, &job(1)).unwrap();
    let half = |path: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "half").unwrap();
        path
    };
    let gone = [half("parts/0-9/orders-0.arrow#1"), half("manifests/00000000000000000001#1")];
    let newer = [half("parts/9-1/orders-0.arrow#1"), half("manifests/00000000000000000002#1")];
    lease.retain(3).unwrap();
    gone.iter().for_each(|path| assert!(!path.exists(), "{}", path.display()));
    newer.iter().for_each(|path| assert!(path.exists(), "somebody writes {}", path.display()));
    assert!(!folder.path().join("parts/0-9").exists());
    assert_same(&at.latest().unwrap().checkpoint.unwrap().snapshot, &job(1));
}

#[test]
fn what_is_pinned_stays_until_it_is_not() {
    let memory = Arc::new(InMemory::new());
    let store_of = plain(&memory);
    let mut lease = store_of.claim("orders", 1).unwrap();
    for attempt in [1, 2] {
        store(&mut lease, attempt, &job(attempt as i64)).unwrap();
    }
    store_of.pin(2).unwrap();
    store_of.pin(2).unwrap();
    assert!(matches!(store_of.pin(9), Err(CheckpointError::Missing { checkpoint: 9, .. })));
    for attempt in [3, 4] {
        store(&mut lease, attempt, &job(attempt as i64)).unwrap();
        lease.retain(1).unwrap();
    }
    assert_eq!(store_of.pins().unwrap().into_iter().collect::<Vec<_>>(), [2]);
    assert_eq!(store_of.list().unwrap().iter().map(|listed| listed.number).collect::<Vec<_>>(), [5, 2]);
    assert_same(&store_of.read(2).unwrap().snapshot, &job(1));
    assert_same(&store_of.latest().unwrap().checkpoint.unwrap().snapshot, &job(4));
    store_of.unpin(2).unwrap();
    lease.retain(1).unwrap();
    assert!(matches!(store_of.read(2), Err(CheckpointError::Missing { .. })));
    assert_eq!(left(&memory).0, words(&["1-4"]));
}

#[test]
fn a_pinned_checkpoint_that_is_damaged_is_told_until_it_is_unpinned() {
    let memory = Arc::new(InMemory::new());
    let store_of = plain(&memory);
    let mut lease = store_of.claim("orders", 1).unwrap();
    store_pinned(&mut lease, 1, &job(1), true).unwrap();
    write(&memory, "manifests/00000000000000000002", b"torn".to_vec());
    for attempt in [2, 3] {
        store(&mut lease, attempt, &job(attempt as i64)).unwrap();
        let error = lease.retain(1).unwrap_err();
        assert!(matches!(error, CheckpointError::DamagedPin { checkpoint: 2, .. }), "{error}");
        let told = error.to_string();
        assert!(told.starts_with("checkpoint 2 in memory is damaged: ") && told.contains("--rm 2"), "{told}");
    }
    assert_eq!(store_of.list().unwrap().iter().map(|listed| listed.number).collect::<Vec<_>>(), [4, 2]);
    store_of.unpin(2).unwrap();
    lease.retain(1).unwrap();
    assert_eq!(left(&memory), (vec!["1-3".to_owned()], vec![4]));
}

#[test]
fn a_checkpoint_that_is_pinned_from_its_beginning_is_never_without() {
    let memory = Arc::new(InMemory::new());
    let store_of = plain(&memory);
    let mut lease = store_of.claim("orders", 1).unwrap();
    assert_eq!(store_pinned(&mut lease, 1, &job(1), true).unwrap(), 2);
    for attempt in [2, 3] {
        store(&mut lease, attempt, &job(attempt as i64)).unwrap();
        lease.retain(1).unwrap();
    }
    assert_same(&store_of.read(2).unwrap().snapshot, &job(1));
    // A run that is fenced leaves no pin for the number that another has.
    store_of.claim("orders", 2).unwrap();
    let fenced = store_pinned(&mut lease, 4, &job(4), true);
    assert!(matches!(fenced, Err(CheckpointError::Fenced { .. })), "{fenced:?}");
    assert_eq!(store_of.pins().unwrap().into_iter().collect::<Vec<_>>(), [2]);
}

/// As a run leaves it that is killed after it has pinned a number, and before it has completed the checkpoint.
#[test]
fn a_pin_of_what_became_a_claim_is_of_no_checkpoint() {
    let memory = Arc::new(InMemory::new());
    let store_of = plain(&memory);
    let mut killed = store_of.claim("orders", 1).unwrap();
    assert_eq!(store_pinned(&mut killed, 1, &job(1), true).unwrap(), 2);
    write(&memory, "pins/3", Vec::new());
    let mut lease = store_of.claim("orders", 2).unwrap();
    assert_eq!(lease.generation(), 3);
    assert_eq!(store_of.pins().unwrap().into_iter().collect::<Vec<_>>(), [2]);
    for attempt in [1, 2] {
        store(&mut lease, attempt, &job(attempt as i64)).unwrap();
        lease.retain(1).unwrap();
    }
    let left: Vec<String> = paths(&memory).into_iter().filter(|path| !path.starts_with("parts/")).collect();
    let manifest = |number: u64| format!("manifests/{number:020}");
    assert_eq!(left, [manifest(2), manifest(5), "pins/2".to_owned()]);
}
