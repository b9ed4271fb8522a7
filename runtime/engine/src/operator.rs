//! What an operator is to the engine: a state machine that takes elements and emits batches. It holds no clock, no thread and
//! no channel.

use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
pub use weir_state::{Snapshot, StateTable};

pub use crate::metrics::{Metrics, OperatorMetrics};
use crate::operators::{AggregateGuest, KeyedGuest, TransformGuest};
pub use crate::operators::{Seat, ShadowSeat, SharedSwap};

/// One step of a subtask. Its inputs are merged and its watermarks are minima already.
pub trait Operator: Send {
    /// Takes rows. A row that cannot be processed is dealt with inside, as `on-error` says.
    ///
    /// # Errors
    /// If the job cannot go on; then nothing of this batch counts.
    fn process(&mut self, batch: StreamBatch, out: &mut Outputs) -> Result<(), OperatorError>;

    /// Event time has reached `watermark` (strictly above the last one). The engine forwards it after what is emitted here.
    ///
    /// # Errors
    /// As [`Operator::process`].
    fn on_watermark(&mut self, watermark: i64, out: &mut Outputs) -> Result<(), OperatorError> {
        let _ = (watermark, out);
        Ok(())
    }

    /// Nothing follows; the watermark has reached its greatest value, if the job was not stopped early.
    ///
    /// # Errors
    /// As [`Operator::process`].
    fn on_end(&mut self, out: &mut Outputs) -> Result<(), OperatorError> {
        let _ = out;
        Ok(())
    }

    /// There is nothing to do for now: what is held back for efficiency only is given away.
    ///
    /// # Errors
    /// As [`Operator::process`].
    fn flush(&mut self, out: &mut Outputs) -> Result<(), OperatorError> {
        let _ = out;
        Ok(())
    }

    /// All its state, so that [`Operator::restore`] on new operators goes on as if nothing had happened. The stream stands still
    /// meanwhile: it only freezes what is there.
    ///
    /// # Errors
    /// If the state cannot be read.
    fn freeze(&mut self, cut: Cut) -> Result<Frozen, OperatorError> {
        let _ = cut;
        Ok(Frozen::ready(Snapshot::default()))
    }

    /// Runs another version of its component from now on, with the same state; the old one stays until the swap is decided.
    ///
    /// # Errors
    /// If it runs no component, or that version cannot take over the state; then nothing has changed.
    fn swap(&mut self, to: Version, seat: Seat) -> Result<(), OperatorError> {
        let _ = (to, seat);
        Err(OperatorError::Version)
    }

    /// A new version that had a share of the key groups has all of them from now on.
    fn follow(&mut self) {}

    /// Calls another version of its component beside the one that runs, and compares what they make, until that is over.
    ///
    /// # Errors
    /// If it runs no component of that kind.
    fn shadow(&mut self, by: Version, seat: ShadowSeat) -> Result<(), OperatorError> {
        let _ = (by, seat);
        Err(OperatorError::Version)
    }

    /// Does what the swap has decided: puts the old version back, or lets it go. Lets a shadow go that is over.
    ///
    /// # Errors
    /// If the old version cannot take the state back.
    fn settle(&mut self) -> Result<(), OperatorError> {
        Ok(())
    }

    /// Takes the state of the key groups that it owns now; called once, before anything else.
    ///
    /// # Errors
    /// If the state is not this operator's.
    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let _ = snapshot;
        Ok(())
    }
}

/// Another version of an operator's component, ready to be called.
pub struct Version(pub(crate) Guest);

pub(crate) enum Guest {
    Transform(Box<TransformGuest>),
    Keyed(Box<KeyedGuest>),
    /// Of a window: by aggregate; `None`: it stays.
    Aggregates(Vec<Option<AggregateGuest>>),
}

/// State that no longer changes, and is not yet in the form in which it is kept: the stream goes on while that is made.
pub struct Frozen(FrozenState);

type FrozenState = Box<dyn FnOnce() -> Result<Snapshot, OperatorError> + Send>;

impl Frozen {
    /// `make` shares with the operator what it needs, and runs on another thread.
    pub fn new(make: impl FnOnce() -> Result<Snapshot, OperatorError> + Send + 'static) -> Self {
        Self(Box::new(make))
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
        (self.0)()
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
}

impl Outputs {
    /// Emits rows to an output, by its index. Empty batches are passed over.
    pub fn emit(&mut self, output: usize, batch: StreamBatch) {
        if !batch.is_empty() {
            self.emitted.push((output, batch));
        }
    }

    /// Takes what was emitted.
    pub fn take(&mut self) -> Vec<(usize, StreamBatch)> {
        std::mem::take(&mut self.emitted)
    }
}

/// Why a subtask cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// A row could not be processed, and `on-error` is `fail`.
    #[error(
        "row {row} could not be processed: {reason}; set on-error to \"skip\" or \"dead-letter\" to go on without such rows"
    )]
    Row {
        /// The row, as text.
        row: String,
        /// What the operator said.
        reason: String,
    },
    /// A timer could not be processed, and `on-error` is `fail`.
    #[error("the timer at {time} us could not be processed: {reason}")]
    Timer {
        /// When it was due, microseconds since the epoch.
        time: i64,
        /// What the operator said.
        reason: String,
    },
    /// A record of a source is no row, and `on-error` is `fail`.
    #[error("{at}: {reason}; set on-error to \"skip\" or \"dead-letter\" to go on without such records")]
    Malformed {
        /// Where it is.
        at: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A guest failed apart from any row.
    #[error("{0}")]
    Call(String),
    /// Arithmetic went out of range.
    #[error("{aggregate} of column {column:?} does not fit its type {data_type}")]
    Overflow {
        /// The aggregate.
        aggregate: &'static str,
        /// Its column.
        column: String,
        /// The type of the result.
        data_type: String,
    },
    /// State that is not this operator's.
    #[error(
        "the snapshot does not fit this operator: {0}; change the operator back, or give it another name, and its state up with \
         --allow-dropped-state"
    )]
    Restore(String),
    /// A component failed, and not because of the rows.
    #[error(transparent)]
    Host(#[from] weir_host::CallError),
    /// Keyed state does not fit.
    #[error(transparent)]
    State(#[from] weir_state::StateError),
    /// A version that is of another kind than the operator.
    #[error("this step cannot run that component: it is of another world")]
    Version,
    /// State of another version.
    #[error("this version cannot read the state that is there: {0}")]
    Migrate(String),
    /// State that a version which is rolled back leaves behind.
    #[error(
        "the version before cannot take its state back ({0}): the job goes on with it from the last checkpoint, if it keeps any"
    )]
    NoWayBack(String),
    /// A column kernel refused.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// A connector failed.
    #[error(transparent)]
    Connector(#[from] weir_core::connector::ConnectorError),
}
