//! User-defined aggregates for windows.

use serde::de::DeserializeOwned;

use crate::column::value;
use crate::emit::OutputPlan;
use crate::error::broken;
use crate::schema::{Positions, Reads};
use crate::transform::only_input;
use crate::wire::{Batch, Failure, Input, Node, OutputColumn, Plan, States};
use crate::{config, row, state};

pub use crate::error::RowError;
pub use crate::row::{Keep, ReadRow, Row};
pub use crate::schema::Schema;
#[doc(inline)]
pub use crate::{__export_aggregate as export, derive::Row};

/// An aggregate function. The struct is its configuration, as with [`crate::transform::Transform`]; windows, groups and
/// accumulators are the host's, which aggregates ahead of an exchange and merges panes and sessions. So [`Aggregate::merge`] must
/// be associative and commutative, and give what accumulating all the rows at once would give.
///
/// ```
/// use weir_sdk::aggregate::{Aggregate, Row, RowError, export};
///
/// #[derive(serde::Deserialize)]
/// struct Range;
///
/// #[derive(Row)]
/// struct Reading {
///     celsius: f64,
/// }
///
/// #[derive(Row, Default)]
/// struct Extremes {
///     least: Option<f64>,
///     greatest: Option<f64>,
/// }
///
/// #[derive(Row)]
/// struct Width {
///     width: Option<f64>,
/// }
///
/// impl Aggregate for Range {
///     type Input<'a> = Reading;
///     type Accumulator = Extremes;
///     type Output = Width;
///
///     fn accumulate(&self, extremes: &mut Extremes, reading: Reading) -> Result<(), RowError> {
///         self.merge(extremes, Extremes { least: Some(reading.celsius), greatest: Some(reading.celsius) });
///         Ok(())
///     }
///
///     fn merge(&self, into: &mut Extremes, other: Extremes) {
///         into.least = into.least.into_iter().chain(other.least).reduce(f64::min);
///         into.greatest = into.greatest.into_iter().chain(other.greatest).reduce(f64::max);
///     }
///
///     fn finish(&self, extremes: &Extremes) -> Width {
///         Width { width: extremes.greatest.zip(extremes.least).map(|(greatest, least)| greatest - least) }
///     }
/// }
///
/// export!(Range);
/// ```
pub trait Aggregate: DeserializeOwned {
    /// The columns that it reads. May borrow from the batch.
    type Input<'a>: ReadRow<'a>;
    /// What is kept a group; a new group starts with the default.
    type Accumulator: for<'r> ReadRow<'r> + Default;
    /// The result columns.
    type Output: Row;
    /// Raised when the fields of the accumulator change their meaning.
    const VERSION: u32 = 1;

    /// Adds a row to its group.
    ///
    /// # Errors
    /// If this row is bad.
    fn accumulate(&self, accumulator: &mut Self::Accumulator, row: Self::Input<'_>) -> Result<(), RowError>;

    /// Adds what another accumulator of the same group has.
    fn merge(&self, accumulator: &mut Self::Accumulator, other: Self::Accumulator);

    /// The result of a group.
    fn finish(&self, accumulator: &Self::Accumulator) -> Self::Output;

    /// As [`crate::transform::Transform::column_of`].
    fn column_of<'s>(&'s self, field: &'s str, input: &Schema<'s>) -> &'s str {
        let _ = input;
        field
    }
}

/// An aggregate that is connected to its input.
#[derive(Debug)]
pub struct Connected<Op> {
    operator: Op,
    reads: Reads,
    positions: Positions,
}

/// A connected aggregate of any type: the functions of the interface `aggregate`.
pub trait Process {
    /// `aggregate.accumulate`
    ///
    /// # Errors
    /// As the contract says.
    fn accumulate(&self, rows: Batch, group_of_row: Vec<u8>, accumulators: States) -> Result<Vec<Node>, Failure>;

    /// `aggregate.merge`
    ///
    /// # Errors
    /// As the contract says.
    fn merge(&self, left: States, right: States) -> Result<Vec<Node>, Failure>;

    /// `aggregate.finish`
    ///
    /// # Errors
    /// As the contract says.
    fn finish(&self, accumulators: States) -> Result<Vec<Node>, Failure>;
}

impl<Op: Aggregate> Connected<Op> {
    /// `describe.describe`
    ///
    /// # Errors
    /// If the configuration or a column does not fit.
    pub fn describe(config: &str, inputs: &[Input]) -> Result<(Self, Plan), String> {
        Self::connect(config::parse(config)?, inputs)
    }

    /// As [`Connected::describe`], for an operator that is configured.
    ///
    /// # Errors
    /// If a column does not fit.
    pub fn connect(operator: Op, inputs: &[Input]) -> Result<(Self, Plan), String> {
        let schema = Schema::new(&only_input(inputs)?.columns);
        let mut reads = Reads::default();
        let positions = reads.want::<Op::Input<'_>>(&schema, |field| operator.column_of(field, &schema).to_owned())?;
        let output = OutputPlan::of::<Op::Output>("main", &schema)?.output;
        if output.columns.iter().any(|c| matches!(c, OutputColumn::Kept(_))) {
            return Err("an aggregate cannot keep columns of its input: a group has many rows".to_owned());
        }
        let plan = Plan {
            reads: vec![reads.indices.clone()],
            reads_event_times: <Op::Input<'_> as Row>::HAS_EVENT_TIME,
            outputs: vec![output],
            state: Some(state::layout::<Op::Accumulator>(Op::VERSION)),
        };
        Ok((Self { operator, reads, positions }, plan))
    }
}

impl<Op: Aggregate> Process for Connected<Op> {
    fn accumulate(&self, rows: Batch, group_of_row: Vec<u8>, accumulators: States) -> Result<Vec<Node>, Failure> {
        let mut groups = read::<Op>(&accumulators)?;
        accumulate(self, &rows, &group_of_row, &mut groups)?;
        Ok(state::write(groups.len(), groups.iter().map(Some)))
    }

    fn merge(&self, left: States, right: States) -> Result<Vec<Node>, Failure> {
        let mut merged = read::<Op>(&left)?;
        for (accumulator, other) in merged.iter_mut().zip(read::<Op>(&right)?) {
            self.operator.merge(accumulator, other);
        }
        Ok(state::write(merged.len(), merged.iter().map(Some)))
    }

    fn finish(&self, accumulators: States) -> Result<Vec<Node>, Failure> {
        let results: Vec<_> = read::<Op>(&accumulators)?.iter().map(|a| self.operator.finish(a)).collect();
        Ok(state::write(results.len(), results.iter().map(Some)))
    }
}

/// Accumulators, new ones for groups that have none.
fn read<Op: Aggregate>(accumulators: &States) -> Result<Vec<Op::Accumulator>, Failure> {
    let read = state::read::<Op::Accumulator>(accumulators).map_err(broken)?;
    Ok(read.into_iter().map(Option::unwrap_or_default).collect())
}

fn accumulate<'a, Op: Aggregate>(
    this: &'a Connected<Op>,
    batch: &'a Batch,
    group_of_row: &[u8],
    groups: &mut [Op::Accumulator],
) -> Result<(), Failure> {
    let roots = this.reads.columns(&batch.columns);
    let columns = this.positions.open::<Op::Input<'a>>(&roots, &batch.event_times, batch.rows).map_err(broken)?;
    row::check_nulls::<Op::Input<'a>>(&columns, batch.rows as usize)?;
    let (group_of_row, _) = group_of_row.as_chunks();
    for row in 0..batch.rows as usize {
        let group = u32::from_le_bytes(value(group_of_row, row)) as usize;
        let Some(accumulator) = groups.get_mut(group) else {
            return Err(broken(format!("row {row} has group {group}, but the call has {} groups", groups.len())));
        };
        this.operator.accumulate(accumulator, Op::Input::read_row(&columns, row)).map_err(|e| e.at(row))?;
    }
    Ok(())
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_aggregate {
    ($operator:ty) => {
        const _: () = {
            const fn is_aggregate<Op: $crate::aggregate::Aggregate>() {}
            is_aggregate::<$operator>()
        };
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = $crate::guest::AggregateComponent<$operator>;
    $crate::guest::describe::export!(Component with_types_in $crate::guest::describe);
    $crate::guest::aggregate::export!(Component with_types_in $crate::guest::aggregate);
        };
    };
}
