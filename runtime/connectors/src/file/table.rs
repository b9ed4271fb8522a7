//! Writing one file that holds a table: each checkpoint has all rows in a new temporary file, which takes the place of the one before it
//! when the checkpoint is complete. It keeps no rows between two checkpoints.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use weir_core::batch::StreamBatch;
use weir_core::connector::{ConnectorError, Cut, Prepare, Prepared, SinkReport, SinkWriter, TableRows, WriterContext};

use super::commit::Step;
use super::draft::{Draft, Drafting};

/// What a checkpoint keeps of the file.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    #[serde(flatten)]
    report: SinkReport,
    /// The file's name.
    table: String,
    /// The stream had ended.
    done: bool,
}

/// Writes the file.
pub(super) struct TableWriter {
    drafting: Drafting,
    /// The final name.
    to: String,
    /// How many rows the last file has.
    rows: Arc<AtomicU64>,
    /// Whether the stream has ended, and the file is what it came to.
    done: bool,
    /// Whether a checkpoint was told that it needs no older files.
    cleared: bool,
}

impl TableWriter {
    /// Resumes from a checkpoint, or begins.
    pub(super) fn open(drafting: Drafting, to: String, context: &WriterContext<'_>) -> Result<Self, ConnectorError> {
        let restored = context.restored.first().map(State::deserialize).transpose();
        let restored = restored.map_err(|error| {
            drafting.unfit(&format!("it is not of a sink that writes a table into one file: {error}"))
        })?;
        let rows = Arc::new(AtomicU64::new(restored.as_ref().map_or(0, |state| state.report.rows)));
        let done = restored.is_some_and(|state| state.done);
        Ok(Self { drafting, to, rows, done, cleared: done })
    }
}

impl SinkWriter for TableWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        let (rows, name) = (batch.len(), &self.drafting.place.name);
        Err(ConnectorError::Data(format!("{rows} rows for {name}, which is written as a whole, came alone")))
    }

    fn prepare(&mut self, cut: Cut) -> Result<Prepare, ConnectorError> {
        self.prepare_table(cut, None)
    }

    fn prepare_table(&mut self, cut: Cut, rows: Option<TableRows>) -> Result<Prepare, ConnectorError> {
        let (mut drafting, to) = (self.drafting.clone(), self.to.clone());
        let mut steps = Vec::new();
        let rows = rows.filter(|_| !self.done);
        // And again at the end: a run that was replaced may have begun files until it noticed.
        let ends = cut.last && !self.done;
        if drafting.durable && (ends || !self.cleared) {
            steps.push(Step::RemoveBefore(drafting.generation));
            self.cleared = true;
        }
        self.done |= cut.last;
        let (done, count) = (self.done, Arc::clone(&self.rows));
        Ok(Box::new(move || {
            if let Some(rows) = rows {
                let (mut draft, mut written): (Option<Draft>, u64) = (None, 0);
                rows(&mut |batch| {
                    written += drafting.write(&mut draft, batch)? as u64;
                    Ok(())
                })?;
                let draft = draft.map_or_else(|| drafting.begin(), Ok)?;
                // Never resumed, so it is in its last form.
                let (mut draft, _) = drafting.finish(draft)?;
                steps.push(Step::Replace { from: draft.flush()?, to: to.clone() });
                draft.finished(&drafting)?;
                count.store(written, Ordering::Relaxed);
            }
            let report = SinkReport { rows: count.load(Ordering::Relaxed), ..SinkReport::default() };
            let state = State { report: report.clone(), table: to, done };
            let state = serde_json::to_value(state).map_err(|error| drafting.place.cannot("describe", error.into()))?;
            let commit = steps.iter().map(|step| step.committable(&drafting.place)).collect::<Result<_, _>>()?;
            Ok(Prepared { commit, state, report })
        }))
    }
}
