//! Calls of aggregates.

use arrow::array::ArrayRef;
use arrow::datatypes::ToByteSlice;

use super::Instance;
use super::arguments::{batch, check_indices, lower_rows, lower_states, wrong_world};
use crate::abi::{List, PointerPair, from_guest, to_guest};
use crate::call::{Rows, States};
use crate::call_error::CallError;
use crate::delta::Accumulated;
use crate::exports::{Functions, Merge};
use crate::lift;
use crate::lift_delta;
use crate::lower::count;
use crate::plan::{Plan, World};

impl Instance {
    /// Adds rows to accumulators. `group_of_row` has an index into `accumulators` for every row; one that is not present is
    /// new.
    ///
    /// # Errors
    /// See [`CallError`]; nothing happened then.
    pub fn accumulate(
        &mut self,
        rows: &Rows<'_>,
        group_of_row: &[u32],
        accumulators: &States,
    ) -> Result<Accumulated, CallError> {
        let Functions::Aggregate { accumulate, .. } = self.sandbox.functions(&self.plan)? else {
            return Err(wrong_world(World::Aggregate));
        };
        check_indices(group_of_row, rows.rows, accumulators.keys, "group_of_row")?;
        let [lowered, _] = &mut self.states;
        let present = lower_states(lowered, accumulators, &self.plan)?;
        lower_rows(&mut self.columns, rows, &self.reads, 0)?;
        let (row_views, state_views) = (self.columns.views(), lowered.views());
        let (arrays, state_arrays) = (self.columns.arrays(&row_views), lowered.arrays(&state_views));
        let batch = batch(&self.plan, rows, &arrays)?;
        let given = to_guest::States { keys: count(accumulators.keys), present: &present, columns: &state_arrays };
        let answer = self.sandbox.call(accumulate, (batch, group_of_row.to_byte_slice(), given))?;
        let accumulated = answer.map_err(CallError::of_guest)?;
        let rejected = lift_delta::rejected(accumulated.rejected, rows.rows).map_err(CallError::InvalidOutput)?;
        let accumulators = accumulators_of(&self.plan, accumulators.keys, accumulated.accumulators)?;
        Ok(Accumulated { accumulators, rejected })
    }

    /// Merges accumulators pairwise: row i of `left` with row i of `right`.
    ///
    /// # Errors
    /// See [`CallError`]; nothing happened then.
    pub fn merge(&mut self, left: &States, right: &States) -> Result<Vec<ArrayRef>, CallError> {
        let Functions::Aggregate { merge, .. } = self.sandbox.functions(&self.plan)? else {
            return Err(wrong_world(World::Aggregate));
        };
        self.pairwise(merge, left, right)
    }

    /// Takes accumulators back pairwise: row i of `right` out of row i of `left`. Only if [`crate::Component::retracts`].
    ///
    /// # Errors
    /// See [`CallError`]; nothing happened then.
    pub fn retract(&mut self, left: &States, right: &States) -> Result<Vec<ArrayRef>, CallError> {
        match self.sandbox.functions(&self.plan)? {
            Functions::Aggregate { retract: Some(retract), .. } => self.pairwise(retract, left, right),
            Functions::Aggregate { .. } => Err(CallError::Arguments("this aggregate cannot take rows back".to_owned())),
            _ => Err(wrong_world(World::Aggregate)),
        }
    }

    fn pairwise(&mut self, function: Merge, left: &States, right: &States) -> Result<Vec<ArrayRef>, CallError> {
        if left.keys != right.keys {
            return Err(CallError::Arguments(format!("{} accumulators paired with {}", left.keys, right.keys)));
        }
        let [of_left, of_right] = &mut self.states;
        let left_present = lower_states(of_left, left, &self.plan)?;
        let right_present = lower_states(of_right, right, &self.plan)?;
        let (left_views, right_views) = (of_left.views(), of_right.views());
        let (left_arrays, right_arrays) = (of_left.arrays(&left_views), of_right.arrays(&right_views));
        let keys = count(left.keys);
        let given_left = to_guest::States { keys, present: &left_present, columns: &left_arrays };
        let given_right = to_guest::States { keys, present: &right_present, columns: &right_arrays };
        let answer = self.sandbox.call(function, (given_left, given_right))?;
        let columns = answer.map_err(CallError::of_guest)?;
        accumulators_of(&self.plan, left.keys, columns)
    }

    /// The result columns of accumulators: those of the plan's output, a row an accumulator.
    ///
    /// # Errors
    /// See [`CallError`]; nothing happened then.
    pub fn finish(&mut self, accumulators: &States) -> Result<Vec<ArrayRef>, CallError> {
        let Functions::Aggregate { finish, .. } = self.sandbox.functions(&self.plan)? else {
            return Err(wrong_world(World::Aggregate));
        };
        let [lowered, _] = &mut self.states;
        let present = lower_states(lowered, accumulators, &self.plan)?;
        let views = lowered.views();
        let arrays = lowered.arrays(&views);
        let given = to_guest::States { keys: count(accumulators.keys), present: &present, columns: &arrays };
        let answer = self.sandbox.call(finish, (given,))?;
        let columns = answer.map_err(CallError::of_guest)?;
        let fields = self.plan.outputs.first().map(|output| output.computed.clone()).unwrap_or_default();
        lift::columns(&fields, accumulators.keys, columns.0).map_err(CallError::InvalidOutput)
    }
}

fn accumulators_of(
    plan: &Plan,
    keys: usize,
    PointerPair(columns): List<from_guest::Array>,
) -> Result<Vec<ArrayRef>, CallError> {
    let fields = plan.state.as_ref().map(|state| state.schema.fields().clone()).unwrap_or_default();
    lift::columns(&fields, keys, columns).map_err(CallError::InvalidOutput)
}
