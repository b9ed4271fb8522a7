//! Chance, from a seed, and what goes wrong by it: a store that fails, is slow, answers twice, loses its answer or what was not
//! synced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use weir_core::key_group::mix;
use weir_core::time::{Clock, ManualClock};
use weir_state::CheckpointStore;
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::{Hooked, Operation, Verdict};

/// Numbers from a seed, shared by all that can fail.
#[derive(Clone)]
pub(crate) struct Dice(Arc<AtomicU64>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(mix(seed))))
    }

    pub(crate) fn below(&self, n: usize) -> usize {
        (mix(self.0.fetch_add(1, Ordering::Relaxed)) % n as u64) as usize
    }

    /// True once in so many times.
    pub(crate) fn one_in(&self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// True for one in so many names, now: whatever the order in which several are asked for.
    fn one_in_names(&self, n: u64, name: &str) -> bool {
        name.bytes().fold(self.0.load(Ordering::Relaxed), |hash, byte| mix(hash ^ u64::from(byte))) % n == 0
    }
}

/// What goes wrong, as long as anything does.
#[derive(Clone)]
pub(crate) struct Faults {
    pub(crate) dice: Dice,
    pub(crate) clock: Arc<ManualClock>,
    on: Arc<AtomicBool>,
}

impl Faults {
    pub(crate) fn new(dice: Dice) -> Self {
        Self { dice, clock: Arc::default(), on: Arc::default() }
    }

    pub(crate) fn turn(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    /// Whether something goes wrong that does so once in so many times.
    pub(crate) fn strike(&self, n: usize) -> bool {
        self.on.load(Ordering::Relaxed) && self.dice.one_in(n)
    }

    /// Mostly a little; now and then so much that attempts at a checkpoint are given up, or tried again.
    pub(crate) fn pass_time(&self) {
        let us = if self.dice.one_in(50) { 1_000_000 } else { 500 };
        self.clock.set_us(self.clock.now_us() + self.dice.below(us) as i64);
    }

    /// A store that they strike.
    pub(crate) fn store(&self) -> (Arc<Hooked>, CheckpointStore) {
        let faults = self.clone();
        Hooked::new(&Arc::new(InMemory::new()), move |operation| match faults.on.load(Ordering::Relaxed) {
            true => faults.verdict(operation),
            false => Verdict::Go,
        })
    }

    fn verdict(&self, operation: &Operation) -> Verdict {
        // Parts are read on several threads.
        if let Operation::Get(path) = operation {
            return if self.dice.one_in_names(30, path) { Verdict::Fail } else { Verdict::Go };
        }
        self.pass_time();
        let verdicts = match operation {
            Operation::Arrive if self.dice.one_in(10) => return Verdict::Go,
            Operation::Arrive => return Verdict::Fail,
            // Everything hangs on these, and they are few.
            Operation::Create(_) if self.dice.one_in(8) => &OF_NAMES[..],
            Operation::Put(_) if self.dice.one_in(30) => &OF_FILES,
            Operation::List(_) | Operation::Delete if self.dice.one_in(30) => &[Verdict::Fail],
            _ => return Verdict::Go,
        };
        verdicts[self.dice.below(verdicts.len())]
    }
}

/// A name is made at once or not at all.
const OF_NAMES: [Verdict; 5] = [Verdict::Fail, Verdict::Lost, Verdict::Twice, Verdict::Late, Verdict::Unsynced];
/// A file can be half there.
const OF_FILES: [Verdict; 6] =
    [Verdict::Fail, Verdict::Lost, Verdict::Twice, Verdict::Late, Verdict::Unsynced, Verdict::Torn];
