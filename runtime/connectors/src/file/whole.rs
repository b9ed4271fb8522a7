//! Writing one file, all or nothing: into a temporary file beside it, which is renamed when the stream has ended. A
//! checkpoint counts on a beginning of the temporary file; a job that resumes from it copies that beginning into a file
//! of its own.

use serde::{Deserialize, Serialize};
use weir_core::batch::StreamBatch;
use weir_core::connector::{Committable, ConnectorError, Cut, Offset, Prepare, Prepared, SinkReport, SinkWriter};

use super::commit::Step;
use super::draft::{Draft, Drafting, Span};
use crate::formats::compression::Compression;
use weir_core::column_type::type_name;

/// What a checkpoint keeps of the file.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    #[serde(flatten)]
    report: SinkReport,
    /// Format and columns: rows of others do not belong into the file.
    columns: String,
    /// The rows; `None`: there were none yet, or the file is finished.
    draft: Option<Span>,
    /// The bytes of an older file that the draft begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    appended_to: Option<u64>,
    /// The stream had ended.
    done: bool,
    /// The file's name. Older checkpoints do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

/// Writes the file.
pub(super) struct WholeWriter {
    drafting: Drafting,
    /// Made when it is first needed.
    draft: Option<Draft>,
    /// The final name.
    to: String,
    report: SinkReport,
    columns: String,
    done: bool,
    /// Whether a checkpoint was told that it needs no older files.
    cleared: bool,
}

impl WholeWriter {
    /// Whether the file was finished by an earlier run of the job.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Resumes from a checkpoint, or begins. `lazy`: no file without a row.
    pub(super) fn open(
        drafting: Drafting,
        to: String,
        lazy: bool,
        restored: &[Offset],
    ) -> Result<Self, ConnectorError> {
        // A file is resumed as often as the job is; only what is never resumed can be written as it is to be.
        let drafting = if drafting.durable { drafting.resumable() } else { drafting };
        let columns = columns(&drafting, drafting.compression);
        let fresh = State {
            report: SinkReport::default(),
            columns: columns.clone(),
            draft: None,
            appended_to: None,
            done: false,
            to: None,
        };
        let state = match restored {
            [] => fresh,
            [state] => State::parse(state, &drafting)?,
            states => return Err(drafting.unfit(&format!("it has {} writers, but a file has one", states.len()))),
        };
        if state.columns != columns {
            let hint = compression_hint(&drafting, &state.columns);
            return Err(drafting.unfit(&format!("it holds {}, but the columns are now {columns}{hint}", state.columns)));
        }
        if let Some(old) = state.to.as_ref().filter(|old| **old != to) {
            return Err(drafting.unfit(&format!("it is of a sink that writes {old}, and not {to}")));
        }
        let draft = match &state.draft {
            Some(old) => Some(drafting.resume(old, state.appended_to)?),
            None if lazy || state.done => None,
            None => Some(drafting.begin()?),
        };
        Ok(Self { drafting, draft, to, report: state.report, columns, done: state.done, cleared: state.done })
    }
}

impl State {
    fn parse(state: &Offset, drafting: &Drafting) -> Result<Self, ConnectorError> {
        Self::deserialize(state)
            .map_err(|error| drafting.unfit(&format!("it is not of a sink that writes one file: {error}")))
    }
}

impl SinkWriter for WholeWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        let rows = &batch.rows;
        if rows.num_rows() == 0 {
            return Ok(());
        }
        if self.done {
            let name = &self.drafting.place.name;
            return Err(ConnectorError::Data(format!(
                "there are rows for {name}, which was finished when the stream ended; to write it again, begin the job \
                 anew, without its checkpoints"
            )));
        }
        self.report.rows += self.drafting.write(&mut self.draft, rows)? as u64;
        Ok(())
    }

    fn prepare(&mut self, cut: Cut) -> Result<Prepare, ConnectorError> {
        let place = &self.drafting.place;
        let mut commit = Vec::new();
        // And again at the end: a run that was replaced may have begun files until it noticed.
        let ends = cut.last && !self.done;
        if self.drafting.durable && (ends || !self.cleared) {
            commit.push(Step::RemoveBefore(self.drafting.generation).committable(place)?);
            self.cleared = true;
        }
        self.done |= cut.last;
        let appended_to = self.draft.as_ref().and_then(|draft| draft.appended_to);
        let (draft, ending): (_, Finish) = match self.draft.take() {
            None => (None, Box::new(|| Ok(Vec::new()))),
            Some(draft) if self.done => {
                // A copy of it into the final format takes long, and no subtask waits for it.
                let (drafting, to) = (self.drafting.clone(), self.to.clone());
                (None, Box::new(move || finish(&drafting, draft, to)))
            }
            Some(mut draft) => {
                let span = draft.flush()?;
                let syncing = draft.syncing();
                self.draft = Some(draft);
                (Some(span), Box::new(move || syncing().map(|()| Vec::new())))
            }
        };
        let report = self.report.clone();
        let (columns, to) = (self.columns.clone(), Some(self.to.clone()));
        let state = State { report: report.clone(), columns, draft, appended_to, done: self.done, to };
        let state = serde_json::to_value(state).map_err(|error| place.cannot("describe", error.into()))?;
        Ok(Box::new(move || {
            commit.extend(ending()?);
            Ok(Prepared { commit, state, report })
        }))
    }
}

/// Finishes a file, or waits for the disk; what is to be done when the checkpoint is complete.
type Finish = Box<dyn FnOnce() -> Result<Vec<Committable>, ConnectorError> + Send>;

fn finish(drafting: &Drafting, draft: Draft, to: String) -> Result<Vec<Committable>, ConnectorError> {
    let appended_to = draft.appended_to;
    let (mut draft, left) = drafting.finish(draft)?;
    let mut steps = vec![Step::Rename { from: draft.flush()?, to, appended_to }];
    draft.finished(drafting)?;
    steps.extend(left.map(Step::Remove));
    steps.iter().map(|step| step.committable(&drafting.place)).collect()
}

/// What a file holds, in words.
fn columns(drafting: &Drafting, compression: Option<Compression>) -> String {
    let schema = &drafting.schema;
    let columns = schema.fields().iter().map(|field| format!("{} {}", field.name(), type_name(field.data_type())));
    let compression = compression.map_or_else(String::new, |by| format!(", compressed with {}", by.name()));
    let format = drafting.format.name();
    format!("{format}{compression}: {}", columns.collect::<Vec<_>>().join(", "))
}

/// What to set, if a file holds the same in another compression.
fn compression_hint(drafting: &Drafting, holds: &str) -> String {
    let known = [None, Some(Compression::Gzip), Some(Compression::Zstd)];
    match known.into_iter().find(|by| columns(drafting, *by) == holds) {
        None => String::new(),
        Some(Some(by)) => format!("; set `compression = {:?}`", by.name()),
        Some(None) => "; set `compression = \"none\"`: the version that wrote it did not go by the name".to_owned(),
    }
}
