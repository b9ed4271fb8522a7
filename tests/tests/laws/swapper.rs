//! Swaps the versions of a job in the simulation: now and then, and back. Now and then one only runs beside another.

use weir_core::limits::OperatorLimits;
use weir_core::swap::{Canary, Phase, Probation};
use weir_engine::local::{LocalError, LocalJob};
use weir_engine::{Job, NewVersion, SharedSwap, SwapError};

use crate::faults::Dice;
use crate::support::{HOST, root};
use crate::swaps::version;

/// A job with the versions that its step can be swapped for; the first [`SOUND`] fail at nothing.
pub(crate) fn versions(job: Job) -> Vec<Job> {
    let count = |component, tag, fails| NewVersion { operator: "step".to_owned(), ..version(component, tag, fails) };
    let other = |operator: &str, component: &str, config| NewVersion {
        operator: operator.to_owned(),
        component: HOST.load(root().join(component)).unwrap(),
        config,
        limits: OperatorLimits { memory_bytes: 32 << 20, call_time_ms: 60_000, ..OperatorLimits::default() },
        ..version("count_v1", 0, "never")
    };
    let others = [
        // With other limits only.
        other("step", "tests/guests/tally.wasm", serde_json::Value::Null),
        other("step", "tests/guests/tally_parts.wasm", serde_json::Value::Null),
        // The same median, said in other words.
        other("step.median", "operators/quantile.wasm", serde_json::json!({ "q": 0.5, "column": "value" })),
        count("count_v1", 1, "never"),
        count("count_v2", 2, "never"),
        count("count_v1", 3, "hundredth"),
        count("count_v2", 4, "always"),
    ];
    let others: Vec<Job> = others.into_iter().filter_map(|other| job.swapped(&[other], ON_TRIAL).ok()).collect();
    std::iter::once(job).chain(others).collect()
}

const SOUND: usize = 3;
/// Whose states are alike: a part of the keys can go from one to the other.
const LAYOUTS: [u32; 5] = [1, 1, 2, 1, 2];
/// A version that fails at some rows only must not be kept before they come.
const ON_TRIAL: Probation = Probation { batches: u64::MAX, time_max_us: i64::MAX, regressions_max: 0, canary: None };

/// Swaps versions of a job that runs.
pub(crate) struct Swapper<'a> {
    versions: &'a [Job],
    runs: usize,
    open: Option<(SharedSwap, usize)>,
}

impl<'a> Swapper<'a> {
    /// Begins with any version but those that fail: each resumes from the checkpoint of any other.
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
            let is_keyed = self.versions[to].versions().iter().any(|(operator, _)| operator == "step");
            let is_alike = is_keyed && LAYOUTS[to] == LAYOUTS[self.runs];
            let canary = Canary::new(dice.below(150) as u32).filter(|_| is_alike);
            let probation = Probation { canary, ..probation };
            if to != self.runs {
                let swap = local.swap(&self.versions[self.runs], &self.versions[to], probation).unwrap();
                self.open = Some((swap, to));
            }
        }
    }
}
