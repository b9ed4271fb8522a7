//! `avg`: a total divided by the number of its values.

use arrow::datatypes::{DataType, FieldRef};

use super::Accumulators;
use super::exact_total::{ExactTotal, OVERFLOWED, Overflow};
use super::float_total::FloatTotal;
use super::fold::Folded;
use super::total::Made;
use super::total::OfTotal;

/// `avg` of a column of numbers.
pub(super) fn average(column: &FieldRef) -> Box<dyn Accumulators> {
    let input = column.data_type().clone();
    if input.is_floating() {
        return Folded::boxed(OfTotal {
            total: FloatTotal { input, aggregate: "avg", column: column.name().clone() },
            made: Made::Average,
        });
    }
    let data_type = DataType::Decimal128(38, 0);
    let range = OVERFLOWED + 1..=i128::MAX;
    let overflow = Overflow { aggregate: "avg", column: column.name().clone(), data_type, range };
    Folded::boxed(OfTotal { total: ExactTotal { input, overflow }, made: Made::Average })
}
