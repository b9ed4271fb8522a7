//! Accumulators of groups. They know neither keys, windows nor time passing; a group is a small dense number.

mod average;
mod by_time;
pub(crate) mod component;
mod count;
mod element;
mod exact_total;
mod extreme;
mod float_total;
mod fold;
mod sum;
mod total;

use std::any::Any;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use weir_core::column_type::type_name;
use weir_core::graph::AggregateFunction;
use weir_host::{Failure, RejectedRow};

use super::{AggregateKind, BoundAggregate};
use crate::dataflow::operator::OperatorError;
use by_time::{first_or_last, takes_by_time};
use component::ComponentAccumulators;
use count::Count;
use extreme::{min_or_max, takes_extreme};
use fold::Folded;

/// The accumulators of one aggregate, one per group.
///
/// Groups are numbers below the last argument of [`Accumulators::resize`]. Merging is associative and commutative, so that rows may
/// be split over batches, panes and subtasks in any way.
pub(super) trait Accumulators: Send {
    /// Another one of the same aggregate, without groups.
    fn fresh(&self) -> Box<dyn Accumulators>;

    /// Makes room for groups up to this many; new ones are empty. Never fewer than before.
    fn resize(&mut self, groups: usize);

    /// Bytes that the accumulators take; of those whose size varies perhaps twice as many.
    fn memory_bytes(&mut self) -> u64;

    /// Forgets all groups; the memory is kept.
    fn clear(&mut self);

    /// Makes one group empty again.
    fn reset(&mut self, group: u32);

    /// Whether rows can be refused by [`Accumulators::stage`].
    fn refuses_rows(&self) -> bool {
        false
    }

    /// Does what can fail because of the rows, and keeps the result until [`Accumulators::update`] or the next call of this. Returns
    /// the rows that are refused, ascending; then nothing is kept, and it is to be called again without them.
    fn stage(
        &mut self,
        group_of_row: &[u32],
        columns: &[ArrayRef],
        event_times: &[i64],
    ) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        let _ = (group_of_row, columns, event_times);
        Ok(Vec::new())
    }

    /// Adds rows. If rows can be refused, the same were staged right before.
    fn update(&mut self, group_of_row: &[u32], columns: &[ArrayRef], event_times: &[i64]) -> Result<(), OperatorError>;

    /// Adds accumulators, in the columns of [`Accumulators::state`]; a group may come more than once.
    fn merge(&mut self, group_of_row: &[u32], state: &[ArrayRef]) -> Result<(), OperatorError>;

    /// Adds groups of another one of the same aggregate: group `others[i]` of `other` to `groups[i]`, which are distinct.
    fn merge_from(&mut self, groups: &[u32], other: &dyn Accumulators, others: &[u32]) -> Result<(), OperatorError>;

    /// Makes an empty group a copy of another.
    fn copy(&mut self, group: u32, from: u32) -> Result<(), OperatorError>;

    /// Adds a group of its own to another; the former is to be reset by the caller.
    fn absorb(&mut self, group: u32, from: u32) -> Result<(), OperatorError>;

    /// The columns of an accumulator.
    fn state_fields(&self) -> Vec<FieldRef>;

    /// A copy of what they are now, of which only [`Accumulators::state`] is asked; the values are shared until they are written to.
    fn freeze(&mut self) -> Box<dyn Accumulators>;

    /// The accumulators of some groups, one row per group.
    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, OperatorError>;

    /// The column of results; its name is the caller's.
    fn output_field(&self) -> FieldRef;

    /// The results of some groups that do not fit their type: the place in `groups`, and what is said of it; ascending.
    fn overflows(&self, groups: &[u32]) -> Vec<(usize, String)> {
        let _ = groups;
        Vec::new()
    }

    /// The results of some groups, one row per group.
    fn finish(&self, groups: &[u32]) -> Result<ArrayRef, OperatorError>;

    /// For [`Accumulators::merge_from`].
    fn as_any(&self) -> &dyn Any;
}

/// The type of an aggregate's result, for a column of a type (`None`: no column).
///
/// # Errors
/// Says which columns the aggregate takes.
pub fn aggregate_type(function: AggregateFunction, column: Option<&DataType>) -> Result<DataType, String> {
    use AggregateFunction::{Avg, Count, First, Last, Max, Min, Sum};
    let Some(column) = column else {
        return match function {
            Count => Ok(DataType::Int64),
            Sum | Min | Max | Avg | First | Last => Err(format!("{} needs a column", function.name())),
        };
    };
    let refused = |takes: &str| Err(format!("{} takes {takes}, not {}", function.name(), type_name(column)));
    match function {
        Count => Ok(DataType::Int64),
        Sum => sum::sum_type(column).map_or_else(|| refused("integers, floats and decimals"), Ok),
        Avg if sum::sum_type(column).is_some() => Ok(DataType::Float64),
        Avg => refused("integers, floats and decimals"),
        Min | Max if takes_extreme(column) => Ok(column.clone()),
        First | Last if takes_by_time(column) => Ok(column.clone()),
        Min | Max | First | Last => refused("numbers, text, bytes, booleans, dates and times"),
    }
}

/// Accumulators without groups. `input` are the columns of the rows.
///
/// # Errors
/// If the aggregate does not take its column.
pub(super) fn accumulators(
    aggregate: &BoundAggregate,
    input: &[FieldRef],
) -> Result<Box<dyn Accumulators>, OperatorError> {
    let (function, column) = match &aggregate.kind {
        AggregateKind::Component { aggregate, .. } => {
            return Ok(Box::new(ComponentAccumulators::new(aggregate.clone())?));
        }
        AggregateKind::Builtin { function, column } => (*function, column.and_then(|c| input.get(c))),
    };
    let output = aggregate_type(function, column.map(|c| c.data_type())).map_err(OperatorError::Call)?;
    let Some(column) = column else {
        return Ok(Folded::boxed(Count));
    };
    Ok(match function {
        AggregateFunction::Count => Folded::boxed(Count),
        AggregateFunction::Sum => sum::sum(column, output),
        AggregateFunction::Avg => average::average(column),
        AggregateFunction::Min => min_or_max::<false>(output),
        AggregateFunction::Max => min_or_max::<true>(output),
        AggregateFunction::First => first_or_last::<false>(output),
        AggregateFunction::Last => first_or_last::<true>(output),
    })
}

/// A column of accumulators; what its values mean is the aggregate's own business.
fn state_field(name: &str, data_type: DataType, nullable: bool) -> FieldRef {
    FieldRef::new(Field::new(name, data_type, nullable))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Decimal128Array, Float64Array, Int64Array, UInt64Array};
    use arrow::datatypes::Float64Type;

    use super::*;

    fn made(function: AggregateFunction, data_type: DataType) -> Box<dyn Accumulators> {
        let aggregate =
            BoundAggregate { name: "a".to_owned(), kind: AggregateKind::Builtin { function, column: Some(0) } };
        accumulators(&aggregate, &[Arc::new(Field::new("c", data_type, true))]).unwrap()
    }

    /// Updates one group with every part of the values in an accumulator of its own, and merges them.
    fn folded(function: AggregateFunction, values: &[f64], part: usize) -> f64 {
        let mut all = made(function, DataType::Float64);
        all.resize(1);
        for values in values.chunks(part) {
            let mut some = all.fresh();
            some.resize(1);
            let column: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
            some.update(&vec![0; values.len()], &[column], &vec![0; values.len()]).unwrap();
            all.merge(&[0], &some.state(&[0]).unwrap()).unwrap();
        }
        all.finish(&[0]).unwrap().as_primitive::<Float64Type>().value(0)
    }

    #[test]
    fn float_totals_do_not_depend_on_order_or_splits() {
        let mut values: Vec<f64> = (1..200).map(|i| f64::from(i * i * 7919) * 0.1).collect();
        values.extend([1e16, 3.0, -1e16, 1e-9, 0.1]);
        let reversed: Vec<f64> = values.iter().rev().copied().collect();
        for function in [AggregateFunction::Sum, AggregateFunction::Avg] {
            let expected = folded(function, &values, values.len());
            for part in [1, 2, 3, 50] {
                assert_eq!(folded(function, &values, part).to_bits(), expected.to_bits());
                assert_eq!(folded(function, &reversed, part).to_bits(), expected.to_bits());
            }
        }
        assert_eq!(folded(AggregateFunction::Sum, &[1e16, 1.0, -1e16], 1), 1.0);
        assert_eq!(folded(AggregateFunction::Sum, &[1.0, f64::INFINITY, 1.0], 1), f64::INFINITY);
        assert!(folded(AggregateFunction::Sum, &[f64::NEG_INFINITY, f64::INFINITY], 1).is_nan());
        assert!(folded(AggregateFunction::Max, &[f64::NAN, f64::INFINITY], 1).is_nan());
    }

    #[test]
    fn sums_that_do_not_fit_say_so() {
        let check = |column: ArrayRef, expected: &str| {
            let mut sum = made(AggregateFunction::Sum, column.data_type().clone());
            sum.resize(1);
            let rows = column.len();
            sum.update(&vec![0; rows], &[column], &vec![0; rows]).unwrap();
            assert_eq!(sum.overflows(&[0]).is_empty(), sum.finish(&[0]).is_ok(), "{expected}");
            let text = match sum.finish(&[0]) {
                Ok(sum) => arrow::util::display::array_value_to_string(&sum, 0).unwrap(),
                Err(error) => error.to_string(),
            };
            assert_eq!(text, expected);
        };
        let int64 = i64::MAX as u64;
        check(Arc::new(UInt64Array::from(vec![int64])), "9223372036854775807");
        check(Arc::new(UInt64Array::from(vec![int64, int64, 1])), "18446744073709551615");
        check(Arc::new(UInt64Array::from(vec![u64::MAX, 1])), "sum of column \"c\" does not fit its type uint64");
        check(Arc::new(Int64Array::from(vec![i64::MAX, 1])), "sum of column \"c\" does not fit its type int64");
        check(Arc::new(Int64Array::from(vec![i64::MAX, 1, -1])), "9223372036854775807");
        let nines = 10_i128.pow(38) - 1;
        let decimals = |values: Vec<i128>| -> ArrayRef {
            Arc::new(Decimal128Array::from(values).with_precision_and_scale(38, 2).unwrap())
        };
        check(decimals(vec![nines - 1, 1]), "999999999999999999999999999999999999.99");
        check(
            decimals(vec![nines, nines, -nines, -nines]),
            "sum of column \"c\" does not fit its type decimal128(38, 2)",
        );
        check(decimals(vec![nines, 1]), "sum of column \"c\" does not fit its type decimal128(38, 2)");
    }

    #[test]
    fn aggregates_say_what_they_take() {
        let list = DataType::new_list(DataType::Int64, true);
        for (function, column, expected) in [
            (AggregateFunction::Sum, None, "sum needs a column"),
            (AggregateFunction::Sum, Some(DataType::Utf8), "sum takes integers, floats and decimals, not utf8"),
            (AggregateFunction::Avg, Some(DataType::Boolean), "avg takes integers, floats and decimals, not bool"),
            (AggregateFunction::Last, Some(list), "last takes numbers, text, bytes, booleans, dates and times, not "),
        ] {
            let error = aggregate_type(function, column.as_ref()).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
