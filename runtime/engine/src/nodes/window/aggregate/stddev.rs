//! `stddev` and `variance` of a sample, as in SQL; null of fewer than two values.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Float64Type, Int64Type};

use super::double_double::DoubleDouble;
use super::exact_stddev::exact_stddev;
use super::fold::{Fold, Folded, Groups, for_each_valid};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// `variance` of a column of numbers if `squared`, else `stddev`.
pub(super) fn stddev(column: &FieldRef, squared: bool) -> Box<dyn Accumulators> {
    match column.data_type().is_floating() {
        true => Folded::boxed(Stddev { column: column.clone(), squared }),
        false => exact_stddev(column, squared),
    }
}

/// Of floats: sums of values and of their squares, of twice the precision of a float, since one is taken from the other in the end. Where
/// the mean is more than some 10^8 times the deviation, digits of that depend on the order of values.
#[derive(Clone)]
struct Stddev {
    column: FieldRef,
    squared: bool,
}

/// What is kept per group.
#[derive(Clone, Copy, Default)]
struct Moments {
    count: i64,
    sum: DoubleDouble,
    squares: DoubleDouble,
}

impl Moments {
    fn take(&mut self, value: DoubleDouble) {
        self.count += 1;
        self.sum = self.sum.plus(value);
        self.squares = self.squares.plus(value.squared());
    }
}

impl Stddev {
    fn result(&self, Moments { count, sum, squares }: &Moments) -> Option<f64> {
        if *count < 2 {
            return None;
        }
        if !sum.high.is_finite() || !squares.high.is_finite() {
            return Some(f64::NAN);
        }
        let of_mean = sum.times(sum.over(*count as f64));
        let variance = squares.plus(of_mean.negated()).over((*count - 1) as f64).high;
        Some(if self.squared { variance.max(0.0) } else { variance.max(0.0).sqrt() })
    }
}

impl Fold for Stddev {
    type Accumulator = Moments;

    fn update(
        &self,
        groups: &mut (impl Groups<Moments> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        let [column] = columns else { return Ok(()) };
        let column = cast(column, &DataType::Float64)?;
        let values = column.as_primitive::<Float64Type>();
        for_each_valid(values.nulls(), group_of_row, |row, group| {
            groups[group].take(values.value(row).into());
            Ok(())
        })
    }

    fn merge(&self, into: &mut Moments, other: &Moments) -> Result<(), OperatorError> {
        into.count += other.count;
        into.sum = into.sum.plus(other.sum);
        into.squares = into.squares.plus(other.squares);
        Ok(())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        let float = |name| state_field(name, DataType::Float64, false);
        let mut fields = ["sum", "sum_low", "squares", "squares_low"].map(float).to_vec();
        fields.push(state_field("count", DataType::Int64, false));
        fields
    }

    fn state(&self, groups: &[&Moments]) -> Result<Vec<ArrayRef>, OperatorError> {
        let float = |of: fn(&Moments) -> f64| -> ArrayRef {
            Arc::new(groups.iter().map(|group| Some(of(group))).collect::<Float64Array>())
        };
        let count: Int64Array = groups.iter().map(|group| Some(group.count)).collect();
        Ok(vec![
            float(|group| group.sum.high),
            float(|group| group.sum.low),
            float(|group| group.squares.high),
            float(|group| group.squares.low),
            Arc::new(count),
        ])
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Moments>, OperatorError> {
        let [floats @ .., counts] = state else { return Ok(Vec::new()) };
        let float = |column: usize, row| floats[column].as_primitive::<Float64Type>().value(row);
        let of = |row, column| DoubleDouble { high: float(column, row), low: float(column + 1, row) };
        let counts = counts.as_primitive::<Int64Type>();
        Ok((0..rows).map(|row| Moments { count: counts.value(row), sum: of(row, 0), squares: of(row, 2) }).collect())
    }

    fn output_field(&self) -> FieldRef {
        state_field("stddev", DataType::Float64, true)
    }

    fn overflow(&self, group: &Moments) -> Option<String> {
        let overflowed = group.sum.has_overflowed() || group.squares.has_overflowed();
        let name = self.column.name();
        overflowed.then(|| format!("squares of column {name:?} are beyond all floats, so its deviation has no value"))
    }

    fn finish(&self, groups: &[&Moments]) -> Result<ArrayRef, OperatorError> {
        if let Some(message) = groups.iter().find_map(|group| self.overflow(group)) {
            return Err(OperatorError::Result(message));
        }
        Ok(Arc::new(groups.iter().map(|group| self.result(group)).collect::<Float64Array>()))
    }
}
