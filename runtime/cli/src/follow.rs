//! Stays with a running job until it ends: shows its progress, passes on the operators' lines, and does what ctrl-C asks.

use std::time::Duration;

use weir_engine::{RunError, Summary, Supervisor};

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
    let (mut asked, mut trouble) = (Request::GoOn, None);
    loop {
        let outcome = job.wait(LOOK_EVERY);
        lines.drain(|line| bar.print_above(line));
        job.take_notices().iter().for_each(|notice| bar.print_above(notice));
        let progress = job.progress();
        if progress.checkpoints.trouble != trouble {
            trouble.clone_from(&progress.checkpoints.trouble);
            trouble.iter().for_each(|trouble| bar.print_above(&format!("no checkpoint: {trouble}")));
        }
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
