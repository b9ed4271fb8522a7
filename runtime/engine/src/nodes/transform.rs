//! A stateless operator: hands the columns that its component reads to it, and applies the delta that comes back.

pub(crate) mod plan;

use std::cell::RefCell;
use std::collections::BTreeSet;

use arrow::array::ArrayRef;
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_host::{CallError, Failure, RejectedRow, Rows, Selection, TransformDelta, isolate};

use crate::dataflow::exchange::take_rows;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot};
use crate::nodes::dead_letter::DeadLetters;
use crate::nodes::delta::{Accepted, OutputBatch, OutputMap, apply_all};
use crate::nodes::meter::MeteredInstance;
use crate::nodes::part::Part;
use crate::nodes::step_times::StepTimes;
use crate::replace::on_trial::{Guest, OnTrial, Refusing, VersionChoice};
use crate::replace::replaceable::{Replaceable, Version};
use crate::replace::shadow::{Comparer, Found, ShadowParticipant};
use crate::replace::trial::SwapParticipant;

/// Runs a component of the world `transform-operator`.
pub(crate) struct TransformOperator {
    component: OnTrial<TransformGuest>,
    times: Option<StepTimes>,
    dead_letters: DeadLetters,
    /// Whether rows of the last batch were put back.
    has_rest: bool,
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
    pub(crate) fn new(guest: TransformGuest, times: Option<StepTimes>, dead_letters: DeadLetters) -> Self {
        Self { component: OnTrial::new(guest), times, dead_letters, has_rest: false }
    }
}

impl Guest for TransformGuest {
    type State = ();
    type Error = OperatorError;

    fn take_over(&mut self, _: &Self, (): &mut ()) -> Result<(), OperatorError> {
        Ok(())
    }
}

impl TransformGuest {
    fn call(&mut self, rows: &StreamBatch) -> Result<Answer, Failure<OperatorError>> {
        let columns: Vec<ArrayRef> = self.reads.iter().map(|c| rows.rows.column(*c).clone()).collect();
        let event_times = self.instance.plan().reads_event_times.then_some(&rows.event_times[..]);
        let given = Rows { rows: rows.len(), columns: &columns, event_times };
        let TransformDelta { outputs, rejected } = self.instance.call(|instance| instance.transform(0, &given))?;
        let limit_bytes = self.instance.limits().output_bytes;
        let made = apply_all(&self.outputs, outputs, rows.rows.columns(), rows, limit_bytes);
        let made = made.inspect_err(|_| self.instance.failed())?;
        Ok(Answer { made, rejected })
    }

    /// What it makes of rows, beside what another version has made of them. What that refused is not compared.
    fn beside(
        &mut self,
        rows: &StreamBatch,
        old: &Answer,
        comparer: Comparer<'_>,
    ) -> Result<Found, Failure<OperatorError>> {
        if let Some(accepted) = Accepted::of(rows.len(), &old.rejected) {
            let made = old.made.iter().map(|made| accepted.made(made)).collect();
            let rows = take_rows(rows, &accepted.rows).map_err(|e| Failure::Fatal(e.into()))?;
            return self.beside(&rows, &Answer { made, rejected: Vec::new() }, comparer);
        }
        let new = self.call(rows)?;
        if let Some(RejectedRow { reason, .. }) = new.rejected.into_iter().next() {
            return Err(CallError::Call(reason).into());
        }
        let found = comparer.outputs(self.instance.plan(), rows.len(), &old.made, &new.made);
        let found = found.map_err(|e| Failure::Fatal(OperatorError::from(e)))?;
        Ok(Found { rows: found, ..Found::default() })
    }
}

/// Gives rows of the main output their event times. The row of the input that one without comes from is refused, once.
fn timed(
    times: &StepTimes,
    OutputBatch { selection, batch }: OutputBatch,
    dead_letters: &DeadLetters,
    refuse: impl Fn(usize, String) -> Result<(), OperatorError>,
) -> Result<StreamBatch, Failure<OperatorError>> {
    let mut refused = BTreeSet::new();
    let of_input = |row: usize| match &selection {
        Selection::Rows(rows) => rows[row] as usize,
        Selection::All | Selection::None => row,
    };
    let timed = times.apply(batch, dead_letters.metrics(), |row, reason| {
        let row = of_input(row);
        if refused.insert(row) { refuse(row, reason) } else { Ok(()) }
    });
    timed.map_err(Failure::Fatal)
}

/// What a component makes of rows.
struct Answer {
    /// The rows of every output.
    made: Vec<OutputBatch>,
    rejected: Vec<RejectedRow>,
}

impl Refusing for Answer {
    fn rejected(&self) -> &[RejectedRow] {
        &self.rejected
    }
}

impl Operator for TransformOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.settle()?;
        let Self { component, times, dead_letters, has_rest } = self;
        if !*has_rest {
            component.versions().for_each(|guest| guest.instance.begin_batch());
        }
        let bad = RefCell::new(Vec::new());
        let take = |row, reason| dead_letters.take(&batch, row, reason, &mut bad.borrow_mut());
        let part = Part::begin(&component.guest.instance);
        let done = isolate(
            0..batch.len(),
            || part.is_full(),
            |range| {
                let rows = batch.slice(range.start, range.len());
                let answer = component.call(VersionChoice::Candidate, rows.len(), &mut (), |guest| guest.call(&rows));
                part.called(&component.guest.instance);
                let answer = answer?;
                component.compare(|new, comparer| new.beside(&rows, &answer, comparer));
                for RejectedRow { row, reason } in answer.rejected {
                    take(range.start + row, reason).map_err(Failure::Fatal)?;
                }
                for (output, made) in answer.made.into_iter().enumerate() {
                    part.made(&made.batch);
                    let batch = match times.as_ref().filter(|_| output == 0) {
                        Some(times) => timed(times, made, dead_letters, |row, reason| take(range.start + row, reason))?,
                        None => made.batch,
                    };
                    out.emit(output, batch);
                }
                Ok(())
            },
            take,
        )?;
        *has_rest = done < batch.len();
        out.put_back(batch.slice(done, batch.len() - done));
        if !*has_rest {
            component.batch();
        }
        dead_letters.emit(&batch, bad.into_inner(), out)?;
        Ok(Progress::Done)
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let version = Some(self.component.guest.version.clone());
        Ok(Frozen::ready(Snapshot { version, ..Snapshot::default() }))
    }

    fn replaceable(&mut self) -> Option<&mut dyn Replaceable> {
        Some(self)
    }
}

impl Replaceable for TransformOperator {
    fn swap(&mut self, to: Version, participant: SwapParticipant) -> Result<(), OperatorError> {
        self.component.swap(to.into()?, participant, &mut ())
    }

    fn shadow(&mut self, by: Version, participant: ShadowParticipant) -> Result<(), OperatorError> {
        self.component.shadow(by.into()?, participant);
        Ok(())
    }

    fn settle(&mut self) -> Result<(), OperatorError> {
        self.component.settle(&mut ()).map(drop)
    }
}
