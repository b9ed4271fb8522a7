//! Totals of integers and decimals. Exact, or known not to be.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, Int64Array, UInt64Array};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, FieldRef, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use weir_core::column_type::type_name;

use super::fold::{Groups, for_each_valid};
use super::state_field;
use super::total::{Counted, Total};
use crate::dataflow::operator::OperatorError;

/// What a total is that went out of 128 bits: it stays so, whatever is added.
pub(super) const OVERFLOWED: i128 = i128::MIN;

/// Integers and decimals, in 128 bits: 2^64 values of 64 bits fit.
#[derive(Clone)]
pub(super) struct ExactTotal {
    pub(super) input: DataType,
    pub(super) overflow: Overflow,
}

impl ExactTotal {
    fn update_of<T: ArrowPrimitiveType>(
        &self,
        groups: &mut (impl Groups<Counted<i128>> + ?Sized),
        group_of_row: &[u32],
        column: &ArrayRef,
    ) -> Result<(), OperatorError>
    where
        T::Native: Into<i128>,
    {
        let array = column.as_primitive::<T>();
        let values = array.values();
        for_each_valid(array.nulls(), group_of_row, |row, group| {
            let group = &mut groups[group];
            group.total = self.add(group.total, values[row].into());
            group.count += 1;
            Ok(())
        })
    }
}

impl Total for ExactTotal {
    type Value = i128;

    fn update(
        &self,
        groups: &mut (impl Groups<Counted<i128>> + ?Sized),
        group_of_row: &[u32],
        column: &ArrayRef,
    ) -> Result<(), OperatorError> {
        match &self.input {
            DataType::Int8 => self.update_of::<Int8Type>(groups, group_of_row, column),
            DataType::Int16 => self.update_of::<Int16Type>(groups, group_of_row, column),
            DataType::Int32 => self.update_of::<Int32Type>(groups, group_of_row, column),
            DataType::Int64 => self.update_of::<Int64Type>(groups, group_of_row, column),
            DataType::UInt8 => self.update_of::<UInt8Type>(groups, group_of_row, column),
            DataType::UInt16 => self.update_of::<UInt16Type>(groups, group_of_row, column),
            DataType::UInt32 => self.update_of::<UInt32Type>(groups, group_of_row, column),
            DataType::UInt64 => self.update_of::<UInt64Type>(groups, group_of_row, column),
            _ => self.update_of::<Decimal128Type>(groups, group_of_row, column),
        }
    }

    #[inline]
    fn add(&self, a: i128, b: i128) -> i128 {
        if a == OVERFLOWED || b == OVERFLOWED {
            return OVERFLOWED;
        }
        a.checked_add(b).unwrap_or(OVERFLOWED)
    }

    // The least value of the type is no total, but the mark of one that went out of it, and stays so.
    const NEGATED: Option<fn(i128) -> i128> = Some(i128::wrapping_neg);

    fn state_fields(&self) -> Vec<FieldRef> {
        vec![state_field("total", DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0), false)]
    }

    fn state(&self, totals: &mut dyn Iterator<Item = i128>) -> Vec<ArrayRef> {
        vec![Arc::new(Decimal128Array::from_iter_values(totals).with_data_type(DataType::Decimal128(38, 0)))]
    }

    fn load(&self, state: &[ArrayRef], row: usize) -> i128 {
        state[0].as_primitive::<Decimal128Type>().value(row)
    }

    fn overflow(&self, total: i128) -> Option<String> {
        let Overflow { aggregate, column, data_type, range } = &self.overflow;
        if range.contains(&total) {
            return None;
        }
        let data_type = type_name(data_type);
        Some(match (&self.input, total) {
            (_, OVERFLOWED) => format!("{aggregate} of column {column:?} is out of range of its type {data_type}"),
            (DataType::Decimal128(..), _) => {
                format!("{aggregate} of column {column:?} does not fit its type {data_type}")
            }
            _ => format!("{aggregate} of column {column:?} is {total}, which does not fit its type {data_type}"),
        })
    }

    fn to_f64(&self, total: i128) -> f64 {
        match self.input {
            DataType::Decimal128(_, scale) => total as f64 / 10f64.powi(i32::from(scale)),
            _ => total as f64,
        }
    }

    fn finish(&self, totals: &mut dyn Iterator<Item = Option<i128>>) -> Result<ArrayRef, OperatorError> {
        let DataType::Decimal128(_, scale) = self.input else {
            let narrow =
                |total: Option<i128>| total.map(|total| i64::try_from(total).map_err(|_| self.overflow.error()));
            let unsigned =
                |total: Option<i128>| total.map(|total| u64::try_from(total).map_err(|_| self.overflow.error()));
            return Ok(match self.overflow.data_type {
                DataType::UInt64 => {
                    Arc::new(totals.map(|total| unsigned(total).transpose()).collect::<Result<UInt64Array, _>>()?)
                }
                _ => Arc::new(totals.map(|total| narrow(total).transpose()).collect::<Result<Int64Array, _>>()?),
            });
        };
        let fits = |total: i128| match self.overflow.range.contains(&total) {
            true => Ok(total),
            false => Err(self.overflow.error()),
        };
        let sums = totals.map(|total| total.map(fits).transpose()).collect::<Result<Decimal128Array, _>>()?;
        Ok(Arc::new(sums.with_precision_and_scale(DECIMAL128_MAX_PRECISION, scale)?))
    }
}

/// What an error of a total names.
#[derive(Clone)]
pub(super) struct Overflow {
    pub(super) aggregate: &'static str,
    pub(super) column: String,
    pub(super) data_type: DataType,
    /// The totals that have a result.
    pub(super) range: RangeInclusive<i128>,
}

impl Overflow {
    fn error(&self) -> OperatorError {
        let (column, data_type) = (self.column.clone(), type_name(&self.data_type));
        OperatorError::Overflow { aggregate: self.aggregate, column, data_type }
    }
}
