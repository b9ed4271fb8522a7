//! A step of a window some of whose aggregates are components, which can be replaced. What a window does is its own operator's.

use std::sync::{MutexGuard, PoisonError};

use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;

use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::window::instance_aggregate::{AggregateGuest, InstanceAggregate, SharedInstance};
use crate::replace::replaceable::{Replaceable, Version};
use crate::replace::trial::SwapParticipant;

/// Runs a step of a window, and replaces its components.
pub(crate) struct ComponentWindow {
    window: Box<dyn Operator>,
    /// By aggregate; `None`: it is none of a component.
    components: Vec<Option<SharedInstance>>,
}

impl ComponentWindow {
    pub(crate) fn new(window: Box<dyn Operator>, components: Vec<Option<SharedInstance>>) -> Self {
        Self { window, components }
    }

    fn components(&self) -> impl Iterator<Item = MutexGuard<'_, InstanceAggregate>> {
        self.components.iter().flatten().map(|component| component.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Operator for ComponentWindow {
    fn process(&mut self, input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.settle()?;
        self.components().for_each(|mut component| component.begin_batch());
        let progress = self.window.process(input, batch, out)?;
        // One batch, however many of the aggregates are on trial.
        if let Some(component) = self.components().find(|component| component.is_on_trial()) {
            component.batch();
        }
        Ok(progress)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.settle()?;
        self.components().for_each(|mut component| component.begin_batch());
        self.window.on_time(at, out)
    }

    fn on_end(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.window.on_end(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.settle()?;
        self.components().for_each(|mut component| component.begin_batch());
        self.window.more(out)
    }

    fn deadline(&self) -> Option<i64> {
        self.window.deadline()
    }

    fn state_bytes(&mut self) -> u64 {
        self.window.state_bytes()
    }

    fn flush(&mut self, out: &mut Outputs) -> Result<(), OperatorError> {
        self.window.flush(out)
    }

    fn freeze(&mut self, cut: Cut) -> Result<Frozen, OperatorError> {
        let versions: Vec<String> = self.components().map(|component| component.version().to_owned()).collect();
        let frozen = self.window.freeze(cut)?;
        Ok(Frozen::new(move || Ok(Snapshot { version: Some(versions.join(", ")), ..frozen.make()? })))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        self.window.restore(snapshot)
    }

    fn replaceable(&mut self) -> Option<&mut dyn Replaceable> {
        Some(self)
    }
}

impl Replaceable for ComponentWindow {
    fn swap(&mut self, to: Version, participant: SwapParticipant) -> Result<(), OperatorError> {
        for (component, guest) in self.components.iter().zip(to.into::<Vec<Option<AggregateGuest>>>()?) {
            if let (Some(component), Some(guest)) = (component, guest) {
                component.lock().unwrap_or_else(PoisonError::into_inner).swap(guest, participant.clone());
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), OperatorError> {
        self.components().for_each(|mut component| component.settle());
        Ok(())
    }
}
