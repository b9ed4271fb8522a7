//! [`Sequence`]: the rows of a key in the order of event time, as far as a frame can still reach them, by their places. It knows no
//! values.
//!
//! Every 64 rows that follow one another are a block, every 64 blocks a block of the next level. A frame is then put together of a few
//! rows and blocks, however many rows it has.

use std::collections::VecDeque;
use std::ops::Range;

use weir_state::RowId;

/// How many parts of one level make a part of the next.
const FAN: u64 = 64;
/// Blocks of 64, 4,096 and 262,144 rows.
pub(super) const LEVELS: usize = 3;

/// The rows of a key. A place counts from the first row that there ever was.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// The place of the first row that is there.
    first: u64,
    rows: VecDeque<(i64, RowId)>,
    blocks: [Blocks; LEVELS],
}

/// The blocks of a level that are whole.
#[derive(Debug, Default)]
struct Blocks {
    /// The number of the first that is there.
    first: u64,
    /// Their groups, in the accumulators of their level.
    groups: VecDeque<u32>,
}

/// Some rows or blocks of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Row(RowId),
    Block { level: usize, group: u32 },
}

/// Rows in places of a block of a level.
const fn rows_of_block(level: usize) -> u64 {
    FAN.pow(level as u32 + 1)
}

impl Sequence {
    /// The place after the last row.
    pub(super) fn end(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The time of the last row.
    pub(super) fn last_time(&self) -> Option<i64> {
        self.rows.back().map(|(time, _)| *time)
    }

    /// The place of the first row whose time is not before this.
    pub(super) fn first_from(&self, time: i64) -> u64 {
        self.first + self.rows.partition_point(|(row_time, _)| *row_time < time) as u64
    }

    /// Adds a row at the end. Returns the levels of which that makes a block whole.
    pub(super) fn push(&mut self, time: i64, row: RowId) -> impl Iterator<Item = usize> + use<> {
        self.rows.push_back((time, row));
        let (first, end) = (self.first, self.end());
        (0..LEVELS)
            .take_while(move |level| end.is_multiple_of(rows_of_block(*level)))
            .filter(move |level| end - first >= rows_of_block(*level))
    }

    /// The rows of the block of a level that ends at the end; its group is added.
    pub(super) fn add_block(&mut self, level: usize, group: u32) -> impl Iterator<Item = RowId> {
        let rows = rows_of_block(level);
        let blocks = &mut self.blocks[level];
        if blocks.groups.is_empty() {
            blocks.first = (self.first + self.rows.len() as u64) / rows - 1;
        }
        blocks.groups.push_back(group);
        let begin = self.rows.len() - rows as usize;
        self.rows.range(begin..).map(|(_, row)| *row)
    }

    /// The rows and blocks that some places consist of.
    pub(super) fn pieces(&self, places: Range<u64>, each: &mut impl FnMut(Piece)) {
        self.parts(0, places, each);
    }

    /// The same of parts of a level: level 0 are rows, level 1 the smallest blocks.
    fn parts(&self, level: usize, parts: Range<u64>, each: &mut impl FnMut(Piece)) {
        let (from, to) = (parts.start.div_ceil(FAN), parts.end / FAN);
        if level == LEVELS || from >= to {
            return parts.for_each(|part| each(self.piece(level, part)));
        }
        (parts.start..from * FAN).for_each(|part| each(self.piece(level, part)));
        self.parts(level + 1, from..to, each);
        (to * FAN..parts.end).for_each(|part| each(self.piece(level, part)));
    }

    fn piece(&self, level: usize, part: u64) -> Piece {
        match level.checked_sub(1) {
            None => Piece::Row(self.rows[(part - self.first) as usize].1),
            Some(level) => {
                let blocks = &self.blocks[level];
                Piece::Block { level, group: blocks.groups[(part - blocks.first) as usize] }
            }
        }
    }

    /// Forgets rows before a place, and the blocks that they are of.
    pub(super) fn forget(&mut self, until: u64, mut row: impl FnMut(RowId), mut block: impl FnMut(usize, u32)) {
        let gone = (until.saturating_sub(self.first) as usize).min(self.rows.len());
        self.rows.drain(..gone).for_each(|(_, id)| row(id));
        self.first += gone as u64;
        for (level, blocks) in self.blocks.iter_mut().enumerate() {
            while blocks.first * rows_of_block(level) < self.first
                && let Some(group) = blocks.groups.pop_front()
            {
                blocks.first += 1;
                block(level, group);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sequence whose blocks have the number of their first row as their group.
    fn extended(sequence: &mut Sequence, rows: Range<u64>) {
        for row in rows {
            let levels: Vec<usize> = sequence.push(row as i64, row as RowId).collect();
            for level in levels {
                let first = (row + 1 - rows_of_block(level)) as u32;
                let of_block: Vec<RowId> = sequence.add_block(level, first).collect();
                assert_eq!(of_block, (first..=row as u32).collect::<Vec<_>>());
            }
        }
    }

    fn rows_of(sequence: &Sequence, places: Range<u64>) -> (Vec<u64>, usize) {
        let (mut rows, mut pieces) = (Vec::new(), 0);
        sequence.pieces(places, &mut |piece| {
            pieces += 1;
            match piece {
                Piece::Row(row) => rows.push(u64::from(row)),
                Piece::Block { level, group } => {
                    rows.extend(u64::from(group)..u64::from(group) + rows_of_block(level));
                }
            }
        });
        (rows, pieces)
    }

    #[test]
    fn a_frame_is_put_together_of_few_pieces_that_have_each_row_once() {
        let mut sequence = Sequence::default();
        let mut end = 0;
        for step in [1, 62, 1, 1, 500, 3_531, 1, 9_000, 70, 130_000, 140_000] {
            extended(&mut sequence, end..end + step);
            end += step;
            for from in [0, 1, 63, 64, 65, 4_095, 4_096, 5_000, 100_000] {
                let places = from.max(sequence.first())..end;
                let (rows, pieces) = rows_of(&sequence, places.clone());
                assert_eq!(rows, places.collect::<Vec<_>>());
                assert!(pieces <= 8 * FAN as usize, "{pieces} pieces");
            }
            let mut gone = Vec::new();
            sequence.forget(end / 3, |row| gone.push(row), |_, _| {});
            assert!(gone.is_empty() || u64::from(*gone.last().unwrap()) == sequence.first() - 1);
        }
    }

    #[test]
    fn blocks_go_with_their_first_row() {
        let mut sequence = Sequence::default();
        extended(&mut sequence, 0..200);
        let mut blocks = Vec::new();
        sequence.forget(64, |_| {}, |level, group| blocks.push((level, group)));
        assert_eq!(blocks, [(0, 0)]);
        sequence.forget(65, |_| {}, |level, group| blocks.push((level, group)));
        assert_eq!(blocks, [(0, 0), (0, 64)]);
    }
}
