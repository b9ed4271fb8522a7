//! Writing a folder of parts, by any number of writers: what a writer got between two checkpoints is a file of its own,
//! which is renamed when the second one is complete, or several, if it is long. A part is written once and never opened again.

use serde::{Deserialize, Serialize};
use weir_core::batch::StreamBatch;
use weir_core::connector::{ConnectorError, Cut, Prepare, Prepared, SinkReport, SinkWriter, WriterContext};

use super::commit::Step;
use super::draft::{Closed, Draft, Drafting};
use super::temporary::Place;
use crate::tally;

/// How the name of every part begins.
const PREFIX: &str = "part-";

/// What a checkpoint keeps of a writer.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    #[serde(flatten)]
    report: SinkReport,
    cut: CutId,
}

/// Which cut a part ends with, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct CutId {
    generation: u64,
    attempt: u64,
}

/// Writes the parts of one subtask.
pub(super) struct PartsWriter {
    drafting: Drafting,
    subtask: usize,
    /// The part that is being written, if it has rows.
    draft: Option<Draft>,
    /// Parts that are long enough, and wait for the next checkpoint.
    full: Vec<Closed>,
    /// How long that is, bytes; `None`: a part has all rows between two checkpoints.
    roll_bytes: Option<u64>,
    report: SinkReport,
    /// Whether what older runs left is still to be removed, by the committer.
    clears: bool,
}

impl PartsWriter {
    /// Resumes from a checkpoint, or begins. `lazy`: no folder without a row; `allow_newer`: somebody else looks after parts that the
    /// checkpoint does not know of.
    pub(super) fn open(
        drafting: Drafting,
        lazy: bool,
        allow_newer: bool,
        roll_bytes: Option<u64>,
        context: &WriterContext<'_>,
    ) -> Result<Self, ConnectorError> {
        let states = context.restored.iter().map(State::deserialize).collect::<Result<Vec<_>, _>>();
        let states =
            states.map_err(|error| drafting.unfit(&format!("it is not of a sink that writes parts: {error}")))?;
        // One looks for all.
        if context.subtask == 0 {
            if !lazy {
                let place = &drafting.place;
                place.root.make_folder(&place.folder).map_err(|source| place.cannot("make", source))?;
            }
            if !allow_newer {
                check_parts(&drafting.place, states.iter().map(|state| state.cut).max())?;
            }
            // What the checkpoint counts on has its final name by now, unless somebody else is to give it.
            if drafting.durable && !context.apart {
                drafting.place.remove_before(drafting.generation);
            }
        }
        let (subtask, report) = (context.subtask, tally::restored(context));
        let clears = context.apart && subtask == 0;
        Ok(Self { drafting, subtask, draft: None, full: Vec::new(), roll_bytes, report, clears })
    }

    /// `number`: of the parts that one writer has of one checkpoint.
    fn part_name(&self, cut: CutId, number: usize) -> String {
        let CutId { generation, attempt } = cut;
        let number = if number == 0 { String::new() } else { format!("-{number:04}") };
        let ending = self.drafting.format.extension();
        let compressed = self.drafting.compression.map_or_else(String::new, |by| format!(".{}", by.extension()));
        format!("{PREFIX}{:05}-{generation:06}-{attempt:08}{number}.{ending}{compressed}", self.subtask)
    }
}

impl SinkWriter for PartsWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        let rows = &batch.rows;
        if rows.num_rows() == 0 {
            return Ok(());
        }
        self.report.rows += self.drafting.write(&mut self.draft, rows)? as u64;
        if let (Some(roll_bytes), Some(draft)) = (self.roll_bytes, &self.draft)
            && draft.length()? >= roll_bytes
        {
            self.full.extend(self.draft.take().map(Draft::close).transpose()?);
        }
        Ok(())
    }

    fn prepare(&mut self, cut: Cut) -> Result<Prepare, ConnectorError> {
        let place = &self.drafting.place;
        let cut = CutId { generation: self.drafting.generation, attempt: cut.attempt };
        let report = self.report.clone();
        let state = serde_json::to_value(State { report: report.clone(), cut });
        let state = state.map_err(|error| place.cannot("describe", error.into()))?;
        let mut parts = std::mem::take(&mut self.full);
        parts.extend(self.draft.take().map(Draft::close).transpose()?);
        let mut commit = Vec::with_capacity(parts.len());
        // By the time that this is committed, all before it was.
        if std::mem::take(&mut self.clears) {
            commit.push(Step::RemoveBefore(self.drafting.generation).committable(place)?);
        }
        for (number, part) in parts.iter_mut().enumerate() {
            let rename = Step::Rename { from: part.span(), to: self.part_name(cut, number), appended_to: None };
            commit.push(rename.committable(place)?);
        }
        let on_disk: Vec<_> = parts.into_iter().map(|part| part.finishing(&self.drafting)).collect();
        Ok(Box::new(move || {
            on_disk.into_iter().try_for_each(|on_disk| on_disk())?;
            Ok(Prepared { commit, state, report })
        }))
    }
}

/// Refuses parts of another run, for a job that resumes from nothing.
pub(super) fn check_no_parts(place: &Place) -> Result<(), ConnectorError> {
    check_parts(place, None)
}

/// Rows of parts that the checkpoint does not know of would be there twice, or beside those of another job.
fn check_parts(place: &Place, known: Option<CutId>) -> Result<(), ConnectorError> {
    let cuts = place.names().into_iter().filter_map(|name| Some((cut_of(&name)?, name)));
    let mut unknown: Vec<_> = cuts.filter(|(cut, _)| Some(*cut) > known).map(|(_, name)| name).collect();
    unknown.sort();
    let Some(first) = unknown.first() else { return Ok(()) };
    let parts = if unknown.len() == 1 { "1 part".to_owned() } else { format!("{} parts", unknown.len()) };
    let (are, they) = if unknown.len() == 1 { ("is", "it is") } else { ("are", "they are") };
    let name = &place.name;
    let folder = place.folder.display();
    Err(ConnectorError::Data(match known {
        None => format!(
            "{name} has {parts} of another run, such as {first}, and this run resumes from no checkpoint: if {they} of this \
             job, set dir in [checkpoint], or --checkpoint-dir, to its checkpoints; if it has some, as after `weir run --again`, resume from one with \
             --from; else remove every {PREFIX}*-*-* from {folder}, or name another folder"
        ),
        Some(CutId { generation, attempt }) => format!(
            "{name} has {parts} that {are} newer than the checkpoint, such as {first}, and the job would write their rows \
             again. The names are {PREFIX}SUBTASK-RUN-NUMBER: remove from {folder} those with a RUN above {generation:06}, and \
             of {PREFIX}*-{generation:06}-* those with a NUMBER above {attempt:08}; or resume from a newer checkpoint"
        ),
    }))
}

/// The cut that a part with this name ends with, if it is the name of a part.
fn cut_of(name: &str) -> Option<CutId> {
    let (numbers, _ending) = name.strip_prefix(PREFIX)?.split_once('.')?;
    let numbers = numbers.split('-').map(|number| number.parse().ok()).collect::<Option<Vec<u64>>>()?;
    let ([_subtask, generation, attempt] | [_subtask, generation, attempt, _]) = numbers[..] else { return None };
    Some(CutId { generation, attempt })
}
