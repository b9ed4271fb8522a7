//! Divides rows that are new and rows that take others back, so that the changes of each key stay in their order.

use std::collections::{BTreeMap, HashMap};

use weir_core::batch::StreamBatch;

use super::join_rows::JoinRows;
use super::join_table::JoinTable;
use crate::dataflow::operator::OperatorError;

/// Rows that all are new, or all take rows back, so that their order does not matter.
pub(super) struct Round {
    pub(super) takes_back: bool,
    pub(super) rows: JoinRows,
    /// The next row, and how many matches each row before it has.
    pub(super) row: usize,
    pub(super) matches: Vec<u32>,
}

impl Round {
    pub(super) fn new(takes_back: bool, rows: JoinRows) -> Self {
        Self { takes_back, rows, row: 0, matches: Vec::new() }
    }
}

/// Divides those rows of a batch that are `taken`, in their order.
pub(super) fn rounds(
    table: &mut JoinTable,
    batch: &StreamBatch,
    rows: &JoinRows,
    taken: Vec<u32>,
) -> Result<Vec<Round>, OperatorError> {
    let mut rounds: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    match &batch.row_kinds {
        None => _ = rounds.insert(1, taken),
        Some(kinds) => {
            let slots = table.slots(rows)?;
            let mut last_of_key: HashMap<u32, usize> = HashMap::new();
            for row in taken {
                // Rounds that take back are even, the others odd.
                let last = last_of_key.entry(slots[row as usize]).or_default();
                let parity = usize::from(!kinds.get(row as usize).takes_back());
                *last += usize::from(*last % 2 != parity);
                rounds.entry(*last).or_default().push(row);
            }
            table.release(slots);
        }
    }
    let round = |(round, of_round): (usize, Vec<u32>)| Ok(Round::new(round % 2 == 0, rows.take(&of_round)?));
    rounds.into_iter().map(round).collect()
}
