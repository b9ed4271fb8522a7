//! ctrl-C on a job that keeps checkpoints: the first takes a last one, the second does not wait for it; either way the job continues
//! from its last one.

use crate::checkpoint_folder::{block_parts, checkpoints, unblock_parts};
use crate::q11::{SLOW, assert_golden, q11};
use crate::running::Running;

#[test]
fn a_suspended_job_continues_at_another_parallelism() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let mut job = Running::start(q11(state, 2).args(SLOW));
    job.until("a checkpoint is complete", |_| !checkpoints(state).is_empty());
    job.signal("INT");
    let ended = job.end().well();
    let last = &checkpoints(state)[0];
    assert!(!last.finished, "its input had ended: {}", ended.said);
    let resumes = format!("checkpoint {} is complete: the same command resumes from there", last.number);
    ended.saying(&["taking a last checkpoint; ctrl-C again stops at once", "suspended after", &resumes]);

    let ended = Running::start(q11(state, 3).arg("--json")).end().well();
    assert_golden(&ended);
    ended.saying(&[&format!("resuming from checkpoint {}", last.number)]);
    // It has ended: to run it again changes nothing.
    let ended = Running::start(q11(state, 1).arg("--json")).end().well();
    assert_golden(&ended);
    ended.saying(&["and reads no more of its input"]);
}

#[test]
fn a_second_ctrl_c_waits_for_no_checkpoint() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let mut job = Running::start(q11(state, 2).args(SLOW));
    job.until("a checkpoint is complete", |_| !checkpoints(state).is_empty());
    // The last checkpoint cannot be made.
    job.while_stopped(|| block_parts(state));
    job.signal("INT");
    job.until_it_says("taking a last checkpoint");
    job.signal("INT");
    job.end().failed(&["stopped before its input ended; sinks did not finish"]);
    unblock_parts(state);
    assert_golden(&Running::start(q11(state, 3).arg("--json")).end().well());
}
