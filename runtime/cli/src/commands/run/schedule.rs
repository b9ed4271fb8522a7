//! `weir run --every`: runs over what is there, on a schedule, until somebody interrupts it. Never begins a run while another lasts.

use std::time::Duration;

use anyhow::Context as _;

use super::Session;
use crate::signals::Request;
use crate::terminal;

/// How often it looks for an interrupt while it waits.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs again and again; what the last run was is what the command is.
pub(super) fn run(session: &mut Session<'_>, period: Duration) -> anyhow::Result<()> {
    if session.file.graph.checkpoint.is_none() {
        anyhow::bail!("--every needs checkpoints, from which the next run resumes: use --checkpoint-dir DIR too");
    }
    let period_us = i64::try_from(period.as_micros()).context("--every is too long")?;
    let (mut due_us, mut is_first) = (session.clock.now_us(), true);
    loop {
        let outcome = session.run();
        let is_asked = session.signals()?.request() != Request::GoOn;
        match &outcome {
            // Its input has ended: there is nothing more to be read.
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(_) if is_asked => {}
            // What cannot begin now cannot later.
            Err(_) if is_first => return outcome.map(drop),
            Err(error) => terminal::print(&format!("a run failed: {error:#}\n")),
        }
        let (next_us, left_out) = next(due_us, period_us, session.clock.now_us());
        if is_asked || !wait(session, next_us, left_out)? {
            return outcome.map(drop);
        }
        (due_us, is_first) = (next_us, false);
    }
}

/// Until the next run is due, before which so many were left out; `false`: somebody has interrupted it.
fn wait(session: &mut Session<'_>, due_us: i64, left_out: i64) -> anyhow::Result<bool> {
    if left_out > 0 {
        let runs = if left_out == 1 { "one run was".to_owned() } else { format!("{left_out} runs were") };
        terminal::print(&format!("the run took longer than the time between two: {runs} left out\n"));
    }
    loop {
        if session.signals()?.request() != Request::GoOn {
            return Ok(false);
        }
        let left_us = due_us.saturating_sub(session.clock.now_us());
        if left_us <= 0 {
            return Ok(true);
        }
        std::thread::park_timeout(LOOK_EVERY.min(Duration::from_micros(left_us.unsigned_abs())));
    }
}

/// When the next run begins if the last one, which was due at `due_us`, is over at `now_us`; and how many could not begin while it lasted.
fn next(due_us: i64, period_us: i64, now_us: i64) -> (i64, i64) {
    let lasted_us = now_us.saturating_sub(due_us).max(1);
    let periods = lasted_us / period_us + i64::from(lasted_us % period_us > 0);
    (due_us.saturating_add(periods.saturating_mul(period_us)), periods - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_takes_longer_leaves_out_others() {
        for (over_at, expected) in
            [(100, (110, 0)), (109, (110, 0)), (110, (110, 0)), (111, (120, 1)), (135, (140, 3)), (90, (110, 0))]
        {
            assert_eq!(next(100, 10, over_at), expected, "{over_at}");
        }
    }
}
