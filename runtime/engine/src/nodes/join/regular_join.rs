//! Joins without bounds in time, of streams that may take rows back: whatever both tables hold is joined. Rows are kept for as long as
//! the author says.
//!
//! A row without a match goes out at once, and is taken back when one comes. The mark of a row is how many matches it has had that were not
//! taken back. A row that is forgotten takes nothing back.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;

use weir_core::batch::{RowKind, StreamBatch};
use weir_core::connector::Cut;
use weir_core::time::WATERMARK_MIN;
use weir_state::{NewRows, RowId, RowOrder};

use super::JoinSpec;
use super::join_rows::JoinRows;
use super::join_state::{JoinProgress, JoinState, TableParts};
use super::join_table::{Arriving, JoinTable, NO_WINDOW};
use super::joined_rows::{JoinedRows, RowsOf};
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

/// Rows that all are new, or all take rows back, so that their order does not matter.
struct Round {
    takes_back: bool,
    rows: JoinRows,
    /// The next row, and how many matches each row before it has.
    row: usize,
    matches: Vec<u32>,
}

/// What rows give out: of pairs the row that came and its partner; rows of either side alone.
#[derive(Default)]
struct Made {
    pairs: (Vec<u32>, Vec<RowId>),
    alone: Vec<u32>,
    /// With the time of the row that makes them so.
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
        let until = self.forgotten_until();
        let rows = JoinRows::of_batch(batch, &self.spec.sides[side]);
        let is_late = |row: &u32| self.ttl.is_some() && rows.times[*row as usize] <= until;
        let (late, mut taken): (Vec<u32>, Vec<u32>) = (0..rows.len() as u32).partition(is_late);
        let by_us = late.iter().map(|row| until.saturating_sub(rows.times[*row as usize]).saturating_add(1)).max();
        self.progress.late.rows_in += rows.len() as u64;
        self.progress.late.add(late.len() as u64, by_us.unwrap_or(0), &self.spec.metrics);
        self.spec.emit_late(side, batch, late, out)?;
        if rows.lacks_keys() && !self.spec.keeps_unmatched(side) {
            taken.retain(|row| rows.has_key(*row as usize));
        }
        let mut rounds: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        match &batch.row_kinds {
            None => _ = rounds.insert(1, taken),
            Some(kinds) => {
                let slots = self.table.slots(&rows)?;
                let mut last_of_key: HashMap<u32, usize> = HashMap::new();
                for row in taken {
                    // Rounds that take back are even, the others odd.
                    let last = last_of_key.entry(slots[row as usize]).or_default();
                    let parity = usize::from(!kinds.get(row as usize).takes_back());
                    *last += usize::from(*last % 2 != parity);
                    rounds.entry(*last).or_default().push(row);
                }
                self.table.release(slots);
            }
        }
        for (round, of_round) in rounds.into_iter().rev() {
            let rows = if of_round.len() == rows.len() { rows.clone() } else { rows.take(&of_round)? };
            self.pending.push(Round { takes_back: round % 2 == 0, rows, row: 0, matches: Vec::new() });
        }
        Ok(())
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
            let matches = partners.len() - first;
            if self.spec.keeps_unmatched(other) {
                for id in &partners[first..] {
                    let before = self.table.sides[other].mark(*id);
                    if before == 0 {
                        made.partners_alone.push((*id, round.rows.times[round.row]));
                    }
                    self.table.sides[other].set_mark(*id, before.saturating_add(1));
                }
            }
            made.pairs.0.resize(made.pairs.1.len(), round.row as u32);
            if matches == 0 && self.spec.keeps_unmatched(side) {
                made.alone.push(round.row as u32);
            }
            round.matches.push(matches as u32);
            round.row += 1;
        }
        self.emit_partners_alone(other, &made.partners_alone, RowKind::Delete, out)?;
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
        self.emit_partners_alone(other, &made.partners_alone, RowKind::Insert, out)?;
        self.table.remove(side, &found)
    }

    /// What it takes back that a row is gone, which is kept as `id`.
    fn take_back_row(&mut self, side: usize, (row, id): (usize, RowId), round: &Round, slot: u32, made: &mut Made) {
        let (other, (of_rows, partners)) = (1 - side, &mut made.pairs);
        let first = partners.len();
        if round.rows.has_key(row) {
            let reach = reach(self.ttl)(self.table.sides[side].time(id));
            self.table.sides[other].between(slot, reach, partners);
        }
        of_rows.resize(partners.len(), row as u32);
        if self.spec.keeps_unmatched(other) {
            for id in &partners[first..] {
                let after = self.table.sides[other].mark(*id).saturating_sub(1);
                self.table.sides[other].set_mark(*id, after);
                if after == 0 {
                    made.partners_alone.push((*id, round.rows.times[row]));
                }
            }
        }
        if self.spec.keeps_unmatched(side) && self.table.sides[side].mark(id) == 0 {
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
            let times = partners.iter().map(|(id, time)| store.time(*id).max(*time)).collect();
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
            self.progress.ingested_at = self.progress.ingested_at.max(batch.ingested_at);
            self.joined.ingested_at = self.progress.ingested_at;
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
