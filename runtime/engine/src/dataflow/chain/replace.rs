//! Replacing what the steps of a chain run. What a version is, and whether it stays, is not the chain's.

use super::Chain;
use crate::dataflow::operator::OperatorError;
use crate::dataflow::step::{Step, StepError};
use crate::replace::replaceable::{Replaceable, Version};
use crate::replace::shadow::{ShadowParticipant, SharedShadow};
use crate::replace::trial::SwapParticipant;

impl Chain {
    /// Puts another version of its component into a step.
    ///
    /// # Errors
    /// As `Replaceable::swap`.
    pub fn swap(&mut self, step: usize, to: Version, participant: SwapParticipant) -> Result<(), StepError> {
        self.replace(step, |operator, _| operator.swap(to, participant))
    }

    /// New versions that had a share of the key groups have all of them from now on.
    pub fn follow(&mut self) {
        let operators = self.steps.iter_mut().filter_map(|step| step.operator.as_mut()?.replaceable());
        operators.for_each(Replaceable::follow);
    }

    /// Calls another version of its component beside that of a step.
    ///
    /// # Errors
    /// As `Replaceable::shadow`.
    pub fn shadow(&mut self, step: usize, by: Version, shadow: &SharedShadow) -> Result<(), StepError> {
        self.replace(step, |operator, name| {
            operator.shadow(by, ShadowParticipant { shadow: shadow.clone(), operator: name.to_owned() })
        })
    }

    /// Every operator does what its swap has decided.
    ///
    /// # Errors
    /// As `Replaceable::settle`.
    pub fn settle(&mut self) -> Result<(), StepError> {
        (0..self.steps.len()).try_for_each(|step| self.replace(step, |operator, _| operator.settle()))
    }

    /// Changes what a step runs, if it runs a component.
    fn replace(
        &mut self,
        step: usize,
        change: impl FnOnce(&mut dyn Replaceable, &str) -> Result<(), OperatorError>,
    ) -> Result<(), StepError> {
        let Some(Step { operator: Some(operator), name, .. }) = self.steps.get_mut(step) else { return Ok(()) };
        match operator.replaceable() {
            Some(operator) => change(operator, name).map_err(|e| StepError::new(name, e)),
            None => Ok(()),
        }
    }
}
