//! A component of the world `aggregate-operator` as a window's aggregate: between the window's states and the host's. While a swap
//! is not decided the version before is there too.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;
use weir_host::{Accumulated, CallError, Component, Failure, RejectedRow, Rows};
use weir_state::States;

use crate::nodes::meter::MeteredInstance;
use crate::nodes::window::ComponentAggregate;
use crate::replace::on_trial::{Guest, OnTrial, Refusing, VersionChoice};
use crate::replace::trial::SwapParticipant;

/// The aggregate that a component computes.
pub(crate) struct InstanceAggregate(OnTrial<AggregateGuest>);

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
    retracts: bool,
}

impl AggregateGuest {
    pub(crate) fn new(component: &Component, config: &serde_json::Value, instance: MeteredInstance) -> Self {
        let (version, retracts) = (component.version(config), component.retracts());
        let plan = instance.plan();
        let reads = plan.reads.first().cloned().unwrap_or_default();
        let reads_event_times = plan.reads_event_times;
        Self { version, instance, reads, reads_event_times, retracts }
    }

    fn accumulate(
        &mut self,
        columns: &[ArrayRef],
        event_times: &[i64],
        group_of_row: &[u32],
        states: &weir_host::States,
    ) -> Result<Accumulated, CallError> {
        let columns: Vec<ArrayRef> = self.reads.iter().map(|c| columns[*c].clone()).collect();
        let event_times = self.reads_event_times.then_some(event_times);
        let rows = Rows { rows: group_of_row.len(), columns: &columns, event_times };
        self.instance.call(|instance| instance.accumulate(&rows, group_of_row, states))
    }
}

impl Guest for AggregateGuest {
    /// Versions of an aggregate keep accumulators alike.
    type State = ();
    type Error = Infallible;

    fn take_over(&mut self, _: &Self, (): &mut ()) -> Result<(), Infallible> {
        Ok(())
    }
}

impl InstanceAggregate {
    pub(crate) fn new(guest: AggregateGuest) -> Self {
        Self(OnTrial::new(guest))
    }

    /// What [`weir_host::Component::version`] calls what runs.
    pub(crate) fn version(&self) -> &str {
        &self.0.guest.version
    }

    /// Runs another version from now on, on the same accumulators.
    pub(crate) fn swap(&mut self, to: AggregateGuest, participant: SwapParticipant) {
        let Ok(()) = self.0.swap(to, participant, &mut ());
    }

    /// Does what the swap has decided.
    pub(crate) fn settle(&mut self) {
        let Ok(_) = self.0.settle(&mut ());
    }

    /// Whether a swap of it is not decided yet.
    pub(crate) fn is_on_trial(&self) -> bool {
        self.0.trial.is_some()
    }

    /// The rows of the next calls have all the time of a batch.
    pub(crate) fn begin_batch(&mut self) {
        self.0.versions().for_each(|guest| guest.instance.begin_batch());
    }

    /// The version on trial has processed a batch.
    pub(crate) fn batch(&self) {
        self.0.batch();
    }

    fn call<A: Refusing>(
        &mut self,
        rows: usize,
        mut call: impl FnMut(&mut AggregateGuest) -> Result<A, CallError>,
    ) -> Result<A, CallError> {
        let call = |guest: &mut AggregateGuest| Ok(call(guest)?);
        self.0.call(VersionChoice::Candidate, rows, &mut (), call).map_err(|failure| match failure {
            Failure::Guest(error) => error,
            Failure::Fatal(never) => match never {},
        })
    }
}

impl Refusing for Accumulated {
    fn rejected(&self) -> &[RejectedRow] {
        &self.rejected
    }
}

/// Merged accumulators, and results: neither is about rows.
impl Refusing for Vec<ArrayRef> {}

fn host_states(States { present, columns }: States) -> weir_host::States {
    weir_host::States { keys: present.len(), present: Some(present), columns }
}

impl ComponentAggregate for InstanceAggregate {
    fn state_fields(&self) -> Vec<FieldRef> {
        let state = self.0.guest.instance.plan().state.as_ref();
        state.map(|s| s.schema.fields().iter().cloned().collect()).unwrap_or_default()
    }

    fn output_field(&self) -> FieldRef {
        // The planner has checked that there is exactly one.
        self.0.guest.instance.plan().output_schema(0).fields()[0].clone()
    }

    fn accumulate(
        &mut self,
        columns: &[ArrayRef],
        event_times: &[i64],
        group_of_row: &[u32],
        states: States,
    ) -> Result<Accumulated, CallError> {
        let states = host_states(states);
        self.call(group_of_row.len(), |guest| guest.accumulate(columns, event_times, group_of_row, &states))
    }

    fn merge(&mut self, left: States, right: States) -> Result<Vec<ArrayRef>, CallError> {
        let (left, right) = (host_states(left), host_states(right));
        self.call(left.keys, |guest| guest.instance.call(|instance| instance.merge(&left, &right)))
    }

    fn retracts(&self) -> bool {
        self.0.guest.retracts
    }

    fn retract(&mut self, left: States, right: States) -> Result<Vec<ArrayRef>, CallError> {
        let (left, right) = (host_states(left), host_states(right));
        self.call(left.keys, |guest| guest.instance.call(|instance| instance.retract(&left, &right)))
    }

    fn finish(&mut self, states: States) -> Result<ArrayRef, CallError> {
        let states = host_states(states);
        let mut columns = self.call(states.keys, |guest| guest.instance.call(|instance| instance.finish(&states)))?;
        columns.pop().ok_or_else(|| CallError::InvalidOutput("finish gave no column".to_owned()))
    }
}
