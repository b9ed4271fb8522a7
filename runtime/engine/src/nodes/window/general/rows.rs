//! Which windows a row goes into. Fires what a row makes fire at once; timers are elsewhere.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use weir_core::batch::StreamBatch;
use weir_core::window::{Firing, Look, Window, WindowAssigner, WindowClock};

use super::{GeneralWindows, Input, SetAside};
use crate::dataflow::operator::OperatorError;
use crate::nodes::window::entry::{Entry, NEVER};

impl GeneralWindows {
    /// The gap that each row says; `None`: it is null, or too long for a time.
    pub(super) fn gaps(&self, batch: &StreamBatch) -> Result<Option<Vec<Option<i64>>>, OperatorError> {
        let Some((column, unit_us)) = self.bound.gap else { return Ok(None) };
        let gaps = cast(batch.rows.column(column), &DataType::Int64)?;
        let gaps = gaps.as_primitive::<Int64Type>();
        Ok(Some(gaps.iter().map(|gap| gap?.checked_mul(unit_us)).collect()))
    }

    /// What an evictor compares: int64 or float64.
    pub(super) fn deltas(&self, batch: &StreamBatch) -> Result<Option<ArrayRef>, OperatorError> {
        let Some(column) = self.bound.delta else { return Ok(None) };
        let column = batch.rows.column(column);
        let to = if column.data_type().is_integer() { DataType::Int64 } else { DataType::Float64 };
        Ok(Some(cast(column, &to)?))
    }

    /// By how much a row of a time came too late.
    pub(super) fn late_by(&self, time: i64) -> i64 {
        let last = self.spec.window.assign(time).last().map_or(time, |window| self.spec.window.max_time(window));
        let closed_at = last.saturating_add(self.spec.allowed_lateness_us);
        self.watermark.saturating_sub(closed_at).saturating_add(1).max(1)
    }

    /// Puts a row into its windows.
    pub(super) fn row(&mut self, input: &Input<'_>, row: usize, aside: &mut SetAside) -> Result<(), OperatorError> {
        let (key, time) = (self.slots[row], input.rows.times[row]);
        let mut at = time;
        match self.bound.rules.clock {
            WindowClock::Event => {}
            WindowClock::Processing => at = self.now,
            WindowClock::Stream => {
                // A row exactly as old as the gap still belongs to a session, but not to the window that ends there.
                let passed = if self.spec.window.merges() { 2 } else { 1 };
                self.watermark = self.watermark.max(time.saturating_sub(passed));
            }
        }
        match self.spec.window {
            WindowAssigner::PerRow { length } => return self.per_row(input, row, length, aside),
            WindowAssigner::Session { gap } | WindowAssigner::ApartSession { gap } => {
                return self.session_row(input, row, WindowAssigner::session_of(at, gap), aside);
            }
            WindowAssigner::RowSession => {
                return match input.gaps.as_ref().and_then(|gaps| gaps.get(row).copied().flatten()) {
                    Some(gap) if gap >= 0 => self.session_row(input, row, WindowAssigner::session_of(at, gap), aside),
                    Some(_) => {
                        aside.bad.push((row, "the gap of its session is less than zero".to_owned()));
                        Ok(())
                    }
                    None => {
                        aside.bad.push((row, "the gap of its session is null, or longer than time is".to_owned()));
                        Ok(())
                    }
                };
            }
            _ => {}
        }
        self.assign(at);
        let mut is_in_any = false;
        for place in 0..self.assigned.len() {
            let window = self.assigned[place];
            if self.is_late(&window) {
                continue;
            }
            let found = self.entries.find(key, window);
            let number = found.unwrap_or_else(|| self.begin(key, window));
            if !self.entries.get(number).closed {
                is_in_any = true;
                self.add(input, row, number)?;
            }
        }
        // In a gap between windows a row is late once its own time has passed.
        let is_late = || time.saturating_add(self.spec.allowed_lateness_us) <= self.watermark;
        if !is_in_any {
            let list = if !self.assigned.is_empty() || is_late() { &mut aside.late } else { &mut aside.between };
            list.push(row as u32);
        }
        Ok(())
    }

    /// The windows of a time; mostly they are those of the row before.
    fn assign(&mut self, at: i64) {
        let is_same = match (self.spec.window, self.assigned.as_slice()) {
            (WindowAssigner::Global, [_]) => true,
            (WindowAssigner::Tumbling { .. } | WindowAssigner::Calendar(_), [only]) => {
                only.start <= at && at < only.end
            }
            _ => false,
        };
        if !is_same {
            self.assigned = self.spec.window.assign(at);
        }
    }

    /// Whether a window takes no more rows.
    pub(super) fn is_late(&self, window: &Window) -> bool {
        self.bound.rules.clock != WindowClock::Processing && self.entries.closes_at(window) <= self.watermark
    }

    /// Begins a window; returns its number.
    pub(super) fn begin(&mut self, key: u32, window: Window) -> u32 {
        let ended = self.spec.window.max_time(&window) <= self.reached();
        let number = self.entries.insert(Entry { ended, ..Entry::new(key, window) });
        self.contents.resize(self.entries.bound());
        self.entries.schedule(number);
        number
    }

    /// Puts a row into the session that it makes of those that it touches.
    fn session_row(
        &mut self,
        input: &Input<'_>,
        row: usize,
        own: Window,
        aside: &mut SetAside,
    ) -> Result<(), OperatorError> {
        let key = self.slots[row];
        let joined = self.entries.joined(key, own);
        let cover = joined.iter().fold(own, |cover, number| cover.cover(&self.entries.get(*number).window));
        if self.is_late(&cover) || joined.iter().any(|number| self.entries.get(*number).closed) {
            aside.late.push(row as u32);
            return Ok(());
        }
        let number = match joined.split_first() {
            None => self.begin(key, cover),
            Some((first, [])) if self.entries.get(*first).window == cover => *first,
            Some((first, others)) => {
                self.contents.settle(input.rows, input.deltas.as_ref())?;
                self.merge(*first, others, cover)?;
                *first
            }
        };
        self.add(input, row, number)
    }

    /// Makes one session of several.
    fn merge(&mut self, first: u32, others: &[u32], cover: Window) -> Result<(), OperatorError> {
        if self.entries.get(first).window != cover {
            self.take_back(first)?;
        }
        for other in others {
            self.take_back(*other)?;
            self.contents.absorb(first, *other)?;
            let absorbed = self.entries.remove(*other);
            self.entries.give_back(*other);
            self.entries.get_mut(first).absorb(&absorbed);
            if let Some((since, _)) = absorbed.waits {
                self.entries.wait(first, since);
            }
        }
        self.entries.set_window(first, cover);
        let ended = self.spec.window.max_time(&cover) <= self.reached();
        let entry = self.entries.get_mut(first);
        entry.ended = ended;
        if !matches!(entry.firing(&self.bound.rules.trigger), Some(Firing::Every { .. } | Firing::Delay { .. })) {
            entry.fire_at = NEVER;
        }
        self.entries.schedule(first);
        Ok(())
    }

    /// Adds a row to a window, and fires if that makes it fire.
    pub(super) fn add(&mut self, input: &Input<'_>, row: usize, number: u32) -> Result<(), OperatorError> {
        let time = input.rows.times[row];
        self.contents.add(row, number);
        let is_late = time <= self.watermark;
        self.entries.get_mut(number).add(time, is_late);
        self.changed(input, number, time)
    }

    /// A window has got a row.
    pub(super) fn changed(&mut self, input: &Input<'_>, number: u32, time: i64) -> Result<(), OperatorError> {
        let (now, watermark, look) = (self.now, self.watermark, self.bound.rules.trigger.look);
        let entry = self.entries.get_mut(number);
        if look == Look::Batch && !std::mem::replace(&mut entry.is_touched, true) {
            self.touched.push_back(number);
        }
        match entry.firing(&self.bound.rules.trigger) {
            Some(Firing::Rows(rows)) if look == Look::Row && entry.new_rows.unsigned_abs() >= rows => {
                let timing = self.timing(number);
                self.fire(number, timing, Some(input))?;
                self.entries.schedule(number);
            }
            Some(firing @ (Firing::Every { .. } | Firing::Delay { .. })) if entry.fire_at == NEVER => {
                entry.fire_at = Entry::begins(firing, time.max(watermark), now);
                self.entries.schedule(number);
            }
            _ => {}
        }
        Ok(())
    }

    /// Forgets what windows held that are gone; and their keys, and those of rows that went into no window, if they have none.
    pub(super) fn release(&mut self) {
        let mut slots = std::mem::take(&mut self.slots);
        for number in self.forgotten.drain(..) {
            slots.push(self.entries.get(number).key);
            self.contents.clear(number);
            self.entries.give_back(number);
        }
        slots.sort_unstable();
        slots.dedup();
        for slot in slots.drain(..) {
            if self.entries.is_unused(slot) {
                self.keys.remove(slot);
            }
        }
        self.slots = slots;
    }
}
