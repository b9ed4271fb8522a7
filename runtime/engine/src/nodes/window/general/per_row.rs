//! Windows of single rows, as Kafka's sliding windows: one that ends with each row, and one that begins right after it, if there are
//! rows in it. What a new one holds is copied of those around it, so no row is kept.

use weir_core::window::Window;

use super::{GeneralWindows, Input, SetAside};
use crate::dataflow::operator::OperatorError;

/// The windows of a key around a row, before it is added.
#[derive(Default)]
struct Around {
    /// Those that hold its time, the latest first.
    holding: Vec<u32>,
    /// The latest that ends before it.
    before: Option<u32>,
    has_after: bool,
    /// The latest row before its time.
    previous: Option<i64>,
}

impl GeneralWindows {
    pub(super) fn per_row(
        &mut self,
        input: &Input<'_>,
        row: usize,
        length: i64,
        aside: &mut SetAside,
    ) -> Result<(), OperatorError> {
        let (key, time) = (self.slots[row], input.rows.times[row]);
        let beginning = |start: i64| Window { start, end: start.saturating_add(length).saturating_add(1) };
        let own = beginning(time.saturating_sub(length));
        let after = beginning(time.saturating_add(1));
        if self.entries.closes_at(&after).saturating_sub(1) <= self.watermark {
            aside.late.push(row as u32);
            return Ok(());
        }
        self.contents.settle(input.rows, input.deltas.as_ref())?;
        let Around { mut holding, before, has_after, previous } = self.around(key, time, own);
        // What the window after it holds the latest window around it holds already.
        let source = holding.first().copied().filter(|number| self.entries.get(*number).latest > time);
        if let Some(source) = source.filter(|_| !has_after && !self.is_late(&after)) {
            let number = self.begin_as(key, after, source)?;
            self.changed(input, number, time)?;
        }
        if let Some(previous) = previous.map(|previous| beginning(previous + 1))
            && previous.start <= time
            && time < previous.end
            && !self.is_late(&previous)
            && self.entries.find(key, previous).is_none()
        {
            holding.push(self.begin(key, previous));
        }
        if self.entries.find(key, own).is_none() && !self.is_late(&own) {
            let source = before.filter(|number| self.entries.get(*number).latest >= own.start);
            holding.push(match source {
                Some(source) => self.begin_as(key, own, source)?,
                None => self.begin(key, own),
            });
        }
        holding.retain(|number| !self.entries.get(*number).closed);
        if holding.is_empty() {
            aside.late.push(row as u32);
        }
        holding.into_iter().try_for_each(|number| self.add(input, row, number))
    }

    fn around(&self, key: u32, time: i64, own: Window) -> Around {
        let mut around = Around::default();
        for (window, number) in self.entries.before(key, time.saturating_add(1)) {
            let latest = self.entries.get(number).latest;
            if latest < time {
                around.previous = around.previous.max(Some(latest));
            }
            if window.start > time {
                around.has_after = true;
            } else if window.start >= own.start {
                around.holding.push(number);
            } else {
                around.before = Some(number);
                break;
            }
        }
        around
    }

    /// Begins a window that holds what another does.
    fn begin_as(&mut self, key: u32, window: Window, source: u32) -> Result<u32, OperatorError> {
        let number = self.begin(key, window);
        self.contents.copy(number, source)?;
        let from = *self.entries.get(source);
        let entry = self.entries.get_mut(number);
        (entry.has_rows, entry.new_rows, entry.latest, entry.earliest) = (true, 1, from.latest, from.earliest);
        Ok(number)
    }
}
