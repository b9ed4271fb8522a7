//! Stores that fail, lose answers and tear what they write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use weir_state::checkpoint::object_store::memory::InMemory;
use weir_state::checkpoint::{CheckpointError, CheckpointStore};

use crate::samples::{assert_same, job, store};
use crate::stores::{Hooked, Operation, Verdict, hooked, plain};

/// A store in which whatever `which` picks goes wrong from the moment on when the switch is turned to 1.
fn switched(
    memory: &Arc<InMemory>,
    verdict: Verdict,
    which: fn(&Operation) -> bool,
) -> (CheckpointStore, Arc<AtomicU8>) {
    let switch = Arc::new(AtomicU8::new(0));
    let turned = Arc::clone(&switch);
    let on = move |operation: &Operation| {
        if turned.load(Ordering::Relaxed) == 1 && which(operation) { verdict } else { Verdict::Go }
    };
    (hooked(memory, on), switch)
}

fn is_create(operation: &Operation) -> bool {
    matches!(operation, Operation::Create(_))
}

#[test]
fn a_retried_create_is_recognised() {
    let memory = Arc::new(InMemory::new());
    let (at, switch) = switched(&memory, Verdict::Twice, is_create);
    let mut lease = at.claim("orders", 1).unwrap();
    switch.store(1, Ordering::Relaxed);
    assert_eq!(store(&mut lease, 1, &job(1)).unwrap(), 2);
    assert_eq!(store(&mut lease, 2, &job(2)).unwrap(), 3);
    // A claim cannot tell its own first try from that of another process at the same instant.
    assert!(at.claim("orders", 2).is_err());
}

/// A lost answer to a manifest: it is there or not, and nobody who continues may be wrong about it.
#[test]
fn an_unclear_completion_ends_the_lease() {
    for (verdict, there) in [(Verdict::Lost, true), (Verdict::Fail, false), (Verdict::Torn, false)] {
        let memory = Arc::new(InMemory::new());
        let (at, switch) = switched(&memory, verdict, is_create);
        let mut lease = at.claim("orders", 1).unwrap();
        store(&mut lease, 1, &job(1)).unwrap();
        switch.store(1, Ordering::Relaxed);
        let error = store(&mut lease, 2, &job(2)).unwrap_err();
        assert!(matches!(error, CheckpointError::Unclear { checkpoint: 3, .. }), "{error}");
        switch.store(0, Ordering::Relaxed);
        let error = store(&mut lease, 3, &job(3)).unwrap_err();
        assert!(error.to_string().contains("claim the job anew"), "{error}");

        let mut lease = at.claim("orders", 2).unwrap();
        let latest = at.latest().unwrap();
        assert_same(&latest.checkpoint.unwrap().snapshot, &job(if there { 2 } else { 1 }));
        assert_eq!(latest.damaged.len(), usize::from(verdict == Verdict::Torn));
        let number = store(&mut lease, 1, &job(4)).unwrap();
        assert_same(&at.read(number).unwrap().snapshot, &job(4));
    }
}

/// A checkpoint that its own run could not sync is there for the next claim of the job, and then for good: the claim is in the
/// same folder. If the power is lost before that, it never was.
#[test]
fn what_a_claim_has_seen_survives_a_loss_of_power() {
    for claimed in [true, false] {
        let switch = Arc::new(AtomicU8::new(0));
        let turned = Arc::clone(&switch);
        let (disk, at) = Hooked::new(&Arc::new(InMemory::new()), move |operation| {
            if turned.load(Ordering::Relaxed) == 1 && is_create(operation) { Verdict::Unsynced } else { Verdict::Go }
        });
        let mut lease = at.claim("orders", 1).unwrap();
        store(&mut lease, 1, &job(1)).unwrap();
        switch.store(1, Ordering::Relaxed);
        assert!(matches!(store(&mut lease, 2, &job(2)), Err(CheckpointError::Unclear { checkpoint: 3, .. })));
        switch.store(0, Ordering::Relaxed);
        if claimed {
            at.claim("orders", 2).unwrap();
        }
        disk.lose_power();
        assert_same(&at.latest().unwrap().checkpoint.unwrap().snapshot, &job(if claimed { 2 } else { 1 }));
    }
}

/// A manifest that is under way for so long that its run is over arrives while the next one begins, or later: it is what that resumes
/// from, or finds its number taken.
#[test]
fn a_manifest_that_arrives_late_shuts_nobody_out() {
    let mut found = Vec::new();
    for operations in 0..8 {
        let (late, left) = (Arc::new(AtomicU8::new(0)), AtomicUsize::new(operations));
        let turned = Arc::clone(&late);
        let at = hooked(&Arc::new(InMemory::new()), move |operation| match operation {
            Operation::Create(_) if turned.load(Ordering::Relaxed) == 1 => Verdict::Late,
            Operation::Arrive => {
                let waits = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
                if waits.is_ok() { Verdict::Fail } else { Verdict::Go }
            }
            _ => Verdict::Go,
        });
        let mut lease = at.claim("orders", 1).unwrap();
        store(&mut lease, 1, &job(1)).unwrap();
        late.store(1, Ordering::Relaxed);
        assert!(matches!(store(&mut lease, 2, &job(2)), Err(CheckpointError::Unclear { checkpoint: 3, .. })));
        late.store(0, Ordering::Relaxed);

        let mut lease = at.claim("orders", 2).unwrap();
        let before = at.latest().unwrap().checkpoint.unwrap();
        assert_same(&before.snapshot, &job(before.manifest.attempt as i64));
        found.push((before.manifest.attempt, lease.generation()));
        store(&mut lease, 1, &job(3)).unwrap();
        assert_same(&at.latest().unwrap().checkpoint.unwrap().snapshot, &job(3));
    }
    found.dedup();
    assert_eq!(found, [(2, 4), (1, 3)]);
}

#[test]
fn a_part_that_cannot_be_written_is_an_error_and_may_be_tried_again() {
    for verdict in [Verdict::Fail, Verdict::Lost, Verdict::Torn] {
        let memory = Arc::new(InMemory::new());
        let (at, switch) = switched(&memory, verdict, |o| matches!(o, Operation::Put(path) if path.contains("timers")));
        let mut lease = at.claim("orders", 1).unwrap();
        switch.store(1, Ordering::Relaxed);
        let error = store(&mut lease, 1, &job(1)).unwrap_err();
        let said = error.to_string();
        assert!(
            said.starts_with("checkpoints in memory: cannot write parts/1-1/orders-0-per-minute-timers-"),
            "{said}"
        );
        assert!(at.latest().unwrap().checkpoint.is_none());
        switch.store(0, Ordering::Relaxed);
        store(&mut lease, 1, &job(1)).unwrap();
        assert_same(&at.latest().unwrap().checkpoint.unwrap().snapshot, &job(1));
    }
}

/// A store that does not answer may hold a whole checkpoint: an older one in its place would lose what was made visible since.
#[test]
fn a_store_that_does_not_answer_is_no_damage() {
    let memory = Arc::new(InMemory::new());
    let mut lease = plain(&memory).claim("orders", 1).unwrap();
    store(&mut lease, 1, &job(1)).unwrap();
    store(&mut lease, 2, &job(2)).unwrap();
    for which in [
        (|o| matches!(o, Operation::List(_))) as fn(&Operation) -> bool,
        |o| matches!(o, Operation::Get(path) if path.starts_with("manifests")),
        |o| matches!(o, Operation::Get(path) if path.contains("timers")),
    ] {
        let (at, switch) = switched(&memory, Verdict::Fail, which);
        switch.store(1, Ordering::Relaxed);
        assert!(matches!(at.latest(), Err(CheckpointError::Store { .. })));
    }
}

/// Whatever single operation fails: everything that was said to be complete is, and a new claim continues.
#[test]
fn any_one_operation_may_fail() {
    for verdict in [Verdict::Fail, Verdict::Lost, Verdict::Torn] {
        for nth in 0..40 {
            let memory = Arc::new(InMemory::new());
            let left = AtomicUsize::new(nth);
            let at = hooked(&memory, move |_| {
                let now = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
                match now {
                    Err(_) => Verdict::Go,
                    Ok(1) => verdict,
                    Ok(_) => Verdict::Go,
                }
            });
            let mut completed = 0;
            if let Ok(mut lease) = at.claim("orders", 1) {
                for attempt in 1..=4 {
                    match store(&mut lease, attempt, &job(attempt as i64)) {
                        Ok(_) => completed = attempt,
                        Err(CheckpointError::Store { .. }) => {}
                        Err(_) => break,
                    }
                    // What it cannot remove now it removes the next time.
                    let _ = lease.retain(1);
                }
            }
            let at = plain(&memory);
            let mut lease = at.claim("orders", 2).unwrap();
            let latest = at.latest().unwrap();
            let found = latest.checkpoint.map_or(0, |c| {
                assert_same(&c.snapshot, &job(c.manifest.attempt as i64));
                c.manifest.attempt
            });
            assert!(found >= completed, "{verdict:?} {nth}: {completed} was complete, {found} is there");
            store(&mut lease, 1, &job(9)).unwrap();
        }
    }
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for (location, expected) in [
        (file.to_str().unwrap(), "the folder cannot be made"),
        ("gs://bucket/x", "gs:// is not known; give a folder or s3://BUCKET/PREFIX"),
    ] {
        let error = CheckpointStore::open(location).unwrap_err().to_string();
        assert!(error.starts_with(&format!("checkpoints cannot be kept in {location}: ")), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    std::fs::write(folder.path().join("manifests"), "").unwrap();
    let at = CheckpointStore::open(folder.path().to_str().unwrap()).unwrap();
    let error = at.claim("orders", 1).unwrap_err().to_string();
    assert!(error.contains("manifests"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = CheckpointStore::open(folder.path().to_str().unwrap()).unwrap();
    store(&mut at.claim("orders", 1).unwrap(), 1, &job(1)).unwrap();
    let manifests = folder.path().join("manifests");
    std::fs::set_permissions(&manifests, std::fs::Permissions::from_mode(0o555)).unwrap();
    let at = CheckpointStore::open(folder.path().to_str().unwrap()).unwrap();
    assert_same(&at.latest().unwrap().checkpoint.unwrap().snapshot, &job(1));
    // The superuser may write everywhere.
    if std::fs::write(manifests.join("probe"), "").is_err() {
        let error = at.claim("orders", 2).unwrap_err().to_string();
        assert!(error.contains("cannot write manifests/00000000000000000003"), "{error}");
    }
    std::fs::set_permissions(&manifests, std::fs::Permissions::from_mode(0o755)).unwrap();
}
