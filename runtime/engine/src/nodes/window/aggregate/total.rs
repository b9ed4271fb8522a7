//! Totals and how many values they are of: what `sum` and `avg` share. No total depends on the order of its rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, FieldRef, Int64Type};

use super::fold::{Fold, Groups};
use super::state_field;
use crate::dataflow::operator::OperatorError;

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
    fn add(&self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// What is to be added to take a total away again; `None`: totals of this kind are rounded.
    const NEGATED: Option<fn(Self::Value) -> Self::Value> = None;
    fn state_fields(&self) -> Vec<FieldRef>;
    fn state(&self, totals: &mut dyn Iterator<Item = Self::Value>) -> Vec<ArrayRef>;
    fn load(&self, state: &[ArrayRef], row: usize) -> Self::Value;
    /// Why a total cannot be a result, if it cannot.
    fn overflow(&self, total: Self::Value) -> Option<String> {
        let _ = total;
        None
    }
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

/// What `sum` and `avg` are: a kind of total, and what is made of it in the end.
#[derive(Clone)]
pub(super) struct OfTotal<T> {
    pub(super) total: T,
    pub(super) made: Made,
}

/// What is made of a total.
#[derive(Clone)]
pub(super) enum Made {
    /// It is the result, as this type.
    Sum(DataType),
    /// It is divided by the number of its values.
    Average,
}

impl<T: Total> Fold for OfTotal<T> {
    type Accumulator = Counted<T::Value>;

    fn update(
        &self,
        groups: &mut (impl Groups<Self::Accumulator> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        columns.first().map_or(Ok(()), |column| self.total.update(groups, group_of_row, column))
    }

    fn merge(&self, into: &mut Self::Accumulator, other: &Self::Accumulator) -> Result<(), OperatorError> {
        into.total = self.total.add(into.total, other.total);
        into.count += other.count;
        Ok(())
    }

    const TAKES_BACK: bool = T::NEGATED.is_some();

    fn take_back(&self, from: &mut Self::Accumulator, other: &Self::Accumulator) {
        if let Some(negated) = T::NEGATED {
            from.total = self.total.add(from.total, negated(other.total));
            from.count -= other.count;
        }
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        let mut fields = self.total.state_fields();
        fields.push(state_field("count", DataType::Int64, false));
        fields
    }

    fn state(&self, groups: &[&Self::Accumulator]) -> Result<Vec<ArrayRef>, OperatorError> {
        let mut columns = self.total.state(&mut groups.iter().map(|g| g.total));
        columns.push(Arc::new(Int64Array::from_iter_values(groups.iter().map(|g| g.count))));
        Ok(columns)
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Self::Accumulator>, OperatorError> {
        let Some((counts, totals)) = state.split_last() else { return Ok(Vec::new()) };
        let counts = counts.as_primitive::<Int64Type>();
        Ok((0..rows).map(|row| Counted { total: self.total.load(totals, row), count: counts.value(row) }).collect())
    }

    fn output_field(&self) -> FieldRef {
        match &self.made {
            Made::Sum(data_type) => state_field("sum", data_type.clone(), true),
            Made::Average => state_field("avg", DataType::Float64, true),
        }
    }

    fn overflow(&self, group: &Self::Accumulator) -> Option<String> {
        self.total.overflow(group.total)
    }

    fn finish(&self, groups: &[&Self::Accumulator]) -> Result<ArrayRef, OperatorError> {
        let mut totals = groups.iter().map(|g| (g.count > 0).then_some(g.total));
        match self.made {
            Made::Sum(_) => self.total.finish(&mut totals),
            Made::Average => {
                let means = totals.zip(groups).map(|(total, g)| Some(self.total.to_f64(total?) / g.count as f64));
                Ok(Arc::new(means.collect::<Float64Array>()))
            }
        }
    }
}
