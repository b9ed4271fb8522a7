//! A new version of a keyed operator on trial: state is converted from the layout of one version to that of the other, and back. No
//! state that cannot go back is committed while the swap may still be rolled back.

use arrow::array::BooleanArray;
use arrow::compute::filter;
use arrow::error::ArrowError;
use weir_host::{CallError, StateLayout, States};
use weir_state::{KeyedState, RelayoutRows};

use super::refused::unreadable;
use super::{layout, layout_of, state_fields};
use crate::dataflow::operator::OperatorError;
use crate::nodes::keyed::KeyedOperator;
use crate::nodes::keyed::guest::KeyedGuest;
use crate::replace::on_trial::{Guest, OnTrial};
use crate::replace::replaceable::{Replaceable, Version};
use crate::replace::shadow::ShadowParticipant;
use crate::replace::trial::{SwapParticipant, Verdict};

impl Replaceable for KeyedOperator {
    fn swap(&mut self, to: Version, participant: SwapParticipant) -> Result<(), OperatorError> {
        self.component.swap(to.into()?, participant, &mut self.state)
    }

    fn follow(&mut self) {
        self.component.follow();
    }

    fn shadow(&mut self, by: Version, participant: ShadowParticipant) -> Result<(), OperatorError> {
        self.component.shadow(by.into()?, participant);
        Ok(())
    }

    fn settle(&mut self) -> Result<(), OperatorError> {
        self.component.settle(&mut self.state).map(drop)
    }
}

impl Guest for KeyedGuest {
    type State = KeyedState;
    type Error = OperatorError;

    fn take_over(&mut self, from: &Self, state: &mut KeyedState) -> Result<(), OperatorError> {
        let (from, to) = (layout_of(from), layout_of(self));
        if layout::fits(&from, &to) {
            return Ok(());
        }
        // It is about no batch.
        self.instance.begin_batch();
        let holds_all = layout::holds_all(&from, &to);
        let rows = if holds_all { RelayoutRows::AsTheyLie } else { RelayoutRows::InUse };
        state.relayout(&state_fields(self), rows, |keys, columns| {
            let states = States { keys, present: None, columns };
            let columns = self.convert(&from, states).map_err(unreadable)?.columns;
            if !holds_all {
                layout::check_nulls(&to, &columns).map_err(OperatorError::unreadable)?;
            }
            Ok(columns)
        })
    }

    /// What was given up for the version that is rolled back is only in a checkpoint.
    fn take_back(&mut self, from: &Self, state: &mut KeyedState) -> Result<(), OperatorError> {
        if from.gave_up_state_of(self) {
            return Err(OperatorError::NoWayBack("columns of it were discarded".to_owned()));
        }
        self.take_over(from, state).map_err(|error| OperatorError::NoWayBack(error.to_string()))
    }

    fn shares_layout(&self, with: &Self) -> bool {
        layout::fits(&layout_of(self), &layout_of(with))
    }
}

impl KeyedOperator {
    /// The answer of a version on trial is refused, for a reason that is no row's. Says whether the version before runs again.
    pub(super) fn regressed(&mut self, error: &CallError) -> Result<bool, OperatorError> {
        let Some(trial) = &self.component.trial else { return Ok(false) };
        trial.regressed(error.to_string());
        self.component.settle(&mut self.state)
    }

    /// Whether states that the version on trial has changed may be committed. If the old version could not hold one of them there is
    /// no way back from here, so the new one is kept first. `false`: it is rolled back, and the call is the old one's.
    pub(super) fn may_commit(&mut self, changed: &States) -> Result<bool, OperatorError> {
        let OnTrial { guest, trial, .. } = &mut self.component;
        let Some(trial) = trial.as_mut().filter(|trial| !trial.is_kept()) else { return Ok(true) };
        match trial.old.check_holds(&layout_of(guest), changed) {
            Ok(()) => return Ok(true),
            Err(error) if error.is_passing() => {
                trial.give_up(format!("it failed to say whether its states can go back: {error}"));
            }
            Err(error) => trial.no_return(error.to_string()),
        }
        let is_kept = trial.verdict() != Verdict::PutBack;
        self.settle()?;
        Ok(is_kept)
    }
}

impl KeyedGuest {
    /// Whether columns of the state were given up when this version took the place of that one, which runs no more from then on.
    pub(super) fn gave_up_state_of(&self, old: &Self) -> bool {
        self.goes_back && layout_of(old).loses_columns_in(&layout_of(self))
    }

    /// Refuses states of another layout that this version could not hold.
    fn check_holds(&mut self, from: &StateLayout, states: &States) -> Result<(), CallError> {
        let to = layout_of(self);
        if states.keys == 0 || layout::holds_all(from, &to) {
            return Ok(());
        }
        let states = present(states).map_err(|error| CallError::Call(error.to_string()))?;
        let held = self.convert(from, states)?;
        layout::check_nulls(&to, &held.columns).map_err(CallError::Call)
    }
}

/// Those that are present: what a column has for the others means nothing.
fn present(states: &States) -> Result<States, ArrowError> {
    let Some(present) = &states.present else { return Ok(states.clone()) };
    let mask = BooleanArray::new(present.clone(), None);
    let columns = states.columns.iter().map(|column| filter(column, &mask)).collect::<Result<_, _>>()?;
    Ok(States { keys: present.count_set_bits(), present: None, columns })
}
