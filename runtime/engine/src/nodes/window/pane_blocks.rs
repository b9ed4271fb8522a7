//! Panes that follow one another, merged ahead: eight of them, eight times as many, and so on. A window of hundreds of panes is then put
//! together of some thirty tables, and each pane is merged about once per level, however many windows it is in. They hold nothing that
//! the panes do not, and are in no snapshot.

use std::collections::BTreeMap;
use std::ops::Range;

use weir_core::window::Window;

use super::group_table::GroupTable;
use super::panes::PaneGrid;
use crate::dataflow::operator::OperatorError;

/// How many blocks of one level make one of the next; a pane is a block of level 0.
const FAN: i64 = 8;
/// Windows of fewer panes are merged of these.
const PANES_MIN: i64 = 16;

/// The blocks.
pub(super) struct PaneBlocks {
    grid: PaneGrid,
    /// By level and number; block `n` of a level begins with pane `n * FAN ^ level`.
    levels: Vec<BTreeMap<i64, GroupTable>>,
    /// No block has a pane that begins at or after this.
    made_until: i64,
}

/// A block, or a pane: its level, and its number.
type Part = (usize, i64);

impl PaneBlocks {
    /// `None`: windows have few panes, or slides have more than one.
    pub(super) fn new(grid: PaneGrid) -> Option<Self> {
        let panes = grid.panes_of_window()?;
        // Of larger blocks a window has too few: they would only be made.
        let levels = (1..).take_while(|level| FAN.checked_pow(*level).is_some_and(|len| len <= panes / 4)).count();
        (panes >= PANES_MIN).then(|| {
            let levels = (0..levels.max(1)).map(|_| BTreeMap::new()).collect();
            Self { grid, levels, made_until: i64::MIN }
        })
    }

    /// Whether a window with these panes is better merged of blocks.
    pub(super) fn are_better(panes: impl Iterator) -> bool {
        panes.take(PANES_MIN as usize).count() == PANES_MIN as usize
    }

    /// The blocks and panes that a window consists of, in order; those that have no rows are left out. Blocks that are not there are made: of
    /// `fresh` tables, of the panes that `pane` has by number.
    pub(super) fn of_window<'a>(
        &'a mut self,
        window: Window,
        panes: &'a BTreeMap<i64, GroupTable>,
        fresh: impl Fn() -> Result<GroupTable, OperatorError>,
    ) -> Result<impl Iterator<Item = &'a GroupTable>, OperatorError> {
        let mut parts = Vec::new();
        let numbers = self.grid.pane_number(window.start)..self.grid.pane_number(window.max_time()) + 1;
        cover((0, self.levels.len()), numbers, &mut parts);
        for (level, number) in &parts {
            self.make((*level, *number), panes, &fresh)?;
        }
        let (grid, levels) = (self.grid, &self.levels);
        Ok(parts.into_iter().filter_map(move |(level, number)| match level.checked_sub(1) {
            None => panes.get(&grid.pane_start(number)),
            Some(level) => levels[level].get(&number),
        }))
    }

    /// Makes a block of those of the level below.
    fn make(
        &mut self,
        (level, number): Part,
        panes: &BTreeMap<i64, GroupTable>,
        fresh: &impl Fn() -> Result<GroupTable, OperatorError>,
    ) -> Result<(), OperatorError> {
        let Some(index) = level.checked_sub(1) else { return Ok(()) };
        let first = number * FAN.pow(level as u32);
        let (start, end) = (self.grid.pane_start(first), self.grid.pane_start(first + FAN.pow(level as u32)));
        if self.levels[index].contains_key(&number) || panes.range(start..end).next().is_none() {
            return Ok(());
        }
        let mut block = fresh()?;
        for child in number * FAN..(number + 1) * FAN {
            self.make((level - 1, child), panes, fresh)?;
            let table = match index.checked_sub(1) {
                None => panes.get(&self.grid.pane_start(child)),
                Some(below) => self.levels[below].get(&child),
            };
            table.map_or(Ok(()), |table| block.merge_table(table))?;
        }
        self.levels[index].insert(number, block);
        self.made_until = self.made_until.max(end);
        Ok(())
    }

    /// A pane changes: blocks that have it do not hold any more.
    pub(super) fn changes(&mut self, pane: i64) {
        if pane >= self.made_until {
            return;
        }
        let mut number = self.grid.pane_number(pane);
        for level in &mut self.levels {
            number = number.div_euclid(FAN);
            level.remove(&number);
        }
    }

    /// Forgets blocks that have panes before this one: no window has all of them.
    pub(super) fn drop_before(&mut self, pane: i64) {
        let mut number = self.grid.pane_number(pane);
        for level in &mut self.levels {
            // The first whose first pane is not before it.
            number = number.div_euclid(FAN) + i64::from(number.rem_euclid(FAN) > 0);
            while level.first_key_value().is_some_and(|(first, _)| *first < number) {
                level.pop_first();
            }
        }
    }

    pub(super) fn memory_bytes(&mut self) -> u64 {
        self.levels.iter_mut().flat_map(BTreeMap::values_mut).map(GroupTable::memory_bytes).sum()
    }
}

/// The fewest blocks that some blocks of a level consist of, in order.
fn cover((level, levels): (usize, usize), blocks: Range<i64>, out: &mut Vec<Part>) {
    let (from, to) =
        (blocks.start.div_euclid(FAN) + i64::from(blocks.start.rem_euclid(FAN) > 0), blocks.end.div_euclid(FAN));
    if level == levels || from >= to {
        return out.extend(blocks.map(|number| (level, number)));
    }
    out.extend((blocks.start..from * FAN).map(|number| (level, number)));
    cover((level + 1, levels), from..to, out);
    out.extend((to * FAN..blocks.end).map(|number| (level, number)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_consists_of_few_blocks_that_have_each_pane_once() {
        for (start, end) in [(0, 600), (-37, 563), (1, 17), (-9, 9), (7, 100_000), (5, 5)] {
            let mut parts = Vec::new();
            cover((0, 4), start..end, &mut parts);
            let panes = parts.iter().flat_map(|(level, number)| {
                let len = FAN.pow(*level as u32);
                number * len..(number + 1) * len
            });
            assert!(panes.eq(start..end), "{parts:?}");
            assert!(parts.len() <= 2 * 7 * 4 + ((end - start) / FAN.pow(4)) as usize, "{parts:?}");
        }
    }
}
