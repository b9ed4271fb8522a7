//! `nexmark`: a deterministic stream of persons, auctions and bids, made where it is read.
//!
//! | option | | |
//! |---|---|---|
//! | `table` | required | `"bid"`, `"person"` or `"auction"`: which of the three kinds of events |
//! | `events` | endless | how many events there are, **over all three kinds**: of 50, 46 are bids, 3 auctions, 1 is a person |
//! | `rate` | as fast as can be | events a second, over all three kinds and all splits |
//!
//! Split `s` of `P` holds the epochs (50 events each) with `epoch % P == s`, in order; its event times never go back. The same
//! event has the same values in every run and at every parallelism. An offset is the epoch and the place in it of the next
//! event. Never reads a clock but the one that it is given, and only to keep to a `rate`.

mod columns;
mod cursor;
mod generator;
mod pace;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use serde::Deserialize;
use weir_core::connector::{ConnectorError, Guarantee, Offset, Polled, Source, SourceReader, Split};
use weir_core::graph::Options;
use weir_core::time::Clock;

use self::columns::TableColumns;
use self::cursor::{Cursor, Position};
use self::pace::Pace;
use self::table::Table;
use crate::options;

/// Far beyond what any run reaches, and small enough that no sum overflows.
const EVENTS_ENDLESS: u64 = u64::MAX >> 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NexmarkOptions {
    table: Table,
    events: Option<u64>,
    rate: Option<f64>,
}

/// The source.
pub(crate) struct Nexmark {
    table: Table,
    schema: SchemaRef,
    events: Option<u64>,
    rate: Option<f64>,
}

impl Nexmark {
    /// Checks the options.
    pub(crate) fn open(options: &Options) -> Result<Self, ConnectorError> {
        let NexmarkOptions { table, events, rate } = options::parse(options)?;
        if events.is_some_and(|events| events > EVENTS_ENDLESS) {
            return Err(options
                .error("events", format!("`events` is at most {EVENTS_ENDLESS}; leave it out for an endless stream")));
        }
        if rate.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            return Err(options
                .error("rate", "`rate` is a number of events a second above 0; leave it out to go as fast as can be"));
        }
        Ok(Self { table, schema: table.schema(), events, rate })
    }
}

impl Source for Nexmark {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn is_endless(&self) -> bool {
        self.events.is_none()
    }

    fn notes(&self) -> Vec<String> {
        match (self.events, self.rate) {
            // Who keeps it to a rate does not wait for its end.
            (Some(_), _) | (_, Some(_)) => Vec::new(),
            (None, None) => vec!["nexmark: no `events` given, so the stream is endless".to_owned()],
        }
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn splits(&self, parallelism: usize) -> Result<Vec<Split>, ConnectorError> {
        Ok((0..parallelism).map(|split| Split { id: format!("{split}/{parallelism}") }).collect())
    }

    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        offset: Option<&Offset>,
        clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        let unknown =
            || ConnectorError::Data(format!("nexmark has no split {:?}; a split is S/P with S < P", split.id));
        let (index, of) = split.id.split_once('/').ok_or_else(unknown)?;
        let (Ok(index), Ok(of)) = (index.parse::<u64>(), of.parse::<u64>()) else { return Err(unknown()) };
        if index >= of || of > u64::from(u32::MAX) {
            return Err(unknown());
        }
        let schema = options::project(&self.schema, projection)?;
        let mut cursor = Cursor::new(index, of, self.table.offs(), self.events.unwrap_or(EVENTS_ENDLESS));
        if let Some(offset) = offset {
            let position = serde_json::from_value::<Position>(offset.clone()).ok();
            if !position.is_some_and(|position| cursor.seek(position)) {
                return Err(ConnectorError::Data(format!("nexmark split {} has no offset {offset}", split.id)));
            }
        }
        Ok(Box::new(NexmarkReader {
            pace: self.rate.map(|rate| Pace::new(rate, cursor.next_event(), clock)),
            columns: self.table.columns(projection),
            schema,
            events: self.events,
            cursor,
        }))
    }
}

struct NexmarkReader {
    cursor: Cursor,
    columns: Box<dyn TableColumns>,
    schema: SchemaRef,
    events: Option<u64>,
    pace: Option<Pace>,
}

impl SourceReader for NexmarkReader {
    fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError> {
        if self.cursor.is_done() {
            return Ok(Polled::End);
        }
        let due_end = match &mut self.pace {
            Some(pace) => pace.due_end(self.cursor.next_event(), rows_max, wait),
            None => u64::MAX,
        };
        if due_end <= self.cursor.next_event() || rows_max == 0 {
            return Ok(Polled::Pending);
        }
        if self.pace.is_none() {
            self.columns.reserve(rows_max);
        }
        let mut rows = 0;
        while let Some(run) = self.cursor.next_run(rows_max - rows, due_end) {
            self.columns.append(&run);
            rows += run.len;
        }
        let with_rows = RecordBatchOptions::new().with_row_count(Some(rows));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), self.columns.finish(), &with_rows)
            .map_err(|error| ConnectorError::Data(format!("nexmark: {error}")))?;
        Ok(Polled::Batch { rows, malformed: Vec::new() })
    }

    fn waited_us(&self) -> u64 {
        self.pace.as_ref().map_or(0, |pace| pace.waited_us)
    }

    fn offset(&self) -> Offset {
        let Position { epoch, off } = self.cursor.position();
        serde_json::json!({ "epoch": epoch, "off": off })
    }

    fn progress(&self) -> Option<f64> {
        let events = self.events?;
        Some(if events == 0 { 1.0 } else { (self.cursor.next_event() as f64 / events as f64).min(1.0) })
    }
}
