//! A stateless operator: hands the columns that its component reads to it, and applies the delta that comes back.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_host::{CallError, Delta, Failure, Rows, Selection, isolate};

use super::comparison::Look;
use super::dead_letter::DeadLetters;
use super::meter::MeteredInstance;
use super::shadow::{Found, Shadow};
use super::trial::{Seat, Trial, Verdict};
use crate::operator::{Frozen, Guest, Operator, OperatorError, Outputs, ShadowSeat, Snapshot, Version};

/// Runs a component of the world `transform-operator`.
pub(crate) struct TransformOperator {
    guest: TransformGuest,
    trial: Option<Trial<TransformGuest>>,
    shadow: Option<Shadow<TransformGuest>>,
    dead_letters: DeadLetters,
}

/// A component, and where its columns are among those that come in.
pub(crate) struct TransformGuest {
    /// What [`weir_host::Component::version`] calls it.
    pub(crate) version: String,
    pub(crate) instance: MeteredInstance,
    /// Where, among the columns that come in, those are that the component reads.
    pub(crate) reads: Vec<usize>,
    pub(crate) outputs: Vec<OutputMap>,
}

/// How the columns of an output that somebody reads come about.
#[derive(Clone, Debug)]
pub(crate) struct OutputMap {
    /// One a column.
    pub(crate) columns: Vec<OutputSource>,
    /// The columns.
    pub(crate) schema: SchemaRef,
}

/// Where one output column comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OutputSource {
    /// A column of the operator's input, as it gets it; `None`: it has none there, and the column is null.
    Kept(Option<usize>),
    /// A column of the delta.
    Computed(usize),
}

/// The rows of an output, and which input rows they come from.
pub(crate) struct Made {
    pub(crate) selection: Selection,
    pub(crate) batch: StreamBatch,
}

impl TransformOperator {
    pub(crate) fn new(guest: TransformGuest, dead_letters: DeadLetters) -> Self {
        Self { guest, trial: None, shadow: None, dead_letters }
    }
}

impl TransformGuest {
    /// The rows of every output.
    fn call(&mut self, rows: &StreamBatch) -> Result<Vec<Made>, Failure<OperatorError>> {
        let columns: Vec<ArrayRef> = self.reads.iter().map(|c| rows.rows.column(*c).clone()).collect();
        let event_times = self.instance.plan().reads_event_times.then_some(&rows.event_times[..]);
        let given = Rows { rows: rows.len(), columns: &columns, event_times };
        let deltas = self.instance.call(|instance| instance.transform(0, &given))?;
        let made =
            deltas.into_iter().zip(&self.outputs).map(|(delta, map)| apply(map, delta, rows.rows.columns(), rows));
        made.collect::<Result<_, _>>().map_err(|e| Failure::Fatal(e.into()))
    }

    /// What it makes of rows, beside what another version has made of them.
    fn beside(&mut self, rows: &StreamBatch, old: &[Made], look: Look<'_>) -> Result<Found, Failure<OperatorError>> {
        let new = self.call(rows)?;
        let found = look.outputs(self.instance.plan(), rows.len(), old, &new);
        let found = found.map_err(|e| Failure::Fatal(OperatorError::from(e)))?;
        Ok(Found { rows: found, ..Found::default() })
    }
}

/// What the version on trial makes of rows; if it fails and the old one does not, what that makes.
fn call(
    guest: &mut TransformGuest,
    trial: &mut Option<Trial<TransformGuest>>,
    rows: &StreamBatch,
) -> Result<Vec<Made>, Failure<OperatorError>> {
    let error: CallError = match guest.call(rows) {
        Err(Failure::Guest(error)) if !error.is_fatal() => error,
        other => return other,
    };
    let Some(old) = trial else { return Err(Failure::Guest(error)) };
    let Ok(made) = old.old.call(rows) else { return Err(Failure::Guest(error)) };
    old.regressed(error.to_string());
    settle(guest, trial);
    Ok(made)
}

/// Does what the swap has decided.
fn settle(guest: &mut TransformGuest, trial: &mut Option<Trial<TransformGuest>>) {
    let verdict = trial.as_ref().map_or(Verdict::Open, Trial::verdict);
    if verdict != Verdict::Open
        && let Some(Trial { old, .. }) = trial.take()
        && verdict == Verdict::PutBack
    {
        *guest = old;
    }
}

impl Operator for TransformOperator {
    fn process(&mut self, batch: StreamBatch, out: &mut Outputs) -> Result<(), OperatorError> {
        self.settle()?;
        let Self { guest, trial, shadow, dead_letters } = self;
        let mut bad = Vec::new();
        isolate(
            0..batch.len(),
            |range| {
                let rows = batch.slice(range.start, range.len());
                let made = call(guest, trial, &rows)?;
                if let Some(shadow) = shadow.as_mut().filter(|shadow| shadow.is_open()) {
                    shadow.look(|new, look| new.beside(&rows, &made, look));
                }
                made.into_iter().enumerate().for_each(|(output, made)| out.emit(output, made.batch));
                Ok(())
            },
            |row, reason| dead_letters.take(&batch, row, reason, &mut bad),
        )?;
        trial.iter().for_each(Trial::batch);
        dead_letters.emit(&batch, bad, out)
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let version = Some(self.guest.version.clone());
        Ok(Frozen::ready(Snapshot { version, ..Snapshot::default() }))
    }

    fn swap(&mut self, to: Version, seat: Seat) -> Result<(), OperatorError> {
        let Version(Guest::Transform(guest)) = to else { return Err(OperatorError::Version) };
        self.trial = Some(Trial::new(std::mem::replace(&mut self.guest, *guest), seat));
        Ok(())
    }

    fn shadow(&mut self, by: Version, seat: ShadowSeat) -> Result<(), OperatorError> {
        let Version(Guest::Transform(guest)) = by else { return Err(OperatorError::Version) };
        self.shadow = Some(Shadow::new(*guest, seat));
        Ok(())
    }

    fn settle(&mut self) -> Result<(), OperatorError> {
        settle(&mut self.guest, &mut self.trial);
        self.shadow.take_if(|shadow| !shadow.is_open());
        Ok(())
    }
}

/// The rows that a delta makes of `inputs`, whose rows have the times of `times`.
pub(crate) fn apply(
    map: &OutputMap,
    delta: Delta,
    inputs: &[ArrayRef],
    times: &StreamBatch,
) -> Result<Made, ArrowError> {
    let rows = delta.selection.len(times.len());
    let mut columns = Vec::with_capacity(map.columns.len());
    for (column, field) in map.columns.iter().zip(map.schema.fields()) {
        columns.push(match column {
            OutputSource::Computed(index) => delta.computed[*index].clone(),
            OutputSource::Kept(Some(index)) => delta.selection.take(&inputs[*index])?,
            OutputSource::Kept(None) => new_null_array(field.data_type(), rows),
        });
    }
    let event_times = delta.event_times.unwrap_or_else(|| delta.selection.take_times(&times.event_times));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let rows = RecordBatch::try_new_with_options(map.schema.clone(), columns, &options)?;
    let batch = StreamBatch { rows, event_times, ingested_at: times.ingested_at };
    Ok(Made { selection: delta.selection, batch })
}
