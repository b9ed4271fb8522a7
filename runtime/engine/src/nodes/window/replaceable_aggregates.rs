//! A step some of whose aggregates are components, which can be replaced. What it does with rows is its own operator's.

use std::sync::{MutexGuard, PoisonError};

use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;

use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::window::instance_aggregate::{AggregateGuest, InstanceAggregate, SharedInstance};
use crate::replace::replaceable::{Replaceable, Version};
use crate::replace::trial::SwapParticipant;

/// Runs a step with aggregates, and replaces their components.
pub(crate) struct ReplaceableAggregates {
    operator: Box<dyn Operator>,
    /// By aggregate; `None`: it is none of a component.
    components: Vec<Option<SharedInstance>>,
}

impl ReplaceableAggregates {
    /// The operator as it is, if none of its aggregates is a component's.
    pub(crate) fn over(operator: Box<dyn Operator>, components: Vec<Option<SharedInstance>>) -> Box<dyn Operator> {
        match components.iter().any(Option::is_some) {
            true => Box::new(Self { operator, components }),
            false => operator,
        }
    }

    fn components(&self) -> impl Iterator<Item = MutexGuard<'_, InstanceAggregate>> {
        self.components.iter().flatten().map(|component| component.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Operator for ReplaceableAggregates {
    fn process(&mut self, input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.settle()?;
        self.components().for_each(|mut component| component.begin_batch());
        let progress = self.operator.process(input, batch, out)?;
        // One batch, however many of the aggregates are on trial.
        if let Some(component) = self.components().find(|component| component.is_on_trial()) {
            component.batch();
        }
        Ok(progress)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.settle()?;
        self.components().for_each(|mut component| component.begin_batch());
        self.operator.on_time(at, out)
    }

    fn on_end(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.operator.on_end(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.settle()?;
        self.components().for_each(|mut component| component.begin_batch());
        self.operator.more(out)
    }

    fn deadline(&self) -> Option<i64> {
        self.operator.deadline()
    }

    fn state_bytes(&mut self) -> u64 {
        self.operator.state_bytes()
    }

    fn flush(&mut self, out: &mut Outputs) -> Result<(), OperatorError> {
        self.operator.flush(out)
    }

    fn freeze(&mut self, cut: Cut) -> Result<Frozen, OperatorError> {
        let versions: Vec<String> = self.components().map(|component| component.version().to_owned()).collect();
        let frozen = self.operator.freeze(cut)?;
        Ok(Frozen::new(move || Ok(Snapshot { version: Some(versions.join(", ")), ..frozen.make()? })))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        self.operator.restore(snapshot)
    }

    fn replaceable(&mut self) -> Option<&mut dyn Replaceable> {
        Some(self)
    }
}

impl Replaceable for ReplaceableAggregates {
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
