//! [`TimerRuns`]: timers in order, in short sorted runs that can be frozen without being copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chunk::Chunk;

/// Timers of a run at most: few enough that one more is put in its place by moving some kilobytes, many enough that the runs of
/// a million timers are frozen in well below a millisecond.
const RUN_LEN_MAX: usize = 512;
/// A run that has shrunk to this many is merged with a neighbour that has: or deleted timers would leave more runs than timers are
/// worth.
const RUN_LEN_SMALL: usize = RUN_LEN_MAX / 8;

/// One timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// Microseconds since the epoch. It is due when the watermark reaches it.
    pub time: i64,
    /// The key's slot.
    pub slot: u32,
}

/// A set of timers.
#[derive(Debug, Default)]
pub(crate) struct TimerRuns {
    /// Runs that are not empty, by a bound that no timer of theirs is below and all timers of the run before are; of the first it
    /// is [`LEAST`].
    runs: BTreeMap<Timer, Chunk<Timer>>,
    len: usize,
}

const LEAST: Timer = Timer { time: i64::MIN, slot: 0 };

impl TimerRuns {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The timer that is due first.
    pub(crate) fn first(&self) -> Option<Timer> {
        self.runs.first_key_value().and_then(|(_, run)| run.first().copied())
    }

    /// All timers as they are now, in order.
    pub(crate) fn freeze(&mut self) -> Vec<Arc<Vec<Timer>>> {
        self.runs.values_mut().map(Chunk::freeze).collect()
    }

    /// Adds a timer; `false` if it is there already.
    pub(crate) fn insert(&mut self, timer: Timer) -> bool {
        let Some((_, run)) = self.runs.range_mut(..=timer).next_back() else {
            self.runs.insert(LEAST, Chunk::Own(vec![timer]));
            self.len += 1;
            return true;
        };
        let Err(at) = run.binary_search(&timer) else { return false };
        self.len += 1;
        if run.len() < RUN_LEN_MAX {
            run.to_mut().insert(at, timer);
            return true;
        }
        // Timers mostly come in order: then runs are left full.
        let mut tail = if at == run.len() { Vec::new() } else { run.to_mut().split_off(RUN_LEN_MAX / 2) };
        match at.checked_sub(run.len()) {
            Some(at) => tail.insert(at, timer),
            None => run.to_mut().insert(at, timer),
        }
        self.runs.insert(tail[0], Chunk::Own(tail));
        true
    }

    /// Forgets a timer; `false` if it is not there.
    pub(crate) fn remove(&mut self, timer: Timer) -> bool {
        let Some((bound, run)) = self.runs.range_mut(..=timer).next_back() else { return false };
        let Ok(at) = run.binary_search(&timer) else { return false };
        let bound = *bound;
        run.to_mut().remove(at);
        self.len -= 1;
        match run.len() {
            0 => {
                self.runs.remove(&bound);
                self.lower_first();
            }
            RUN_LEN_SMALL => self.merge_small(bound),
            _ => {}
        }
        true
    }

    /// Takes out the first timers, up to the first that `takes` refuses; it is asked once about each.
    pub(crate) fn take_while(&mut self, mut takes: impl FnMut(&Timer) -> bool) -> Vec<Timer> {
        let mut taken = Vec::new();
        while let Some(mut first) = self.runs.first_entry() {
            let run = first.get_mut();
            match run.iter().position(|timer| !takes(timer)) {
                Some(0) => break,
                Some(end) => {
                    taken.extend(run.to_mut().drain(..end));
                    break;
                }
                None => {
                    taken.extend_from_slice(run);
                    first.remove();
                }
            }
        }
        self.len -= taken.len();
        self.lower_first();
        taken
    }

    /// Merges the run of a bound, which is small, with a neighbour that is too. The last of two neighbours to become small sees
    /// the other.
    fn merge_small(&mut self, bound: Timer) {
        let is_small = |run: &Chunk<Timer>| run.len() <= RUN_LEN_SMALL;
        let before = self.runs.range(..bound).next_back().filter(|(_, run)| is_small(run)).map(|(before, _)| *before);
        let after = self.runs.range(bound..).nth(1).filter(|(_, run)| is_small(run)).map(|(after, _)| *after);
        let (into, from) = match (before, after) {
            (Some(before), _) => (before, bound),
            (None, Some(after)) => (bound, after),
            (None, None) => return,
        };
        let from = self.runs.remove(&from).unwrap_or_default();
        if let Some(into) = self.runs.get_mut(&into) {
            into.to_mut().extend_from_slice(&from);
        }
    }

    /// Whatever run is the first now takes every timer that is below the second.
    fn lower_first(&mut self) {
        if self.runs.first_key_value().is_some_and(|(bound, _)| *bound != LEAST)
            && let Some((_, first)) = self.runs.pop_first()
        {
            self.runs.insert(LEAST, first);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        /// As many timers from a time on, so far apart.
        Insert(i64, i64, usize),
        /// All but every `n`th of the timers in a range of time.
        Remove(i64, i64, i64),
        Take(i64, usize),
        Freeze,
    }

    fn step() -> impl Strategy<Value = Step> {
        let time = || -2000..2000i64;
        prop_oneof![
            4 => (time(), -3..4i64, 1..900usize).prop_map(|(from, apart, n)| Step::Insert(from, apart, n)),
            3 => (time(), 0..1500i64, 2..40i64).prop_map(|(from, len, nth)| Step::Remove(from, len, nth)),
            2 => (time(), 0..2000usize).prop_map(|(until, max)| Step::Take(until, max)),
            2 => Just(Step::Freeze),
        ]
    }

    fn all(frozen: &[Arc<Vec<Timer>>]) -> Vec<Timer> {
        frozen.iter().flat_map(|run| run.iter().copied()).collect()
    }

    proptest! {
        #[test]
        fn runs_are_a_set_and_frozen_ones_stay(steps in prop::collection::vec(step(), 1..40)) {
            let (mut runs, mut model) = (TimerRuns::default(), BTreeSet::new());
            let mut frozen = Vec::new();
            for step in steps {
                match step {
                    Step::Insert(from, apart, n) => for i in 0..n as i64 {
                        let timer = Timer { time: from + i * apart, slot: (i % 3) as u32 };
                        prop_assert_eq!(runs.insert(timer), model.insert(timer));
                    },
                    Step::Remove(from, len, nth) => for time in (from..from + len).filter(|time| time % nth != 0) {
                        let timer = Timer { time, slot: (time.rem_euclid(3)) as u32 };
                        prop_assert_eq!(runs.remove(timer), model.remove(&timer));
                    },
                    Step::Take(until, max) => {
                        let mut n = 0;
                        let taken = runs.take_while(|timer| { n += 1; timer.time <= until && n <= max });
                        let expected: Vec<Timer> = model.iter().copied().filter(|t| t.time <= until).take(max).collect();
                        expected.iter().for_each(|timer| { model.remove(timer); });
                        prop_assert_eq!(taken, expected);
                    }
                    Step::Freeze => frozen.push((runs.freeze(), model.iter().copied().collect::<Vec<Timer>>())),
                }
                prop_assert_eq!(runs.len(), model.len());
                prop_assert_eq!(runs.first(), model.first().copied());
                let lens: Vec<usize> = runs.runs.values().map(|run| run.len()).collect();
                prop_assert!(lens.iter().all(|len| (1..=RUN_LEN_MAX).contains(len)));
                prop_assert!(runs.runs.range(..=LEAST).count() == usize::from(!lens.is_empty()));
                for (copy, then) in &frozen {
                    prop_assert_eq!(&all(copy), then);
                }
            }
            prop_assert_eq!(all(&runs.freeze()), model.into_iter().collect::<Vec<_>>());
        }
    }
}
