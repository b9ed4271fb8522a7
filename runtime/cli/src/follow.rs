//! Stays with a running job until it ends: shows its progress, passes on the operators' lines, and does what ctrl-C asks.

use std::time::Duration;

use weir_engine::{Progress, RunError, Summary, Supervisor};

use crate::guest_log::LineReceiver;
use crate::progress::Bar;
use crate::signals::{Request, Signals};

/// How often it looks: often enough that ctrl-C feels immediate.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits for the end.
pub(crate) fn follow(
    mut job: Supervisor<'_>,
    is_durable: bool,
    signals: &Signals,
    lines: &LineReceiver,
    bar: &Bar,
) -> Result<Summary, Box<RunError>> {
    let (mut asked, mut told) = (Request::GoOn, Vec::<String>::new());
    loop {
        let outcome = job.wait(LOOK_EVERY);
        lines.drain(|line| bar.print_above(line));
        job.take_notices().iter().for_each(|notice| bar.print_above(notice));
        let progress = job.progress();
        let now = troubles(&progress);
        now.iter().filter(|trouble| !told.contains(*trouble)).for_each(|trouble| bar.print_above(trouble));
        told = now;
        if let Some(outcome) = outcome {
            return outcome.map_err(Box::new);
        }
        let request = signals.request();
        if request != asked {
            asked = request;
            match request {
                Request::GoOn => {}
                Request::Drain if is_durable => {
                    bar.print_above("taking a last checkpoint; ctrl-C again stops at once");
                    job.suspend();
                }
                Request::Drain => {
                    bar.print_above("ending the input and finishing what was read; ctrl-C again stops at once");
                    job.drain();
                }
                Request::Stop => job.stop(),
            }
        }
        bar.show(&progress);
    }
}

/// What is not as it should be and may be again, a line each.
fn troubles(progress: &Progress) -> Vec<String> {
    let checkpoints = progress.checkpoints.trouble.iter().map(|trouble| format!("checkpoints: {trouble}"));
    let outsides = progress.troubles.iter().map(|(name, trouble)| format!("{name}: {trouble}"));
    checkpoints.chain(outsides).collect()
}
