//! The rows of one key in their order. It knows bytes only.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use weir_core::graph::Ties;

use super::{Placed, Shown};

/// A row that is kept: the bytes of the order's columns, then those of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RankedRow {
    /// The first bytes as a number: mostly they differ, and the others are not looked at.
    prefix: u64,
    bytes: Arc<[u8]>,
    /// How many of them are of the order.
    ordered: u32,
}

impl RankedRow {
    /// `buffer` is used to put the parts together.
    pub(super) fn new((order, rest): (&[u8], &[u8]), buffer: &mut Vec<u8>) -> Self {
        buffer.clear();
        buffer.extend_from_slice(order);
        buffer.extend_from_slice(rest);
        Self { prefix: prefix(order), bytes: buffer.as_slice().into(), ordered: order.len() as u32 }
    }

    /// The two parts.
    pub(super) fn bytes(&self) -> (&[u8], &[u8]) {
        self.bytes.split_at(self.ordered as usize)
    }

    fn memory_bytes(&self) -> u64 {
        (self.bytes.len() + ENTRY_BYTES) as u64
    }
}

/// Bytes of an entry beside its row's own.
const ENTRY_BYTES: usize = 2 * (size_of::<RankedRow>() + size_of::<u64>());

impl PartialOrd for RankedRow {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RankedRow {
    fn cmp(&self, other: &Self) -> Ordering {
        self.prefix.cmp(&other.prefix).then_with(|| self.bytes().cmp(&other.bytes()))
    }
}

/// The first bytes of an order as a number that is ordered as they are.
fn prefix(order: &[u8]) -> u64 {
    let mut first = [0; 8];
    first.iter_mut().zip(order).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(first)
}

/// Rows, and how often each is there. Shared with a checkpoint until they change.
#[derive(Clone, Default)]
pub(super) struct Ranked {
    rows: Arc<BTreeMap<RankedRow, u64>>,
    /// Of all of them together.
    count: u64,
    /// How many differ in the columns of the order, for dense ranks.
    orders: u64,
}

impl Ranked {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes that the rows take.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.rows.keys().map(RankedRow::memory_bytes).sum()
    }

    /// The rows and how often each is there.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&RankedRow, u64)> {
        self.rows.iter().map(|(row, times)| (row, *times))
    }

    /// Whether a row is behind all that can be shown, and need not be kept.
    pub(super) fn is_beyond(&self, (order, rest): (&[u8], &[u8]), shown: Shown) -> bool {
        let Some((last, _)) = self.rows.last_key_value().filter(|_| !shown.updating) else { return false };
        let end = shown.offset + shown.limit;
        let is_full = if shown.ties == Ties::DenseRank { self.orders } else { self.count } >= end;
        is_full
            && match prefix(order).cmp(&last.prefix) {
                Ordering::Equal if shown.ties == Ties::RowNumber => (order, rest) >= last.bytes(),
                Ordering::Equal => order > last.bytes().0,
                by_prefix => by_prefix == Ordering::Greater,
            }
    }

    /// Adds a row as often as it is said. Returns the bytes that it takes.
    pub(super) fn add(&mut self, row: RankedRow, times: u64, ties: Ties) -> u64 {
        self.count = self.count.saturating_add(times);
        self.orders += self.order_of(&row, ties);
        let bytes = row.memory_bytes();
        match Arc::make_mut(&mut self.rows).entry(row) {
            Entry::Occupied(mut there) => {
                *there.get_mut() = there.get().saturating_add(times);
                0
            }
            Entry::Vacant(place) => {
                place.insert(times);
                bytes
            }
        }
    }

    /// Takes a row away, if it is there. Returns the bytes that it took.
    pub(super) fn take_back(&mut self, row: &RankedRow, ties: Ties) -> u64 {
        let rows = Arc::make_mut(&mut self.rows);
        let Some(times) = rows.get_mut(row) else { return 0 };
        self.count = self.count.saturating_sub(1);
        *times -= 1;
        if *times > 0 {
            return 0;
        }
        rows.remove(row);
        self.orders -= self.order_of(row, ties);
        row.memory_bytes()
    }

    /// By how much there are more orders with a row than without it; only dense ranks count them.
    fn order_of(&self, row: &RankedRow, ties: Ties) -> u64 {
        if ties != Ties::DenseRank {
            return 0;
        }
        let before = self.rows.range(..row).next_back();
        let after = self.rows.range(row..).next();
        let is_there = before.into_iter().chain(after).any(|(other, _)| other.bytes().0 == row.bytes().0);
        u64::from(!is_there)
    }

    /// Forgets rows that can never be shown again, after one with these bytes of its order has come. Returns the bytes that they took.
    pub(super) fn trim(&mut self, order: &[u8], shown: Shown) -> u64 {
        let mut bytes = 0;
        // One more of the last changes no rank of another.
        let is_last = self.rows.last_key_value().is_some_and(|(last, _)| last.bytes().0 == order);
        if shown.updating || is_last && shown.ties != Ties::RowNumber {
            return 0;
        }
        while self.is_last_beyond(shown) {
            let rows = Arc::make_mut(&mut self.rows);
            let Some(mut last) = rows.last_entry() else { break };
            // Of equal rows some may be among the first.
            if shown.ties == Ties::RowNumber && *last.get() > 1 {
                *last.get_mut() -= 1;
                self.count -= 1;
                continue;
            }
            let (row, times) = last.remove_entry();
            self.count = self.count.saturating_sub(times);
            self.orders -= self.order_of(&row, shown.ties);
            bytes += row.memory_bytes();
        }
        bytes
    }

    /// Whether the last row has a place behind those that are shown: for ranks, if at least as many rows, or orders, come before those that
    /// are equal to it.
    fn is_last_beyond(&self, shown: Shown) -> bool {
        let end = shown.offset + shown.limit;
        match shown.ties {
            Ties::RowNumber => self.count > end,
            Ties::DenseRank => self.orders > end,
            Ties::Rank if self.count <= end => false,
            Ties::Rank => {
                let Some((last, _)) = self.rows.last_key_value() else { return false };
                let ties = self.rows.iter().rev().take_while(|(row, _)| row.bytes().0 == last.bytes().0);
                self.count - ties.map(|(_, times)| times).sum::<u64>() >= end
            }
        }
    }

    /// The rows that are shown, in order, with their places counted from 1.
    pub(super) fn shown(&self, shown: Shown) -> Vec<Placed> {
        let end = shown.offset + shown.limit;
        let (mut placed, mut number, mut rank, mut dense) = (Vec::new(), 0, 0, 0);
        let mut earlier: Option<&[u8]> = None;
        for (row, times) in self.iter() {
            for _ in 0..times {
                number += 1;
                if earlier != Some(row.bytes().0) {
                    (rank, dense, earlier) = (number, dense + 1, Some(row.bytes().0));
                }
                let place = match shown.ties {
                    Ties::RowNumber => number,
                    Ties::Rank => rank,
                    Ties::DenseRank => dense,
                };
                if place > end {
                    return placed;
                }
                if place > shown.offset {
                    placed.push((row.clone(), place as i64));
                }
            }
        }
        placed
    }
}
