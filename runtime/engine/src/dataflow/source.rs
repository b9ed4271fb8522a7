//! The head of a source's subtask: reads its splits, finds event times, makes watermarks.
//!
//! Of several splits the one that is furthest behind in event time is read next: the windows downstream then hold the least.

mod alignment;
mod event_time;
mod malformed;
mod read_to_end;
mod row_times;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use weir_core::batch::StreamBatch;
use weir_core::connector::{ConnectorError, Malformed, Offset, Polled, Source, SourceReader, Split};
use weir_core::graph::OnError;
use weir_core::time::{IdleTimer, Merged, WATERMARK_MIN};
use weir_state::SplitSnapshot;

use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::OperatorError;
use crate::dataflow::split_times::SplitTimes;
pub use alignment::{AlignedSource, Alignment};
pub use event_time::EventTimeReader;
pub(crate) use event_time::EventTimes;
pub use malformed::dead_letter_schema;
use read_to_end::ReadToEnd;
pub use settings::{Assignment, SourceSettings, Timing};

/// The splits of one source subtask.
pub struct SourceHead {
    splits: Vec<SplitState>,
    times: SplitTimes,
    source: Arc<dyn Source>,
    open: OpenSplit,
    assignment: Assignment,
    /// When new splits were looked for last.
    looked_us: i64,
    polls: u64,
    /// The split that was read last.
    read_last: Option<usize>,
    /// A watermark that is to be said before any row.
    restored: Option<i64>,
    /// How long the last poll waited for rows.
    waited_us: u64,
    /// Whether the last poll read nothing because other sources are behind.
    is_ahead: bool,
    settings: SourceSettings,
    /// The greatest time at which rows arrived: a clock that was set back makes none late.
    arrived_us: i64,
    metrics: Metrics,
}

/// How often a source is asked for new splits.
const LOOK_FOR_SPLITS_US: i64 = 100_000;

/// Opens a split at an offset.
pub type OpenSplit = Box<dyn FnMut(&Split, Option<&Offset>) -> Result<Box<dyn SourceReader>, ConnectorError> + Send>;

struct SplitState {
    id: Arc<str>,
    index: usize,
    reader: Box<dyn SourceReader>,
    idle: IdleTimer,
    status: SplitStatus,
    /// In which poll it was read last.
    read_last: u64,
    /// Whether rows of it, of those that were read last, came to where event times are observed.
    is_observed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SplitStatus {
    Active,
    Idle,
    Ended,
}

/// What the splits deliver.
#[derive(Debug)]
pub enum SourceEvent {
    /// Rows of the main output.
    Rows(StreamBatch),
    /// Records that are no rows, for the dead-letter output.
    DeadLetters(StreamBatch),
    /// The least watermark of the splits has risen, or the source is active again.
    Watermark(i64),
    /// All splits are idle.
    Idle,
    /// All splits have ended.
    End,
}

impl SourceHead {
    /// Opens splits where they are to be read from; one without an offset from its beginning. `times` has none yet.
    ///
    /// # Errors
    /// If a split cannot be opened there.
    pub fn open(
        source: Arc<dyn Source>,
        splits: Vec<SplitSnapshot>,
        open: OpenSplit,
        assignment: Assignment,
        settings: SourceSettings,
        times: SplitTimes,
        metrics: Metrics,
    ) -> Result<Self, ConnectorError> {
        let mut head = Self {
            splits: Vec::new(),
            times,
            source,
            open,
            assignment,
            looked_us: i64::MIN,
            polls: 0,
            read_last: None,
            restored: None,
            waited_us: 0,
            is_ahead: false,
            settings,
            arrived_us: i64::MIN,
            metrics,
        };
        splits.iter().try_for_each(|split| head.add(split))?;
        // When all are there: the first of them alone would be the end of the stream.
        let mut at_end = None;
        for (index, _) in splits.iter().enumerate().filter(|(_, split)| split.ended) {
            head.splits[index].status = SplitStatus::Ended;
            if let Merged::Watermark(watermark) = head.times.on_end(index) {
                at_end = Some(watermark);
            }
        }
        // It may not have come to all steps before the barrier; nor may the one of the end.
        if head.settings.timing != Timing::Elsewhere {
            head.restored = head.times.restored().max(at_end);
        }
        Ok(head)
    }

    fn add(&mut self, split: &SplitSnapshot) -> Result<(), ConnectorError> {
        let offset = Some(&split.offset).filter(|offset| !offset.is_null());
        let mut reader: Box<dyn SourceReader> = match split.ended {
            true => {
                self.source.ended(&Split { id: split.split.clone() }, &split.offset);
                Box::new(ReadToEnd::at(split.offset.clone()))
            }
            false => (self.open)(&Split { id: split.split.clone() }, offset)?,
        };
        reader.explain_malformed(self.settings.on_error != OnError::Skip);
        if self.settings.event_time.is_none() && self.settings.timing == Timing::AtSource {
            self.arrived_us = self.arrived_us.max(split.max_event_time);
        }
        self.times.add(split.max_event_time);
        let status = if self.times.is_idle() { SplitStatus::Idle } else { SplitStatus::Active };
        self.splits.push(SplitState {
            id: split.split.as_str().into(),
            index: split.index,
            reader,
            idle: IdleTimer::new(self.settings.idle_after_us),
            status,
            read_last: 0,
            is_observed: self.settings.timing != Timing::Elsewhere,
        });
        Ok(())
    }

    /// Opens those new splits of the source that are this subtask's.
    fn look_for_splits(&mut self, now_us: i64) -> Result<(), OperatorError> {
        if !self.settings.looks_for_splits || now_us.saturating_sub(self.looked_us) < LOOK_FOR_SPLITS_US {
            return Ok(());
        }
        self.looked_us = now_us;
        for split in self.source.new_splits(self.assignment.known) {
            let index = self.assignment.known;
            self.assignment.known += 1;
            if self.assignment.is_mine(index) && self.splits.iter().all(|split| split.index != index) {
                self.add(&SplitSnapshot {
                    split: split.id,
                    index,
                    offset: Offset::Null,
                    max_event_time: WATERMARK_MIN,
                    event_time: None,
                    ended: false,
                })?;
            }
        }
        Ok(())
    }

    /// Reads once, waiting up to the linger time if there is nothing. Returns whether there was anything.
    ///
    /// # Errors
    /// If a split cannot be read, or a record is malformed and `on-error` is `fail`.
    pub fn poll(&mut self, now_us: i64, out: &mut Vec<SourceEvent>) -> Result<bool, OperatorError> {
        self.look_for_splits(now_us)?;
        self.waited_us = 0;
        out.extend(self.restored.take().map(SourceEvent::Watermark));
        self.look_at_last(now_us, out);
        let mut order: Vec<usize> =
            (0..self.splits.len()).filter(|i| self.splits[*i].status != SplitStatus::Ended).collect();
        if order.is_empty() {
            self.settings.alignment = None;
            out.push(SourceEvent::End);
            return Ok(true);
        }
        let moves = |split: &SplitState| split.status == SplitStatus::Active && !split.reader.is_caught_up();
        let active = order.iter().any(|index| moves(&self.splits[*index]));
        let watermark = active.then(|| self.times.merged());
        self.is_ahead = self.settings.alignment.as_ref().is_some_and(|aligned| !aligned.may_read(watermark));
        if self.is_ahead {
            return Ok(false);
        }
        self.polls += 1;
        // Where rows of a split come to no watermark, its time says nothing of it, and it would be read first for ever.
        match order.iter().all(|i| self.splits[*i].is_observed) {
            true => order.sort_by_cached_key(|i| self.times.latest_row(*i)),
            false => order.sort_by_key(|i| self.splits[*i].read_last),
        }
        // Waiting once is enough: on the last one.
        let last = order.len() - 1;
        for (position, index) in order.into_iter().enumerate() {
            let wait = if position == last { self.settings.linger } else { Duration::ZERO };
            let reader = &mut self.splits[index].reader;
            let polled = reader.poll(self.settings.batch_rows_max, wait)?;
            self.waited_us += reader.waited_us();
            match polled {
                Polled::Batch { rows, malformed } => {
                    let active = rows.num_rows() > 0 || !malformed.is_empty();
                    if active {
                        (self.splits[index].read_last, self.read_last) = (self.polls, Some(index));
                    }
                    self.rows(index, rows, malformed, now_us, out)?;
                    self.tell_slowest();
                    if active {
                        return Ok(true);
                    }
                }
                Polled::End => {
                    self.splits[index].status = SplitStatus::Ended;
                    self.tell_slowest();
                    let merged = self.times.on_end(index);
                    self.say(merged, out);
                    return Ok(true);
                }
                Polled::Pending => self.check_idle(index, now_us, out),
            }
        }
        Ok(false)
    }

    /// How long the last poll waited for rows although it found some, as far as its readers know; microseconds.
    #[must_use]
    pub fn waited_us(&self) -> u64 {
        self.waited_us
    }

    /// Whether the last poll read nothing because other sources are behind in event time. It did not wait, then.
    #[must_use]
    pub fn is_ahead(&self) -> bool {
        self.is_ahead
    }

    /// Where every split is.
    #[must_use]
    pub fn snapshot(&self) -> Vec<SplitSnapshot> {
        let split = |(index, s): (usize, &SplitState)| SplitSnapshot {
            split: s.id.to_string(),
            index: s.index,
            offset: s.reader.offset(),
            max_event_time: self.times.max_event_time(index),
            event_time: Some(self.settings.event_time_column.clone()),
            ended: s.status == SplitStatus::Ended,
        };
        self.splits.iter().enumerate().map(split).collect()
    }

    /// Whether all splits were read up to what was there when they were begun, or to their ends.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.splits.iter().all(|split| split.status == SplitStatus::Ended || split.reader.is_caught_up())
    }

    /// How far it is, from 0 to 1, if every split knows.
    #[must_use]
    pub fn progress(&self) -> Option<f64> {
        let fractions = self.splits.iter().map(|s| s.reader.progress()).collect::<Option<Vec<f64>>>()?;
        (!fractions.is_empty()).then(|| fractions.iter().sum::<f64>() / fractions.len() as f64)
    }

    /// Where a later step observes event times: what happened to the rows that were read last. A split of which no row comes there is idle as
    /// one without rows is.
    fn look_at_last(&mut self, now_us: i64, out: &mut Vec<SourceEvent>) {
        let Some(index) = self.read_last.take().filter(|_| self.settings.timing == Timing::InChain) else { return };
        let split = &mut self.splits[index];
        split.is_observed = self.times.take_observed();
        if split.is_observed {
            split.idle.active();
            split.status = SplitStatus::Active;
        } else {
            self.check_idle(index, now_us, out);
        }
    }

    fn check_idle(&mut self, index: usize, now_us: i64, out: &mut Vec<SourceEvent>) {
        let split = &mut self.splits[index];
        // Nobody knows yet whether it has rows.
        if !split.reader.has_begun() {
            split.idle.active();
        }
        if split.status == SplitStatus::Active && (split.idle.is_idle(now_us) || split.reader.is_up_to_date()) {
            split.status = SplitStatus::Idle;
            self.tell_slowest();
            let merged = self.times.on_idle(index);
            self.say(merged, out);
        }
    }

    fn rows(
        &mut self,
        index: usize,
        rows: RecordBatch,
        mut malformed: Vec<Malformed>,
        now_us: i64,
        out: &mut Vec<SourceEvent>,
    ) -> Result<(), OperatorError> {
        let batch = self.timed(index, rows, now_us, &mut malformed)?;
        self.malformed(&malformed, now_us, out)?;
        let has_rows = !batch.is_empty();
        if self.settings.timing == Timing::InChain {
            self.times.set_current(index);
            out.extend(Some(SourceEvent::Rows(batch)).filter(|_| has_rows));
            return Ok(());
        }
        let split = &mut self.splits[index];
        split.idle.active();
        if std::mem::replace(&mut split.status, SplitStatus::Active) == SplitStatus::Idle {
            let merged = self.times.on_active(index);
            self.say(merged, out);
        }
        if self.settings.timing == Timing::Elsewhere {
            out.extend(Some(SourceEvent::Rows(batch)).filter(|_| has_rows));
            return Ok(());
        }
        let said = self.settings.punctuation.as_ref().map(|(column, reader)| {
            let EventTimes { times, missing } = reader.read(batch.rows.column(*column));
            let mut said = times.to_vec();
            missing.iter().for_each(|row| said[*row] = WATERMARK_MIN);
            if let Some(max) = self.settings.future_max_us {
                let latest = now_us.saturating_add(max);
                said.iter_mut().filter(|said| **said > latest).for_each(|said| *said = WATERMARK_MIN);
            }
            said
        });
        let mut start = 0;
        while start < batch.len() {
            let said = said.as_ref().map(|said| &said[start..]);
            let (taken, merged) = self.times.observe(index, &batch.event_times[start..], said);
            out.push(SourceEvent::Rows(batch.slice(start, taken)));
            self.say(merged, out);
            start += taken;
        }
        Ok(())
    }

    /// Tells which split the watermark waits for.
    fn tell_slowest(&self) {
        let active = self.splits.iter().enumerate().filter(|(_, split)| split.status == SplitStatus::Active);
        let slowest = active.map(|(index, split)| (self.times.watermark(index), &split.id));
        self.metrics.set_slowest_split(self.assignment.subtask, slowest.min_by_key(|(watermark, _)| *watermark));
    }

    fn say(&self, merged: Merged, out: &mut Vec<SourceEvent>) {
        match merged {
            Merged::Unchanged => {}
            Merged::Watermark(watermark) => out.push(SourceEvent::Watermark(watermark)),
            Merged::Idle { risen_to } => {
                out.extend(risen_to.map(SourceEvent::Watermark));
                out.push(SourceEvent::Idle);
            }
            Merged::Active => out.push(SourceEvent::Watermark(self.times.merged())),
        }
    }
}
