//! A new version of a keyed operator on trial: what the old one answers in its place, and the way back to states as that keeps
//! them. No state that cannot go back is committed while the swap may still be rolled back.

use arrow::array::BooleanArray;
use arrow::compute::filter;
use arrow::error::ArrowError;
use weir_host::{CallError, Failure, GuestClock, StateLayout, States};
use weir_state::RelayoutRows;

use super::guest::{Answer, Call};
use super::{layout, layout_of, state_fields, unreadable};
use crate::dataflow::operator::OperatorError;
use crate::nodes::keyed::KeyedOperator;
use crate::nodes::keyed::guest::KeyedGuest;
use crate::replace::replaceable::{Replaceable, Version};
use crate::replace::shadow::{Shadow, ShadowSeat};
use crate::replace::trial::{Chosen, Seat, Trial, Verdict, choose};

impl Replaceable for KeyedOperator {
    fn swap(&mut self, to: Version, seat: Seat) -> Result<(), OperatorError> {
        let old = self.exchange(to.into()?)?;
        self.trial = Some(Trial::new(old, seat));
        Ok(())
    }

    fn follow(&mut self) {
        self.trial.iter_mut().for_each(Trial::follow);
    }

    fn shadow(&mut self, by: Version, seat: ShadowSeat) -> Result<(), OperatorError> {
        self.shadow = Some(Shadow::new(by.into()?, seat));
        Ok(())
    }

    fn settle(&mut self) -> Result<(), OperatorError> {
        self.shadow.take_if(|shadow| !shadow.is_open());
        let verdict = self.trial.as_ref().map_or(Verdict::Open, Trial::verdict);
        if verdict != Verdict::Open
            && let Some(Trial { old, .. }) = self.trial.take()
            && verdict == Verdict::PutBack
        {
            self.put_back(old)?;
        }
        Ok(())
    }
}

impl KeyedOperator {
    /// What the version on trial has answered, or, if it did worse than the old one, what that answers.
    pub(super) fn better_answer(
        &mut self,
        call: &Call<'_>,
        states: States,
        now: GuestClock,
        new: Result<Answer, CallError>,
    ) -> Result<Answer, Failure<OperatorError>> {
        let Some(trial) = &mut self.trial else { return Ok(new?) };
        let states = trial.old.convert(&layout_of(&self.guest), states);
        let old = states.ok().and_then(|states| trial.old.call(call, &states, now).ok());
        match choose(new, old, call.len()) {
            Chosen::New(answer) => Ok(answer?),
            Chosen::Old { answer, instead_of, reason } => {
                let spoken_of = layout_of(&trial.old);
                trial.regressed(reason);
                self.settle().map_err(Failure::Fatal)?;
                // Borne, or kept meanwhile: what the old version says counts, if it speaks of the same states.
                if layout::fits(&spoken_of, &layout_of(&self.guest)) { Ok(answer) } else { Ok(instead_of?) }
            }
        }
    }

    /// Whether states that the version on trial has changed may be committed. If the old version could not hold one of them there is
    /// no way back from here, so the new one is kept first. `false`: it is rolled back, and the call is the old one's.
    pub(super) fn may_commit(&mut self, changed: &States) -> Result<bool, OperatorError> {
        let Some(trial) = self.trial.as_mut().filter(|trial| !trial.is_kept()) else { return Ok(true) };
        match trial.old.check_holds(&layout_of(&self.guest), changed) {
            Ok(()) => return Ok(true),
            Err(error) if error.is_passing() => {
                trial.give_up(format!("it could not be asked whether its states can go back: {error}"));
            }
            Err(error) => trial.no_return(error.to_string()),
        }
        let is_kept = trial.verdict() != Verdict::PutBack;
        self.settle()?;
        Ok(is_kept)
    }

    /// Runs the old version again.
    ///
    /// # Errors
    /// If the states cannot go back: what was given up is only in a checkpoint.
    pub(super) fn put_back(&mut self, old: KeyedGuest) -> Result<(), OperatorError> {
        if self.guest.gave_up_state_of(&old) {
            return Err(OperatorError::NoWayBack("columns of it were given up".to_owned()));
        }
        self.exchange(old).map(drop).map_err(|error| OperatorError::NoWayBack(error.to_string()))
    }

    /// Runs another version from now on, with the state as that keeps it. If it cannot be converted, nothing has changed.
    pub(super) fn exchange(&mut self, mut to: KeyedGuest) -> Result<KeyedGuest, OperatorError> {
        let (from, target) = (layout_of(&self.guest), layout_of(&to));
        if !layout::fits(&from, &target) {
            let holds_all = layout::holds_all(&from, &target);
            let rows = if holds_all { RelayoutRows::AsTheyLie } else { RelayoutRows::InUse };
            self.state.relayout(&state_fields(&to), rows, |keys, columns| {
                let states = States { keys, present: None, columns };
                let columns = to.convert(&from, states).map_err(unreadable)?.columns;
                if !holds_all {
                    layout::check_nulls(&target, &columns).map_err(OperatorError::Migrate)?;
                }
                Ok::<_, OperatorError>(columns)
            })?;
        }
        Ok(std::mem::replace(&mut self.guest, to))
    }
}

impl KeyedGuest {
    /// Whether columns of the state were given up when this version took the place of that one, which runs no more from then on.
    pub(super) fn gave_up_state_of(&self, old: &Self) -> bool {
        self.goes_back && layout::gives_up(&layout_of(old), &layout_of(self))
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
