//! Arithmetic of times and intervals: exact, or the row fails. An interval is a number of microseconds or of nanoseconds; a date with
//! an interval was made a timestamp by the check.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, make_array};
use arrow::datatypes::{DataType, TimeUnit};

use super::Result;
use super::arithmetic::no_such;
use crate::arguments::Arguments;
use crate::failures::Failures;
use crate::node::Arithmetic;

/// The reason of a result that the type's numbers do not reach.
pub(crate) const TOO_FAR: &str = "the result is outside of what the type holds";

/// Both values have the unit of the result, but for an interval that is multiplied with an integer.
pub(super) fn calculate(
    operation: Arithmetic,
    makes: &DataType,
    of: &Arguments<'_>,
    failures: &mut Failures,
) -> Result<ArrayRef> {
    let (a, b) = (plain(of, 0)?, plain(of, 1)?);
    let result = match operation {
        Arithmetic::Add => i64::checked_add,
        Arithmetic::Subtract => i64::checked_sub,
        Arithmetic::Multiply => i64::checked_mul,
        Arithmetic::Divide | Arithmetic::Remainder => return Err(no_such(of)),
    };
    let mut values = Vec::with_capacity(of.rows);
    for row in 0..of.rows {
        let both = a.get(row).zip(b.get(row));
        values.push(both.and_then(|(a, b)| {
            let value = result(a, b);
            if value.is_none() {
                failures.add(row, of.range, TOO_FAR);
            }
            value
        }));
    }
    typed(values, makes)
}

pub(super) fn negate(makes: &DataType, of: &Arguments<'_>, failures: &mut Failures) -> Result<ArrayRef> {
    let values = plain(of, 0)?;
    let negated = (0..of.rows).map(|row| {
        let value = values.get(row)?.checked_neg();
        if value.is_none() {
            failures.add(row, of.range, TOO_FAR);
        }
        value
    });
    let negated = negated.collect();
    typed(negated, makes)
}

/// How many of a unit are a second.
pub(crate) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// A column of times or intervals of their numbers.
pub(crate) fn typed(values: Vec<Option<i64>>, data_type: &DataType) -> Result<ArrayRef> {
    let array = Int64Array::from(values);
    Ok(make_array(array.to_data().into_builder().data_type(data_type.clone()).build()?))
}

/// The numbers of an argument of 64 bits.
pub(crate) struct Plain<'a> {
    array: Int64Array,
    value: &'a crate::value::Value,
}

impl Plain<'_> {
    pub(crate) fn get(&self, row: usize) -> Option<i64> {
        let at = self.value.at(row);
        self.array.is_valid(at).then(|| self.array.value(at))
    }
}

/// The numbers of times, intervals or integers of 64 bits.
pub(crate) fn plain<'a>(of: &'a Arguments<'_>, index: usize) -> Result<Plain<'a>> {
    let data = of.array(index).to_data().into_builder().data_type(DataType::Int64).build()?;
    Ok(Plain { array: Int64Array::from(data), value: &of.values[index] })
}

/// An interval of so many microseconds, as one value.
pub(crate) fn interval_us(us: i64) -> ArrayRef {
    Arc::new(arrow::array::DurationMicrosecondArray::from(vec![us]))
}
