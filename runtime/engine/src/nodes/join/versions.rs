//! [`Versions`]: the versions of the right rows of a temporal join, by key and event time. Never looks at left rows.
//!
//! A version counts from its time until that of the next one of its key, or for as long as its TTL. A row that takes another back ends its
//! key at its own time; a row of the same time that comes after it takes its place. A key has one version at a time: of inserts the greatest row
//! counts, so that it does not matter which came first; rows of an updating stream come in their order, and the last one counts.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use weir_state::{NewRows, RowId};

use super::join_rows::JoinRows;
use super::join_table::JoinTable;
use crate::dataflow::operator::{OperatorError, Progress};
use crate::nodes::changes::RowComparator;

const RIGHT: usize = 1;
/// The mark of a version that says that there is none from its time on.
const END: u32 = 1;
/// Versions that are forgotten at once at most.
const ROWS_AT_ONCE_MAX: usize = 65_536;
/// Versions that may be in the order of their age and forgotten already, beside as many as there are.
const AGEING_MIN: usize = 1_024;

/// What is known of versions beside their rows.
pub(super) struct Versions {
    ttl: Option<i64>,
    are_inserts: bool,
    /// With a TTL, the versions that the watermark has passed and that have not been forgotten, the oldest first. Some are gone already.
    ageing: VecDeque<(i64, RowId)>,
}

impl Versions {
    pub(super) fn new(ttl: Option<i64>, are_inserts: bool) -> Self {
        Self { ttl, are_inserts, ageing: VecDeque::new() }
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        (self.ageing.capacity() * size_of::<(i64, RowId)>()) as u64
    }

    /// The version of a key that counts at a time.
    pub(super) fn at(&self, table: &JoinTable, slot: u32, time: i64) -> Option<RowId> {
        let store = &table.sides[RIGHT];
        let counts = |id: &RowId| {
            store.mark(*id) != END && self.ttl.is_none_or(|ttl| time.saturating_sub(store.time(*id)) <= ttl)
        };
        store.latest(slot, time).filter(counts)
    }

    /// Adds rows, which all have a key; `ends` says which of them take rows back. Returns those that come too late: that no row after the
    /// watermark can reach, because there is a later version.
    pub(super) fn add(
        &mut self,
        table: &mut JoinTable,
        rows: JoinRows,
        ends: impl Fn(usize) -> bool,
        watermark: i64,
    ) -> Result<Vec<u32>, OperatorError> {
        let slots = table.slots(&rows)?;
        let store = &table.sides[RIGHT];
        let is_late = |row: &u32| {
            let (slot, time) = (slots[*row as usize], rows.times[*row as usize]);
            time <= watermark && store.latest(slot, watermark).is_some_and(|id| store.time(id) > time)
        };
        let (late, in_time): (Vec<u32>, Vec<u32>) = (0..rows.len() as u32).partition(is_late);
        let mut added = self.counting(&slots, &rows, &in_time)?;
        let store = &mut table.sides[RIGHT];
        let at_the_time = |row: &u32| {
            let (slot, time) = (slots[*row as usize], rows.times[*row as usize]);
            store.latest(slot, time).filter(|id| store.time(*id) == time)
        };
        let before: Vec<Option<RowId>> = added.iter().map(at_the_time).collect();
        let mut replaced: Vec<RowId> = before.iter().flatten().copied().collect();
        if self.are_inserts && !replaced.is_empty() {
            let all: Vec<usize> = (0..rows.kept.len()).collect();
            let ties = RowComparator::new(&rows.kept, &store.take(&replaced, &all)?)?;
            let (mut stored, mut is_greater) = (0.., HashMap::new());
            for (row, before) in added.iter().zip(&before) {
                if let (Some(id), Some(at)) = (before, before.and_then(|_| stored.next())) {
                    is_greater.insert(*id, ties.order(*row as usize, at).is_gt());
                }
            }
            replaced.retain(|id| is_greater[id]);
            let mut before = before.iter();
            added.retain(|_| before.next().copied().flatten().is_none_or(|id| is_greater[&id]));
        }
        store.remove(&replaced)?;
        let marks: Vec<u32> = added.iter().map(|row| if ends(*row as usize) { END } else { 0 }).collect();
        let slots: Vec<u32> = added.iter().map(|row| slots[*row as usize]).collect();
        let JoinRows { times, kept: columns, .. } = rows.take(&added)?;
        store.append(NewRows { slots: &slots, times: &times, marks: Some(&marks), columns })?;
        Ok(late)
    }

    /// Of each key and time the row of these that counts, in the order of the rows.
    fn counting(&self, slots: &[u32], rows: &JoinRows, of: &[u32]) -> Result<Vec<u32>, OperatorError> {
        let mut counting: HashMap<(u32, i64), u32> = HashMap::with_capacity(of.len());
        let mut ties = None;
        for row in of {
            match counting.entry((slots[*row as usize], rows.times[*row as usize])) {
                Entry::Vacant(vacant) => _ = vacant.insert(*row),
                Entry::Occupied(mut other) => {
                    if self.are_inserts && ties.is_none() {
                        ties = Some(RowComparator::new(&rows.kept, &rows.kept)?);
                    }
                    if ties.as_ref().is_none_or(|ties| ties.order(*row as usize, *other.get() as usize).is_gt()) {
                        other.insert(*row);
                    }
                }
            }
        }
        let mut counting: Vec<u32> = counting.into_values().collect();
        counting.sort_unstable();
        Ok(counting)
    }

    /// Forgets the next versions that no row after the watermark can reach.
    pub(super) fn forget_part(&mut self, table: &mut JoinTable, watermark: i64) -> Result<Progress, OperatorError> {
        let store = &mut table.sides[RIGHT];
        let due = store.take_due(watermark, ROWS_AT_ONCE_MAX);
        // Of each key the last one is reached, unless it says that there is none.
        let newest: HashMap<u32, RowId> = due.iter().map(|id| (store.slot(*id), *id)).collect();
        let mut gone = Vec::new();
        for id in due.iter().filter(|id| newest.get(&store.slot(**id)) == Some(id)) {
            store.between(store.slot(*id), i64::MIN..=store.time(*id).saturating_sub(1), &mut gone);
            if store.mark(*id) == END {
                gone.push(*id);
            } else if self.ttl.is_some() {
                self.ageing.push_back((store.time(*id), *id));
            }
        }
        table.remove(RIGHT, &gone)?;
        let expired = self.expire(table, watermark)?;
        Ok(if due.is_empty() && expired == 0 { Progress::Done } else { Progress::More })
    }

    /// Forgets versions that are older than the TTL; how many were looked at.
    fn expire(&mut self, table: &mut JoinTable, watermark: i64) -> Result<usize, OperatorError> {
        let Some(ttl) = self.ttl else { return Ok(0) };
        let until = watermark.saturating_sub(ttl);
        // A row with the id and the time of one is that one, or goes with it.
        let store = &table.sides[RIGHT];
        let is_kept = |(time, id): &(i64, RowId)| store.holds(*id) && store.time(*id) == *time;
        if self.ageing.len() > 2 * store.len() + AGEING_MIN {
            self.ageing.retain(is_kept);
        }
        let count = self.ageing.iter().take(ROWS_AT_ONCE_MAX).take_while(|(time, _)| *time <= until).count();
        let expired: Vec<RowId> = self.ageing.drain(..count).filter(is_kept).map(|(_, id)| id).collect();
        table.remove(RIGHT, &expired)?;
        Ok(count)
    }
}
