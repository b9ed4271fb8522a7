//! [`Kept`]: what a subtask that another engine runs keeps at a barrier. Only what its sinks have prepared is made at once: it goes ahead of the
//! barrier. All else is made when it is asked for, by any thread.

use weir_state::{Snapshot, SplitSnapshot, SubtaskSnapshot};

use crate::dataflow::operator::Frozen;
use crate::dataflow::subtask::{FrozenSubtask, SubtaskError};

/// See the module.
#[derive(Debug)]
pub struct Kept {
    /// What its sinks keep, by name.
    pub sinks: Vec<(String, Snapshot)>,
    rest: Rest,
}

#[derive(Debug)]
enum Rest {
    Frozen(FrozenSubtask),
    Made(SubtaskSnapshot),
}

impl Kept {
    /// Of a subtask.
    pub(crate) fn new(mut frozen: FrozenSubtask, is_sink: impl Fn(&str) -> bool) -> Result<Self, SubtaskError> {
        Ok(Self { sinks: frozen.take_made(is_sink)?, rest: Rest::Frozen(frozen) })
    }

    /// Of one step that is alone.
    pub(crate) fn of_step(step: &str, frozen: Frozen) -> Self {
        let rest = SubtaskSnapshot { subtask: format!("{step}/0"), ..SubtaskSnapshot::default() };
        Self { sinks: Vec::new(), rest: Rest::Frozen(FrozenSubtask::new(vec![(step.to_owned(), frozen)], rest)) }
    }

    /// What was made before.
    #[must_use]
    pub fn made(snapshot: SubtaskSnapshot) -> Self {
        Self { sinks: Vec::new(), rest: Rest::Made(snapshot) }
    }

    /// Of a subtask that has ended.
    pub(crate) fn of_ended(mut snapshot: SubtaskSnapshot, is_sink: impl Fn(&str) -> bool) -> Self {
        let operators = std::mem::take(&mut snapshot.operators).into_iter();
        let (sinks, rest) = operators.partition(|(name, _)| is_sink(name));
        snapshot.operators = rest;
        Self { sinks, rest: Rest::Made(snapshot) }
    }

    /// Of a source: its name and where its splits are.
    #[must_use]
    pub fn splits(&self) -> Option<&(String, Vec<SplitSnapshot>)> {
        match &self.rest {
            Rest::Frozen(frozen) => frozen.splits(),
            Rest::Made(whole) => whole.splits.as_ref(),
        }
    }

    /// Makes all of it, which takes a while if it is large.
    ///
    /// # Errors
    /// If an operator's state cannot be put together.
    pub fn make(self) -> Result<SubtaskSnapshot, SubtaskError> {
        let mut whole = match self.rest {
            Rest::Frozen(frozen) => frozen.make(true)?,
            Rest::Made(whole) => whole,
        };
        whole.operators.extend(self.sinks);
        Ok(whole)
    }
}
