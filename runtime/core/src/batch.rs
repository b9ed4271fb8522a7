//! Rows in flight. Never holds a row by itself: a stream moves in columns.

use arrow::array::RecordBatch;
use arrow::buffer::ScalarBuffer;

/// Rows of one stream, with the time that each of them happened.
#[derive(Clone, Debug)]
pub struct StreamBatch {
    /// The columns.
    pub rows: RecordBatch,
    /// Event time, microseconds since the epoch, one a row.
    pub event_times: ScalarBuffer<i64>,
    /// When the youngest of the rows that these came from entered the pipeline, microseconds on the engine's clock.
    pub ingested_at: i64,
}

impl StreamBatch {
    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.event_times.len()
    }

    /// Whether it has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.event_times.is_empty()
    }

    /// `len` rows from `offset` on, sharing the columns.
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> Self {
        Self {
            rows: self.rows.slice(offset, len),
            event_times: self.event_times.slice(offset, len),
            ingested_at: self.ingested_at,
        }
    }
}

/// Everything that happens to a stream happens in it, in order.
#[derive(Clone, Debug)]
pub enum StreamElement {
    /// Rows.
    Batch(StreamBatch),
    /// No later row of this channel has an event time <= this (microseconds), late rows aside.
    Watermark(i64),
    /// This channel has nothing to say for now: event time goes on without it, until its next batch or watermark.
    Idle,
    /// All before it belongs to the snapshot with its number, nothing after it does.
    Barrier(Barrier),
    /// The channel is done; nothing follows.
    End,
}

/// A mark that flows through the whole graph and cuts the stream at one consistent place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// Which attempt at a checkpoint it is of; they ascend.
    pub attempt: u64,
}
