//! What a step that runs a component does when that is replaced.

use std::any::Any;

use super::shadow::ShadowParticipant;
use super::trial::SwapParticipant;
use crate::error::OperatorError;

/// A step that runs a component.
pub trait Replaceable {
    /// Runs another version from now on, with the same state; the old one stays until the swap is decided.
    ///
    /// # Errors
    /// If that version is of another kind, or cannot take over the state; then nothing has changed.
    fn swap(&mut self, to: Version, participant: SwapParticipant) -> Result<(), OperatorError>;

    /// A new version that had a share of the key groups has all of them from now on.
    fn follow(&mut self) {}

    /// Calls another version beside the one that runs, and compares what they make, until that is over.
    ///
    /// # Errors
    /// If it is of another kind.
    fn shadow(&mut self, by: Version, participant: ShadowParticipant) -> Result<(), OperatorError> {
        let _ = (by, participant);
        Err(OperatorError::Version)
    }

    /// Does what the swap has decided: puts the old version back, or lets it go. Lets a shadow go that is over.
    ///
    /// # Errors
    /// If the old version cannot take the state back.
    fn settle(&mut self) -> Result<(), OperatorError>;
}

/// Another version of a step's components, ready to be called. Only the kind of step that made it knows what is inside.
pub struct Version(Box<dyn Any + Send>);

impl Version {
    /// What a kind of step runs.
    pub fn new<G: Send + 'static>(guest: G) -> Self {
        Self(Box::new(guest))
    }

    /// What it was made of.
    ///
    /// # Errors
    /// If it was made by another kind of step.
    pub fn into<G: 'static>(self) -> Result<G, OperatorError> {
        self.0.downcast().map(|guest| *guest).map_err(|_| OperatorError::Version)
    }
}
