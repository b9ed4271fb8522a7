//! The event times of the rows that a source's reader has read. A row without one is a malformed record.

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use weir_core::batch::{RowKind, StreamBatch};
use weir_core::connector::Malformed;
use weir_core::graph::OnError;
use weir_core::time::{EVENT_TIMES_US, utc_text};

use super::{EventTimes, SourceHead};
use crate::dataflow::operator::OperatorError;
use crate::dataflow::row_text::row_text;

impl SourceHead {
    /// The rows of a split that have an event time; the others become malformed records.
    pub(super) fn timed(
        &mut self,
        index: usize,
        rows: RecordBatch,
        now_us: i64,
        malformed: &mut Vec<Malformed>,
    ) -> Result<StreamBatch, OperatorError> {
        let kinds = self.splits[index].reader.row_kinds();
        let Some((column, reader)) = &self.settings.event_time else {
            self.arrived_us = self.arrived_us.max(now_us);
            let times = vec![self.arrived_us; rows.num_rows()];
            return Ok(StreamBatch { row_kinds: kinds, ..StreamBatch::new(rows, times.into(), now_us) });
        };
        self.metrics.notice_once(|| reader.doubt_unsampled(&*self.source, &rows, *column));
        let EventTimes { mut times, mut missing } = reader.read(rows.column(*column));
        // One row of another century would make all that come after it late.
        let latest_taken = self.settings.future_max_us.map(|max| now_us.saturating_add(max));
        let is_taken = |time: i64| latest_taken.is_none_or(|latest| time <= latest);
        if let Some(kinds) = kinds.as_ref().filter(|_| !missing.is_empty()) {
            let is_deleted = |row: usize| kinds.get(row) == RowKind::Delete;
            // Of a row that is deleted only the key is known: it is as old as the rows before it, so that it is never late.
            if missing.iter().any(|row| is_deleted(*row)) {
                let mut latest = self.times.latest_row(index).max(*EVENT_TIMES_US.start());
                let mut missed = missing.iter().peekable();
                let filled = times.iter().enumerate().map(|(row, time)| {
                    match missed.next_if_eq(&&row) {
                        None if is_taken(*time) => latest = latest.max(*time),
                        None => {}
                        Some(_) if is_deleted(row) => return latest,
                        Some(_) => {}
                    }
                    *time
                });
                times = filled.collect();
                missing.retain(|row| !is_deleted(*row));
            }
        }
        let ahead: Vec<usize> = latest_taken.map_or(Vec::new(), |_| {
            let is_ahead = |row: &usize| !is_taken(times[*row]) && missing.binary_search(row).is_err();
            (0..rows.num_rows()).filter(is_ahead).collect()
        });
        if !ahead.is_empty() {
            missing.extend(&ahead);
            missing.sort_unstable();
        }
        if missing.is_empty() {
            return Ok(StreamBatch { row_kinds: kinds, ..StreamBatch::new(rows, times, now_us) });
        }
        let split = &self.splits[index];
        let name = rows.schema().field(*column).name().clone();
        malformed.extend(missing.iter().map(|row| match self.settings.on_error {
            OnError::Skip => Malformed::default(),
            OnError::Fail | OnError::DeadLetter => {
                let reason = match ahead.binary_search(row).is_ok() {
                    false => reader.reason(&name, rows.column(*column), *row),
                    true => format!("its event time {} is further ahead than future-max allows", utc_text(times[*row])),
                };
                let (at, record) =
                    split.reader.locate(*row).unwrap_or_else(|| (split.id.to_string(), row_text(&rows, *row)));
                Malformed { at, record, reason }
            }
        }));
        let mut keep = vec![true; rows.num_rows()];
        missing.iter().for_each(|row| keep[*row] = false);
        let kept: Vec<u32> = (0..).zip(&keep).filter_map(|(row, keep)| keep.then_some(row)).collect();
        let times = kept.iter().map(|row| times[*row as usize]).collect();
        let row_kinds = kinds.map(|kinds| kinds.take(&kept));
        let rows = filter_record_batch(&rows, &BooleanArray::from(keep))?;
        Ok(StreamBatch { row_kinds, ..StreamBatch::new(rows, times, now_us) })
    }
}
