//! Runs an aggregate as the host does: parts on their own, then merged.

use super::table::Table;
use super::{Refused, Results};
use crate::aggregate::{Aggregate, Connected, Process};
use crate::row::Row;
use crate::state;
use crate::wire::{RowFailure, States};

/// The result of one group whose rows were accumulated in these parts, each on its own, and merged in order. For a sound
/// aggregate it does not matter how the rows are cut into parts.
///
/// Its only row is that of the main output; rows that were refused are said by their index over all parts.
///
/// # Errors
/// If the operator cannot be connected to such rows, or a call fails as a whole.
pub fn aggregate<Op: Aggregate, R: Row>(operator: Op, parts: &[&[R]]) -> Result<Results, Refused> {
    let (connected, plan) =
        Connected::connect(operator, &[Table::of::<R>(&[]).as_input(Vec::new())]).map_err(Refused::Describe)?;
    let (mut merged, mut rejected, mut rows_before) = (None, Vec::new(), 0);
    for part in parts {
        let rows = Table::of(part);
        let fresh =
            States { keys: 1, present: vec![0], columns: state::write::<Op::Accumulator>(1, std::iter::once(None)) };
        let group_of_row = vec![0; 4 * part.len()];
        let accumulated = connected.accumulate(rows.batch(&plan), group_of_row, fresh).map_err(Refused::Call)?;
        let of_part = accumulated.rejected.into_iter();
        rejected.extend(of_part.map(|failure| RowFailure { row: rows_before + failure.row, ..failure }));
        rows_before += part.len() as u32;
        let accumulated = accumulated.accumulators;
        merged = Some(match merged {
            None => accumulated,
            Some(before) => connected.merge(one(before), one(accumulated)).map_err(Refused::Call)?,
        });
    }
    let accumulator = merged.unwrap_or_else(|| state::write(1, std::iter::once(Some(&Op::Accumulator::default()))));
    let arrays = connected.finish(one(accumulator)).map_err(Refused::Call)?;
    let mut fields = Vec::new();
    Op::Output::schema(&mut fields);
    let result = Table { fields, arrays, rows: 1, event_times: vec![0; 8] };
    Ok(Results { outputs: vec![("main".to_owned(), result)], rejected })
}

/// One accumulator.
fn one(columns: Vec<crate::wire::Node>) -> States {
    States { keys: 1, present: Vec::new(), columns }
}
