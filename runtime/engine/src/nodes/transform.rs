//! A stateless operator: hands the columns that its component reads to it, and applies the delta that comes back.

use arrow::array::ArrayRef;
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_host::{CallError, Failure, Rows, isolate};

use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot};
use crate::nodes::dead_letter::DeadLetters;
use crate::nodes::delta::{Made, OutputMap, apply};
use crate::nodes::meter::MeteredInstance;
use crate::replace::comparison::Look;
use crate::replace::replaceable::{Replaceable, Version};
use crate::replace::shadow::ShadowSeat;
use crate::replace::shadow::{Found, Shadow};
use crate::replace::trial::{Seat, Trial, Verdict};

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
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
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
        dead_letters.emit(&batch, bad, out)?;
        Ok(Progress::Done)
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let version = Some(self.guest.version.clone());
        Ok(Frozen::ready(Snapshot { version, ..Snapshot::default() }))
    }

    fn replaceable(&mut self) -> Option<&mut dyn Replaceable> {
        Some(self)
    }
}

impl Replaceable for TransformOperator {
    fn swap(&mut self, to: Version, seat: Seat) -> Result<(), OperatorError> {
        let guest: TransformGuest = to.into()?;
        self.trial = Some(Trial::new(std::mem::replace(&mut self.guest, guest), seat));
        Ok(())
    }

    fn shadow(&mut self, by: Version, seat: ShadowSeat) -> Result<(), OperatorError> {
        self.shadow = Some(Shadow::new(by.into()?, seat));
        Ok(())
    }

    fn settle(&mut self) -> Result<(), OperatorError> {
        settle(&mut self.guest, &mut self.trial);
        self.shadow.take_if(|shadow| !shadow.is_open());
        Ok(())
    }
}
