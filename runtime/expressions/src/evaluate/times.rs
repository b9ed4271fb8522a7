//! Arithmetic of times and intervals: exact, or the row fails. An interval is a number of microseconds or of nanoseconds; a date with
//! an interval was made a timestamp by the check.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use super::Result;
use crate::arguments::{Arguments, no_such};
use crate::arrays::{plain, typed};
use crate::failures::{Failures, TOO_FAR};
use crate::node::Arithmetic;

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
