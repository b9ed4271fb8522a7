//! User-defined aggregates for windows.

use std::any::Any;

use serde::de::DeserializeOwned;

use crate::column::value;
use crate::emit::OutputPlan;
use crate::refused::Refused;
use crate::rewind::Rewind;
use crate::schema::{Positions, Reads};
use crate::state::Slot;
use crate::transform::only_input;
use crate::wire::{Accumulated, Batch, Input, Node, OutputColumn, Plan, States};
use crate::{config, state};

pub use crate::error::RowError;
pub use crate::row::{Keep, ReadRow, Row};
pub use crate::schema::Schema;
pub use crate::timestamp::Timestamp;
pub use crate::wire::OperatorInfo;
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
pub trait Aggregate: DeserializeOwned + 'static {
    /// The columns that it reads. May borrow from the batch.
    type Input<'a>: ReadRow<'a>;
    /// What is kept per group; a new group starts with the default.
    type Accumulator: for<'r> ReadRow<'r> + Default;
    /// The result columns.
    type Output: Row;
    /// Raised when the fields of the accumulator change their meaning.
    const VERSION: u32 = 1;

    /// Adds a row to its group.
    ///
    /// # Errors
    /// If this row is bad; nothing that it did counts. The rows of its group before it run again, so the same row must do the same.
    fn accumulate(&self, accumulator: &mut Self::Accumulator, row: Self::Input<'_>) -> Result<(), RowError>;

    /// Adds what another accumulator of the same group has.
    fn merge(&self, accumulator: &mut Self::Accumulator, other: Self::Accumulator);

    /// The result of a group.
    fn finish(&self, accumulator: &Self::Accumulator) -> Self::Output;

    /// As [`crate::transform::Transform::about`].
    #[must_use]
    fn about() -> OperatorInfo {
        OperatorInfo::default()
    }

    /// As [`crate::transform::Transform::column_of`].
    fn column_of<'s>(&'s self, field: &'s str, input: &Schema<'s>) -> &'s str {
        let _ = input;
        field
    }
}

/// An aggregate whose rows can be taken back: over an updating stream the host keeps its accumulators, instead of all rows that are
/// there. `export!(NAME, retract)` exports it.
///
/// ```
/// use weir_sdk::aggregate::{Aggregate, Retract, Row, RowError, export};
///
/// #[derive(serde::Deserialize)]
/// struct Balance;
///
/// #[derive(Row)]
/// struct Booking {
///     cents: i64,
/// }
///
/// #[derive(Row, Default)]
/// struct Total {
///     cents: i64,
/// }
///
/// impl Aggregate for Balance {
///     type Input<'a> = Booking;
///     type Accumulator = Total;
///     type Output = Total;
///
///     fn accumulate(&self, total: &mut Total, booking: Booking) -> Result<(), RowError> {
///         total.cents += booking.cents;
///         Ok(())
///     }
///
///     fn merge(&self, total: &mut Total, other: Total) {
///         total.cents += other.cents;
///     }
///
///     fn finish(&self, total: &Total) -> Total {
///         Total { cents: total.cents }
///     }
/// }
///
/// impl Retract for Balance {
///     fn retract(&self, total: &mut Total, other: Total) {
///         total.cents -= other.cents;
///     }
/// }
///
/// export!(Balance, retract);
/// ```
pub trait Retract: Aggregate {
    /// Takes back what another accumulator of the same group has: the inverse of [`Aggregate::merge`]. Rows may be taken back before they
    /// are merged, so use types that can be negative. Subtracting a float does not undo adding it exactly: keep sums as integers or decimals.
    fn retract(&self, accumulator: &mut Self::Accumulator, other: Self::Accumulator);
}

/// An aggregate that is connected to its input.
#[derive(Debug)]
pub struct Connected<Op> {
    operator: Op,
    reads: Reads,
    positions: Positions,
}

/// A connected aggregate of any type: the functions of the interface `aggregate`.
pub trait Process: Any {
    /// `aggregate.accumulate`
    ///
    /// # Errors
    /// As the contract says.
    fn accumulate(&self, rows: Batch, group_of_row: Vec<u8>, accumulators: States) -> Result<Accumulated, String>;

    /// `aggregate.merge`
    ///
    /// # Errors
    /// As the contract says.
    fn merge(&self, left: States, right: States) -> Result<Vec<Node>, String>;

    /// `aggregate.finish`
    ///
    /// # Errors
    /// As the contract says.
    fn finish(&self, accumulators: States) -> Result<Vec<Node>, String>;
}

impl<Op: Aggregate> Connected<Op> {
    /// `describe` of the interface
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
            maps: Vec::new(),
        };
        Ok((Self { operator, reads, positions }, plan))
    }

    /// Changes each accumulator of `left` by the one in the same row of `right`.
    fn pairwise(
        &self,
        left: &States,
        right: &States,
        change: impl Fn(&Op, &mut Op::Accumulator, Op::Accumulator),
    ) -> Result<Vec<Node>, String> {
        let mut changed = read::<Op>(left)?;
        for (accumulator, other) in changed.iter_mut().zip(read::<Op>(right)?) {
            change(&self.operator, accumulator, other);
        }
        Ok(state::write(changed.len(), changed.iter().map(Some)))
    }
}

impl<Op: Retract> Connected<Op> {
    /// `retract.retract`
    ///
    /// # Errors
    /// As the contract says.
    pub fn retract(&self, left: States, right: States) -> Result<Vec<Node>, String> {
        self.pairwise(&left, &right, Op::retract)
    }
}

impl<Op: Aggregate> Process for Connected<Op> {
    fn accumulate(&self, rows: Batch, group_of_row: Vec<u8>, accumulators: States) -> Result<Accumulated, String> {
        accumulate(self, &rows, &group_of_row, &accumulators)
    }

    fn merge(&self, left: States, right: States) -> Result<Vec<Node>, String> {
        self.pairwise(&left, &right, Op::merge)
    }

    fn finish(&self, accumulators: States) -> Result<Vec<Node>, String> {
        let results: Vec<_> = read::<Op>(&accumulators)?.iter().map(|a| self.operator.finish(a)).collect();
        Ok(state::write(results.len(), results.iter().map(Some)))
    }
}

/// Accumulators, new ones for groups that have none.
fn read<Op: Aggregate>(accumulators: &States) -> Result<Vec<Op::Accumulator>, String> {
    let read = state::read::<Op::Accumulator>(accumulators)?;
    Ok(read.into_iter().map(Option::unwrap_or_default).collect())
}

fn accumulate<'a, Op: Aggregate>(
    this: &'a Connected<Op>,
    batch: &'a Batch,
    group_of_row: &[u8],
    accumulators: &States,
) -> Result<Accumulated, String> {
    let roots = this.reads.columns(&batch.columns);
    let columns = this.positions.open::<Op::Input<'a>>(&roots, &batch.event_times, batch.rows)?;
    let mut refused = Refused::default();
    refused.refuse_nulls::<Op::Input<'a>>(&columns, batch.rows as usize);
    let mut groups = read::<Op>(accumulators)?;
    let mut rewind = Rewind::new(accumulators, group_of_row);
    let (group_of_row, _) = group_of_row.as_chunks();
    for row in 0..batch.rows as usize {
        if refused.contains(row) {
            continue;
        }
        let (group, count) = (u32::from_le_bytes(value(group_of_row, row)) as usize, groups.len());
        let missing = || format!("row {row} has group {group}, but the call has {count} groups");
        let accumulator = groups.get_mut(group).ok_or_else(missing)?;
        let Err(error) = this.operator.accumulate(accumulator, Op::Input::read_row(&columns, row)) else { continue };
        refused.refuse(row, error);
        let before = rewind.before(row, &refused, |row, slot: &mut Slot<Op::Accumulator>, _| {
            let mut state = slot.at(row);
            this.operator.accumulate(state.get_or_insert_default(), Op::Input::read_row(&columns, row))
        })?;
        *accumulator = before.into_state().unwrap_or_default();
    }
    let accumulators = state::write(groups.len(), groups.iter().map(Some));
    Ok(Accumulated { accumulators, rejected: refused.into_failures() })
}
