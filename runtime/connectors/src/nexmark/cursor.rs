//! Where a split stands: which events of its table come next. Knows nothing of columns.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::generator::EVENTS_PER_EPOCH;

/// A position in a split, as it is kept in snapshots: the epoch and the place in it of the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    pub(super) epoch: u64,
    pub(super) off: u64,
}

/// Consecutive events of one table within one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) epoch: u64,
    pub(super) first_event: u64,
    pub(super) len: usize,
}

/// Walks the events of one table in one split: the epochs with `epoch % stride == first epoch`, in order.
pub(super) struct Cursor {
    position: Position,
    /// The places of the table's events in an epoch.
    offs: Range<u64>,
    stride: u64,
    /// No event from this one on.
    events_end: u64,
}

impl Cursor {
    /// At the beginning of split `split` of `stride`, for a table with the events `offs` of every epoch.
    pub(super) fn new(split: u64, stride: u64, offs: Range<u64>, events_end: u64) -> Self {
        Self { position: Position { epoch: split, off: offs.start }, offs, stride, events_end }
    }

    /// Moves to a position; `false` if it is not one of this split.
    pub(super) fn seek(&mut self, position: Position) -> bool {
        let fits = position.epoch % self.stride == self.position.epoch % self.stride
            && self.offs.contains(&position.off)
            && position.epoch <= u64::MAX / EVENTS_PER_EPOCH - self.stride;
        if fits {
            self.position = position;
        }
        fits
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// The number of the next event.
    pub(super) fn next_event(&self) -> u64 {
        self.position.epoch * EVENTS_PER_EPOCH + self.position.off
    }

    pub(super) fn is_done(&self) -> bool {
        self.next_event() >= self.events_end
    }

    /// The next events of one epoch: at most `rows_max`, none from `due_end` on. `None`: there are none.
    pub(super) fn next_run(&mut self, rows_max: usize, due_end: u64) -> Option<Run> {
        let first_event = self.next_event();
        let in_epoch = self.offs.end - self.position.off;
        let allowed = self.events_end.min(due_end).saturating_sub(first_event);
        let len = in_epoch.min(allowed).min(rows_max as u64);
        if len == 0 {
            return None;
        }
        let run = Run { epoch: self.position.epoch, first_event, len: len as usize };
        self.position.off += len;
        if self.position.off == self.offs.end {
            self.position = Position { epoch: self.position.epoch + self.stride, off: self.offs.start };
        }
        Some(run)
    }
}
