//! What an operator is to the engine: a state machine that takes elements and emits batches. It holds no clock, no thread and
//! no channel.

use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::time::WATERMARK_MIN;
pub use weir_state::{Snapshot, StateTable};

pub use super::metrics::{Metrics, OperatorMetrics};
pub use crate::error::OperatorError;
use crate::replace::replaceable::Replaceable;

/// One step of a subtask. Its inputs are merged and its watermarks are minima already.
///
/// What one call gives out is bounded: an operator that has more says [`Progress::More`], and [`Operator::more`] is called, after
/// what it gave out has been sent, until it is done. No row and no time comes in between, but its state may be frozen: so what is
/// still to be given out is part of it, and an operator that was restored is asked for more before anything else.
pub trait Operator: Send {
    /// Takes rows of one input, by its index among the node's inputs. A row that cannot be processed is dealt with inside, as
    /// `on-error` says.
    ///
    /// # Errors
    /// If the job cannot continue; then nothing of this batch counts.
    fn process(&mut self, input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError>;

    /// A clock has reached a time, strictly above the last one of its domain. The engine forwards a watermark after all that is
    /// emitted here.
    ///
    /// # Errors
    /// As [`Operator::process`].
    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let _ = (at, out);
        Ok(Progress::Done)
    }

    /// The watermark that its output has when its inputs have this one and [`Operator::on_time`] was told of it: less, if it may still give
    /// out rows with times up to it. Only asked of the first step of a chain; of others it is that of their input.
    fn forwards(&self, watermark: i64) -> i64 {
        watermark
    }

    /// An input has brought all that there was at the start: each of its channels was idle, or has ended, once. Told once in each run, and only
    /// to steps with several inputs.
    ///
    /// # Errors
    /// As [`Operator::process`].
    fn on_caught_up(&mut self, input: usize, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let _ = (input, out);
        Ok(Progress::Done)
    }

    /// Nothing follows; the watermark has reached its greatest value, if the job was not stopped early.
    ///
    /// # Errors
    /// As [`Operator::process`].
    fn on_end(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let _ = out;
        Ok(Progress::Done)
    }

    /// The next part of what the last call was to give out.
    ///
    /// # Errors
    /// As [`Operator::process`].
    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let _ = out;
        Ok(Progress::Done)
    }

    /// The processing time at which it wants [`Operator::on_time`] to be called next, microseconds; `None`: at none.
    fn deadline(&self) -> Option<i64> {
        None
    }

    /// The least watermark at which [`Operator::on_time`] would do something; `None`: at none. Only asked by hosts that keep the state of
    /// operators which do not run. An operator that does not know it says that every watermark may be one.
    fn acts_at(&self) -> Option<i64> {
        Some(WATERMARK_MIN)
    }

    /// Flushes buffered output while the input is idle.
    ///
    /// # Errors
    /// As [`Operator::process`].
    fn flush(&mut self, out: &mut Outputs) -> Result<(), OperatorError> {
        let _ = out;
        Ok(())
    }

    /// All its state, so that [`Operator::restore`] on new operators resumes as if nothing had happened. The stream stands still
    /// meanwhile: it only freezes what is there.
    ///
    /// # Errors
    /// If the state cannot be read.
    fn freeze(&mut self, cut: Cut) -> Result<Frozen, OperatorError> {
        let _ = cut;
        Ok(Frozen::ready(Snapshot::default()))
    }

    /// Takes the state of the key groups that it owns now; called once, before anything else.
    ///
    /// # Errors
    /// If the state is not this operator's.
    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let _ = snapshot;
        Ok(())
    }

    /// Bytes of the state that it keeps, for its operator's budget, unless it takes them of that itself. It is asked after each call, so it
    /// looks at no single key.
    fn state_bytes(&mut self) -> u64 {
        0
    }

    /// How its component is replaced; `None`: it runs none.
    fn replaceable(&mut self) -> Option<&mut dyn Replaceable> {
        None
    }
}

/// Whether a call has given out all that it was to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// All.
    Done,
    /// The first part of it: see [`Operator::more`].
    More,
}

impl Progress {
    /// Has an operator give out all of it at once: for callers that drive one without an engine.
    ///
    /// # Errors
    /// As [`Operator::more`].
    pub fn finish(mut self, operator: &mut dyn Operator, out: &mut Outputs) -> Result<(), OperatorError> {
        while self == Self::More {
            self = operator.more(out)?;
        }
        Ok(())
    }
}

/// What a clock has reached, microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Event time: no later row has a time at or below this, late rows aside.
    Watermark(i64),
    /// The engine's clock.
    Processing(i64),
}

/// State that no longer changes, and is not yet in the form in which it is kept: the stream continues while that is made.
pub struct Frozen {
    make: FrozenState,
    is_state_only: bool,
}

type FrozenState = Box<dyn FnOnce() -> Result<Snapshot, OperatorError> + Send>;

impl Frozen {
    /// `make` shares with the operator what it needs, and runs on another thread.
    pub fn new(make: impl FnOnce() -> Result<Snapshot, OperatorError> + Send + 'static) -> Self {
        Self { make: Box::new(make), is_state_only: false }
    }

    /// As [`Frozen::new`], for state that is read only when a job resumes. It is not made in a job that keeps no checkpoints.
    pub fn of_state(make: impl FnOnce() -> Result<Snapshot, OperatorError> + Send + 'static) -> Self {
        Self { make: Box::new(make), is_state_only: true }
    }

    /// Whether only a job that resumes asks for it.
    #[must_use]
    pub fn is_state_only(&self) -> bool {
        self.is_state_only
    }

    /// State that is in its last form already.
    #[must_use]
    pub fn ready(snapshot: Snapshot) -> Self {
        Self::new(|| Ok(snapshot))
    }

    /// The state in the form in which it is kept.
    ///
    /// # Errors
    /// If the state cannot be put together, or a sink cannot keep what it has written.
    pub fn make(self) -> Result<Snapshot, OperatorError> {
        (self.make)()
    }
}

impl std::fmt::Debug for Frozen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Frozen")
    }
}

/// What an operator emits in one call, in order.
#[derive(Debug, Default)]
pub struct Outputs {
    emitted: Vec<(usize, StreamBatch)>,
    rest: Option<StreamBatch>,
    /// Of each batch that was emitted, where it comes from; `None`: that is not wanted.
    origins: Option<Vec<Option<Origin>>>,
}

/// The rows of what an operator processes that the rows of a batch come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Their indices.
    pub rows: OriginRows,
    /// Whether the operator has given them event times of its own.
    pub has_own_times: bool,
}

/// Indices of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginRows {
    /// As many as there are in the batch, from this one on.
    From(u32),
    /// One per row.
    Each(Vec<u32>),
}

impl Outputs {
    /// Also remembers [`Origin`]s, of operators that know them.
    pub(crate) fn with_origins() -> Self {
        Self { origins: Some(Vec::new()), ..Self::default() }
    }

    /// Emits rows to an output, by its index. Empty batches are ignored.
    pub fn emit(&mut self, output: usize, batch: StreamBatch) {
        if !batch.is_empty() {
            self.emitted.push((output, batch));
            self.origins.iter_mut().for_each(|origins| origins.push(None));
        }
    }

    /// The same, of rows that come from some that are processed.
    pub(crate) fn emit_from(&mut self, output: usize, batch: StreamBatch, origin: impl FnOnce() -> Origin) {
        if !batch.is_empty() {
            self.emitted.push((output, batch));
            if let Some(origins) = &mut self.origins {
                origins.push(Some(origin()));
            }
        }
    }

    /// Puts back rows of the batch that is processed: [`Operator::process`] gets them again, before any other rows and any time, when
    /// what was emitted has been processed downstream. No state is frozen until then.
    pub fn put_back(&mut self, rest: StreamBatch) {
        self.rest = Some(rest).filter(|rest| !rest.is_empty());
    }

    /// Takes what was put back.
    pub fn take_rest(&mut self) -> Option<StreamBatch> {
        self.rest.take()
    }

    /// Takes the origins of what was emitted; empty if they were not wanted.
    pub(crate) fn take_origins(&mut self) -> Vec<Option<Origin>> {
        self.origins.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes what was emitted.
    pub fn take(&mut self) -> Vec<(usize, StreamBatch)> {
        std::mem::take(&mut self.emitted)
    }
}
