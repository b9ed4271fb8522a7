//! A component of the world `aggregate-operator` as a window's aggregate: between the window's states and the host's.

use std::sync::{Arc, Mutex};

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;
use weir_host::{CallError, Rows};
use weir_state::States;

use super::meter::MeteredInstance;
use super::window::{ComponentAggregate, SharedComponent};

struct InstanceAggregate {
    instance: MeteredInstance,
    /// Which of the aggregate's columns the component reads.
    reads: Vec<usize>,
    reads_event_times: bool,
}

/// The aggregate that an instance computes.
pub(crate) fn instance_aggregate(instance: MeteredInstance) -> SharedComponent {
    let plan = instance.plan();
    let reads = plan.reads.first().cloned().unwrap_or_default();
    let reads_event_times = plan.reads_event_times;
    Arc::new(Mutex::new(InstanceAggregate { instance, reads, reads_event_times }))
}

fn host_states(States { present, columns }: States) -> weir_host::States {
    weir_host::States { keys: present.len(), present: Some(present), columns }
}

impl ComponentAggregate for InstanceAggregate {
    fn state_fields(&self) -> Vec<FieldRef> {
        let state = self.instance.plan().state.as_ref();
        state.map(|s| s.schema.fields().iter().cloned().collect()).unwrap_or_default()
    }

    fn output_field(&self) -> FieldRef {
        // The planner has checked that there is exactly one.
        self.instance.plan().output_schema(0).fields()[0].clone()
    }

    fn accumulate(
        &mut self,
        columns: &[ArrayRef],
        event_times: &[i64],
        group_of_row: &[u32],
        states: States,
    ) -> Result<Vec<ArrayRef>, CallError> {
        let columns: Vec<ArrayRef> = self.reads.iter().map(|c| columns[*c].clone()).collect();
        let event_times = self.reads_event_times.then_some(event_times);
        let rows = Rows { rows: group_of_row.len(), columns: &columns, event_times };
        self.instance.call(|instance| instance.accumulate(&rows, group_of_row, &host_states(states)))
    }

    fn merge(&mut self, left: States, right: States) -> Result<Vec<ArrayRef>, CallError> {
        self.instance.call(|instance| instance.merge(&host_states(left), &host_states(right)))
    }

    fn finish(&mut self, states: States) -> Result<ArrayRef, CallError> {
        let mut columns = self.instance.call(|instance| instance.finish(&host_states(states)))?;
        columns.pop().ok_or_else(|| CallError::InvalidOutput("finish gave no column".to_owned()))
    }
}
