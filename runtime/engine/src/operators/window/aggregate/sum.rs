//! `sum`, and the totals that `avg` shares with it. No total depends on the order of its rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, FieldRef, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use super::fold::{Fold, Folded, for_each_valid};
use super::{Accumulators, state_field};
use crate::operator::OperatorError;

/// The type of the sum of a column, if it has one.
pub(super) fn sum_type(column: &DataType) -> Option<DataType> {
    match column {
        DataType::Decimal128(_, scale) => Some(DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale)),
        t if t.is_integer() => Some(DataType::Int64),
        DataType::Float32 | DataType::Float64 => Some(DataType::Float64),
        _ => None,
    }
}

/// `sum` of a column, as a type that [`sum_type`] gave.
pub(super) fn sum(column: &FieldRef, output: DataType) -> Box<dyn Accumulators> {
    let overflow = Overflow { aggregate: "sum", column: column.name().clone(), data_type: output.clone() };
    let input = column.data_type().clone();
    match output {
        DataType::Float64 => Folded::boxed(Sum { total: FloatTotal { input }, output }),
        _ => Folded::boxed(Sum { total: ExactTotal { input, overflow }, output }),
    }
}

/// What an error of a total names.
#[derive(Clone)]
pub(super) struct Overflow {
    pub(super) aggregate: &'static str,
    pub(super) column: String,
    pub(super) data_type: DataType,
}

impl Overflow {
    fn error(&self) -> OperatorError {
        let (column, data_type) = (self.column.clone(), self.data_type.to_string());
        OperatorError::Overflow { aggregate: self.aggregate, column, data_type }
    }
}

/// How values of a column add up.
pub(super) trait Total: Clone + Send + 'static {
    /// The sum so far.
    type Value: Copy + Default + Send + 'static;
    fn update(
        &self,
        groups: &mut [Counted<Self::Value>],
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

/// Integers and decimals, in 128 bits: 2^64 values of 64 bits fit.
#[derive(Clone)]
pub(super) struct ExactTotal {
    pub(super) input: DataType,
    pub(super) overflow: Overflow,
}

impl ExactTotal {
    fn update_of<T: ArrowPrimitiveType>(
        &self,
        groups: &mut [Counted<i128>],
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
            group.total = self.add(group.total, values[row].into())?;
            group.count += 1;
            Ok(())
        })
    }
}

impl Total for ExactTotal {
    type Value = i128;

    fn update(
        &self,
        groups: &mut [Counted<i128>],
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
    fn add(&self, a: i128, b: i128) -> Result<i128, OperatorError> {
        a.checked_add(b).ok_or_else(|| self.overflow.error())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        vec![state_field("total", DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0), false)]
    }

    fn state(&self, totals: &mut dyn Iterator<Item = i128>) -> Vec<ArrayRef> {
        vec![Arc::new(Decimal128Array::from_iter_values(totals).with_data_type(DataType::Decimal128(38, 0)))]
    }

    fn load(&self, state: &[ArrayRef], row: usize) -> i128 {
        state[0].as_primitive::<Decimal128Type>().value(row)
    }

    fn to_f64(&self, total: i128) -> f64 {
        match self.input {
            DataType::Decimal128(_, scale) => total as f64 / 10f64.powi(i32::from(scale)),
            _ => total as f64,
        }
    }

    fn finish(&self, totals: &mut dyn Iterator<Item = Option<i128>>) -> Result<ArrayRef, OperatorError> {
        let DataType::Decimal128(_, scale) = self.input else {
            let narrow = |total: i128| i64::try_from(total).map_err(|_| self.overflow.error());
            let sums = totals.map(|total| total.map(narrow).transpose()).collect::<Result<Int64Array, _>>()?;
            return Ok(Arc::new(sums));
        };
        let bound = 10_u128.pow(u32::from(DECIMAL128_MAX_PRECISION));
        let fits = |total: i128| if total.unsigned_abs() < bound { Ok(total) } else { Err(self.overflow.error()) };
        let sums = totals.map(|total| total.map(fits).transpose()).collect::<Result<Decimal128Array, _>>()?;
        Ok(Arc::new(sums.with_precision_and_scale(DECIMAL128_MAX_PRECISION, scale)?))
    }
}

/// Floats, in twice their precision: the rounding of the order of additions is far below the last bit of the result.
#[derive(Clone)]
pub(super) struct FloatTotal {
    pub(super) input: DataType,
}

/// The unevaluated sum of two floats of which the second is less than half a unit in the last place of the first (T. J. Dekker,
/// "A floating-point technique for extending the available precision", 1971).
#[derive(Clone, Copy, Default)]
pub(super) struct DoubleDouble {
    high: f64,
    low: f64,
}

impl DoubleDouble {
    #[inline]
    fn plus(self, other: Self) -> Self {
        let (high, error) = two_sum(self.high, other.high);
        if !high.is_finite() {
            return Self { high, low: 0.0 };
        }
        let (low, low_error) = two_sum(self.low, other.low);
        let (high, error) = quick_two_sum(high, error + low);
        let (high, low) = quick_two_sum(high, error + low_error);
        Self { high, low }
    }
}

/// The rounded sum and its exact error (D. Knuth, The Art of Computer Programming, volume 2).
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// As [`two_sum`], for |a| >= |b|.
#[inline]
fn quick_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

impl FloatTotal {
    fn update_of<T: ArrowPrimitiveType>(
        &self,
        groups: &mut [Counted<DoubleDouble>],
        group_of_row: &[u32],
        column: &ArrayRef,
    ) -> Result<(), OperatorError>
    where
        T::Native: Into<f64>,
    {
        let array = column.as_primitive::<T>();
        let values = array.values();
        for_each_valid(array.nulls(), group_of_row, |row, group| {
            let group = &mut groups[group];
            group.total = group.total.plus(DoubleDouble { high: values[row].into(), low: 0.0 });
            group.count += 1;
            Ok(())
        })
    }
}

impl Total for FloatTotal {
    type Value = DoubleDouble;

    fn update(
        &self,
        groups: &mut [Counted<DoubleDouble>],
        group_of_row: &[u32],
        column: &ArrayRef,
    ) -> Result<(), OperatorError> {
        match self.input {
            DataType::Float32 => self.update_of::<Float32Type>(groups, group_of_row, column),
            _ => self.update_of::<Float64Type>(groups, group_of_row, column),
        }
    }

    fn add(&self, a: DoubleDouble, b: DoubleDouble) -> Result<DoubleDouble, OperatorError> {
        Ok(a.plus(b))
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        ["total", "total_low"].map(|name| state_field(name, DataType::Float64, false)).to_vec()
    }

    fn state(&self, totals: &mut dyn Iterator<Item = DoubleDouble>) -> Vec<ArrayRef> {
        let (high, low): (Vec<f64>, Vec<f64>) = totals.map(|total| (total.high, total.low)).unzip();
        vec![Arc::new(Float64Array::from(high)), Arc::new(Float64Array::from(low))]
    }

    fn load(&self, state: &[ArrayRef], row: usize) -> DoubleDouble {
        let value = |column: usize| state[column].as_primitive::<Float64Type>().value(row);
        DoubleDouble { high: value(0), low: value(1) }
    }

    fn to_f64(&self, total: DoubleDouble) -> f64 {
        total.high
    }

    fn finish(&self, totals: &mut dyn Iterator<Item = Option<DoubleDouble>>) -> Result<ArrayRef, OperatorError> {
        Ok(Arc::new(totals.map(|total| total.map(|t| t.high)).collect::<Float64Array>()))
    }
}

/// `sum` over a kind of total.
#[derive(Clone)]
struct Sum<T> {
    total: T,
    output: DataType,
}

impl<T: Total> Fold for Sum<T> {
    type Accumulator = Counted<T::Value>;

    fn update(
        &self,
        groups: &mut [Self::Accumulator],
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        columns.first().map_or(Ok(()), |column| self.total.update(groups, group_of_row, column))
    }

    fn merge(&self, into: &mut Self::Accumulator, other: &Self::Accumulator) -> Result<(), OperatorError> {
        merge(&self.total, into, other)
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        state_fields(&self.total)
    }

    fn state(&self, groups: &[&Self::Accumulator]) -> Result<Vec<ArrayRef>, OperatorError> {
        Ok(state(&self.total, groups))
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Vec<Self::Accumulator> {
        load(&self.total, state, rows)
    }

    fn output_field(&self) -> FieldRef {
        state_field("sum", self.output.clone(), true)
    }

    fn finish(&self, groups: &[&Self::Accumulator]) -> Result<ArrayRef, OperatorError> {
        self.total.finish(&mut groups.iter().map(|g| (g.count > 0).then_some(g.total)))
    }
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
