//! Checkpoints where there is no room, or where nothing can be written: the reason is said, and when it is gone the job continues
//! without a row lost or doubled.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::checkpoint_folder::{block_parts, checkpoints, unblock_parts};
use crate::harness::root;
use crate::q11::{SLOW, assert_golden, q11};
use crate::running::{Ended, Running};

/// Runs q11 until it has a checkpoint, and suspends it. Returns the checkpoint's number.
fn suspended(state: &Path) -> u64 {
    let mut job = Running::start(q11(state, 1).args(SLOW));
    job.until("a checkpoint is complete", |_| !checkpoints(state).is_empty());
    job.signal("INT");
    job.end().well();
    checkpoints(state)[0].number
}

/// Runs the command so that it can write no file larger than so many bytes, or twice as many: shells count blocks of 512 or 1024.
fn limited(command: &Command, bytes: u64) -> Ended {
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f \"$0\" && exec \"$@\"", &(bytes / 512).to_string()]);
    limited.arg(command.get_program()).args(command.get_args()).current_dir(root()).env("NO_COLOR", "1");
    limited.output().unwrap().into()
}

#[test]
fn a_full_disk_ends_the_job_and_loses_nothing() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let number = suspended(state);
    let part = checkpoints(state)[0].files().map(|file| file.bytes).max().unwrap();
    let resuming = format!("resuming from checkpoint {number}\n");
    // The claim of the job fits, its state does not.
    limited(q11(state, 1).args(SLOW), part / 4).failed(&[
        &resuming,
        "checkpoints: checkpoints in ",
        "examples/nexmark/q11.toml failed",
        "because the job cannot keep its progress",
        "because 11 attempts at a checkpoint failed in a row; the last one: checkpoints in ",
        "cannot write parts/",
        "File too large",
    ]);
    assert_eq!(checkpoints(state)[0].number, number, "there was room");
    let ended = Running::start(q11(state, 2).arg("--json")).end().well();
    assert_golden(&ended);
    ended.saying(&[&resuming]);
}

#[test]
fn no_room_for_anything_is_said_at_the_start() {
    let state = tempfile::tempdir().unwrap();
    let cannot = ["could not be started", "cannot write manifests/00000000000000000001", "File too large"];
    limited(&q11(state.path(), 2), 0).failed(&cannot);
    assert_golden(&Running::start(q11(state.path(), 2).arg("--json")).end().well());
}

#[test]
fn a_failure_that_passes_is_told_and_borne() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let mut job = Running::start(q11(state, 2).args(SLOW));
    job.until("a checkpoint is complete", |_| !checkpoints(state).is_empty());
    job.while_stopped(|| block_parts(state));
    job.until_it_says("cannot write parts/");
    job.while_stopped(|| unblock_parts(state));
    let before = checkpoints(state)[0].number;
    job.until("checkpoints are made again", |_| checkpoints(state)[0].number > before);
    job.signal("INT");
    job.end().well().saying(&["checkpoints: checkpoints in"]);
    assert_golden(&Running::start(q11(state, 3).arg("--json")).end().well());
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::write(&state, "").unwrap();
    // Root may write whatever the permissions say, but not below a file.
    let below_a_file = Running::start(&mut q11(&state.join("below"), 1)).end();
    below_a_file.failed(&["checkpoints cannot be kept in", "state/below: the folder cannot be made: Not a directory"]);
    std::fs::remove_file(&state).unwrap();

    suspended(&state);
    let manifests = state.join("manifests");
    let writable = std::fs::metadata(&manifests).unwrap().permissions();
    std::fs::set_permissions(&manifests, Permissions::from_mode(0o555)).unwrap();
    let ended = Running::start(q11(&state, 1).arg("--json")).end();
    let is_root = std::fs::write(manifests.join("tried"), "").is_ok();
    std::fs::set_permissions(&manifests, writable).unwrap();
    if is_root {
        return assert_golden(&ended);
    }
    ended.failed(&["could not be started", "cannot write manifests/", "Permission denied"]);
    assert_golden(&Running::start(q11(&state, 2).arg("--json")).end().well());
}
