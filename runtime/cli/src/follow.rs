//! Stays with a running job until it ends: shows its progress, passes on the operators' lines, and does what ctrl-C asks.

use std::collections::BTreeMap;
use std::time::Duration;

use weir_engine::{Progress, RunError, Summary, Supervisor};

use crate::guest_log::LineReceiver;
use crate::progress::Bar;
use crate::signals::{Request, Signals};
use crate::watch::Watch;

/// How often it looks: often enough that ctrl-C feels immediate.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits for the end.
pub(crate) fn follow(
    mut job: Supervisor,
    is_durable: bool,
    signals: &Signals,
    lines: &LineReceiver,
    bar: &Bar,
    mut watch: Option<Watch>,
    is_once: bool,
) -> Result<Summary, Box<RunError>> {
    let (mut asked, mut told) = (Request::GoOn, Told::default());
    loop {
        let outcome = job.wait(LOOK_EVERY);
        lines.drain(|line| bar.print_above(line));
        job.take_resumed().iter().chain(&job.take_notices()).for_each(|notice| bar.print_above(notice));
        let progress = job.progress();
        told.news(troubles(&progress)).iter().for_each(|trouble| bar.print_above(trouble));
        if let Some(outcome) = outcome {
            return outcome.map_err(Box::new);
        }
        if let Some(watch) = &mut watch {
            watch.look(&mut job).iter().for_each(|line| bar.print_above(line));
        }
        if is_once && asked == Request::GoOn && job.is_caught_up() {
            // Without checkpoints it is suspended by ending its input.
            job.suspend();
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

/// What is not as it should be and may be again: who, and what.
fn troubles(progress: &Progress) -> Vec<(String, String)> {
    let checkpoints = progress.checkpoints.trouble.iter().map(|trouble| ("checkpoints".to_owned(), trouble.clone()));
    checkpoints.chain(progress.troubles.iter().cloned()).collect()
}

/// Who is in trouble, and how many looks ago that was told.
#[derive(Default)]
struct Told(BTreeMap<String, u32>);

/// A trouble that lasts is told again after so many looks, half a minute: its words may change many times a second.
const AGAIN_AFTER_LOOKS: u32 = 300;

impl Told {
    /// The lines that are to be told now.
    fn news(&mut self, troubles: Vec<(String, String)>) -> Vec<String> {
        self.0.retain(|name, _| troubles.iter().any(|(troubled, _)| troubled == name));
        let is_news = |(name, _): &(String, String)| {
            let looks = self.0.entry(name.clone()).or_insert(AGAIN_AFTER_LOOKS);
            *looks = if *looks == AGAIN_AFTER_LOOKS { 0 } else { *looks + 1 };
            *looks == 0
        };
        troubles.into_iter().filter(is_news).map(|(name, trouble)| format!("{name}: {trouble}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_when_it_begins_and_now_and_then_while_it_lasts() {
        let trouble = |n: u32| vec![("out".to_owned(), format!("no answer ({n} times)"))];
        let mut told = Told::default();
        assert_eq!(told.news(trouble(1)), ["out: no answer (1 times)"]);
        let later: Vec<String> = (2..=AGAIN_AFTER_LOOKS + 3).flat_map(|n| told.news(trouble(n))).collect();
        assert_eq!(later, [format!("out: no answer ({} times)", AGAIN_AFTER_LOOKS + 2)]);
        assert!(told.news(Vec::new()).is_empty());
        assert_eq!(told.news(trouble(1)).len(), 1, "it begins again");
    }
}
