//! Room that a job takes: threads, instances of components, and their memory. It goes by their limits, never by what they use.

use std::iter::Sum;

use weir_core::limits::OperatorLimits;

use crate::plan::job::Job;
use crate::plan::physical::ChainPlan;
use crate::replace::version::NewVersion;

/// Room for a job: its threads, and instances of components.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuestResources {
    /// How many there may be at a time.
    pub instances: u64,
    /// Memory that they may have together, bytes.
    pub memory_bytes: u64,
    /// Threads: one per subtask, whatever steps are chained in it.
    pub threads: u64,
}

impl GuestResources {
    fn of(limits: &OperatorLimits) -> Self {
        Self { instances: 1, memory_bytes: limits.memory_bytes, threads: 0 }
    }

    fn times(self, n: usize) -> Self {
        let n = n as u64;
        Self {
            instances: self.instances.saturating_mul(n),
            memory_bytes: self.memory_bytes.saturating_mul(n),
            threads: self.threads.saturating_mul(n),
        }
    }

    /// Room for these and those.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            instances: self.instances.saturating_add(other.instances),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
            threads: self.threads.saturating_add(other.threads),
        }
    }

    /// Room for either of both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            instances: self.instances.max(other.instances),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            threads: self.threads.max(other.threads),
        }
    }
}

impl Sum for GuestResources {
    fn sum<I: Iterator<Item = Self>>(rooms: I) -> Self {
        rooms.fold(Self::default(), Self::plus)
    }
}

impl Job {
    /// Room for this job while it runs; see [`Job::second_guest_resources`] for those that may be beside them.
    #[must_use]
    pub fn guest_resources(&self) -> GuestResources {
        let of_node = |node: usize| -> GuestResources {
            self.step(node).components().iter().map(|of| GuestResources::of(of.limits)).sum()
        };
        let of_chain = |chain: &ChainPlan| {
            let steps = chain.steps.iter().map(|step| of_node(step.node)).sum::<GuestResources>();
            steps.plus(GuestResources { threads: 1, ..GuestResources::default() }).times(chain.parallelism)
        };
        self.physical.chains.iter().map(of_chain).sum()
    }

    /// Room for instances of other versions of its operators beside those that run, in a shadow run or while a swap is on trial.
    #[must_use]
    pub fn second_guest_resources(&self, versions: &[NewVersion]) -> GuestResources {
        let of_version = |version: &NewVersion| {
            // An aggregate is `WINDOW.AGGREGATE`; it may run ahead of an exchange too.
            let step = version.operator.split_once('.').map_or(version.operator.as_str(), |(window, _)| window);
            let instances_of = |chain: &ChainPlan| {
                let steps = chain.steps.iter().filter(|of| self.resolved.nodes[of.node].name == step);
                steps.count().saturating_mul(chain.parallelism)
            };
            let chains = self.physical.chains.iter();
            chains.map(|chain| GuestResources::of(&version.limits).times(instances_of(chain))).sum()
        };
        versions.iter().map(of_version).sum()
    }
}
