//! [`FrozenSubtask`]: all state of one subtask at a barrier, made into what is kept while the stream continues.

use weir_state::{Snapshot, SplitSnapshot, SubtaskSnapshot};

use super::SubtaskError;
use crate::dataflow::operator::Frozen;
use crate::dataflow::step::StepError;

/// All state of one subtask, frozen.
#[derive(Debug)]
pub struct FrozenSubtask {
    operators: Vec<(String, Frozen)>,
    rest: SubtaskSnapshot,
}

impl FrozenSubtask {
    pub(crate) fn new(operators: Vec<(String, Frozen)>, rest: SubtaskSnapshot) -> Self {
        Self { operators, rest }
    }

    /// Of a source: its name and where its splits are.
    pub(crate) fn splits(&self) -> Option<&(String, Vec<SplitSnapshot>)> {
        self.rest.splits.as_ref()
    }

    /// Makes some of its operators, by name, and takes them out.
    ///
    /// # Errors
    /// As [`FrozenSubtask::make`].
    pub(crate) fn take_made(
        &mut self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<(String, Snapshot)>, SubtaskError> {
        let operators = std::mem::take(&mut self.operators).into_iter();
        let (wanted, rest): (Vec<_>, Vec<_>) = operators.partition(|(name, _)| is_wanted(name));
        self.operators = rest;
        Ok(wanted.into_iter().map(made).collect::<Result<_, _>>()?)
    }

    /// Its state in the form in which it is kept. This takes a while, and the stream continues beside it. If it is not `kept`, only what
    /// sinks have prepared, and which versions ran, is made.
    ///
    /// # Errors
    /// If an operator's state cannot be put together, or a sink cannot keep what it has written.
    pub fn make(self, kept: bool) -> Result<SubtaskSnapshot, SubtaskError> {
        let made = |(name, frozen): (String, Frozen)| match frozen.is_state_only() && !kept {
            true => Ok((name, Snapshot::default())),
            false => made((name, frozen)),
        };
        let operators = self.operators.into_iter().map(made).collect::<Result<_, _>>()?;
        Ok(SubtaskSnapshot { operators, ..self.rest })
    }
}

fn made((name, frozen): (String, Frozen)) -> Result<(String, Snapshot), StepError> {
    match frozen.make() {
        Ok(snapshot) => Ok((name, snapshot)),
        Err(error) => Err(StepError::new(&name, error)),
    }
}
