//! One step of a job, driven by its caller: for tests of an operator, which say what comes in and when, and for hosts that have rows and keep
//! states themselves. It has no source, no sink and no thread, and one subtask.

mod computed;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::SchemaRef;
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::time::{Clock, WATERMARK_MAX, WATERMARK_MIN};
use weir_state::Snapshot;

pub use crate::dataflow::operator::{Origin, OriginRows};
pub use computed::Computed;

use crate::dataflow::metrics::{Metrics, OperatorMetrics};
use crate::dataflow::operator::{Operator, OperatorError, Outputs, Progress, Time};
use crate::dataflow::row_text::row_text;
use crate::dataflow::source::EventTimes;
use crate::nodes::keyed::snapshot::states_of;
use crate::plan::job::Job;
use crate::plan::node::MakeError;
use crate::plan::physical::{StepPart, StepPlan};
use crate::runtime::build::StartError;
use crate::runtime::kept::Kept;

/// See the module.
pub struct SingleStep {
    job: Job,
    node: usize,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    operator: Box<dyn Operator>,
    watermark: i64,
}

/// What a step emits: the index of an output, in the order of [`SingleStep::outputs`], and rows.
pub type Emitted = Vec<(usize, StreamBatch)>;

impl SingleStep {
    /// The step with this name. All columns and outputs of it that the job has a sink for are made.
    ///
    /// # Errors
    /// If its component cannot be started, or the job has no such step that takes and emits rows.
    pub fn new(job: Job, step: &str, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let failed = |error| StartError::Operator { node: step.to_owned(), error };
        let node = job.resolved.nodes.iter().position(|node| node.name == step);
        let node = node.ok_or_else(|| failed(OperatorError::Call("there is no such step".to_owned())))?;
        let memory = job.memory_budget().part(format!("{step:?}"), "limits.state", job.step(node).state_bytes_max());
        let metrics: Metrics = Arc::new(OperatorMetrics::new(memory));
        let operator = make(&job, node, &metrics, &clock).map_err(failed)?;
        Ok(Self { job, node, clock, metrics, operator, watermark: WATERMARK_MIN })
    }

    /// The names of its outputs, and their columns; an output that no sink reads has none.
    #[must_use]
    pub fn outputs(&self) -> Vec<(String, Option<SchemaRef>)> {
        let (ports, read) = (self.job.step(self.node).outputs(), &self.job.pruned.nodes[self.node].outputs);
        let columns = ports.iter().zip(read).map(|(port, read)| {
            let project = |read: &Vec<usize>| port.schema.project(read).ok().map(Arc::new);
            (port.name.clone(), read.as_ref().and_then(project))
        });
        columns.collect()
    }

    /// The rows, ascending, for which there is no event time in the columns of the job's source.
    #[must_use]
    pub fn rows_without_event_time(&self, rows: &RecordBatch) -> Vec<usize> {
        self.event_times(rows).map_or(Vec::new(), |times| times.missing)
    }

    fn event_times(&self, rows: &RecordBatch) -> Option<EventTimes> {
        let source = self.job.resolved.nodes.iter().find_map(|node| node.step.role().source());
        let (column, reader) = source?.event_time.as_ref()?;
        Some(reader.read(rows.column(*column)))
    }

    /// Rows come in, with all columns of the job's source, which says where their event times are; else it is the clock's time.
    ///
    /// # Errors
    /// If a row has no event time, or the step cannot continue.
    pub fn process(&mut self, rows: RecordBatch) -> Result<Emitted, OperatorError> {
        let now = self.clock.now_us();
        let times = match self.event_times(&rows) {
            None => vec![now; rows.num_rows()].into(),
            Some(EventTimes { times, missing }) => {
                if let Some(row) = missing.first() {
                    let reason = "it has no event time".to_owned();
                    return Err(OperatorError::Row { row: row_text(&rows, *row), reason });
                }
                times
            }
        };
        self.process_at(rows, times)
    }

    /// The same rows with the event times that the caller gives, one per row.
    ///
    /// # Errors
    /// If the step cannot continue.
    pub fn process_at(&mut self, rows: RecordBatch, times: ScalarBuffer<i64>) -> Result<Emitted, OperatorError> {
        let now = self.clock.now_us();
        let (mut out, mut next) = (Outputs::default(), Some(StreamBatch::new(rows, times, now)));
        while let Some(rows) = next.take() {
            let progress = self.operator.process(0, rows, &mut out)?;
            self.finish(progress, &mut out)?;
            next = out.take_rest();
        }
        Ok(out.take())
    }

    /// The watermark rises; one that does not is ignored.
    ///
    /// # Errors
    /// As [`SingleStep::process`].
    pub fn advance_to(&mut self, watermark: i64) -> Result<Emitted, OperatorError> {
        let mut out = Outputs::default();
        if watermark > self.watermark {
            self.watermark = watermark;
            let progress = self.operator.on_time(Time::Watermark(watermark), &mut out)?;
            self.finish(progress, &mut out)?;
        }
        Ok(out.take())
    }

    /// The clock, which the caller has set, shows a later time.
    ///
    /// # Errors
    /// As [`SingleStep::process`].
    pub fn on_clock(&mut self) -> Result<Emitted, OperatorError> {
        let (mut out, now) = (Outputs::default(), self.clock.now_us());
        // Once, as a job looks: what is set meanwhile waits for the next look.
        if self.operator.deadline().is_some_and(|deadline| deadline <= now) {
            let progress = self.operator.on_time(Time::Processing(now), &mut out)?;
            self.finish(progress, &mut out)?;
        }
        Ok(out.take())
    }

    /// Nothing follows: the watermark reaches its end.
    ///
    /// # Errors
    /// As [`SingleStep::process`].
    pub fn end(&mut self) -> Result<Emitted, OperatorError> {
        let mut emitted = self.advance_to(WATERMARK_MAX)?;
        let mut out = Outputs::default();
        let progress = self.operator.on_end(&mut out)?;
        self.finish(progress, &mut out)?;
        emitted.extend(out.take());
        Ok(emitted)
    }

    /// Everything that it keeps.
    ///
    /// # Errors
    /// If its state cannot be read.
    pub fn snapshot(&mut self) -> Result<Snapshot, OperatorError> {
        self.operator.freeze(Cut { attempt: 1, last: false })?.make()
    }

    /// The same, to be made later by any thread.
    ///
    /// # Errors
    /// If its state cannot be read.
    pub fn freeze(&mut self) -> Result<Kept, OperatorError> {
        let name = &self.job.resolved.nodes[self.node].name;
        Ok(Kept::of_step(name, self.operator.freeze(Cut { attempt: 1, last: false })?))
    }

    /// Keeps its state, drops it, and resumes: what happens in a job that is killed behind a checkpoint.
    ///
    /// # Errors
    /// As [`SingleStep::snapshot`], or if a new instance cannot be made of it.
    pub fn restart(&mut self) -> Result<(), OperatorError> {
        let snapshot = self.snapshot()?;
        self.begin_with(Some(snapshot))
    }

    /// Drops its state and begins again, with what another one of the same step has kept, or with nothing.
    ///
    /// # Errors
    /// If a new instance cannot be made, or the state is not this step's.
    pub fn begin_with(&mut self, snapshot: Option<Snapshot>) -> Result<(), OperatorError> {
        self.operator = make(&self.job, self.node, &self.metrics, &self.clock)?;
        self.watermark = WATERMARK_MIN;
        snapshot.map_or(Ok(()), |snapshot| self.operator.restore(snapshot))
    }

    /// The least watermark at which it would do something; `None`: at none.
    #[must_use]
    pub fn acts_at(&self) -> Option<i64> {
        self.operator.acts_at()
    }

    /// The time of the clock at which it would do something; `None`: at none.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        self.operator.deadline()
    }

    /// Begins with states that another version of a keyed operator has left: the columns of the key, then those of its state.
    ///
    /// # Errors
    /// If it cannot read them, or keeps no state per key.
    pub fn resume_from(&mut self, version: u32, states: RecordBatch) -> Result<(), OperatorError> {
        let mut snapshot = self.snapshot()?;
        snapshot.tables.push(states_of(version, states)?);
        self.operator.restore(snapshot)
    }

    fn finish(&mut self, progress: Progress, out: &mut Outputs) -> Result<(), OperatorError> {
        progress.finish(self.operator.as_mut(), out)?;
        self.operator.flush(out)
    }
}

fn make(job: &Job, node: usize, metrics: &Metrics, clock: &Arc<dyn Clock>) -> Result<Box<dyn Operator>, OperatorError> {
    let step = StepPlan { node, part: StepPart::Whole, routes: Vec::new() };
    match job.operator(&step, metrics, clock, None) {
        Ok(Some(operator)) => Ok(operator),
        Err(MakeError::Operator(error)) => Err(error),
        Ok(None) | Err(MakeError::Connector(_)) => {
            Err(OperatorError::Call("it is a source or a sink, and does nothing to rows".to_owned()))
        }
    }
}
