//! Accumulators of groups. They know neither keys, windows nor time passing; a group is a small dense number.

mod approx_count_distinct;
mod arg_extreme;
mod average;
mod bits;
mod by_time;
mod collect;
pub(crate) mod component;
mod count;
mod count_distinct;
mod double_double;
mod element;
pub(in crate::nodes) mod encoded;
mod exact_stddev;
mod exact_total;
mod extreme;
mod float_total;
mod fold;
mod id_set;
mod quantile;
mod recomputed;
mod singles;
mod stddev;
mod sum;
mod top;
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
use encoded::Encoder;
use extreme::{min_or_max, takes_extreme};
use fold::Folded;
use singles::Singles;

/// The accumulators of one aggregate, one per group.
///
/// Groups are numbers below the last argument of [`Accumulators::resize`]. Merging is associative and commutative, so that rows may
/// be split over batches, panes and subtasks in any way.
pub(in crate::nodes) trait Accumulators: Send {
    /// Another one of the same aggregate, without groups.
    fn fresh(&self) -> Box<dyn Accumulators>;

    /// Makes room for groups up to this many; new ones are empty. Never fewer than before.
    fn resize(&mut self, groups: usize);

    /// Bytes that the accumulators take; of those whose size varies perhaps a quarter more.
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

    /// Whether [`Accumulators::take_back`] can be called.
    fn can_take_back(&self) -> bool {
        false
    }

    /// Takes groups of another one of the same aggregate away: what `other` has of group `others[i]` had been added to `groups[i]`,
    /// which are distinct.
    fn take_back(&mut self, groups: &[u32], other: &dyn Accumulators, others: &[u32]) -> Result<(), OperatorError> {
        let _ = (groups, other, others);
        Err(OperatorError::Call("this aggregate cannot take rows back".to_owned()))
    }

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

/// The type of an aggregate's result, for columns of these types: none for a count of rows, two for one that goes by another column.
///
/// # Errors
/// Says which columns the aggregate takes.
pub fn aggregate_type(function: &AggregateFunction, columns: &[&DataType]) -> Result<DataType, String> {
    use AggregateFunction::{
        ApproxCountDistinct, ArgMax, ArgMin, Avg, BitAnd, BitOr, BitXor, BoolAnd, BoolOr, Collect, Count,
        CountDistinct, First, Last, Max, Min, Quantile, Stddev, StringAgg, Sum, Top, Variance,
    };
    let refused =
        |column: &DataType, takes: &str| Err(format!("{} takes {takes}, not {}", function.name(), type_name(column)));
    let (column, by) = match (function, columns) {
        (Count, _) => return Ok(DataType::Int64),
        (ArgMin | ArgMax | Top(_), [column, by]) => (*column, Some(*by)),
        (ArgMin | ArgMax, _) => return Err(format!("{} needs a column, and a column to compare by", function.name())),
        (_, [column, ..]) => (*column, None),
        (_, []) => return Err(format!("{} needs a column", function.name())),
    };
    if let Some(by) = by.filter(|by| !takes_extreme(by)) {
        return refused(by, "numbers, text, bytes, booleans, dates and times to compare by");
    }
    let is_number = sum::sum_type(column).is_some();
    match function {
        Count => Ok(DataType::Int64),
        Sum => sum::sum_type(column).map_or_else(|| refused(column, "integers, floats and decimals"), Ok),
        Avg | Stddev | Variance | Quantile(_) if is_number => Ok(DataType::Float64),
        Avg | Stddev | Variance | Quantile(_) => refused(column, "integers, floats and decimals"),
        Min | Max if takes_extreme(column) => Ok(column.clone()),
        First | Last if takes_by_time(column) => Ok(column.clone()),
        CountDistinct | ApproxCountDistinct if takes_extreme(column) => Ok(DataType::Int64),
        Min | Max | First | Last | CountDistinct | ApproxCountDistinct => {
            refused(column, "numbers, text, bytes, booleans, dates and times")
        }
        BoolAnd | BoolOr if *column == DataType::Boolean => Ok(DataType::Boolean),
        BoolAnd | BoolOr => refused(column, "booleans"),
        BitAnd | BitOr | BitXor if column.is_integer() => Ok(column.clone()),
        BitAnd | BitOr | BitXor => refused(column, "integers"),
        StringAgg(_) if *column == DataType::Utf8 => Ok(DataType::Utf8),
        StringAgg(_) => refused(column, "text"),
        ArgMin | ArgMax | Collect | Top(_) => match Encoder::new(column) {
            Err(_) => refused(column, "values that have an order"),
            Ok(encoder) if matches!(function, Collect | Top(_)) => Ok(encoder.list_type()),
            Ok(_) => Ok(column.clone()),
        },
    }
}

/// Accumulators without groups. `input` are the columns of the rows.
///
/// # Errors
/// If the aggregate does not take its columns.
pub(in crate::nodes) fn accumulators(
    aggregate: &BoundAggregate,
    input: &[FieldRef],
) -> Result<Box<dyn Accumulators>, OperatorError> {
    let (function, columns) = match &aggregate.kind {
        // Of a group it may be that none of its rows counts, which only these know.
        AggregateKind::Component { is_filtered: true, .. } => return single_accumulators(aggregate, input),
        AggregateKind::Component { aggregate, .. } => {
            return Ok(Box::new(ComponentAccumulators::new(aggregate.clone())?));
        }
        AggregateKind::Builtin { function, columns } => (function, columns.iter().filter_map(|c| input.get(*c))),
    };
    let columns: Vec<&FieldRef> = columns.collect();
    let types: Vec<&DataType> = columns.iter().map(|column| column.data_type()).collect();
    let output = aggregate_type(function, &types).map_err(OperatorError::Call)?;
    let Some(column) = columns.first() else {
        return Ok(Folded::boxed(Count));
    };
    let encoder = |column: usize| Encoder::new(types[column]);
    Ok(match function {
        AggregateFunction::Count => Folded::boxed(Count),
        AggregateFunction::Sum => sum::sum(column, output),
        AggregateFunction::Avg => average::average(column),
        AggregateFunction::Min => min_or_max::<false>(output),
        AggregateFunction::Max => min_or_max::<true>(output),
        AggregateFunction::First => first_or_last::<false>(output),
        AggregateFunction::Last => first_or_last::<true>(output),
        AggregateFunction::Stddev => stddev::stddev(column, false),
        AggregateFunction::Variance => stddev::stddev(column, true),
        AggregateFunction::Quantile(of) => quantile::quantile(*of),
        AggregateFunction::CountDistinct => count_distinct::count_distinct(encoder(0)?)?,
        AggregateFunction::ApproxCountDistinct => approx_count_distinct::approx_count_distinct(),
        AggregateFunction::ArgMin => arg_extreme::arg_extreme(encoder(0)?, encoder(1)?, false),
        AggregateFunction::ArgMax => arg_extreme::arg_extreme(encoder(0)?, encoder(1)?, true),
        AggregateFunction::Collect => collect::collect(encoder(0)?),
        AggregateFunction::BoolAnd => min_or_max::<false>(output),
        AggregateFunction::BoolOr => min_or_max::<true>(output),
        AggregateFunction::BitAnd => bits::bits(output, |a, b| a & b),
        AggregateFunction::BitOr => bits::bits(output, |a, b| a | b),
        AggregateFunction::BitXor => bits::bits(output, |a, b| a ^ b),
        AggregateFunction::StringAgg(separator) => collect::string_agg(encoder(0)?, separator.clone()),
        AggregateFunction::Top(n) => top::top(*n, encoder(0)?, types.get(1).map(|by| Encoder::new(by)).transpose()?),
    })
}

/// As [`accumulators`], of which groups can be taken back.
///
/// # Errors
/// As [`accumulators`].
pub(in crate::nodes) fn updating_accumulators(
    aggregate: &BoundAggregate,
    input: &[FieldRef],
) -> Result<Box<dyn Accumulators>, OperatorError> {
    // A row that is taken back is refused if it was when it came, whatever came in between: each is decided on alone.
    let own = single_accumulators(aggregate, input)?;
    if own.can_take_back() { Ok(own) } else { recomputed::recomputed(aggregate, input, own.as_ref()) }
}

/// As [`accumulators`], where rows of a group are put together in any way: a component decides on each row alone.
///
/// # Errors
/// As [`accumulators`].
pub(in crate::nodes) fn single_accumulators(
    aggregate: &BoundAggregate,
    input: &[FieldRef],
) -> Result<Box<dyn Accumulators>, OperatorError> {
    match &aggregate.kind {
        AggregateKind::Component { aggregate, is_filtered, .. } => {
            Ok(Box::new(Singles::new(aggregate.clone(), *is_filtered)?))
        }
        AggregateKind::Builtin { .. } => accumulators(aggregate, input),
    }
}

/// A column of accumulators; what its values mean is the aggregate's own business.
fn state_field(name: &str, data_type: DataType, nullable: bool) -> FieldRef {
    FieldRef::new(Field::new(name, data_type, nullable))
}

#[cfg(test)]
mod tests;
