//! Swaps the versions of a job in the simulation: now and then, and back. Now and then one only runs beside another.

use weir_core::swap::{Canary, Phase, Probation};
use weir_engine::local::{LocalError, LocalJob};
use weir_engine::{Job, NewVersion, SharedSwap, SwapError};

use crate::faults::Dice;
use crate::support::{HOST, root};
use crate::swaps::version;

/// A job with the versions that its step can be swapped for; the first [`SOUND`] fail at nothing.
pub(crate) fn versions(job: Job) -> Vec<Job> {
    let version = |component, tag, fails| NewVersion { operator: "step".to_owned(), ..version(component, tag, fails) };
    let others =
        [("count_v2", 1, "never"), ("count_v1", 2, "never"), ("count_v1", 3, "hundredth"), ("count_v2", 4, "always")];
    let others = others.map(|(component, tag, fails)| job.swapped(&[version(component, tag, fails)], ON_TRIAL).ok());
    // The same median, said in other words.
    let median = NewVersion {
        operator: "step.median".to_owned(),
        component: HOST.load(root().join("operators/quantile.wasm")).unwrap(),
        config: serde_json::json!({ "q": 0.5, "column": "value" }),
        ..version("count_v1", 0, "never")
    };
    let median = job.swapped(&[median], ON_TRIAL).ok();
    std::iter::once(job).chain(others.into_iter().flatten()).chain(median).collect()
}

const SOUND: usize = 3;
/// Whose states are alike: a part of the keys can go from one to the other.
const LAYOUTS: [u32; 5] = [1, 2, 1, 1, 2];
/// A version that fails at some rows only must not be kept before they come.
const ON_TRIAL: Probation = Probation { batches: u64::MAX, time_max_us: i64::MAX, regressions_max: 0, canary: None };

/// Swaps versions of a job that runs.
pub(crate) struct Swapper<'a> {
    versions: &'a [Job],
    runs: usize,
    open: Option<(SharedSwap, usize)>,
}

impl<'a> Swapper<'a> {
    /// Begins with any version but those that fail: each goes on from the checkpoint of any other.
    pub(crate) fn new(versions: &'a [Job], dice: &Dice) -> Self {
        Self { versions, runs: dice.below(versions.len().min(SOUND)), open: None }
    }

    /// What it begins with.
    pub(crate) fn job(&self) -> &'a Job {
        &self.versions[self.runs]
    }

    pub(crate) fn swap_now_and_then(&mut self, local: &mut LocalJob, dice: &Dice) {
        if let Some((swap, to)) = self.open.take_if(|(swap, _)| !swap.is_open())
            && swap.phase() == Phase::Done
        {
            self.runs = to;
        }
        if let Some((swap, _)) = self.open.as_ref().filter(|_| dice.one_in(100)) {
            swap.roll_back();
        }
        if dice.one_in(60) {
            let beside = &self.versions[dice.below(self.versions.len())];
            let shadow = local.shadow(&self.versions[self.runs], beside, i64::MAX);
            assert!(matches!(shadow, Ok(_) | Err(LocalError::Swap(SwapError::Unfit { .. }))), "aggregates have none");
        }
        if self.open.is_none() && dice.one_in(40) {
            let to = dice.below(self.versions.len());
            let probation = if to < SOUND { Probation { batches: dice.below(5) as u64, ..ON_TRIAL } } else { ON_TRIAL };
            let is_alike = LAYOUTS[to] == LAYOUTS[self.runs];
            let canary = Canary::new(dice.below(150) as u32).filter(|_| is_alike);
            let probation = Probation { canary, ..probation };
            if to != self.runs {
                let swap = local.swap(&self.versions[self.runs], &self.versions[to], probation).unwrap();
                self.open = Some((swap, to));
            }
        }
    }
}
