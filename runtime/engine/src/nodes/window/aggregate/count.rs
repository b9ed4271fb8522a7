//! `count`: rows, or values that are not null.

use std::convert::Infallible;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, FieldRef, Int64Type};

use super::fold::{Fold, Groups, for_each_valid};
use super::state_field;
use crate::dataflow::operator::OperatorError;

/// Counts all rows if it gets no column.
#[derive(Clone)]
pub(super) struct Count;

impl Fold for Count {
    type Accumulator = i64;

    fn update(
        &self,
        groups: &mut (impl Groups<i64> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        let nulls = columns.first().and_then(|c| c.logical_nulls());
        let counted = for_each_valid(nulls.as_ref(), group_of_row, |_, group| {
            groups[group] += 1;
            Ok::<(), Infallible>(())
        });
        match counted {
            Ok(()) => Ok(()),
        }
    }

    fn merge(&self, into: &mut i64, other: &i64) -> Result<(), OperatorError> {
        *into += other;
        Ok(())
    }

    const TAKES_BACK: bool = true;

    fn take_back(&self, from: &mut i64, other: &i64) {
        *from -= other;
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        vec![state_field("count", DataType::Int64, false)]
    }

    fn state(&self, groups: &[&i64]) -> Result<Vec<ArrayRef>, OperatorError> {
        Ok(vec![self.finish(groups)?])
    }

    fn load(&self, state: &[ArrayRef], _rows: usize) -> Result<Vec<i64>, OperatorError> {
        Ok(state.first().map(|c| c.as_primitive::<Int64Type>().values().to_vec()).unwrap_or_default())
    }

    fn output_field(&self) -> FieldRef {
        state_field("count", DataType::Int64, false)
    }

    fn finish(&self, groups: &[&i64]) -> Result<ArrayRef, OperatorError> {
        Ok(Arc::new(Int64Array::from_iter_values(groups.iter().map(|count| **count))))
    }
}
