//! The rows of one key in their order. It knows where their columns are, and not what is in them.

use weir_core::graph::Ties;
use weir_state::RowId;

use super::order::{RankedRow, RowPlace, RowsInOrder};
use super::sorted_blocks::{Place, SortedBlocks};
use super::{Placed, Shown};

/// Rows, and how often each is there.
#[derive(Clone, Default)]
pub(super) struct Ranked {
    rows: SortedBlocks<RankedRow>,
    /// Of all of them together.
    count: u64,
    /// How many differ in the columns of the order, for dense ranks.
    orders: u64,
}

/// So many rows are looked through faster than they are compared.
const FEW: u64 = 32;

impl Ranked {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &RankedRow> {
        self.rows.iter()
    }

    /// Where a row is, and how often, if it is there itself and not an equal one.
    pub(super) fn find(&self, row: &RankedRow, rows: RowsInOrder<'_>) -> Option<(Place, u32)> {
        let place = match self.count <= FEW {
            true => self.rows.position(|there| there.place == row.place)?,
            false => self.rows.find(|other| rows.compare(other, row)).ok()?,
        };
        self.rows.get(place).filter(|there| there.place == row.place).map(|there| (place, there.count))
    }

    /// The row at a place that was found is stored now.
    pub(super) fn set_stored(&mut self, place: Place, id: RowId) {
        if let Some(row) = self.rows.get_mut(place) {
            row.place = RowPlace::Stored(id);
        }
    }

    /// Whether a row is behind all that can be shown, and need not be kept.
    pub(super) fn is_beyond(&self, row: &RankedRow, shown: Shown, rows: RowsInOrder<'_>) -> bool {
        let Some(last) = self.rows.last().filter(|_| !shown.updating) else { return false };
        let end = shown.offset + shown.limit;
        let is_full = if shown.ties == Ties::DenseRank { self.orders } else { self.count } >= end;
        is_full
            && match shown.ties {
                Ties::RowNumber => rows.compare(row, last).is_ge(),
                Ties::Rank | Ties::DenseRank => rows.compare_order(row, last).is_gt(),
            }
    }

    /// Adds a row as often as it says. Returns the one that is there now: an equal one, if there was one.
    pub(super) fn add(&mut self, row: RankedRow, ties: Ties, rows: RowsInOrder<'_>) -> RankedRow {
        self.count += u64::from(row.count);
        match self.rows.find(|other| rows.compare(other, &row)) {
            Ok(place) => match self.rows.get_mut(place) {
                Some(there) => {
                    there.count = there.count.saturating_add(row.count);
                    *there
                }
                None => row,
            },
            Err(place) => {
                self.orders += self.order_of(&row, place, ties, rows);
                self.rows.insert(place, row);
                row
            }
        }
    }

    /// Takes a row away once, if it is there. Returns it as it is then.
    pub(super) fn take_back(&mut self, row: &RankedRow, ties: Ties, rows: RowsInOrder<'_>) -> Option<RankedRow> {
        let place = self.rows.find(|other| rows.compare(other, row)).ok()?;
        self.take(place, 1, ties, rows)
    }

    /// Forgets rows that can never be shown again, after `row` has come. They are added to `counted`, as they are then.
    pub(super) fn trim(&mut self, row: &RankedRow, shown: Shown, rows: RowsInOrder<'_>, counted: &mut Vec<RankedRow>) {
        // One more of the last changes no rank of another.
        let is_last = || self.rows.last().is_some_and(|last| rows.compare_order(last, row).is_eq());
        if shown.updating || shown.ties != Ties::RowNumber && is_last() {
            return;
        }
        while self.is_last_beyond(shown, rows) {
            let Some(place) = self.rows.last_place() else { break };
            // Of equal rows some may be among the first.
            let gone = if shown.ties == Ties::RowNumber { 1 } else { u32::MAX };
            counted.extend(self.take(place, gone, shown.ties, rows));
        }
    }

    /// Adds the rows that are shown to `placed`, in order, with their places counted from 1.
    pub(super) fn add_shown(&self, shown: Shown, rows: RowsInOrder<'_>, placed: &mut Vec<Placed>) {
        let end = shown.offset + shown.limit;
        let (mut number, mut rank, mut dense) = (0, 0, 0);
        let mut earlier = None;
        for row in self.rows.iter() {
            let is_new = || earlier.is_none_or(|earlier| rows.compare_order(earlier, row).is_ne());
            if shown.ties != Ties::RowNumber && is_new() {
                (rank, dense, earlier) = (number + 1, dense + 1, Some(row));
            }
            for _ in 0..row.count {
                number += 1;
                let place = match shown.ties {
                    Ties::RowNumber => number,
                    Ties::Rank => rank,
                    Ties::DenseRank => dense,
                };
                if place > end {
                    return;
                }
                if place > shown.offset {
                    placed.push((*row, place as i64));
                }
            }
        }
    }

    /// Takes the row at a place away, at most so often. Returns it as it is then.
    fn take(&mut self, place: Place, times: u32, ties: Ties, rows: RowsInOrder<'_>) -> Option<RankedRow> {
        let row = self.rows.get_mut(place)?;
        let gone = row.count.min(times);
        row.count -= gone;
        let row = *row;
        self.count -= u64::from(gone);
        if row.count == 0 {
            self.rows.remove(place);
            self.orders -= self.order_of(&row, place, ties, rows);
        }
        Some(row)
    }

    /// By how much there are more orders with a row at a place than without it; only dense ranks count them.
    fn order_of(&self, row: &RankedRow, place: Place, ties: Ties, rows: RowsInOrder<'_>) -> u64 {
        if ties != Ties::DenseRank {
            return 0;
        }
        let mut neighbours = self.rows.before(place).into_iter().chain(self.rows.get(place));
        u64::from(!neighbours.any(|other| rows.compare_order(other, row).is_eq()))
    }

    /// Whether the last row has a place behind those that are shown: for ranks, if at least as many rows, or orders, come before those that
    /// are equal to it.
    fn is_last_beyond(&self, shown: Shown, rows: RowsInOrder<'_>) -> bool {
        let end = shown.offset + shown.limit;
        match shown.ties {
            Ties::RowNumber => self.count > end,
            Ties::DenseRank => self.orders > end,
            Ties::Rank if self.count <= end => false,
            Ties::Rank => {
                let Some(last) = self.rows.last() else { return false };
                let ties = self.rows.iter().rev().take_while(|row| rows.compare_order(row, last).is_eq());
                self.count - ties.map(|row| u64::from(row.count)).sum::<u64>() >= end
            }
        }
    }
}
