//! [`Lives`]: keys of steps over inserts that are forgotten when they have had no row for a time, as by the `ttl` of keyed operators. It
//! knows slots and times; what a step keeps of a key, the step removes.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use weir_core::changelog::ChangelogMode;
use weir_core::graph::{Node, StateTtl};
use weir_core::time::{Clock, WATERMARK_MAX};
use weir_state::{FrozenKeys, FrozenTtl, KeyIndex, Refresh, StateError, Timer, Ttl};

use super::distinct::DistinctSlots;
use crate::dataflow::operator::{StateTable, Time};
use crate::plan::error::CheckError;

/// Keys, or rows, that are forgotten at once at most.
pub(super) const FORGOTTEN_MAX: usize = 8_192;
/// The table of a snapshot with the times.
pub(super) const LIVES: &str = "ttl";

/// When keys are forgotten.
pub(super) struct Lives {
    pub(super) ttl: Ttl,
    /// The clock by which they are; `None`: by event time.
    clock: Option<Arc<dyn Clock>>,
    /// The greatest event time of a row so far.
    latest: i64,
}

impl Lives {
    pub(super) fn new(StateTtl { after_us, by_event_time, .. }: StateTtl, clock: &Arc<dyn Clock>) -> Self {
        Self {
            ttl: Ttl::new(after_us, Refresh::OnWrite),
            clock: (!by_event_time).then(|| clock.clone()),
            latest: i64::MIN,
        }
    }

    /// The rows of a batch in parts, of which each has rows of one life of each key: so it does not matter how rows come in batches, and how far
    /// the watermark is. `slots` are those of the rows, below `bound`.
    pub(super) fn parts(
        &self,
        distinct: &mut DistinctSlots,
        slots: &[u32],
        bound: usize,
        times: &[i64],
    ) -> Vec<Range<usize>> {
        let ends = match self.clock {
            Some(_) => Vec::new(),
            None => {
                let (keys, key_of_row) = distinct.of(slots, bound);
                self.ttl.ends_of_lives(&keys, &key_of_row, times)
            }
        };
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(ends.iter().copied().chain([slots.len()])).map(|(start, end)| start..end).collect()
    }

    /// Rows of keys have come at these event times, the last of each key at `lasts`. Returns which of the keys had been forgotten by then.
    pub(super) fn live(&mut self, keys: &[u32], (key_of_row, times): (&[u32], &[i64]), lasts: &[i64]) -> Vec<bool> {
        let now = self.clock.as_ref().map(|clock| clock.now_us());
        self.latest = lasts.iter().copied().fold(self.latest, i64::max);
        let mut firsts = vec![i64::MAX; keys.len()];
        key_of_row.iter().zip(times).rev().for_each(|(key, time)| firsts[*key as usize] = *time);
        let of_key = |((slot, first), last): ((&u32, i64), &i64)| {
            let is_over = self.ttl.has_expired(*slot, now.unwrap_or(first));
            if is_over {
                self.ttl.forget(*slot);
            }
            self.ttl.wrote(*slot, now.unwrap_or(*last));
            is_over
        };
        keys.iter().zip(firsts).zip(lasts).map(of_key).collect()
    }

    /// The next keys that a time has passed, some of at most `max`, and the event time of their end; none: there are no more. At the end of the
    /// stream no key is forgotten.
    pub(super) fn passed(&mut self, at: Time, max: usize) -> Vec<Timer> {
        let mut passed = match (at, &self.clock) {
            (Time::Watermark(WATERMARK_MAX), _) => Vec::new(),
            (Time::Watermark(now), None) | (Time::Processing(now), Some(_)) => self.ttl.pop_expired(now, max),
            _ => Vec::new(),
        };
        if self.clock.is_some() && self.latest != i64::MIN {
            // By the clock a key ends after all rows that came.
            passed.iter_mut().for_each(|timer| timer.time = self.latest);
        }
        passed
    }

    /// The processing time at which the next key may be forgotten.
    pub(super) fn deadline(&self) -> Option<i64> {
        self.clock.as_ref().and_then(|_| self.ttl.first())
    }

    /// The tables of a snapshot.
    pub(super) fn tables(
        frozen: &FrozenTtl,
        keys: &FrozenKeys,
        key_fields: &[FieldRef],
        key_groups: u32,
    ) -> Result<Vec<StateTable>, StateError> {
        let table = |(group, rows)| StateTable { name: LIVES.to_owned(), key_group: Some(group), rows };
        Ok(frozen.tables(keys, key_fields, key_groups)?.into_iter().map(table).collect())
    }

    /// Takes the tables of a snapshot. A key that had no `ttl` before lives until it gets a row.
    pub(super) fn restore(&mut self, keys: &mut KeyIndex, tables: &[StateTable]) -> Result<(), StateError> {
        self.ttl.restore(keys, tables.iter().map(|table| &table.rows))
    }
}

/// Refuses a `ttl` over an updating stream: a row of a key that was forgotten could not be taken back.
pub(super) fn check_ttl(node: &Node, ttl: Option<StateTtl>, input: ChangelogMode) -> Result<(), CheckError> {
    if ttl.is_none() || input == ChangelogMode::InsertOnly {
        return Ok(());
    }
    let message = "ttl needs a stream of inserts, because a row of a key that is forgotten cannot be taken back: set it on the step that \
                   makes the updates";
    Err(CheckError::at(&node.span, message))
}
