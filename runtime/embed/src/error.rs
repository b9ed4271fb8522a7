//! Why something cannot run inside another engine.

use weir_core::connector::ConnectorError;
use weir_engine::StartError;
use weir_engine::dataflow::operator::OperatorError;
use weir_engine::embedded::EmbeddedError;
use weir_host::HostError;
use weir_state::CheckpointError;

/// Why a pipeline cannot run inside another engine, or not on.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// A file cannot be read or written.
    #[error("{path}")]
    File {
        /// Which one.
        path: String,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// The pipeline is wrong; with the lines of its file.
    #[error("{0}")]
    Pipeline(String),
    /// The bytes are no bundle; the second half of a sentence.
    #[error("the bundle {0}")]
    Bundle(String),
    /// Bytes that another subtask should have sent; the second half of a sentence.
    #[error("what came by the network {0}")]
    Element(String),
    /// Bytes that a sink's writer should have prepared; the second half of a sentence.
    #[error("what a sink has prepared {0}")]
    Prepared(String),
    /// A component cannot run over batches alone, or has other columns.
    #[error("{0}")]
    Operator(String),
    /// A component that runs over batches alone cannot process some.
    #[error(transparent)]
    Batch(#[from] OperatorError),
    /// There is no such chain, subtask or sink.
    #[error("{0}")]
    NotThere(String),
    /// A subtask could not begin.
    #[error("cannot begin")]
    Start(#[from] StartError),
    /// A subtask cannot continue.
    #[error(transparent)]
    Task(#[from] EmbeddedError),
    /// State of a key group that another subtask owns, which would be lost at the next restart.
    #[error(
        "operator {operator:?} of subtask {subtask:?} keeps state of key group {group}, and the subtask owns {} to {}: its rows were not \
         divided by Weir's key groups",
        owned.start, owned.end.saturating_sub(1)
    )]
    ForeignGroup {
        /// Which subtask has it.
        subtask: String,
        /// Which operator of that.
        operator: String,
        /// The key group.
        group: u32,
        /// Those of the subtask.
        owned: std::ops::Range<u32>,
    },
    /// State that cannot be read or written.
    #[error(transparent)]
    State(#[from] CheckpointError),
    /// A sink said no.
    #[error("sink {sink:?}")]
    Sink {
        /// Which one.
        sink: String,
        /// What it said.
        #[source]
        error: ConnectorError,
    },
    /// WebAssembly cannot run here.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl EmbedError {
    /// Whether the same would happen if the job started again: the other engine need not try. Whatever may have come from outside (files,
    /// brokers, the network, memory, a call that took too long) may pass.
    #[must_use]
    pub fn repeats_itself(&self) -> bool {
        match self {
            Self::Operator(_) | Self::Bundle(_) | Self::NotThere(_) | Self::ForeignGroup { .. } => true,
            Self::Batch(error) => error.repeats_itself(),
            Self::Start(error) => error.repeats_in_other_engine(),
            Self::Task(error) => error.repeats_itself(),
            Self::State(error) => !matches!(error, CheckpointError::Store { .. } | CheckpointError::Unclear { .. }),
            Self::Sink { error, .. } => !matches!(error, ConnectorError::Io { .. } | ConnectorError::Fenced(_)),
            // The pipeline could run when it was submitted: since then only what it reads or writes has changed, or the machine.
            Self::Pipeline(_) | Self::File { .. } | Self::Element(_) | Self::Prepared(_) | Self::Host(_) => false,
        }
    }

    /// With all its causes, on one line.
    #[must_use]
    pub fn whole(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let said = error.to_string();
            // Some errors say what lies behind them themselves.
            if !text.ends_with(&said) {
                text = format!("{text}: {said}");
            }
            cause = error.source();
        }
        text
    }
}
