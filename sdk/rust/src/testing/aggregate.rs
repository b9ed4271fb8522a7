//! Runs an aggregate as the host does: parts on their own, then merged.

use super::Refused;
use super::table::Table;
use crate::aggregate::{Aggregate, Connected, Process};
use crate::row::Row;
use crate::state;
use crate::wire::States;

/// The result of one group whose rows were accumulated in these parts, each on its own, and merged in order. For a sound
/// aggregate it does not matter how the rows are cut into parts.
///
/// # Errors
/// If the operator cannot be connected to such rows, or refuses one.
pub fn aggregate<Op: Aggregate, R: Row>(operator: Op, parts: &[&[R]]) -> Result<Table, Refused> {
    let (connected, plan) =
        Connected::connect(operator, &[Table::of::<R>(&[]).as_input(Vec::new())]).map_err(Refused::Describe)?;
    let mut merged = None;
    for part in parts {
        let rows = Table::of(part);
        let fresh =
            States { keys: 1, present: vec![0], columns: state::write::<Op::Accumulator>(1, std::iter::once(None)) };
        let group_of_row = vec![0; 4 * part.len()];
        let accumulated = connected.accumulate(rows.batch(&plan), group_of_row, fresh)?;
        merged = Some(match merged {
            None => accumulated,
            Some(before) => connected.merge(one(before), one(accumulated))?,
        });
    }
    let accumulator = merged.unwrap_or_else(|| state::write(1, std::iter::once(Some(&Op::Accumulator::default()))));
    let arrays = connected.finish(one(accumulator))?;
    let mut fields = Vec::new();
    Op::Output::schema(&mut fields);
    Ok(Table { fields, arrays, rows: 1, ..Table::default() })
}

/// One accumulator.
fn one(columns: Vec<crate::wire::Node>) -> States {
    States { keys: 1, present: Vec::new(), columns }
}
