//! The kinds of steps that a pipeline may have. It names none of them.

use std::sync::Arc;

use super::node::StepKind;

/// Kinds of steps, by their sections.
#[derive(Clone, Default)]
pub struct StepKinds(Vec<Arc<dyn StepKind>>);

impl StepKinds {
    /// These and one more; of two with the same section the later counts.
    #[must_use]
    pub fn with(mut self, kind: impl StepKind + 'static) -> Self {
        self.0.insert(0, Arc::new(kind));
        self
    }

    /// The kind of a section.
    pub(crate) fn of(&self, section: &str) -> Option<&dyn StepKind> {
        self.0.iter().find(|kind| kind.section() == section).map(AsRef::as_ref)
    }

    pub(crate) fn sections(&self) -> Vec<&'static str> {
        self.0.iter().map(|kind| kind.section()).collect()
    }
}
