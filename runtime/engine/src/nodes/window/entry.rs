//! [`Entry`]: what is known of one window of one key, besides what it holds. Pure: it says when something is due, and does nothing.

use weir_core::window::{Firing, TimeOf, Trigger, Window};

/// No time, where one may be.
pub(super) const NEVER: i64 = i64::MAX;

/// One window of one key. Its number is that of its accumulators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The slot of its key.
    pub(super) key: u32,
    pub(super) window: Window,
    /// Whether it holds rows.
    pub(super) has_rows: bool,
    /// Rows since the last firing.
    pub(super) new_rows: i64,
    /// Whether its end had passed when it was made, or it has fired for it.
    pub(super) ended: bool,
    /// It takes no rows, and only stands for those that came.
    pub(super) closed: bool,
    /// Whether it is to be looked at after the batch.
    pub(super) is_touched: bool,
    /// When its [`Firing`] is due.
    pub(super) fire_at: i64,
    /// The earliest row since the last firing that did not come late.
    pub(super) earliest: i64,
    /// The latest row that it holds; least: it holds none.
    pub(super) latest: i64,
    /// How many results have been given out, and how many that were not early.
    pub(super) fired: i64,
    pub(super) fired_final: i64,
    /// The result that stands, if later ones take its place.
    pub(super) given: Option<Pane>,
    /// Since when an update waits, and its place among those that do.
    pub(super) waits: Option<(i64, i64)>,
    /// When it is in the queues of timers: of the windows' own clock, and of processing time beside it.
    pub(super) timers: [i64; 2],
}

/// What is said of one result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pane {
    /// Its event time.
    pub(super) time: i64,
    pub(super) timing: Timing,
    pub(super) index: i64,
    /// Least: it is early.
    pub(super) final_index: i64,
    pub(super) is_last: bool,
}

/// Before its end has passed, when it has, after that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Timing {
    #[default]
    Early,
    OnTime,
    Late,
}

impl Timing {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::OnTime => "on-time",
            Self::Late => "late",
        }
    }
}

/// The columns of an entry in a snapshot, all int64, the bounds first.
pub(super) const ENTRY_COLUMNS: [&str; ENTRY_WIDTH] = [
    "start",
    "end",
    "flags",
    "new_rows",
    "fire_at",
    "earliest",
    "latest",
    "fired",
    "fired_final",
    "given_time",
    "given_timing",
    "given_index",
    "given_final_index",
    "waits_since",
    "waits_place",
];
pub(super) const ENTRY_WIDTH: usize = 15;

const HAS_ROWS: i64 = 1;
const ENDED: i64 = 2;
const CLOSED: i64 = 4;
const TOUCHED: i64 = 8;
const GIVEN: i64 = 16;
const GIVEN_LAST: i64 = 32;
const WAITS: i64 = 64;

impl Entry {
    pub(super) fn new(key: u32, window: Window) -> Self {
        Self {
            key,
            window,
            has_rows: false,
            new_rows: 0,
            ended: false,
            closed: false,
            is_touched: false,
            fire_at: NEVER,
            earliest: NEVER,
            latest: i64::MIN,
            fired: 0,
            fired_final: 0,
            given: None,
            waits: None,
            timers: [NEVER; 2],
        }
    }

    /// What makes it fire now.
    pub(super) fn firing(&self, trigger: &Trigger) -> Option<Firing> {
        if trigger.at_end && self.ended { trigger.late } else { trigger.early }
    }

    /// A row has come.
    pub(super) fn add(&mut self, time: i64, is_late: bool) {
        self.has_rows = true;
        self.new_rows = self.new_rows.saturating_add(1);
        self.latest = self.latest.max(time);
        if !is_late {
            self.earliest = self.earliest.min(time);
        }
    }

    /// Another window of the key becomes part of it.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.has_rows |= other.has_rows;
        self.new_rows = self.new_rows.saturating_add(other.new_rows);
        self.fire_at = self.fire_at.min(other.fire_at);
        self.earliest = self.earliest.min(other.earliest);
        self.latest = self.latest.max(other.latest);
        self.fired = self.fired.max(other.fired);
        self.fired_final = self.fired_final.max(other.fired_final);
    }

    /// A result has been made of it.
    pub(super) fn has_fired(&mut self, is_early: bool, discards: bool) {
        self.fired = self.fired.saturating_add(1);
        self.fired_final = self.fired_final.saturating_add(i64::from(!is_early));
        self.new_rows = 0;
        self.earliest = NEVER;
        if discards {
            self.has_rows = false;
            self.latest = i64::MIN;
        }
    }

    /// When a firing of this kind is due that a row begins.
    pub(super) fn begins(firing: Firing, row_time: i64, now: i64) -> i64 {
        match firing {
            Firing::Rows(_) => NEVER,
            Firing::Every { us, of, .. } => {
                let at = if of == TimeOf::Event { row_time } else { now };
                at.saturating_sub(at.rem_euclid(us)).saturating_add(us)
            }
            // The time until then has passed when nothing before its end can come any more.
            Firing::Delay { us, of: TimeOf::Event } => row_time.saturating_add(us).saturating_sub(1),
            Firing::Delay { us, of: TimeOf::Processing } => now.saturating_add(us),
        }
    }

    /// As the columns of [`ENTRY_COLUMNS`].
    pub(super) fn numbers(&self) -> [i64; ENTRY_WIDTH] {
        let flag = |is: bool, flag: i64| if is { flag } else { 0 };
        let (given, waits) = (self.given.unwrap_or_default(), self.waits.unwrap_or_default());
        let flags = flag(self.has_rows, HAS_ROWS)
            | flag(self.ended, ENDED)
            | flag(self.closed, CLOSED)
            | flag(self.is_touched, TOUCHED)
            | flag(self.given.is_some(), GIVEN)
            | flag(given.is_last, GIVEN_LAST)
            | flag(self.waits.is_some(), WAITS);
        let timing = given.timing as i64;
        [
            self.window.start,
            self.window.end,
            flags,
            self.new_rows,
            self.fire_at,
            self.earliest,
            self.latest,
            self.fired,
            self.fired_final,
            given.time,
            timing,
            given.index,
            given.final_index,
            waits.0,
            waits.1,
        ]
    }

    /// An entry that was written as such columns.
    pub(super) fn of_numbers(key: u32, numbers: [i64; ENTRY_WIDTH]) -> Self {
        let [
            start,
            end,
            flags,
            new_rows,
            fire_at,
            earliest,
            latest,
            fired,
            fired_final,
            time,
            timing,
            index,
            final_index,
            waits_since,
            waits_place,
        ] = numbers;
        let is = |flag: i64| flags & flag != 0;
        let timing = match timing {
            0 => Timing::Early,
            1 => Timing::OnTime,
            _ => Timing::Late,
        };
        let pane = Pane { time, timing, index, final_index, is_last: is(GIVEN_LAST) };
        Self {
            key,
            window: Window { start, end },
            has_rows: is(HAS_ROWS),
            new_rows,
            ended: is(ENDED),
            closed: is(CLOSED),
            is_touched: is(TOUCHED),
            fire_at,
            earliest,
            latest,
            fired,
            fired_final,
            given: is(GIVEN).then_some(pane),
            waits: is(WAITS).then_some((waits_since, waits_place)),
            timers: [NEVER; 2],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_what_it_was_after_a_snapshot() {
        let mut entry = Entry::new(3, Window { start: -5, end: 9 });
        assert_eq!(Entry::of_numbers(3, entry.numbers()), entry);
        entry.add(4, false);
        (entry.ended, entry.closed, entry.is_touched) = (true, true, true);
        entry.given = Some(Pane { time: 8, timing: Timing::Late, index: 2, final_index: 1, is_last: true });
        entry.waits = Some((4, 17));
        assert_eq!(Entry::of_numbers(3, entry.numbers()), entry);
    }

    #[test]
    fn firings_begin_with_a_row() {
        let every = |of| Firing::Every { us: 10, of, unchanged: false };
        assert_eq!(Entry::begins(every(TimeOf::Event), 0, 99), 10);
        assert_eq!(Entry::begins(every(TimeOf::Event), -1, 99), 0);
        assert_eq!(Entry::begins(every(TimeOf::Processing), 0, 95), 100);
        assert_eq!(Entry::begins(Firing::Delay { us: 5, of: TimeOf::Event }, 10, 99), 14);
        assert_eq!(Entry::begins(Firing::Delay { us: 5, of: TimeOf::Processing }, 10, 99), 104);
        assert_eq!(Entry::begins(Firing::Rows(2), 10, 99), NEVER);
    }
}
