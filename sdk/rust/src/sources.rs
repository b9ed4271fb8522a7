//! Which input row each output row comes from, as briefly as a delta can say it.

use crate::builder::FixedBuilder;
use crate::wire::Selection;

/// Which input row each output row comes from. As long as it is every row once and in order, it is only counted.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The row that is passed on in this way; [`LISTED`] as soon as a row was left out, came twice or came out of order.
    next: u32,
    /// From then on the rows.
    rows: FixedBuilder<4>,
}

/// No batch has this many rows.
const LISTED: u32 = u32::MAX;

impl Sources {
    /// Appends a row.
    #[inline]
    pub(crate) fn push(&mut self, row: u32) {
        if row == self.next {
            self.next += 1;
            return;
        }
        if self.next != LISTED {
            self.rows = counted(self.next);
            self.next = LISTED;
        }
        self.rows.push(row.to_le_bytes());
    }

    /// Appends the first rows, in order.
    pub(crate) fn push_first(&mut self, rows: u32) {
        if self.next == 0 {
            self.next = rows;
        } else {
            (0..rows).for_each(|row| self.push(row));
        }
    }

    /// Appends the rows of `0..rows` where `keep` is true.
    #[inline]
    pub(crate) fn push_where(&mut self, rows: u32, keep: impl IntoIterator<Item = bool>) {
        let kept = (0..rows).zip(keep).filter(|(_, keep)| *keep).map(|(row, _)| row);
        kept.for_each(|row| self.push(row));
    }

    /// How many rows are passed on.
    pub(crate) fn len(&self) -> usize {
        if self.next == LISTED { self.rows.len() } else { self.next as usize }
    }

    /// The selection among the rows of the call.
    pub(crate) fn finish(self, rows: u32) -> Selection {
        match self.len() {
            0 => Selection::Empty,
            _ if self.next == rows => Selection::All,
            _ if self.next == LISTED => Selection::Indices(self.rows.into_bytes()),
            _ => Selection::Indices(counted(self.next).into_bytes()),
        }
    }
}

/// The rows that were only counted so far.
#[cold]
#[inline(never)]
fn counted(rows: u32) -> FixedBuilder<4> {
    let mut listed = FixedBuilder::new(2 * rows as usize);
    (0..rows).for_each(|row| listed.push(row.to_le_bytes()));
    listed
}
