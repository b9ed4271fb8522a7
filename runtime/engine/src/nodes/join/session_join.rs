//! Joins over session windows: rows of both sides make the sessions of a key, and belong together if they are in the same one.
//!
//! Which rows those are is known when a session closes, so everything goes out then, at the last instant of the session. A session is
//! a fact about the rows that are kept: it is not part of a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::graph::JoinType;
use weir_core::window::Window;
use weir_state::{NewRows, RowId, RowOrder};

use super::JoinSpec;
use super::join_progress::JoinProgress;
use super::join_rows::JoinRows;
use super::join_state::{JoinState, TableParts};
use super::join_table::{JoinTable, MATCHED};
use super::joined_rows::{JoinedRows, RowsOf};
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};

/// Marks a row whose key has a null, which matches no other.
const NO_KEY: u32 = 2;
/// Rows of sessions that are closed at once at most.
const CLOSED_ROWS_MAX: usize = 65_536;
/// About what a session takes.
const SESSION_BYTES: u64 = 96;

/// The operator of joins over sessions.
pub(super) struct SessionJoin {
    spec: JoinSpec,
    sessions: Sessions,
    state: JoinState,
    joined: JoinedRows,
    table: JoinTable,
    progress: JoinProgress,
}

/// The open sessions of all keys, by slot.
struct Sessions {
    gap: i64,
    /// By slot and start: the end.
    ends: BTreeMap<(u32, i64), i64>,
    by_end: BTreeSet<(i64, u32, i64)>,
}

/// What sessions that close give out.
#[derive(Default)]
struct Closing {
    pairs: [Vec<RowId>; 2],
    pair_windows: Vec<Window>,
    alone: [Vec<RowId>; 2],
    alone_windows: [Vec<Window>; 2],
    /// Rows of sessions that are closed.
    over: [Vec<RowId>; 2],
}

impl Closing {
    fn len(&self) -> usize {
        self.pair_windows.len() + self.alone_windows.iter().map(Vec::len).sum::<usize>()
    }

    fn is_full(&self, rows_max: usize) -> bool {
        self.len() >= rows_max || self.over.iter().map(Vec::len).sum::<usize>() >= CLOSED_ROWS_MAX
    }
}

impl Sessions {
    fn window(&self, time: i64) -> Window {
        Window { start: time, end: time.saturating_add(self.gap) }
    }

    /// The sessions of a slot that touch a window.
    fn touching(&self, slot: u32, window: Window) -> Vec<Window> {
        let before = self.ends.range((slot, i64::MIN)..=(slot, window.end)).rev();
        let windows = before.map(|((_, start), end)| Window { start: *start, end: *end });
        windows.take_while(|session| session.touches(&window)).collect()
    }

    /// Adds the window of a row.
    fn add(&mut self, slot: u32, window: Window, touching: &[Window]) {
        if let [session] = touching
            && session.start <= window.start
            && window.end <= session.end
        {
            return;
        }
        for session in touching {
            self.remove(slot, *session);
        }
        let session = touching.iter().fold(window, |all, session| all.cover(session));
        self.ends.insert((slot, session.start), session.end);
        self.by_end.insert((session.end, slot, session.start));
    }

    fn remove(&mut self, slot: u32, session: Window) {
        self.ends.remove(&(slot, session.start));
        self.by_end.remove(&(session.end, slot, session.start));
    }

    /// The session that closes first, and its slot.
    fn first(&self) -> Option<(u32, Window)> {
        self.by_end.first().map(|(end, slot, start)| (*slot, Window { start: *start, end: *end }))
    }
}

impl SessionJoin {
    pub(super) fn new(spec: JoinSpec, gap: i64) -> Result<Self, OperatorError> {
        Ok(Self {
            sessions: Sessions { gap, ends: BTreeMap::new(), by_end: BTreeSet::new() },
            state: JoinState::new(&spec, &[]),
            joined: JoinedRows::new(&spec),
            table: JoinTable::new(&spec, RowOrder::TimeOfSlot)?,
            progress: JoinProgress::NONE,
            spec,
        })
    }

    /// Keeps the rows that are not late, each in the session of its key.
    fn take(&mut self, side: usize, batch: &StreamBatch, out: &mut Outputs) -> Result<(), OperatorError> {
        let watermark = self.progress.watermark;
        let mut rows = JoinRows::of_batch(batch, &self.spec.sides[side]);
        let came = rows.len() as u64;
        let drops_null_keys = rows.lacks_keys() && !self.spec.keeps_unmatched(side);
        let mut slots = self.table.slots(&rows)?;
        let (mut late, mut taken, mut late_by) = (Vec::new(), Vec::new(), 0);
        for (row, slot) in (0u32..).zip(&slots) {
            let window = self.sessions.window(rows.times[row as usize]);
            let touching = self.sessions.touching(*slot, window);
            if touching.is_empty() && window.max_time() <= watermark {
                late_by = late_by.max(watermark.saturating_sub(window.max_time()).saturating_add(1));
                late.push(row);
            } else if rows.has_key(row as usize) || !drops_null_keys {
                self.sessions.add(*slot, window, &touching);
                taken.push(row);
            }
        }
        self.progress.late.rows_in += came;
        self.progress.late.add(late.len() as u64, late_by, &self.spec.metrics);
        self.spec.emit_late(side, batch, late, out)?;
        if taken.len() < rows.len() {
            let all = std::mem::take(&mut slots);
            slots = taken.iter().map(|row| all[*row as usize]).collect();
            rows = rows.take(&taken)?;
            self.release(all)?;
        }
        let mark = |row| if rows.has_key(row) { 0 } else { NO_KEY };
        let marks: Vec<u32> = (0..rows.len()).map(mark).collect();
        let new = NewRows { slots: &slots, times: &rows.times, marks: Some(&marks), columns: rows.kept };
        self.table.sides[side].append(new)?;
        Ok(())
    }

    /// Forgets the keys of rows that were not taken, if they have no session.
    fn release(&mut self, mut slots: Vec<u32>) -> Result<(), OperatorError> {
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            let mut sessions = self.sessions.ends.range((slot, i64::MIN)..=(slot, i64::MAX));
            if sessions.next().is_none() {
                self.table.keys.remove(slot);
            }
        }
        Ok(())
    }

    /// Emits what the next sessions that are over give, and forgets them.
    fn close_part(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let rows_max = self.spec.result_rows_max;
        let mut closing = Closing::default();
        while let Some((slot, session)) = self.sessions.first().filter(|(_, s)| s.max_time() <= self.progress.watermark)
        {
            let [left, right] = [0, 1].map(|side| {
                let mut ids = Vec::new();
                self.table.sides[side].between(slot, session.start..=session.max_time(), &mut ids);
                ids
            });
            if !self.close(session, [&left, &right], &mut closing) {
                break;
            }
            self.sessions.remove(slot, session);
            closing.over[0].extend(left);
            closing.over[1].extend(right);
            if closing.is_full(rows_max) {
                break;
            }
        }
        self.emit(&closing, out)?;
        for side in [0, 1] {
            // Those of a session that is not over yet must not go out again.
            for id in closing.pairs[side].iter().chain(&closing.alone[side]) {
                let mark = self.table.sides[side].mark(*id);
                self.table.sides[side].set_mark(*id, mark | MATCHED);
            }
            self.table.remove(side, &closing.over[side])?;
        }
        let is_over = closing.len() == 0 && closing.over.iter().all(Vec::is_empty);
        Ok(if is_over { Progress::Done } else { Progress::More })
    }

    /// Adds what a session gives. Returns whether that is all of it.
    fn close(&self, session: Window, [left, right]: [&[RowId]; 2], closing: &mut Closing) -> bool {
        let rows_max = self.spec.result_rows_max;
        let store = |side: usize| &self.table.sides[side];
        let has_key = left.first().is_none_or(|id| store(0).mark(*id) & NO_KEY == 0)
            && right.first().is_none_or(|id| store(1).mark(*id) & NO_KEY == 0);
        let has_pairs = has_key && !left.is_empty() && !right.is_empty();
        if has_pairs && !self.spec.join_type.is_left_alone() {
            for of_left in left.iter().filter(|id| store(0).mark(**id) & MATCHED == 0) {
                if closing.len() >= rows_max {
                    return false;
                }
                closing.pairs[0].resize(closing.pairs[0].len() + right.len(), *of_left);
                closing.pairs[1].extend_from_slice(right);
                closing.pair_windows.resize(closing.pairs[0].len(), session);
            }
            return true;
        }
        for (side, ids) in [left, right].into_iter().enumerate() {
            let goes_out = match self.spec.join_type {
                JoinType::Semi => side == 0 && has_pairs,
                JoinType::Anti => side == 0 && !has_pairs,
                other => other.keeps_unmatched(side),
            };
            if !goes_out {
                continue;
            }
            for id in ids.iter().filter(|id| store(side).mark(**id) & MATCHED == 0) {
                if closing.len() >= rows_max {
                    return false;
                }
                closing.alone[side].push(*id);
                closing.alone_windows[side].push(session);
            }
        }
        true
    }

    fn emit(&self, closing: &Closing, out: &mut Outputs) -> Result<(), OperatorError> {
        let [left, right] = &self.table.sides;
        let rows_max = self.spec.result_rows_max;
        let times = |windows: &[Window]| windows.iter().map(Window::max_time).collect::<Vec<_>>();
        let pairs = closing.pairs[0].chunks(rows_max).zip(closing.pairs[1].chunks(rows_max));
        for ((lefts, rights), windows) in pairs.zip(closing.pair_windows.chunks(rows_max)) {
            let sides = [RowsOf::Store(left, lefts), RowsOf::Store(right, rights)];
            self.joined.emit(sides, times(windows), &|row| windows[row], out)?;
        }
        let alone =
            |side: usize| (times(&closing.alone_windows[side]), move |row: usize| closing.alone_windows[side][row]);
        let (of_left, window) = alone(0);
        self.joined.emit([RowsOf::Store(left, &closing.alone[0]), RowsOf::Nulls], of_left, &window, out)?;
        let (of_right, window) = alone(1);
        self.joined.emit([RowsOf::Nulls, RowsOf::Store(right, &closing.alone[1])], of_right, &window, out)
    }
}

impl Operator for SessionJoin {
    fn process(&mut self, side: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.progress.ingested_at = self.progress.ingested_at.max(batch.ingested_at);
        self.joined.ingested_at = self.progress.ingested_at;
        self.take(side, &batch, out)?;
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let Time::Watermark(watermark) = at else { return Ok(Progress::Done) };
        self.progress.watermark = self.progress.watermark.max(watermark);
        self.close_part(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.close_part(out)
    }

    fn state_bytes(&mut self) -> u64 {
        self.table.memory_bytes() + self.sessions.ends.len() as u64 * SESSION_BYTES
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
            let first = self.table.restore(side, &rows, self.spec.sides[side].keys.len(), 0)?;
            for id in self.table.sides[side].rows_from(first).collect::<Vec<_>>() {
                let (slot, time) = (self.table.sides[side].slot(id), self.table.sides[side].time(id));
                let window = self.sessions.window(time);
                let touching = self.sessions.touching(slot, window);
                self.sessions.add(slot, window, &touching);
            }
        }
        Ok(())
    }
}
