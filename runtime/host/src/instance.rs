//! One sandbox with one operator in it, and the calls of all three worlds. Arguments are columns; answers are deltas, checked.
//! Nothing is applied here.

use std::sync::Arc;

use arrow::datatypes::FieldRef;

use crate::call::Rows;
use crate::call_error::CallError;
use crate::compiled::Compiled;
use crate::delta::TransformDelta;
use crate::exports::Functions;
use crate::imports::metrics::GuestMetrics;
use crate::lift_delta;
use crate::lower::{LoweredColumns, count};
use crate::plan::{InputSchema, Plan, World};
use crate::sandbox::Sandbox;
use crate::spec::{InstanceError, InstanceSpec};
use arguments::{batch, lower_rows, wrong_world};

mod aggregate;
mod arguments;
mod keyed;

/// One operator in memory of its own. After a trap, a time-out or an answer that broke the contract it is started again by the
/// next call; what it logged and counted lives on.
pub struct Instance {
    sandbox: Sandbox,
    plan: Plan,
    /// Every input's fields that are read: what arguments are held to.
    reads: Vec<Vec<FieldRef>>,
    /// The key fields of the first input; those of the others have the same types.
    keys: Vec<FieldRef>,
    /// Kept for their capacity.
    columns: LoweredColumns,
    states: [LoweredColumns; 2],
}

impl Instance {
    pub(crate) fn new(component: Arc<Compiled>, spec: InstanceSpec) -> Result<Self, InstanceError> {
        let inputs = spec.inputs.clone();
        let (sandbox, plan) = Sandbox::new(component, spec)?;
        let fields = |columns: &[usize], input: &InputSchema| -> Vec<FieldRef> {
            columns.iter().map(|&column| Arc::clone(&input.schema.fields()[column])).collect()
        };
        let reads = plan.reads.iter().zip(&inputs).map(|(reads, input)| fields(reads, input)).collect();
        let keys = inputs.first().map(|input| fields(&input.keys, input)).unwrap_or_default();
        Ok(Self { sandbox, plan, reads, keys, columns: LoweredColumns::default(), states: Default::default() })
    }

    /// What it does with its inputs.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What the operator counted, since the instance was first made.
    #[must_use]
    pub fn metrics(&self) -> GuestMetrics {
        self.sandbox.metrics().cloned().unwrap_or_default()
    }

    /// Linear memory that it has now, bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.sandbox.memory_bytes()
    }

    /// Log lines that were dropped because they were too many.
    #[must_use]
    pub fn log_lines_dropped(&self) -> u64 {
        self.sandbox.log_lines_dropped()
    }

    /// Runs a transform over rows of an input.
    ///
    /// # Errors
    /// See [`CallError`]; nothing happened then.
    pub fn transform(&mut self, input: usize, rows: &Rows<'_>) -> Result<TransformDelta, CallError> {
        let Functions::Transform { process } = self.sandbox.functions(&self.plan)? else {
            return Err(wrong_world(World::Transform));
        };
        lower_rows(&mut self.columns, rows, &self.reads, input)?;
        let views = self.columns.views();
        let arrays = self.columns.arrays(&views);
        let batch = batch(&self.plan, rows, &arrays)?;
        let answer = self.sandbox.call(process, (count(input), batch))?;
        let delta = answer.map_err(CallError::of_guest)?;
        lift_delta::transform(&self.plan, self.sandbox.limits(), rows.rows, delta)
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("plan", &self.plan).finish_non_exhaustive()
    }
}
