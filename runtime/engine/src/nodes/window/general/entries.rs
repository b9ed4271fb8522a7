//! [`Entries`]: the windows of all keys, found by key and bounds, and by when something of them is due. Knows no rows and fires nothing.

use std::collections::BTreeSet;

use super::due_windows::DueWindows;
use super::key_windows::KeyWindows;
use weir_core::window::{Firing, Suppress, TimeOf, Trigger, Window, WindowAssigner, WindowClock};
use weir_state::ChunkedVec;

use crate::nodes::window::entry::{Entry, NEVER};

/// The windows' own clock.
pub(super) const OWN: usize = 0;
/// Processing time, where windows lie in another.
pub(super) const BESIDE: usize = 1;

/// The windows of all keys.
pub(super) struct Entries {
    assigner: WindowAssigner,
    trigger: Trigger,
    suppress: Option<Suppress>,
    /// Whether windows lie in processing time.
    own_is_processing: bool,
    lateness: i64,
    by_number: ChunkedVec<Entry>,
    by_key: KeyWindows,
    /// Numbers that may be another window's.
    free: Vec<u32>,
    /// When something is due, and of which window.
    due: [DueWindows; 2],
    /// The first time of each, as it is asked for with every row.
    first_due: [i64; 2],
    /// Windows whose updates wait, in the order in which those came.
    waiting: BTreeSet<(i64, i64, u32)>,
    /// The place of the next update that waits.
    next_place: i64,
}

/// In place of the time of a timer: there is none.
const NOT_DUE: i64 = i64::MIN;
/// So many windows that are due at another time by now are kept among the others at least.
const SKIPPED_MIN: usize = 4_096;

impl Entries {
    pub(super) fn new(
        assigner: WindowAssigner,
        trigger: Trigger,
        suppress: Option<Suppress>,
        clock: WindowClock,
        lateness: i64,
    ) -> Self {
        Self {
            assigner,
            trigger,
            suppress,
            own_is_processing: clock == WindowClock::Processing,
            lateness,
            by_number: ChunkedVec::new(),
            by_key: KeyWindows::default(),
            free: Vec::new(),
            due: [DueWindows::default(), DueWindows::default()],
            first_due: [NEVER; 2],
            waiting: BTreeSet::new(),
            next_place: 0,
        }
    }

    /// One more than the greatest number of a window.
    pub(super) fn bound(&self) -> usize {
        self.by_number.len()
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        let due = self.due.iter().map(DueWindows::memory_bytes).sum::<u64>();
        self.by_number.memory_bytes() + self.by_key.memory_bytes() + due
    }

    pub(super) fn get(&self, number: u32) -> &Entry {
        &self.by_number[number as usize]
    }

    pub(super) fn get_mut(&mut self, number: u32) -> &mut Entry {
        &mut self.by_number[number as usize]
    }

    /// The numbers of all windows, by key and bounds.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.by_key.numbers()
    }

    /// All windows as they are now, by number.
    pub(super) fn freeze(&mut self) -> ChunkedVec<Entry> {
        self.by_number.freeze()
    }

    /// Whether a key has no window.
    pub(super) fn is_unused(&self, key: u32) -> bool {
        self.by_key.is_unused(key)
    }

    pub(super) fn find(&self, key: u32, window: Window) -> Option<u32> {
        self.by_key.find(key, window)
    }

    /// The windows of a key that begin before or at a time, the latest first.
    pub(super) fn before(&self, key: u32, start: i64) -> impl Iterator<Item = (Window, u32)> {
        self.by_key.before(key, start)
    }

    /// The windows of a key that a window of a session becomes one with.
    pub(super) fn joined(&self, key: u32, window: Window) -> Vec<u32> {
        let near = self.before(key, window.end).take_while(|(other, _)| other.end >= window.start);
        near.filter(|(other, _)| self.assigner.joins(other, &window)).map(|(_, number)| number).collect()
    }

    /// Adds a window, and returns its number.
    pub(super) fn insert(&mut self, entry: Entry) -> u32 {
        let number = self.free.pop().unwrap_or(self.by_number.len() as u32);
        self.by_number.grow(number as usize + 1, &entry);
        self.by_number[number as usize] = Entry { timers: [NOT_DUE; 2], ..entry };
        self.by_key.insert(entry.key, entry.window, number);
        if let Some((since, place)) = entry.waits {
            self.waiting.insert((since, place, number));
            self.next_place = self.next_place.max(place.saturating_add(1));
        }
        number
    }

    /// Forgets a window; its number is to be [given back](Entries::give_back).
    pub(super) fn remove(&mut self, number: u32) -> Entry {
        let entry = *self.get(number);
        self.stop_waiting(number);
        // It may still be among those that are looked at after the batch, under a number that becomes another's.
        let left = self.get_mut(number);
        (left.is_touched, left.timers) = (false, [NOT_DUE; 2]);
        self.by_key.remove(entry.key, entry.window);
        entry
    }

    /// The number of a window that was forgotten will be another's.
    pub(super) fn give_back(&mut self, number: u32) {
        self.free.push(number);
    }

    /// Changes the bounds of a window.
    pub(super) fn set_window(&mut self, number: u32, window: Window) {
        let entry = &mut self.by_number[number as usize];
        if entry.window != window {
            self.by_key.remove(entry.key, entry.window);
            entry.window = window;
            self.by_key.insert(entry.key, window, number);
        }
    }

    /// When a window takes no more rows.
    pub(super) fn closes_at(&self, window: &Window) -> i64 {
        self.assigner.max_time(window).saturating_add(self.lateness)
    }

    /// When it is forgotten: later than it closes, where what it held tells what others hold.
    fn removed_at(&self, window: &Window) -> i64 {
        let kept = if let WindowAssigner::PerRow { length } = self.assigner { length } else { 0 };
        self.closes_at(window).saturating_add(kept)
    }

    /// An update of a window waits, if it does not already.
    pub(super) fn wait(&mut self, number: u32, since: i64) {
        let entry = &mut self.by_number[number as usize];
        if entry.waits.is_none() {
            entry.waits = Some((since, self.next_place));
            self.waiting.insert((since, self.next_place, number));
            self.next_place += 1;
        }
    }

    /// Whether an update waited, which it no longer does.
    pub(super) fn stop_waiting(&mut self, number: u32) -> bool {
        let waits = self.by_number[number as usize].waits.take();
        waits.is_some_and(|(since, place)| self.waiting.remove(&(since, place, number)))
    }

    /// The window whose update has waited longest, if more wait than may.
    pub(super) fn over_limit(&self) -> Option<u32> {
        let max = self.suppress.and_then(|suppress| suppress.rows_max)?;
        self.waiting.first().filter(|_| self.waiting.len() as u64 > max).map(|(_, _, number)| *number)
    }

    /// Puts a window where it is due now.
    pub(super) fn schedule(&mut self, number: u32) {
        let entry = self.get(number);
        let ends = if self.trigger.at_end && !entry.ended { self.assigner.max_time(&entry.window) } else { NEVER };
        let closes = if entry.closed { NEVER } else { self.closes_at(&entry.window) };
        let waits = self.suppress.and_then(|suppress| suppress.wait_us).zip(entry.waits);
        let waits = waits.map_or(NEVER, |(wait, (since, _))| since.saturating_add(wait).saturating_sub(1));
        let mut own = ends.min(closes).min(self.removed_at(&entry.window)).min(waits);
        let mut beside = NEVER;
        match entry.firing(&self.trigger) {
            Some(Firing::Every { of: TimeOf::Processing, .. } | Firing::Delay { of: TimeOf::Processing, .. })
                if !self.own_is_processing =>
            {
                beside = entry.fire_at;
            }
            Some(Firing::Every { .. } | Firing::Delay { .. }) => own = own.min(entry.fire_at),
            Some(Firing::Rows(_)) | None => {}
        }
        self.set_timers(number, [own, beside]);
    }

    /// Whether a window is forgotten at a time.
    pub(super) fn is_over(&self, number: u32, time: i64) -> bool {
        self.removed_at(&self.get(number).window) <= time
    }

    fn set_timers(&mut self, number: u32, timers: [i64; 2]) {
        let before = std::mem::replace(&mut self.by_number[number as usize].timers, timers);
        for clock in [OWN, BESIDE] {
            if before[clock] != timers[clock] {
                self.add_due(clock, timers[clock], number);
                if self.due[clock].len() > 2 * self.by_number.len() + SKIPPED_MIN {
                    self.due[clock] = DueWindows::default();
                    let numbers: Vec<u32> = self.numbers().collect();
                    numbers.iter().for_each(|number| self.add_due(clock, self.get(*number).timers[clock], *number));
                }
            }
        }
    }

    /// Puts a window where it is due. Windows without an end are due at the end of time; of processing time there is none.
    fn add_due(&mut self, clock: usize, at: i64, number: u32) {
        if at != NOT_DUE && (at != NEVER || clock == OWN) {
            self.due[clock].add(at, number);
            self.first_due[clock] = self.first_due[clock].min(at);
        }
    }

    /// Whether a window is due by a clock at a time.
    pub(super) fn is_due(&mut self, clock: usize, time: i64) -> bool {
        self.first_due[clock] <= time && self.first_due(clock, time).is_some()
    }

    /// Takes the window that is due first by a clock at a time. It is to be scheduled again, or removed.
    pub(super) fn take_due(&mut self, clock: usize, time: i64) -> Option<(i64, u32)> {
        let (at, number) = self.first_due(clock, time)?;
        self.due[clock].pop();
        self.get_mut(number).timers[clock] = NOT_DUE;
        Some((at, number))
    }

    fn first_due(&mut self, clock: usize, time: i64) -> Option<(i64, u32)> {
        let by_number = &self.by_number;
        let first = self.due[clock].first(time, |number, at| by_number[number as usize].timers[clock] == at);
        self.first_due[clock] = self.due[clock].first_time();
        first
    }

    /// When the first is due in processing time.
    pub(super) fn deadline(&self) -> Option<i64> {
        let clock = if self.own_is_processing { OWN } else { BESIDE };
        Some(self.first_due[clock]).filter(|at| *at != NEVER)
    }
}
