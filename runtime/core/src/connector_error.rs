//! What can go wrong in a connector, also while its options are read.

use crate::names::did_you_mean_of;
use crate::span::Span;

/// The process that read the standard output has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reader of the standard output has gone")]
pub struct ReaderGone;

/// What went wrong in a connector.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// No connector has this name.
    #[error("there is no connector named {name:?}{}", did_you_mean_of(.name, "the connectors are", .known))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// An option in the pipeline file is wrong.
    #[error("{message}")]
    Option {
        /// What is wrong, and what to write instead.
        message: String,
        /// Bytes of the pipeline file that it is about.
        span: Option<Span>,
    },
    /// Several options are wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<ConnectorError>),
    /// A file or another system said no.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, on what: `cannot open data/flights.csv`.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nobody reads what a sink prints. As of every filter it is the end of the work, and no news to anybody.
    #[error("cannot write to stdout")]
    OutputClosed(#[source] ReaderGone),
    /// A newer generation of the same job has taken over.
    #[error("{0}")]
    Fenced(String),
    /// The data are not what the options say, as a whole.
    #[error("{0}")]
    Data(String),
}
