//! `stddev` and `variance` of integers and decimals: exact up to the last division, in any order.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal256Array, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type, FieldRef, Int64Type, i256};

use super::fold::{Fold, Folded, Groups, for_each_valid};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// `variance` of a column of integers or decimals if `squared`, else `stddev`.
pub(super) fn exact_stddev(column: &FieldRef, squared: bool) -> Box<dyn Accumulators> {
    Folded::boxed(ExactStddev { column: column.clone(), squared })
}

/// Decimals are counted in units of their last digit.
#[derive(Clone)]
struct ExactStddev {
    column: FieldRef,
    squared: bool,
}

/// The sums of values and of their squares; `None`: they are beyond 256 bits, which those of integers never are.
#[derive(Clone, Copy)]
struct Moments {
    count: i64,
    sums: Option<(i256, i256)>,
}

impl Default for Moments {
    fn default() -> Self {
        Self { count: 0, sums: Some((i256::ZERO, i256::ZERO)) }
    }
}

impl Moments {
    fn add(&mut self, count: i64, sums: Option<(i256, i256)>) {
        self.count += count;
        self.sums = self.sums.zip(sums).and_then(|((sum, squares), (more, more_squares))| {
            Some((sum.checked_add(more)?, squares.checked_add(more_squares)?))
        });
    }

    /// The variance times `count` and `count - 1`; `None`: beyond 256 bits.
    fn numerator(&self) -> Option<i256> {
        let (sum, squares) = self.sums?;
        squares.checked_mul(i256::from_i128(self.count.into()))?.checked_sub(sum.checked_mul(sum)?)
    }
}

fn to_f64(value: i256) -> f64 {
    let (low, high) = value.to_parts();
    high as f64 * 2_f64.powi(128) + low as f64
}

impl Fold for ExactStddev {
    type Accumulator = Moments;

    fn update(
        &self,
        groups: &mut (impl Groups<Moments> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        let [column] = columns else { return Ok(()) };
        let column = match column.data_type() {
            DataType::Decimal128(..) => column.clone(),
            // Every integer type fits.
            _ => cast(column, &DataType::Decimal128(38, 0))?,
        };
        let values = column.as_primitive::<Decimal128Type>();
        for_each_valid(values.nulls(), group_of_row, |row, group| {
            let value = i256::from_i128(values.value(row));
            groups[group].add(1, value.checked_mul(value).map(|square| (value, square)));
            Ok(())
        })
    }

    fn merge(&self, into: &mut Moments, other: &Moments) -> Result<(), OperatorError> {
        into.add(other.count, other.sums);
        Ok(())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        let sum = |name| state_field(name, DataType::Decimal256(DECIMAL256_MAX_PRECISION, 0), true);
        vec![sum("sum"), sum("squares"), state_field("count", DataType::Int64, false)]
    }

    fn state(&self, groups: &[&Moments]) -> Result<Vec<ArrayRef>, OperatorError> {
        let sums = |of: fn((i256, i256)) -> i256| -> Result<ArrayRef, OperatorError> {
            let sums: Decimal256Array = groups.iter().map(|group| group.sums.map(of)).collect();
            Ok(Arc::new(sums.with_precision_and_scale(DECIMAL256_MAX_PRECISION, 0)?))
        };
        let counts: Int64Array = groups.iter().map(|group| Some(group.count)).collect();
        Ok(vec![sums(|(sum, _)| sum)?, sums(|(_, squares)| squares)?, Arc::new(counts)])
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Moments>, OperatorError> {
        let [sums, squares, counts] = state else { return Ok(Vec::new()) };
        let [sums, squares] = [sums, squares].map(|column| column.as_primitive::<Decimal256Type>());
        let counts = counts.as_primitive::<Int64Type>();
        let of = |row| Moments {
            count: counts.value(row),
            sums: sums.is_valid(row).then(|| (sums.value(row), squares.value(row))),
        };
        Ok((0..rows).map(of).collect())
    }

    fn output_field(&self) -> FieldRef {
        state_field("stddev", DataType::Float64, true)
    }

    fn overflow(&self, group: &Moments) -> Option<String> {
        let name = self.column.name();
        group.numerator().is_none().then(|| {
            format!(
                "squares of column {name:?} are too large to be exact: cast the column to float64 before the window"
            )
        })
    }

    fn finish(&self, groups: &[&Moments]) -> Result<ArrayRef, OperatorError> {
        if let Some(message) = groups.iter().find_map(|group| self.overflow(group)) {
            return Err(OperatorError::Result(message));
        }
        let scale = match self.column.data_type() {
            DataType::Decimal128(_, scale) => 10_f64.powi((*scale).into()),
            _ => 1.0,
        };
        let deviation = |group: &&Moments| {
            let pairs = group.count as f64 * (group.count - 1) as f64;
            let numerator = group.numerator().filter(|_| group.count > 1)?;
            let variance = to_f64(numerator) / pairs;
            Some(if self.squared { variance / (scale * scale) } else { variance.sqrt() / scale })
        };
        Ok(Arc::new(groups.iter().map(deviation).collect::<Float64Array>()))
    }
}
