//! What a firing gives out, and what is due when. A row that makes a window fire comes from elsewhere.

use weir_core::batch::RowKind;
use weir_core::time::WATERMARK_MAX;
use weir_core::window::{Changes, Firing, Look, ResultTime, TimeOf, WindowClock};

use super::entries::{BESIDE, OWN};
use super::gathered::Given;
use super::{GeneralWindows, Input};
use crate::dataflow::operator::OperatorError;
use crate::nodes::window::entry::{NEVER, Pane, Timing};

impl GeneralWindows {
    /// When a firing of a window would be, measured by its end.
    pub(super) fn timing(&self, number: u32) -> Timing {
        let entry = self.entries.get(number);
        let has_passed = self.spec.window.max_time(&entry.window) <= self.reached();
        match self.bound.rules.trigger.at_end {
            true if entry.ended => Timing::Late,
            true => Timing::Early,
            false if !has_passed => Timing::Early,
            false if entry.fired_final == 0 && !entry.ended => Timing::OnTime,
            false => Timing::Late,
        }
    }

    /// Gives out what a window holds, or has it wait.
    pub(super) fn fire(&mut self, number: u32, timing: Timing, input: Option<&Input<'_>>) -> Result<(), OperatorError> {
        let entry = *self.entries.get(number);
        if self.bound.rules.suppress.is_none() {
            return self.give(number, timing, input);
        }
        if entry.has_rows {
            self.entries.get_mut(number).new_rows = 0;
            self.entries.wait(number, entry.latest);
            self.entries.schedule(number);
        }
        while let Some(oldest) = self.entries.over_limit() {
            let timing = self.timing(oldest);
            self.give_waiting(oldest, timing, input)?;
        }
        Ok(())
    }

    /// Gives out an update that waited, if one did.
    fn give_waiting(&mut self, number: u32, timing: Timing, input: Option<&Input<'_>>) -> Result<(), OperatorError> {
        if self.entries.stop_waiting(number) {
            self.give(number, timing, input)?;
            self.entries.schedule(number);
        }
        Ok(())
    }

    /// Gives out what a window holds.
    fn give(&mut self, number: u32, timing: Timing, input: Option<&Input<'_>>) -> Result<(), OperatorError> {
        if let Some(input) = input {
            self.contents.settle(input.rows, input.deltas.as_ref())?;
        }
        let (entry, rules) = (*self.entries.get(number), &self.bound.rules);
        let trigger = &rules.trigger;
        let shows_empty = trigger.at_end_if_empty && timing == Timing::OnTime;
        let is_left = entry.has_rows && self.contents.before_firing(number)?;
        if !is_left && !shows_empty {
            return Ok(());
        }
        let (is_early, discards) = (timing == Timing::Early, rules.discarding || trigger.once);
        let reached = self.reached();
        let end = self.spec.window.max_time(&entry.window);
        let time = match rules.result_time {
            ResultTime::Latest if entry.latest > i64::MIN => entry.latest,
            ResultTime::Earliest if entry.earliest < NEVER => entry.earliest,
            ResultTime::End | ResultTime::Latest | ResultTime::Earliest => end,
        };
        let is_closing = trigger.once || self.entries.closes_at(&entry.window) <= reached;
        let final_index = if is_early { i64::MIN } else { entry.fired_final };
        let pane = Pane { time, timing, index: entry.fired, final_index, is_last: is_closing };
        let (key, window) = (entry.key, entry.window);
        let kind = if entry.given.is_some() { RowKind::UpdateAfter } else { RowKind::Insert };
        let (changes, is_once) = (rules.changes, trigger.once);
        if changes == Changes::Retract
            && let Some(before) = entry.given
        {
            self.gathered.push(Given { key, window, pane: before, kind: RowKind::UpdateBefore });
            self.contents.give_given(number)?;
        }
        self.gathered.push(Given { key, window, pane, kind });
        self.contents.give(number);
        match changes {
            Changes::None => {}
            Changes::Upsert => self.entries.get_mut(number).given = Some(pane),
            Changes::Retract => {
                self.contents.keep_given(number)?;
                self.entries.get_mut(number).given = Some(pane);
            }
        }
        self.entries.get_mut(number).has_fired(is_early, discards);
        let has_rows = self.contents.after_firing(number, discards)? && entry.has_rows;
        let entry = self.entries.get_mut(number);
        entry.has_rows = has_rows;
        if is_once {
            (entry.closed, entry.fire_at) = (true, NEVER);
        }
        Ok(())
    }

    /// The result of a window that becomes part of another no longer stands.
    pub(super) fn take_back(&mut self, number: u32) -> Result<(), OperatorError> {
        let entry = self.entries.get_mut(number);
        let Some(pane) = entry.given.take() else { return Ok(()) };
        self.gathered.push(Given { key: entry.key, window: entry.window, pane, kind: RowKind::Delete });
        self.contents.give_given(number)?;
        self.contents.forget_given(number);
        Ok(())
    }

    /// All windows are looked at after the batch.
    pub(super) fn touch_all(&mut self) {
        let numbers: Vec<u32> = self.entries.numbers().collect();
        for number in numbers {
            if !std::mem::replace(&mut self.entries.get_mut(number).is_touched, true) {
                self.touched.push_back(number);
            }
        }
    }

    /// Fires windows that are looked at after the batch; whether there are more.
    pub(super) fn fire_touched(&mut self) -> Result<bool, OperatorError> {
        while let Some(number) = self.touched.front().copied() {
            if self.is_full() {
                return Ok(true);
            }
            self.touched.pop_front();
            let entry = self.entries.get_mut(number);
            if !std::mem::take(&mut entry.is_touched) {
                continue;
            }
            let new_rows = entry.new_rows.unsigned_abs();
            let fires = match (self.bound.rules.trigger.look, entry.firing(&self.bound.rules.trigger)) {
                (Look::All, _) => true,
                (_, Some(Firing::Rows(rows))) => new_rows >= rows,
                _ => false,
            };
            if fires {
                let timing = self.timing(number);
                self.fire(number, timing, None)?;
                self.entries.schedule(number);
            }
        }
        Ok(false)
    }

    /// Fires what is due by a clock that has reached a time; whether more is.
    pub(super) fn fire_due(
        &mut self,
        clock: usize,
        until: i64,
        input: Option<&Input<'_>>,
    ) -> Result<bool, OperatorError> {
        while self.entries.is_due(clock, until) {
            if self.is_full() {
                return Ok(true);
            }
            if let Some((at, number)) = self.entries.take_due(clock, until) {
                self.on_timer(clock, at, number, input)?;
            }
        }
        Ok(false)
    }

    /// Something of a window is due.
    fn on_timer(&mut self, clock: usize, at: i64, number: u32, input: Option<&Input<'_>>) -> Result<(), OperatorError> {
        self.repeat(clock, at, number, input)?;
        if clock == OWN {
            let entry = *self.entries.get(number);
            let trigger = &self.bound.rules.trigger;
            let wait = self.bound.rules.suppress.and_then(|suppress| suppress.wait_us).zip(entry.waits);
            let has_ended = trigger.at_end && !entry.ended && self.spec.window.max_time(&entry.window) <= at;
            let closes = !entry.closed && self.entries.closes_at(&entry.window) <= at;
            let (at_close, timing) = (trigger.at_close, self.timing(number));
            if wait.is_some_and(|(wait, (since, _))| since.saturating_add(wait).saturating_sub(1) <= at) {
                self.give_waiting(number, timing, input)?;
            }
            if has_ended {
                let entry = self.entries.get_mut(number);
                (entry.ended, entry.fire_at) = (true, NEVER);
                if !entry.closed {
                    self.fire(number, Timing::OnTime, input)?;
                }
            }
            if closes {
                self.close(number, at_close, input)?;
            }
            if self.entries.is_over(number, at) {
                self.forget(number);
                return Ok(());
            }
        }
        self.entries.schedule(number);
        Ok(())
    }

    /// Fires again what fires every so often, or some time after a row.
    fn repeat(&mut self, clock: usize, at: i64, number: u32, input: Option<&Input<'_>>) -> Result<(), OperatorError> {
        let entry = *self.entries.get(number);
        let rules = &self.bound.rules;
        let Some(firing) = entry.firing(&rules.trigger) else { return Ok(()) };
        let (Firing::Every { of, .. } | Firing::Delay { of, .. }) = firing else { return Ok(()) };
        let own_is_processing = rules.clock == WindowClock::Processing;
        let mine = if of == TimeOf::Processing && !own_is_processing { BESIDE } else { OWN };
        if mine != clock || entry.fire_at > at || entry.fire_at == NEVER || entry.closed {
            return Ok(());
        }
        let is_over = self.watermark == WATERMARK_MAX;
        let always = matches!(firing, Firing::Every { unchanged: true, .. });
        let next = match firing {
            Firing::Every { us, unchanged: true, .. } if !is_over => {
                let next = entry.fire_at.saturating_add(us);
                let end = self.spec.window.max_time(&entry.window);
                if clock == BESIDE || next <= end { next } else { NEVER }
            }
            _ => NEVER,
        };
        // At the end of the input no processing time passes any more.
        let has_come = !(is_over && own_is_processing);
        let timing = self.timing(number);
        self.entries.get_mut(number).fire_at = next;
        if has_come && (always || entry.new_rows > 0) {
            self.fire(number, timing, input)?;
        }
        Ok(())
    }

    /// A window takes no more rows; what no result has is given out, if that is asked.
    fn close(&mut self, number: u32, at_close: bool, input: Option<&Input<'_>>) -> Result<(), OperatorError> {
        let entry = *self.entries.get(number);
        let timing = if entry.fired_final == 0 && !entry.ended { Timing::OnTime } else { Timing::Late };
        if entry.waits.is_some() {
            self.give_waiting(number, timing, input)?;
        } else if at_close && entry.new_rows > 0 {
            self.give(number, timing, input)?;
        }
        let entry = self.entries.get_mut(number);
        (entry.closed, entry.fire_at) = (true, NEVER);
        Ok(())
    }

    /// Forgets a window, once the results on their way out have gone out.
    fn forget(&mut self, number: u32) {
        self.entries.get_mut(number).is_touched = false;
        self.entries.remove(number);
        self.forgotten.push(number);
    }
}
