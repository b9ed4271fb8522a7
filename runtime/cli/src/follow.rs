//! Stays with a running job until it ends: shows its progress, passes on the operators' lines, and does what ctrl-C asks.

use std::time::Duration;

use weir_engine::{JobError, JobHandle, Summary};

use crate::guest_log::LineReceiver;
use crate::progress::Bar;
use crate::signals::{Request, Signals};

/// How often it looks: often enough that ctrl-C feels immediate.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits for the end.
pub(crate) fn follow(
    mut handle: JobHandle,
    signals: &Signals,
    lines: &LineReceiver,
    bar: &Bar,
) -> Result<Summary, Box<JobError>> {
    let mut asked = Request::GoOn;
    loop {
        let outcome = handle.wait(LOOK_EVERY);
        lines.drain(|line| bar.print_above(line));
        if let Some(outcome) = outcome {
            return outcome.map_err(Box::new);
        }
        let request = signals.request();
        if request != asked {
            asked = request;
            match request {
                Request::GoOn => {}
                Request::Drain => {
                    bar.print_above("ending the input and finishing what was read; ctrl-C again stops at once");
                    handle.drain();
                }
                Request::Stop => handle.stop(),
            }
        }
        bar.show(&handle.progress());
    }
}
