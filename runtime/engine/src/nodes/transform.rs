//! A stateless operator: hands the columns that its component reads to it, and applies the delta that comes back.

pub(crate) mod plan;

use std::cell::RefCell;
use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_host::{CallError, Failure, RejectedRow, Rows, TransformDelta, isolate};

use crate::dataflow::exchange::take_rows;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot};
use crate::dataflow::source::EventTimes;
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
    /// The event times of the main output, if it makes them.
    pub(crate) times: Option<StepTimes>,
    pub(crate) metrics: Metrics,
}

impl TransformOperator {
    pub(crate) fn new(guest: TransformGuest, dead_letters: DeadLetters) -> Self {
        Self { component: OnTrial::new(guest), dead_letters, has_rest: false }
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
        let answer = Answer { made, rejected };
        match &self.times {
            None => Ok(answer),
            Some(times) => self.timed(times, answer, rows.len()).map_err(Failure::Fatal),
        }
    }

    /// Gives rows of the main output their event times. A row of the input that one without comes from is refused like one that the
    /// component refuses: nothing that was made of it goes out.
    fn timed(&self, times: &StepTimes, mut answer: Answer, rows: usize) -> Result<Answer, OperatorError> {
        let Some(main) = answer.made.first_mut() else { return Ok(answer) };
        let column = main.batch.rows.column(times.column());
        let EventTimes { times: event_times, missing } = times.read(column, &self.metrics);
        let mut refused = BTreeMap::new();
        for row in missing {
            refused.entry(main.of_input(row)).or_insert_with(|| times.reason(column, row));
        }
        main.batch.event_times = event_times;
        main.has_own_times = true;
        if refused.is_empty() {
            return Ok(answer);
        }
        let mut is_refused = vec![false; rows];
        refused.keys().for_each(|row| is_refused[*row] = true);
        answer.made = answer.made.into_iter().map(|made| made.without(&is_refused)).collect::<Result<_, _>>()?;
        answer.rejected.extend(refused.into_iter().map(|(row, reason)| RejectedRow { row, reason }));
        answer.rejected.sort_by_key(|rejected| rejected.row);
        Ok(answer)
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
        let Self { component, dead_letters, has_rest } = self;
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
                    let OutputBatch { selection, batch, has_own_times } = made;
                    part.made(&batch);
                    out.emit_from(output, batch, || OutputBatch::origin(selection, range.start, has_own_times));
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
