//! Totals and how many values they are of: what `sum` and `avg` share. No total depends on the order of its rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, FieldRef, Int64Type};

use super::fold::Groups;
use super::state_field;
use crate::operator::OperatorError;

/// How values of a column add up.
pub(super) trait Total: Clone + Send + 'static {
    /// The sum so far.
    type Value: Copy + Default + Send + Sync + 'static;
    fn update(
        &self,
        groups: &mut (impl Groups<Counted<Self::Value>> + ?Sized),
        group_of_row: &[u32],
        column: &ArrayRef,
    ) -> Result<(), OperatorError>;
    fn add(&self, a: Self::Value, b: Self::Value) -> Result<Self::Value, OperatorError>;
    fn state_fields(&self) -> Vec<FieldRef>;
    fn state(&self, totals: &mut dyn Iterator<Item = Self::Value>) -> Vec<ArrayRef>;
    fn load(&self, state: &[ArrayRef], row: usize) -> Self::Value;
    /// The total of values of the column's type, as a float.
    fn to_f64(&self, total: Self::Value) -> f64;
    /// The total, in the type of the sum.
    fn finish(&self, totals: &mut dyn Iterator<Item = Option<Self::Value>>) -> Result<ArrayRef, OperatorError>;
}

/// A total and of how many values; without any the result is null.
#[derive(Clone, Copy, Default)]
pub(super) struct Counted<V> {
    pub(super) total: V,
    pub(super) count: i64,
}

pub(super) fn merge<T: Total>(
    total: &T,
    into: &mut Counted<T::Value>,
    other: &Counted<T::Value>,
) -> Result<(), OperatorError> {
    into.total = total.add(into.total, other.total)?;
    into.count += other.count;
    Ok(())
}

pub(super) fn state_fields<T: Total>(total: &T) -> Vec<FieldRef> {
    let mut fields = total.state_fields();
    fields.push(state_field("count", DataType::Int64, false));
    fields
}

pub(super) fn state<T: Total>(total: &T, groups: &[&Counted<T::Value>]) -> Vec<ArrayRef> {
    let mut columns = total.state(&mut groups.iter().map(|g| g.total));
    columns.push(Arc::new(Int64Array::from_iter_values(groups.iter().map(|g| g.count))));
    columns
}

pub(super) fn load<T: Total>(total: &T, state: &[ArrayRef], rows: usize) -> Vec<Counted<T::Value>> {
    let Some((counts, totals)) = state.split_last() else { return Vec::new() };
    let counts = counts.as_primitive::<Int64Type>();
    (0..rows).map(|row| Counted { total: total.load(totals, row), count: counts.value(row) }).collect()
}
