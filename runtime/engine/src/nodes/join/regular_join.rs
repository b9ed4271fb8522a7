//! Joins without bounds in time, of streams that may take rows back: whatever both tables hold is joined. Rows are kept for as long as
//! the author says.
//!
//! A row without a match goes out at once, and is taken back when one comes. The mark of a row is how many matches it has had that were not
//! taken back. A row that is forgotten takes nothing back.
//!
//! In a semi join it is the other way round: a left row goes out with its first match, and is taken back with the last. Over streams of
//! inserts it is never taken back; then it has its own event time, whichever match came first, and the watermark is behind by as long as
//! a match may come.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use weir_core::batch::{RowKind, StreamBatch};
use weir_core::connector::Cut;
use weir_core::graph::JoinType;
use weir_core::time::{WATERMARK_MAX, WATERMARK_MIN};
use weir_state::{NewRows, RowId, RowOrder};

use super::JoinSpec;
use super::join_progress::JoinProgress;
use super::join_rows::JoinRows;
use super::join_state::{JoinState, TableParts};
use super::join_table::{Arriving, JoinTable, NO_WINDOW};
use super::joined_rows::{JoinedRows, RowsOf};
use super::rounds::{Round, rounds};
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::changes::RowComparator;

/// Rows that are forgotten, or compared, at once at most.
const ROWS_AT_ONCE_MAX: usize = 65_536;

/// The operator of regular joins.
pub(super) struct RegularJoin {
    spec: JoinSpec,
    ttl: Option<i64>,
    state: JoinState,
    joined: JoinedRows,
    table: JoinTable,
    progress: JoinProgress,
    /// Rows that have not been held against the table; the next ones come last.
    pending: Vec<Round>,
}

/// What rows give out: of pairs the row that came and its partner; rows of either side alone.
#[derive(Default)]
struct Made {
    pairs: (Vec<u32>, Vec<RowId>),
    alone: Vec<u32>,
    /// Those that go out or are taken back because of a row that came, with the time of that row.
    partners_alone: Vec<(RowId, i64)>,
}

impl Made {
    fn len(&self) -> usize {
        self.pairs.0.len() + self.alone.len() + self.partners_alone.len()
    }
}

impl RegularJoin {
    pub(super) fn new(spec: JoinSpec, ttl: Option<i64>) -> Result<Self, OperatorError> {
        let order = if ttl.is_some() { RowOrder::Time } else { RowOrder::Arrival };
        Ok(Self {
            ttl,
            state: JoinState::new(&spec, &[]),
            joined: JoinedRows::new(&spec),
            table: JoinTable::new(&spec, order)?,
            progress: JoinProgress::NONE,
            pending: Vec::new(),
            spec,
        })
    }

    /// Up to which time rows are forgotten.
    fn forgotten_until(&self) -> i64 {
        self.ttl.map_or(WATERMARK_MIN, |ttl| self.progress.watermark.saturating_sub(ttl))
    }

    /// Divides a batch so that the changes of each key stay in their order.
    fn divide(&mut self, side: usize, batch: &StreamBatch, out: &mut Outputs) -> Result<(), OperatorError> {
        let until = self.ttl.map(|_| self.forgotten_until());
        let (rows, taken) = JoinRows::in_time(batch, side, until, (&self.spec, &mut self.progress), out)?;
        self.joined.ingested_at = self.progress.ingested_at;
        self.pending = match &self.spec.sides[side].upsert_key {
            Some(key) => self.table.replaced(side, batch, &rows.take(&taken)?, &taken, key)?,
            None => rounds(&mut self.table, batch, &rows, taken)?,
        };
        self.pending.reverse();
        Ok(())
    }

    /// Whether a row of a side goes out alone while it has so many matches.
    fn is_shown(&self, side: usize, matches: u32) -> bool {
        match self.spec.join_type {
            JoinType::Semi => side == 0 && matches > 0,
            _ => self.spec.keeps_unmatched(side) && matches == 0,
        }
    }

    /// Notes that rows of a side have a match more or less, and which of them go out or are taken back by that.
    fn count(
        &mut self,
        side: usize,
        ids: &[RowId],
        change: fn(u32) -> u32,
        time: i64,
        changed: &mut Vec<(RowId, i64)>,
    ) {
        let is_counted = self.spec.keeps_unmatched(side) || (side == 0 && self.spec.join_type == JoinType::Semi);
        if !is_counted {
            return;
        }
        for id in ids {
            let before = self.table.sides[side].mark(*id);
            let after = change(before);
            self.table.sides[side].set_mark(*id, after);
            if self.is_shown(side, before) != self.is_shown(side, after) {
                changed.push((*id, time));
            }
        }
    }

    /// Adds the pairs of a row and its partners, of which those before `first` are there already.
    fn pair(&self, row: usize, first: usize, (of_rows, partners): &mut (Vec<u32>, Vec<RowId>)) {
        if self.spec.join_type.is_left_alone() {
            partners.truncate(first);
        }
        of_rows.resize(partners.len(), row as u32);
    }

    /// What happens to rows of the other side that go out alone, if there are more matches or fewer.
    fn kind_of_partners(&self, are_more: bool) -> RowKind {
        match are_more == (self.spec.join_type == JoinType::Semi) {
            true => RowKind::Insert,
            false => RowKind::Delete,
        }
    }

    /// Holds the next rows against the table.
    fn join_next(&mut self, side: usize, out: &mut Outputs) -> Result<(), OperatorError> {
        let Some(mut round) = self.pending.pop() else { return Ok(()) };
        let slots = self.table.slots(&round.rows)?;
        match round.takes_back {
            true => self.take_back(side, &mut round, &slots, out)?,
            false => self.add(side, &mut round, &slots, out)?,
        }
        if round.row < round.rows.len() {
            self.pending.push(round);
        } else if round.takes_back {
            // Of rows that were forgotten already.
            self.table.release(slots);
        } else {
            let Round { rows: JoinRows { times, kept, .. }, matches, .. } = round;
            let new = NewRows { slots: &slots, times: &times, marks: Some(&matches), columns: kept };
            self.table.sides[side].append(new)?;
        }
        Ok(())
    }

    fn add(&mut self, side: usize, round: &mut Round, slots: &[u32], out: &mut Outputs) -> Result<(), OperatorError> {
        let (other, mut made) = (1 - side, Made::default());
        let reach = reach(self.ttl);
        let arriving = Arriving { side, rows: &round.rows, window: None, reach: &reach };
        while round.row < round.rows.len() && made.len() < self.spec.result_rows_max {
            let (_, partners) = &mut made.pairs;
            let first = partners.len();
            self.table.partners(&arriving, round.row, slots, partners);
            let matches = (partners.len() - first) as u32;
            let time = round.rows.times[round.row];
            self.count(other, &partners[first..], |matches| matches.saturating_add(1), time, &mut made.partners_alone);
            self.pair(round.row, first, &mut made.pairs);
            if self.is_shown(side, matches) {
                made.alone.push(round.row as u32);
            }
            round.matches.push(matches);
            round.row += 1;
        }
        self.emit_partners_alone(other, &made.partners_alone, self.kind_of_partners(true), out)?;
        self.emit_rows(side, &made, &round.rows, RowKind::Insert, out)
    }

    fn take_back(
        &mut self,
        side: usize,
        round: &mut Round,
        slots: &[u32],
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let (other, mut made) = (1 - side, Made::default());
        let (mut taken, mut found) = (HashSet::new(), Vec::new());
        while round.row < round.rows.len() && made.len() < self.spec.result_rows_max {
            // The rows that may be meant, of as many rows as are compared at once.
            let (mut candidates, mut ends) = (Vec::new(), Vec::new());
            for slot in &slots[round.row..] {
                candidates.extend(self.table.sides[side].rows_of(*slot));
                ends.push(candidates.len());
                if candidates.len() >= ROWS_AT_ONCE_MAX {
                    break;
                }
            }
            let all: Vec<usize> = (0..round.rows.kept.len()).collect();
            let stored = self.table.sides[side].take(&candidates, &all)?;
            let comparator = RowComparator::new(&round.rows.kept, &stored)?;
            let mut start = 0;
            for end in ends {
                let (row, range) = (round.row, start..end);
                (start, round.row) = (end, round.row + 1);
                let is_meant = |at: &usize| !taken.contains(&candidates[*at]) && comparator.is_same(row, *at);
                let time = round.rows.times[row];
                let same: Vec<usize> = range.filter(is_meant).collect();
                let at_time = same.iter().find(|at| self.table.sides[side].time(candidates[**at]) == time);
                let Some(id) = at_time.or(same.first()).map(|at| candidates[*at]) else { continue };
                taken.insert(id);
                found.push(id);
                self.take_back_row(side, (row, id), round, slots[row], &mut made);
                if made.len() >= self.spec.result_rows_max {
                    break;
                }
            }
        }
        self.emit_rows(side, &made, &round.rows, RowKind::Delete, out)?;
        self.emit_partners_alone(other, &made.partners_alone, self.kind_of_partners(false), out)?;
        self.table.remove(side, &found)
    }

    /// What it takes back that a row is gone, which is kept as `id`.
    fn take_back_row(&mut self, side: usize, (row, id): (usize, RowId), round: &Round, slot: u32, made: &mut Made) {
        let (other, (_, partners)) = (1 - side, &mut made.pairs);
        let first = partners.len();
        if round.rows.has_key(row) {
            let reach = reach(self.ttl)(self.table.sides[side].time(id));
            self.table.sides[other].between(slot, reach, partners);
        }
        let time = round.rows.times[row];
        self.count(other, &partners[first..], |matches| matches.saturating_sub(1), time, &mut made.partners_alone);
        self.pair(row, first, &mut made.pairs);
        if self.is_shown(side, self.table.sides[side].mark(id)) {
            made.alone.push(row as u32);
        }
    }

    /// Emits pairs, and rows that came alone.
    fn emit_rows(
        &self,
        side: usize,
        made: &Made,
        rows: &JoinRows,
        kind: RowKind,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let store = &self.table.sides[1 - side];
        let max = self.spec.result_rows_max;
        let of_side = |row, partner| if side == 0 { [row, partner] } else { [partner, row] };
        for (of_rows, partners) in made.pairs.0.chunks(max).zip(made.pairs.1.chunks(max)) {
            let times = of_rows.iter().zip(partners);
            let times = times.map(|(row, id)| rows.times[*row as usize].max(store.time(*id))).collect();
            let sides = of_side(RowsOf::Batch(&rows.kept, of_rows), RowsOf::Store(store, partners));
            self.joined.emit_kind(kind, sides, times, &|_| NO_WINDOW, out)?;
        }
        let times = made.alone.iter().map(|row| rows.times[*row as usize]).collect();
        let sides = of_side(RowsOf::Batch(&rows.kept, &made.alone), RowsOf::Nulls);
        self.joined.emit_kind(kind, sides, times, &|_| NO_WINDOW, out)
    }

    /// Whether left rows go out at their own time, and are never taken back.
    fn is_semi_of_inserts(&self) -> bool {
        self.spec.are_inserts && self.spec.join_type == JoinType::Semi
    }

    /// Emits rows of the other side alone, each at its own time, or at that of the row that came, if that is later.
    fn emit_partners_alone(
        &self,
        other: usize,
        partners: &[(RowId, i64)],
        kind: RowKind,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let store = &self.table.sides[other];
        for partners in partners.chunks(self.spec.result_rows_max) {
            let own_times = self.is_semi_of_inserts();
            let time = |(id, time): &(RowId, i64)| store.time(*id).max(if own_times { i64::MIN } else { *time });
            let times = partners.iter().map(time).collect();
            let ids: Vec<RowId> = partners.iter().map(|(id, _)| *id).collect();
            let of_other = RowsOf::Store(store, &ids);
            let sides = if other == 0 { [of_other, RowsOf::Nulls] } else { [RowsOf::Nulls, of_other] };
            self.joined.emit_kind(kind, sides, times, &|_| NO_WINDOW, out)?;
        }
        Ok(())
    }

    fn forget_part(&mut self) -> Result<Progress, OperatorError> {
        let until = self.forgotten_until();
        for side in [0, 1] {
            let due = self.table.sides[side].take_due(until, ROWS_AT_ONCE_MAX);
            if !due.is_empty() {
                self.table.remove(side, &due)?;
                return Ok(Progress::More);
            }
        }
        Ok(Progress::Done)
    }
}

/// The times of the rows that a row is joined with: those that are not forgotten before, or after, it comes in an order by time.
fn reach(ttl: Option<i64>) -> impl Fn(i64) -> RangeInclusive<i64> {
    move |time| match ttl {
        Some(ttl) => time.saturating_sub(ttl)..=time.saturating_add(ttl),
        None => i64::MIN..=i64::MAX,
    }
}

impl Operator for RegularJoin {
    fn process(&mut self, side: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        // Else the batch is the one that was put back.
        if self.pending.is_empty() {
            self.divide(side, &batch, out)?;
        }
        self.join_next(side, out)?;
        if !self.pending.is_empty() {
            out.put_back(batch);
        }
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, _: &mut Outputs) -> Result<Progress, OperatorError> {
        let Time::Watermark(watermark) = at else { return Ok(Progress::Done) };
        self.progress.watermark = self.progress.watermark.max(watermark);
        self.forget_part()
    }

    fn more(&mut self, _: &mut Outputs) -> Result<Progress, OperatorError> {
        self.forget_part()
    }

    fn forwards(&self, watermark: i64) -> i64 {
        match self.is_semi_of_inserts() && watermark != WATERMARK_MAX {
            true => self.ttl.map_or(WATERMARK_MIN, |ttl| watermark.saturating_sub(ttl)),
            false => watermark,
        }
    }

    fn state_bytes(&mut self) -> u64 {
        self.table.memory_bytes()
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let parts = vec![TableParts::freeze(&mut self.table, Vec::new())];
        Ok(self.state.freeze(parts, self.progress))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let restored = self.state.restore(snapshot, &self.spec)?;
        self.progress = restored.progress;
        self.joined.ingested_at = self.progress.ingested_at;
        for (side, rows) in restored.rows {
            self.table.restore(side, &rows, self.spec.sides[side].keys.len(), 0)?;
        }
        Ok(())
    }
}
