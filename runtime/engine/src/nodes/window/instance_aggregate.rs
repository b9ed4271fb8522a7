//! A component of the world `aggregate-operator` as a window's aggregate: between the window's states and the host's. While a swap
//! is not decided the version before is there too.

use std::sync::{Arc, Mutex};

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;
use weir_host::{CallError, Rows};
use weir_state::States;

use crate::nodes::meter::MeteredInstance;
use crate::nodes::window::ComponentAggregate;
use crate::replace::trial::{Seat, Trial, Verdict};

/// The aggregate that a component computes.
pub(crate) struct InstanceAggregate {
    guest: AggregateGuest,
    trial: Option<Trial<AggregateGuest>>,
}

/// As all accumulators of an operator have it.
pub(crate) type SharedInstance = Arc<Mutex<InstanceAggregate>>;

/// A component.
pub(crate) struct AggregateGuest {
    /// What [`weir_host::Component::version`] calls it.
    version: String,
    instance: MeteredInstance,
    /// Which of the aggregate's columns the component reads.
    reads: Vec<usize>,
    reads_event_times: bool,
}

impl AggregateGuest {
    pub(crate) fn new(version: String, instance: MeteredInstance) -> Self {
        let plan = instance.plan();
        let reads = plan.reads.first().cloned().unwrap_or_default();
        let reads_event_times = plan.reads_event_times;
        Self { version, instance, reads, reads_event_times }
    }

    fn accumulate(
        &mut self,
        columns: &[ArrayRef],
        event_times: &[i64],
        group_of_row: &[u32],
        states: &weir_host::States,
    ) -> Result<Vec<ArrayRef>, CallError> {
        let columns: Vec<ArrayRef> = self.reads.iter().map(|c| columns[*c].clone()).collect();
        let event_times = self.reads_event_times.then_some(event_times);
        let rows = Rows { rows: group_of_row.len(), columns: &columns, event_times };
        self.instance.call(|instance| instance.accumulate(&rows, group_of_row, states))
    }
}

impl InstanceAggregate {
    pub(crate) fn new(guest: AggregateGuest) -> Self {
        Self { guest, trial: None }
    }

    /// What [`weir_host::Component::version`] calls what runs.
    pub(crate) fn version(&self) -> &str {
        &self.guest.version
    }

    /// Runs another version from now on, on the same accumulators.
    pub(crate) fn swap(&mut self, to: AggregateGuest, seat: Seat) {
        self.trial = Some(Trial::new(std::mem::replace(&mut self.guest, to), seat));
    }

    /// Does what the swap has decided.
    pub(crate) fn settle(&mut self) {
        let verdict = self.trial.as_ref().map_or(Verdict::Open, Trial::verdict);
        if verdict != Verdict::Open
            && let Some(Trial { old, .. }) = self.trial.take()
            && verdict == Verdict::PutBack
        {
            self.guest = old;
        }
    }

    /// Whether a swap of it is not decided yet.
    pub(crate) fn is_on_trial(&self) -> bool {
        self.trial.is_some()
    }

    /// The version on trial has done a batch.
    pub(crate) fn batch(&self) {
        self.trial.iter().for_each(Trial::batch);
    }

    /// What the version on trial answers; if it fails and the old one does not, what that answers.
    fn call<T>(&mut self, call: impl Fn(&mut AggregateGuest) -> Result<T, CallError>) -> Result<T, CallError> {
        let error = match call(&mut self.guest) {
            Err(error) if !error.is_fatal() => error,
            other => return other,
        };
        let Some(trial) = &mut self.trial else { return Err(error) };
        let Ok(answer) = call(&mut trial.old) else { return Err(error) };
        trial.regressed(error.to_string());
        self.settle();
        Ok(answer)
    }
}

fn host_states(States { present, columns }: States) -> weir_host::States {
    weir_host::States { keys: present.len(), present: Some(present), columns }
}

impl ComponentAggregate for InstanceAggregate {
    fn state_fields(&self) -> Vec<FieldRef> {
        let state = self.guest.instance.plan().state.as_ref();
        state.map(|s| s.schema.fields().iter().cloned().collect()).unwrap_or_default()
    }

    fn output_field(&self) -> FieldRef {
        // The planner has checked that there is exactly one.
        self.guest.instance.plan().output_schema(0).fields()[0].clone()
    }

    fn accumulate(
        &mut self,
        columns: &[ArrayRef],
        event_times: &[i64],
        group_of_row: &[u32],
        states: States,
    ) -> Result<Vec<ArrayRef>, CallError> {
        let states = host_states(states);
        self.call(|guest| guest.accumulate(columns, event_times, group_of_row, &states))
    }

    fn merge(&mut self, left: States, right: States) -> Result<Vec<ArrayRef>, CallError> {
        let (left, right) = (host_states(left), host_states(right));
        self.call(|guest| guest.instance.call(|instance| instance.merge(&left, &right)))
    }

    fn finish(&mut self, states: States) -> Result<ArrayRef, CallError> {
        let states = host_states(states);
        let mut columns = self.call(|guest| guest.instance.call(|instance| instance.finish(&states)))?;
        columns.pop().ok_or_else(|| CallError::InvalidOutput("finish gave no column".to_owned()))
    }
}
